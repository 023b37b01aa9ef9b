/*
 * Search permission of cached paths. The kernel walks cached entries without asking anybody, so entries are only cached
 * below directories that every caller of the tree may search. When a directory stops being one, its cached entries are
 * dropped by a thread of its own (the kernel may hold a lock that a request waits for; see restrict.c).
 */
#ifndef OBFS_RESTRICT_H
#define OBFS_RESTRICT_H

#include "caller.h"
#include "node.h"

/*
 * Takes note of a directory's owner and mode as they were just seen at (dirfd, name). Returns 0, or a ticket when entries
 * are being dropped because of it: whoever answers the call that changed the mode gives it to restrict_wait before.
 */
uint64_t restrict_note(struct node *dir, const struct attributes *attr, int dirfd, const char *name);
void restrict_wait(uint64_t ticket);
uint64_t restrict_last_ticket(void);
bool restrict_may_cache_entries(struct node *dir);
/* Makes the kernel ask for a node's attributes again; takes no lock there. */
void restrict_drop_attributes(fuse_ino_t ino);
bool restrict_start(struct fuse_session *session);
void restrict_stop(void);

#endif
