/* Calls served, by kind, for `status` and the statistics signal. */
#ifndef OBFS_COUNTERS_H
#define OBFS_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#define CALL_KINDS(X)                                                                                                  \
    X(LOOKUP, "lookup")                                                                                                \
    X(FORGET, "forget")                                                                                                \
    X(GETATTR, "getattr")                                                                                              \
    X(SETATTR, "setattr")                                                                                              \
    X(READLINK, "readlink")                                                                                            \
    X(MKNOD, "mknod")                                                                                                  \
    X(MKDIR, "mkdir")                                                                                                  \
    X(UNLINK, "unlink")                                                                                                \
    X(RMDIR, "rmdir")                                                                                                  \
    X(SYMLINK, "symlink")                                                                                              \
    X(RENAME, "rename")                                                                                                \
    X(LINK, "link")                                                                                                    \
    X(OPEN, "open")                                                                                                    \
    X(CREATE, "create")                                                                                                \
    X(READ, "read")                                                                                                    \
    X(WRITE, "write")                                                                                                  \
    X(RELEASE, "release")                                                                                              \
    X(FSYNC, "fsync")                                                                                                  \
    X(OPENDIR, "opendir")                                                                                              \
    X(READDIR, "readdir")                                                                                              \
    X(READDIRPLUS, "readdirplus")                                                                                      \
    X(RELEASEDIR, "releasedir")                                                                                        \
    X(FSYNCDIR, "fsyncdir")                                                                                            \
    X(STATFS, "statfs")                                                                                                \
    X(SETXATTR, "setxattr")                                                                                            \
    X(GETXATTR, "getxattr")                                                                                            \
    X(LISTXATTR, "listxattr")                                                                                          \
    X(REMOVEXATTR, "removexattr")                                                                                      \
    X(ACCESS, "access")                                                                                                \
    X(FALLOCATE, "fallocate")                                                                                          \
    X(LSEEK, "lseek")                                                                                                  \
    X(COPY_FILE_RANGE, "copy_file_range")

#define CALL_KIND(id, name) CALL_##id,
enum call_kind { CALL_KINDS(CALL_KIND) CALL_KIND_COUNT };
#undef CALL_KIND

extern const char *const call_names[CALL_KIND_COUNT];
extern _Atomic uint64_t call_counts[CALL_KIND_COUNT];

static inline void count_call(enum call_kind kind)
{
    atomic_fetch_add_explicit(&call_counts[kind], 1, memory_order_relaxed);
}

#endif
