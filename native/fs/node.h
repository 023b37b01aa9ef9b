/*
 * Identity of nodes. A node is one file of one tree: (tree, device, inode, birth time). Two trees never share a node, so
 * the kernel never shares attributes or pages between two builders. A node knows the names under which it was seen;
 * a name is a hint that is checked against the identity at every use, never a path.
 */
#ifndef OBFS_NODE_H
#define OBFS_NODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "tree.h"

enum { NAME_BYTES_MAX = 255 };

struct handle;

/* bits of node->state */
enum {
    NODE_RESTRICTED = 1,     /* some caller of the tree may not search this directory: its entries are not cached */
    NODE_ENTRIES_CACHED = 2, /* the kernel was told to keep an entry of this directory */
};

struct node {
    struct node *hash_next;
    struct tree *tree;
    dev_t device;
    ino_t inode;
    int64_t birth_ns;
    _Atomic uint64_t count;         /* the kernel's lookups plus our own references */
    _Atomic uint64_t dirword;       /* directory descriptor and its pins: dirfd.c */
    struct name *names;             /* latest first; guarded by the node's shard */
    struct handle *handles;         /* open files; guarded by the node's shard */
    _Atomic uint64_t content_stamp; /* size and times at the last open; 0: unknown */
    _Atomic uint32_t no_xattr_until_ms;
    uint32_t generation;
    int32_t slot; /* place in the descriptor cache, -1: none; guarded by the cache's lock */
    uint16_t type;
    _Atomic uint8_t state;
};

/* The root of a new tree, known and with one reference; for tree.c. NULL: no memory. */
struct node *node_make_root(struct tree *tree, const struct attributes *attr);
/* The node for what `name` in `parent` was just seen to be, with one more reference. NULL: no memory. */
struct node *node_see(struct node *parent, const char *name, const struct attributes *attr);
/* The same for a node that is known already: adds the name, takes no reference; does nothing for an unknown node. */
void node_note_name(struct node *parent, const char *name, const struct attributes *attr);
/* The known node for what was seen below a directory of `tree`, with one more reference, or NULL. */
struct node *node_find(struct tree *tree, const struct attributes *attr);
/* True while the kernel knows a FIFO, socket or device: opening those is never told to us. */
bool node_any_special(void);
void node_forget_name(struct node *node, struct node *parent, const char *name);
/* Copies the `index`th name (buffer of NAME_BYTES_MAX + 1) and takes a reference on its parent. NULL: no such name. */
struct node *node_name(struct node *node, unsigned index, char *name);

void node_get(struct node *node);
/* For nodes found in a list that holds no reference: false for one that is about to be freed. */
bool node_get_unless_dying(struct node *node);
void node_put(struct node *node);
void node_put_many(struct node *node, uint64_t count);
bool node_is(const struct node *node, const struct attributes *attr);
bool node_is_root(const struct node *node);

void node_lock(struct node *node);
void node_unlock(struct node *node);

/* Calls `visit` with each name recorded below `parent`; the shard is locked: the visitor must not call back. */
void node_each_child(struct node *parent, void (*visit)(const char *name, void *context), void *context);

uint64_t node_total(void);
/* Nodes freed since the last call; memory.c gives pages back after large numbers. */
uint64_t node_take_freed(void);

#endif
