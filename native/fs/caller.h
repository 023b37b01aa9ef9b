/*
 * Identity of callers. Each worker thread takes on the rights of the user whose call it serves: user, group and
 * supplementary groups. What the backing file system then allows or refuses is what the user may do.
 */
#ifndef OBFS_CALLER_H
#define OBFS_CALLER_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <sys/types.h>

struct identity {
    uid_t uid;
    gid_t gid;
    bool was_changed;
};

/* Takes on the rights of the user who makes this call; free when the thread has them already. */
void caller_assume(fuse_req_t req);
/* The file mode mask of the caller, for calls that make something. */
void caller_assume_umask(fuse_req_t req);
/* For bookkeeping that is ours, not the caller's. Give what it returns to caller_restore. */
struct identity caller_become_root(void);
void caller_restore(const struct identity *identity);
/* True when the request comes from this daemon itself: a tree that leads back into our own mount. */
bool caller_is_self(const struct fuse_ctx *context);

#endif
