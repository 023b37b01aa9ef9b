/* What Linux and macOS do differently. Errors are 0 or a positive errno; descriptors are a number or -errno. */
#ifndef OBFS_PLATFORM_H
#define OBFS_PLATFORM_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "node.h"

#ifdef __APPLE__
#define st_mtim st_mtimespec
#define st_ctim st_ctimespec
#define st_atim st_atimespec
#endif

/* Identity of the calling thread. */
extern const bool platform_has_groups_per_thread;
extern const clockid_t platform_coarse_clock;
pid_t platform_thread_id(void);
/* `has_uid` and `has_gid`: what the thread has now. Ends the process if the system refuses: we must not go on as root. */
void platform_assume_user(uid_t uid, gid_t gid, const uid_t *has_uid, const gid_t *has_gid);
/* *count may come out above `limit`: then `ids` is not filled. 0 groups when nothing can be learnt. */
void platform_read_groups(pid_t pid, uid_t uid, gid_t gid, gid_t *ids, int limit, int *count);
void platform_assume_groups(const gid_t *ids, int count);
void platform_assume_many_groups(pid_t pid, int count);
mode_t platform_own_umask(void);
void platform_assume_umask(mode_t mask);
/* Gives up rights that no caller should profit from (reserved disk space, ...). */
void platform_drop_privileges(void);

/* Files. `name` "" means the descriptor itself; links are never followed. */
int platform_stat(int dirfd, const char *name, struct attributes *attr);
int platform_open_directory(int dirfd, const char *name);
/* A descriptor that stands for the file without opening it, or -ENOTSUP where there is no such thing. */
int platform_pin(int dirfd, const char *name);
/* Opens again what `fd` (a pin, too) stands for; -ESTALE where that cannot be done. */
int platform_reopen(int fd, int flags);
int platform_chmod(int dirfd, const char *name, mode_t mode);
int platform_chown(int dirfd, const char *name, uid_t uid, gid_t gid);
int platform_set_times(int dirfd, const char *name, const struct timespec times[2]);
/* st_flags, where there are such; only called with FUSE_SET_ATTR_FLAGS. */
int platform_set_flags(int dirfd, const char *name, const struct stat *wanted);
int platform_truncate(int dirfd, const char *name, off_t size);
int platform_access(int dirfd, const char *name, int mask);
int platform_rename(int olddir, const char *oldname, int newdir, const char *newname, unsigned flags);
extern const unsigned platform_rename_swaps; /* the flag of a rename that exchanges both */
int platform_mknod(int dirfd, const char *name, mode_t mode, dev_t device); /* like mknodat: -1 and errno */
int platform_allocate(int fd, int mode, off_t offset, off_t length);
ssize_t platform_copy_range(int from, off_t from_offset, int to, off_t to_offset, size_t length, int flags);
int platform_sync_data(int fd);
off_t platform_entry_offset(DIR *stream, const struct dirent *entry);
/* open(2) flags of a request that may be handed to the backing file; *is_exec: opened to be run. */
extern const int platform_direct_flag; /* the flag of an open that wants no caching, 0: there is none */
int platform_open_flags(int flags, bool *is_exec);

/* Extended attributes of (dirfd, name) or, with name "", of the descriptor. Sizes or -errno. */
ssize_t platform_getxattr(int dirfd, const char *name, const char *key, void *value, size_t size);
ssize_t platform_listxattr(int dirfd, const char *name, char *list, size_t size);
int platform_setxattr(int dirfd, const char *name, const char *key, const void *value, size_t size, int flags);
int platform_removexattr(int dirfd, const char *name, const char *key);
/* The errno for "no such attribute". */
extern const int platform_no_xattr;
bool platform_is_acl(const char *key);
/* True when access may depend on more than owner, group and mode. */
bool platform_has_acl(int dirfd, const char *name);

/* Folders of the system that must never be made in a shared prefix; only asked below the mount root. */
bool platform_is_hidden(const char *name);

/* The mount. */
extern const char *const platform_mount_options;
/* Names that -o takes, NULL at the end; "name=" takes a value. */
extern const char *const platform_allowed_options[];
extern const bool platform_has_epochs; /* the kernel may know how to drop all entries at once: restrict.c */
extern const double platform_entry_timeout_max; /* seconds; 0 where the kernel's name cache cannot be told */
/* Why an option can never work here, or NULL. */
const char *platform_refused_option(const char *name, size_t length);
struct mount_entry {
    bool is_ours;  /* an obuilderfs, alive or dead */
    bool is_dead;  /* its daemon is gone */
};
bool platform_find_mount(const char *mountpoint, struct mount_entry *entry);
int platform_unmount(const char *mountpoint, bool detaches);
/* Names processes that use the mount, as "name (pid), ..."; may be empty. */
void platform_name_holders(const char *mountpoint, char *text, size_t size);
/* NULL when FUSE can be used, else one sentence with what to do. */
const char *platform_fuse_problem(void);
/* The descriptor limit after it was raised as far as it goes. */
unsigned platform_raise_descriptor_limit(void);
/* Once, before threads start: keeps memory that threads hold apart from each other small. */
void platform_prepare_memory(void);
void platform_trim_memory(void);
extern const int platform_statistics_signal;

#endif
