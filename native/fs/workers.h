/* The threads that serve calls. */
#ifndef OBFS_WORKERS_H
#define OBFS_WORKERS_H

#include "caller.h"

/* Serves until the mount is gone. 0, or -errno when no thread can be started. */
int workers_run(struct fuse_session *session, unsigned count);

#endif
