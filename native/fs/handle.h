/* Open files. A node knows its open files, so that what has no name any more (unlinked, moved away) can still be asked. */
#ifndef OBFS_HANDLE_H
#define OBFS_HANDLE_H

#include "node.h"

struct handle {
    struct handle *next, *previous;
    struct node *node; /* one reference */
    _Atomic unsigned references;
    int fd;
};

/* How many descriptors there are for open files and directory streams, of all trees together. */
void handle_init(unsigned limit);
/* No tree may take so many that the others go without. */
bool handle_may_open(const struct tree *tree);
/* An open directory stream counts against the tree like an open file. */
void handle_count_stream(struct tree *tree, int change);
/* Takes the descriptor over. NULL: no memory; the descriptor is closed. */
struct handle *handle_open(struct node *node, int fd);
/* The node's newest open file with one more reference, or NULL. */
struct handle *handle_of(struct node *node);
void handle_put(struct handle *handle);
/* When the kernel is done with it. */
void handle_close(struct handle *handle);
uint64_t handle_count(void);

#endif
