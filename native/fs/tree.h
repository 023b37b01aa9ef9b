/* Trees: what one builder, or everybody else, sees. A tree lives as long as any node of it. */
#ifndef OBFS_TREE_H
#define OBFS_TREE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct node;

/* What a backing file answers to stat; birth_ns is 0 where the file system keeps no birth time. */
struct attributes {
    struct stat st;
    int64_t birth_ns;
};

struct tree {
    struct tree *next;
    struct node *root;
    uid_t owner; /* whose tree; meaningless for the fallback */
    bool is_fallback;
    dev_t device; /* of the root; inode numbers of other devices are mixed with theirs */
    _Atomic uint64_t node_count;
    _Atomic uint64_t open_files;
    _Atomic uint64_t open_streams; /* of directories */
};

/* A tree with its root; `rootfd` is taken over. NULL: no memory. The root comes with one reference. */
struct tree *tree_make(uid_t owner, bool is_fallback, int rootfd, const struct attributes *attr);
/* A living tree of that owner with that root, with one more reference on its root; NULL: none. */
struct tree *tree_find(uid_t owner, const struct attributes *attr);
/* Calls `visit` for each tree while the list is locked. */
void tree_each(void (*visit)(struct tree *tree, void *context), void *context);
/* When the last node, its root, is freed. */
void tree_free(struct tree *tree);

#endif
