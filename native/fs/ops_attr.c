/* Operations on what a file is: attributes, link targets, permissions, its volume. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ops.h"
#include "platform.h"
#include "restrict.h"
#include "spot.h"

/* The prefix of a builder without a tree: empty, nobody's. */
static void reply_empty_root(fuse_req_t req)
{
    struct stat st = {.st_ino = FUSE_ROOT_ID, .st_mode = S_IFDIR | 0555, .st_nlink = 2};
    fuse_reply_attr(req, &st, 0);
}

static void reply_attributes(fuse_req_t req, fuse_ino_t ino, struct node *node, const struct attributes *attr)
{
    struct stat st = ops_visible_stat(node, attr);
    fuse_reply_attr(req, &st, ops_attribute_timeout(ino));
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    count_call(CALL_GETATTR);
    struct node *node = ops_take(req, ino);
    if (!node) {
        if (caller_is_self(fuse_req_ctx(req)))
            fuse_reply_err(req, ELOOP);
        else
            reply_empty_root(req);
        return;
    }
    struct attributes attr;
    int error;
    if (info && node->type != S_IFDIR)
        error = platform_stat(((struct handle *)(uintptr_t)info->fh)->fd, "", &attr);
    else
        error = spot_stat(node, &attr);
    if (error)
        fuse_reply_err(req, error);
    else
        reply_attributes(req, ino, node, &attr);
    ops_give(ino, node);
}

static void wanted_times(const struct stat *wanted, int which, struct timespec times[2])
{
    times[0] = times[1] = (struct timespec){.tv_nsec = UTIME_OMIT};
    if (which & FUSE_SET_ATTR_ATIME_NOW)
        times[0].tv_nsec = UTIME_NOW;
    else if (which & FUSE_SET_ATTR_ATIME)
        times[0] = wanted->st_atim;
    if (which & FUSE_SET_ATTR_MTIME_NOW)
        times[1].tv_nsec = UTIME_NOW;
    else if (which & FUSE_SET_ATTR_MTIME)
        times[1] = wanted->st_mtim;
}

/*
 * A write or truncation by somebody else than the owner drops the set-id bits. The kernel asks for that as a change of
 * mode by the writer, which the backing file system must refuse: the owner alone changes modes. (It would leave it to us
 * if libfuse could tell it so; 3.14 cannot.) So a change that only drops these bits is done for whoever may write.
 */
static bool is_dropping_of_set_id_bits(const struct spot *spot, const struct stat *wanted, int which, uid_t caller)
{
    struct attributes now;
    if (!(which & FUSE_SET_ATTR_MODE) || platform_stat(spot->dirfd, spot->name, &now) != 0)
        return false;
    mode_t set_id = S_ISUID | S_ISGID, old = now.st.st_mode & 07777, new = wanted->st_mode & 07777;
    return S_ISREG(now.st.st_mode) && now.st.st_uid != caller && old != new && (old & ~set_id) == (new & ~set_id) &&
           (new & set_id & ~old) == 0 && platform_access(spot->dirfd, spot->name, W_OK) == 0;
}

static int change_mode(const struct spot *spot, const struct stat *wanted, int which, uid_t caller)
{
    if (!is_dropping_of_set_id_bits(spot, wanted, which, caller))
        return platform_chmod(spot->dirfd, spot->name, wanted->st_mode & 07777);
    struct identity before = caller_become_root();
    int error = platform_chmod(spot->dirfd, spot->name, wanted->st_mode & 07777);
    caller_restore(&before);
    return error;
}

static int set_attributes(const struct spot *spot, const struct stat *wanted, int which, const struct handle *handle,
                          uid_t caller)
{
    int error = 0;
    if (which & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
        error = platform_chown(spot->dirfd, spot->name, which & FUSE_SET_ATTR_UID ? wanted->st_uid : (uid_t)-1,
                               which & FUSE_SET_ATTR_GID ? wanted->st_gid : (gid_t)-1);
    if (!error && (which & FUSE_SET_ATTR_MODE))
        error = change_mode(spot, wanted, which, caller);
    if (!error && (which & FUSE_SET_ATTR_SIZE)) {
        if (handle)
            error = ftruncate(handle->fd, wanted->st_size) < 0 ? errno : 0;
        else
            error = platform_truncate(spot->dirfd, spot->name, wanted->st_size);
        if (error == EINVAL && !handle && spot->is_open_file) /* the open file is one for reading only */
            error = ops_truncate(spot->node, wanted->st_size);
    }
#ifdef FUSE_SET_ATTR_FLAGS
    if (!error && (which & (int)FUSE_SET_ATTR_FLAGS))
        error = platform_set_flags(spot->dirfd, spot->name, wanted);
#endif
    if (!error && (which & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME))) {
        struct timespec times[2];
        wanted_times(wanted, which, times);
        error = platform_set_times(spot->dirfd, spot->name, times);
    }
    return error;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *wanted, int which, struct fuse_file_info *info)
{
    count_call(CALL_SETATTR);
    struct node *node = ops_take(req, ino);
    if (!node) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    struct handle *handle = info ? (struct handle *)(uintptr_t)info->fh : NULL;
    struct spot spot;
    struct attributes attr;
    uint64_t ticket = 0;
    int error = spot_find_pinned(node, &spot);
    if (!error) {
        error = set_attributes(&spot, wanted, which, handle, fuse_req_ctx(req)->uid);
        if (!error)
            error = platform_stat(spot.dirfd, spot.name, &attr);
        if (!error)
            ticket = restrict_note(node, &attr, spot.dirfd, spot.name);
        spot_release(&spot);
    }
    if (ticket)
        restrict_wait(ticket);
    if (error)
        fuse_reply_err(req, error);
    else
        reply_attributes(req, ino, node, &attr);
    ops_give(ino, node);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    count_call(CALL_READLINK);
    struct node *node = ops_take(req, ino);
    char target[PATH_MAX + 1];
    struct spot spot;
    ssize_t length = -1;
    int error = node ? spot_find_pinned(node, &spot) : EINVAL;
    if (!error) {
        length = readlinkat(spot.dirfd, spot.name, target, PATH_MAX);
        error = length < 0 ? errno : 0;
        spot_release(&spot);
    }
    ops_give(ino, node);
    if (error) {
        fuse_reply_err(req, error);
        return;
    }
    target[length] = 0;
    fuse_reply_readlink(req, target);
}

void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
    count_call(CALL_ACCESS);
    struct node *node = ops_take(req, ino);
    if (!node) {
        fuse_reply_err(req, mask & W_OK ? EACCES : 0);
        return;
    }
    struct spot spot;
    int error = spot_find_name(node, &spot);
    while (!error) {
        error = platform_access(spot.dirfd, spot.name, mask);
        if (!spot_is_wrong(error))
            break;
        error = spot_next(&spot);
    }
    spot_release(&spot);
    ops_give(ino, node);
    fuse_reply_err(req, error);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    count_call(CALL_STATFS);
    struct node *node = ops_take(req, ino);
    struct statvfs volume = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = NAME_BYTES_MAX};
    struct spot spot;
    int error = 0;
    if (node && (error = spot_find(node, &spot)) == 0) {
        /* Of a file without descriptor its directory's volume: they differ only where something is mounted on a file. */
        error = fstatvfs(spot.dirfd, &volume) < 0 ? errno : 0;
        spot_release(&spot);
    }
    ops_give(ino, node);
    if (error)
        fuse_reply_err(req, error);
    else
        fuse_reply_statfs(req, &volume);
}
