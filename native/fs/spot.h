/*
 * The spot where a node is reached: an open descriptor, or a name in an open directory. Names are tried latest first;
 * one that proves wrong is forgotten. No spot left means ESTALE, which the kernel answers by looking the path up again.
 */
#ifndef OBFS_SPOT_H
#define OBFS_SPOT_H

#include "handle.h"
#include "node.h"

struct spot {
    struct node *node;
    int dirfd;                    /* what to give to calls that take (dirfd, name) */
    char name[NAME_BYTES_MAX + 1]; /* "": dirfd is the file itself */
    bool is_open_file;            /* dirfd was opened for reading or writing, so calls on descriptors work */
    struct node *parent;          /* pinned, one reference; NULL when no name is used */
    struct handle *handle;
    int pin;
};

/* The first spot: an open file if there is one, the kept descriptor of a directory, else a name. 0 or errno. */
int spot_find(struct node *node, struct spot *spot);
/* The first spot by name, for opening a file that may be open already. A root is its own spot. */
int spot_find_name(struct node *node, struct spot *spot);
/* The name did not lead to the node: forgets it and goes on to the next. ESTALE: none left. */
int spot_next(struct spot *spot);
/* True when an errno of a call by name means that the name is wrong, not that the call is refused. */
bool spot_is_wrong(int error);
/* A spot that cannot be swapped for another file any more (as far as the system can do that); checked. 0 or errno. */
int spot_find_pinned(struct node *node, struct spot *spot);
/* What stat says of the node; the answer is always the node's. 0 or errno. */
int spot_stat(struct node *node, struct attributes *attr);
void spot_release(struct spot *spot);

#endif
