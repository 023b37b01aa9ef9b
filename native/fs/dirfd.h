/*
 * Directory descriptors. Every operation is (descriptor of the parent, name), so directories in use keep one open. The
 * number kept is bounded: those longest unused are closed first and opened again when needed, name by name from the
 * nearest kept parent, each step checked against the node's identity.
 */
#ifndef OBFS_DIRFD_H
#define OBFS_DIRFD_H

#include "node.h"

/* `limit`: how many directories stay open. Call once, before the first request. */
bool dirfd_init(unsigned limit);
/* The root's descriptor belongs to the node and never leaves the cache. */
void dirfd_set_root(struct node *root, int fd);
/* A pin for a file that loses its names while it is open and we were not told; taken over, kept until the node is freed. */
void dirfd_set_pin(struct node *node, int fd);
/* That pin, or -1. */
int dirfd_pin(struct node *node);
/* A descriptor that stays open until dirfd_release; -errno on failure (ESTALE: the directory is not there any more). */
int dirfd_acquire(struct node *dir);
void dirfd_release(struct node *dir);
/* For a node that is being freed. */
void dirfd_dispose(struct node *node);
/* Closes what nobody used since the last call and the kernel has forgotten. */
void dirfd_age(void);
/* Closes up to `wanted` descriptors now; returns how many. For when the process is out of descriptors. */
unsigned dirfd_shrink(unsigned wanted);
unsigned dirfd_open_count(void);

#endif
