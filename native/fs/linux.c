/* Linux: files and the identity of threads. The mount is in linux_mount.c. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <sched.h>
#include <unistd.h>

#include "log.h"
#include "platform.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452 /* Linux 6.6; the C library of Debian 12 does not know it */
#endif

const bool platform_has_groups_per_thread = true;
const clockid_t platform_coarse_clock = CLOCK_MONOTONIC_COARSE;

pid_t platform_thread_id(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* The raw calls: the C library's would change every thread of the process. */
void platform_assume_user(uid_t uid, gid_t gid, const uid_t *has_uid, const gid_t *has_gid)
{
    if (*has_gid != gid)
        syscall(SYS_setfsgid, gid);
    if (*has_uid != uid)
        syscall(SYS_setfsuid, uid);
    /* Both calls only tell what was before, so an impossible id is how one asks what is now. */
    if ((uid_t)syscall(SYS_setfsuid, -1) != uid || (gid_t)syscall(SYS_setfsgid, -1) != gid) {
        log_event(LOG_CRIT, "cannot take on user %u, group %u: stopping", uid, gid);
        abort();
    }
}

static int parse_groups(char *text, gid_t *ids, int limit)
{
    char *line = strstr(text, "\nGroups:");
    if (!line)
        return 0;
    line += strlen("\nGroups:");
    char *end = strchr(line, '\n');
    if (!end)
        return 0;
    *end = 0;
    int count = 0;
    for (char *rest = line, *next; ; rest = next) {
        unsigned long id = strtoul(rest, &next, 10);
        if (next == rest)
            return count;
        if (count < limit)
            ids[count] = (gid_t)id;
        count++;
    }
}

static int read_groups(pid_t pid, gid_t *ids, int limit, size_t buffer_size)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    char small[4096];
    char *text = buffer_size > sizeof small ? malloc(buffer_size) : small;
    ssize_t length = 0;
    for (ssize_t part; text && (size_t)length < buffer_size - 1; length += part)
        if ((part = read(fd, text + length, buffer_size - 1 - (size_t)length)) <= 0)
            break;
    close(fd);
    int count = 0;
    if (text) {
        text[length] = 0;
        count = parse_groups(text, ids, limit);
        /* A list that does not fit in the buffer is longer than anything that callers remember. */
        if (count == 0 && (size_t)length == buffer_size - 1)
            count = limit + 1;
    }
    if (text != small)
        free(text);
    return count;
}

void platform_read_groups(pid_t pid, uid_t uid, gid_t gid, gid_t *ids, int limit, int *count)
{
    (void)uid;
    (void)gid;
    *count = pid > 0 ? read_groups(pid, ids, limit, 4096) : 0;
}

void platform_assume_groups(const gid_t *ids, int count)
{
    if (syscall(SYS_setgroups, (size_t)count, ids) < 0) {
        log_event(LOG_CRIT, "cannot take on %d groups: %s: stopping", count, strerror(errno));
        abort();
    }
}

void platform_assume_many_groups(pid_t pid, int count)
{
    enum { GROUPS_MAX = 65536, STATUS_BYTES = 1 << 20 };
    (void)count;
    gid_t *ids = calloc(GROUPS_MAX, sizeof *ids);
    int found = ids ? read_groups(pid, ids, GROUPS_MAX, STATUS_BYTES) : 0;
    platform_assume_groups(ids, found > GROUPS_MAX ? 0 : found);
    free(ids);
}

mode_t platform_own_umask(void)
{
    /* Threads share the mask until they say otherwise; main() has set it to 0. */
    if (unshare(CLONE_FS) < 0)
        log_event(LOG_ERR, "a thread cannot have a file mode mask of its own: %s", strerror(errno));
    return 0;
}

void platform_assume_umask(mode_t mask)
{
    umask(mask);
}

void platform_drop_privileges(void)
{
    /* What serving files, mounting and naming holders of a busy mount needs. CAP_SYS_RESOURCE is the important one to
     * lose: it would let every builder fill the blocks that are reserved for root. */
    static const int needed[] = {CAP_CHOWN,  CAP_DAC_OVERRIDE,    CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID,
                                 CAP_SETGID, CAP_SETUID,          CAP_LINUX_IMMUTABLE, CAP_MKNOD,  CAP_SYS_ADMIN,
                                 CAP_SETFCAP, CAP_SYS_PTRACE};
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}, {0}}, keep[2] = {{0}, {0}};
    if (syscall(SYS_capget, &header, data) < 0)
        return;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        keep[CAP_TO_INDEX(needed[i])].permitted |= CAP_TO_MASK(needed[i]);
    for (int i = 0; i < 2; i++) {
        data[i].permitted &= keep[i].permitted;
        data[i].effective &= keep[i].permitted;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) < 0)
        log_event(LOG_WARNING, "cannot give up rights that are not needed: %s", strerror(errno));
}

static struct timespec time_of(const struct statx_timestamp *time)
{
    return (struct timespec){.tv_sec = time->tv_sec, .tv_nsec = time->tv_nsec};
}

int platform_stat(int dirfd, const char *name, struct attributes *attr)
{
    struct statx x;
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name ? 0 : AT_EMPTY_PATH);
    if (statx(dirfd, name, flags, STATX_BASIC_STATS | STATX_BTIME, &x) < 0)
        return errno;
    attr->birth_ns = x.stx_mask & STATX_BTIME ? x.stx_btime.tv_sec * 1000000000ll + x.stx_btime.tv_nsec : 0;
    attr->st = (struct stat){
        .st_dev = makedev(x.stx_dev_major, x.stx_dev_minor),
        .st_ino = x.stx_ino,
        .st_mode = x.stx_mode,
        .st_nlink = x.stx_nlink,
        .st_uid = x.stx_uid,
        .st_gid = x.stx_gid,
        .st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor),
        .st_size = (off_t)x.stx_size,
        .st_blksize = x.stx_blksize,
        .st_blocks = (blkcnt_t)x.stx_blocks,
        .st_atim = time_of(&x.stx_atime),
        .st_mtim = time_of(&x.stx_mtime),
        .st_ctim = time_of(&x.stx_ctime),
    };
    return 0;
}

int platform_open_directory(int dirfd, const char *name)
{
    int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int platform_pin(int dirfd, const char *name)
{
    int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

struct proc_path {
    char text[32 + NAME_BYTES_MAX + 1];
};

static const char *proc_path(struct proc_path *path, int fd, const char *name)
{
    snprintf(path->text, sizeof path->text, *name ? "/proc/self/fd/%d/%s" : "/proc/self/fd/%d", fd, name);
    return path->text;
}

int platform_reopen(int fd, int flags)
{
    struct proc_path path;
    int again = open(proc_path(&path, fd, ""), (flags & ~O_NOFOLLOW) | O_CLOEXEC);
    return again < 0 ? -errno : again;
}

int platform_chmod(int dirfd, const char *name, mode_t mode)
{
    int flags = *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
    if (syscall(SYS_fchmodat2, dirfd, name, mode, flags) == 0)
        return 0;
    if (errno != ENOSYS || *name)
        return errno;
    struct proc_path path;
    return chmod(proc_path(&path, dirfd, ""), mode) < 0 ? errno : 0;
}

int platform_chown(int dirfd, const char *name, uid_t uid, gid_t gid)
{
    return fchownat(dirfd, name, uid, gid, *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH) < 0 ? errno : 0;
}

int platform_set_times(int dirfd, const char *name, const struct timespec times[2])
{
    return utimensat(dirfd, name, times, *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH) < 0 ? errno : 0;
}

int platform_set_flags(int dirfd, const char *name, const struct stat *wanted)
{
    (void)dirfd;
    (void)name;
    (void)wanted;
    return ENOTSUP;
}

int platform_truncate(int dirfd, const char *name, off_t size)
{
    struct proc_path path;
    return truncate(proc_path(&path, dirfd, name), size) < 0 ? errno : 0;
}

int platform_access(int dirfd, const char *name, int mask)
{
    int flags = AT_EACCESS | (*name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH);
    return syscall(SYS_faccessat2, dirfd, name, mask, flags) < 0 ? errno : 0;
}

int platform_rename(int olddir, const char *oldname, int newdir, const char *newname, unsigned flags)
{
    return syscall(SYS_renameat2, olddir, oldname, newdir, newname, flags) < 0 ? errno : 0;
}

const unsigned platform_rename_swaps = RENAME_EXCHANGE;

int platform_mknod(int dirfd, const char *name, mode_t mode, dev_t device)
{
    return mknodat(dirfd, name, mode, device);
}

int platform_allocate(int fd, int mode, off_t offset, off_t length)
{
    return fallocate(fd, mode, offset, length) < 0 ? errno : 0;
}

ssize_t platform_copy_range(int from, off_t from_offset, int to, off_t to_offset, size_t length, int flags)
{
    ssize_t copied = copy_file_range(from, &from_offset, to, &to_offset, length, (unsigned)flags);
    return copied < 0 ? -errno : copied;
}

int platform_sync_data(int fd)
{
    return fdatasync(fd) < 0 ? errno : 0;
}

off_t platform_entry_offset(DIR *stream, const struct dirent *entry)
{
    (void)stream;
    return entry->d_off;
}

const int platform_direct_flag = O_DIRECT;

int platform_open_flags(int flags, bool *is_exec)
{
    enum { KERNEL_FMODE_EXEC = 0x20 }; /* what execve adds to the flags of its open */
    *is_exec = flags & KERNEL_FMODE_EXEC;
    return flags & (O_ACCMODE | O_SYNC | O_DSYNC | O_NOATIME);
}

ssize_t platform_getxattr(int dirfd, const char *name, const char *key, void *value, size_t size)
{
    struct proc_path path;
    ssize_t length = *name ? lgetxattr(proc_path(&path, dirfd, name), key, value, size)
                           : getxattr(proc_path(&path, dirfd, ""), key, value, size);
    return length < 0 ? -errno : length;
}

ssize_t platform_listxattr(int dirfd, const char *name, char *list, size_t size)
{
    struct proc_path path;
    ssize_t length = *name ? llistxattr(proc_path(&path, dirfd, name), list, size)
                           : listxattr(proc_path(&path, dirfd, ""), list, size);
    return length < 0 ? -errno : length;
}

int platform_setxattr(int dirfd, const char *name, const char *key, const void *value, size_t size, int flags)
{
    struct proc_path path;
    int result = *name ? lsetxattr(proc_path(&path, dirfd, name), key, value, size, flags)
                       : setxattr(proc_path(&path, dirfd, ""), key, value, size, flags);
    return result < 0 ? errno : 0;
}

int platform_removexattr(int dirfd, const char *name, const char *key)
{
    struct proc_path path;
    int result = *name ? lremovexattr(proc_path(&path, dirfd, name), key)
                       : removexattr(proc_path(&path, dirfd, ""), key);
    return result < 0 ? errno : 0;
}

const int platform_no_xattr = ENODATA;

bool platform_is_acl(const char *key)
{
    return strncmp(key, "system.posix_acl_", strlen("system.posix_acl_")) == 0;
}

bool platform_has_acl(int dirfd, const char *name)
{
    return platform_getxattr(dirfd, name, "system.posix_acl_access", NULL, 0) > 0;
}

bool platform_is_hidden(const char *name)
{
    (void)name;
    return false;
}
