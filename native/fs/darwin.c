/*
 * macOS: files and the identity of threads. The mount is in darwin_mount.c. Written for macFUSE 4.10 and later, which bring
 * libfuse 3; its plain calls (FUSE_DARWIN_ENABLE_EXTENSIONS 0) carry flags and birth time in struct stat. Not yet run on a
 * Mac: see README.md.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "log.h"
#include "platform.h"

const bool platform_has_groups_per_thread = false; /* the kernel finds a user's groups itself */
const clockid_t platform_coarse_clock = CLOCK_MONOTONIC;
const unsigned platform_rename_swaps = RENAME_SWAP;
const int platform_no_xattr = ENOATTR;

#ifndef KAUTH_UID_NONE
#define KAUTH_UID_NONE (~(uid_t)0 - 100)
#define KAUTH_GID_NONE (~(gid_t)0 - 100)
#endif

/* In libSystem since macOS 10.12, in no public header: the current directory of one thread; -1 gives it up again. */
int pthread_fchdir_np(int fd);

pid_t platform_thread_id(void)
{
    return (pid_t)pthread_mach_thread_np(pthread_self());
}

/* Deprecated by Apple without a successor: there is no other way to act as a user in one thread. */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"

void platform_assume_user(uid_t uid, gid_t gid, const uid_t *has_uid, const gid_t *has_gid)
{
    (void)has_gid;
    /* A thread that is somebody cannot become somebody else: it is itself (root) first. Root's group does not matter, as
     * new files get their directory's. */
    int error = *has_uid != 0 ? pthread_setugid_np(KAUTH_UID_NONE, KAUTH_GID_NONE) : 0;
    if (error == 0 && uid != 0)
        error = pthread_setugid_np(uid, gid);
    if (error != 0) {
        log_event(LOG_CRIT, "cannot take on user %u, group %u: %s: stopping", uid, gid, strerror(errno));
        abort();
    }
}

#pragma clang diagnostic pop

void platform_read_groups(pid_t pid, uid_t uid, gid_t gid, gid_t *ids, int limit, int *count)
{
    (void)pid, (void)uid, (void)gid, (void)ids, (void)limit;
    *count = 0;
}

void platform_assume_groups(const gid_t *ids, int count)
{
    (void)ids, (void)count;
}

void platform_assume_many_groups(pid_t pid, int count)
{
    (void)pid, (void)count;
}

mode_t platform_own_umask(void)
{
    return 0;
}

void platform_assume_umask(mode_t mask)
{
    (void)mask; /* the kernel has applied it before it asks us */
}

void platform_drop_privileges(void)
{
}

int platform_stat(int dirfd, const char *name, struct attributes *attr)
{
    int result = *name ? fstatat(dirfd, name, &attr->st, AT_SYMLINK_NOFOLLOW) : fstat(dirfd, &attr->st);
    if (result < 0)
        return errno;
    attr->birth_ns = attr->st.st_birthtimespec.tv_sec * 1000000000ll + attr->st.st_birthtimespec.tv_nsec;
    return 0;
}

int platform_open_directory(int dirfd, const char *name)
{
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int platform_pin(int dirfd, const char *name)
{
    (void)dirfd, (void)name;
    return -ENOTSUP;
}

int platform_reopen(int fd, int flags)
{
    int again = flags & O_DIRECTORY ? openat(fd, ".", flags | O_CLOEXEC) : -1;
    return flags & O_DIRECTORY ? (again < 0 ? -errno : again) : -ESTALE;
}

int platform_chmod(int dirfd, const char *name, mode_t mode)
{
    return (*name ? fchmodat(dirfd, name, mode, AT_SYMLINK_NOFOLLOW) : fchmod(dirfd, mode)) < 0 ? errno : 0;
}

int platform_chown(int dirfd, const char *name, uid_t uid, gid_t gid)
{
    return (*name ? fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW) : fchown(dirfd, uid, gid)) < 0 ? errno : 0;
}

int platform_set_times(int dirfd, const char *name, const struct timespec times[2])
{
    return (*name ? utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) : futimens(dirfd, times)) < 0 ? errno : 0;
}

/* Calls that take no directory descriptor are made from that directory, which is this thread's for the moment. */
static int enter(int dirfd)
{
    return pthread_fchdir_np(dirfd) < 0 ? errno : 0;
}

static void leave(void)
{
    pthread_fchdir_np(-1);
}

int platform_set_flags(int dirfd, const char *name, const struct stat *wanted)
{
    if (!*name)
        return fchflags(dirfd, wanted->st_flags) < 0 ? errno : 0;
    int error = enter(dirfd);
    if (error)
        return error;
    error = lchflags(name, wanted->st_flags) < 0 ? errno : 0;
    leave();
    return error;
}

int platform_truncate(int dirfd, const char *name, off_t size)
{
    int fd = *name ? openat(dirfd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : dup(dirfd);
    if (fd < 0)
        return errno;
    int error = ftruncate(fd, size) < 0 ? errno : 0;
    close(fd);
    return error;
}

int platform_access(int dirfd, const char *name, int mask)
{
    return faccessat(dirfd, *name ? name : ".", mask, AT_EACCESS) < 0 ? errno : 0;
}

int platform_rename(int olddir, const char *oldname, int newdir, const char *newname, unsigned flags)
{
    enum { LINUX_NOREPLACE = 1 };
    unsigned known = flags & (RENAME_SWAP | RENAME_EXCL);
    if (flags & LINUX_NOREPLACE)
        known |= RENAME_EXCL;
    int result = known ? renameatx_np(olddir, oldname, newdir, newname, known)
                       : renameat(olddir, oldname, newdir, newname);
    return result < 0 ? errno : 0;
}

int platform_mknod(int dirfd, const char *name, mode_t mode, dev_t device)
{
    if (S_ISREG(mode)) {
        int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 07777);
        return fd < 0 ? -1 : close(fd);
    }
    /* mknodat and mkfifoat came with macOS 13 */
    int error = enter(dirfd);
    if (error) {
        errno = error;
        return -1;
    }
    int result = S_ISFIFO(mode) ? mkfifo(name, mode & 07777) : mknod(name, mode, device);
    error = errno;
    leave();
    errno = error;
    return result;
}

int platform_allocate(int fd, int mode, off_t offset, off_t length)
{
    struct stat st;
    if (mode != 0)
        return ENOTSUP;
    fstore_t store = {.fst_flags = F_ALLOCATEALL, .fst_posmode = F_PEOFPOSMODE, .fst_length = offset + length};
    if (fstat(fd, &st) < 0)
        return errno;
    if (offset + length <= st.st_size)
        return 0;
    store.fst_length -= st.st_size;
    if (fcntl(fd, F_PREALLOCATE, &store) < 0)
        return errno;
    return ftruncate(fd, offset + length) < 0 ? errno : 0;
}

ssize_t platform_copy_range(int from, off_t from_offset, int to, off_t to_offset, size_t length, int flags)
{
    (void)from, (void)from_offset, (void)to, (void)to_offset, (void)length, (void)flags;
    return -ENOSYS;
}

int platform_sync_data(int fd)
{
    return fsync(fd) < 0 ? errno : 0;
}

off_t platform_entry_offset(DIR *stream, const struct dirent *entry)
{
    (void)entry;
    return telldir(stream);
}

const int platform_direct_flag = 0;

int platform_open_flags(int flags, bool *is_exec)
{
    *is_exec = false;
    return flags & (O_ACCMODE | O_SYNC | O_DSYNC);
}

ssize_t platform_getxattr(int dirfd, const char *name, const char *key, void *value, size_t size)
{
    ssize_t length;
    if (!*name) {
        length = fgetxattr(dirfd, key, value, size, 0, 0);
        return length < 0 ? -errno : length;
    }
    int error = enter(dirfd);
    if (error)
        return -error;
    length = getxattr(name, key, value, size, 0, XATTR_NOFOLLOW);
    error = errno;
    leave();
    return length < 0 ? -error : length;
}

ssize_t platform_listxattr(int dirfd, const char *name, char *list, size_t size)
{
    ssize_t length;
    if (!*name) {
        length = flistxattr(dirfd, list, size, 0);
        return length < 0 ? -errno : length;
    }
    int error = enter(dirfd);
    if (error)
        return -error;
    length = listxattr(name, list, size, XATTR_NOFOLLOW);
    error = errno;
    leave();
    return length < 0 ? -error : length;
}

int platform_setxattr(int dirfd, const char *name, const char *key, const void *value, size_t size, int flags)
{
    flags &= XATTR_CREATE | XATTR_REPLACE;
    if (!*name)
        return fsetxattr(dirfd, key, value, size, 0, flags) < 0 ? errno : 0;
    int error = enter(dirfd);
    if (error)
        return error;
    error = setxattr(name, key, value, size, 0, flags | XATTR_NOFOLLOW) < 0 ? errno : 0;
    leave();
    return error;
}

int platform_removexattr(int dirfd, const char *name, const char *key)
{
    if (!*name)
        return fremovexattr(dirfd, key, 0) < 0 ? errno : 0;
    int error = enter(dirfd);
    if (error)
        return error;
    error = removexattr(name, key, XATTR_NOFOLLOW) < 0 ? errno : 0;
    leave();
    return error;
}

bool platform_is_acl(const char *key)
{
    (void)key;
    return false;
}

bool platform_has_acl(int dirfd, const char *name)
{
    (void)dirfd, (void)name;
    return false; /* names are not cached on macOS, so nothing depends on the answer */
}

bool platform_is_hidden(const char *name)
{
    /* Spotlight, the file system event log, versions and trash would be shared by all builders. */
    static const char *const hidden[] = {".Spotlight-V100", ".fseventsd", ".DocumentRevisions-V100", ".TemporaryItems",
                                         ".Trashes", ".metadata_never_index"};
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        if (strcasecmp(name, hidden[i]) == 0)
            return true;
    return false;
}
