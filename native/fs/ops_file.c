/* Operations on the contents of files. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "dirfd.h"
#include "handle.h"
#include "ops.h"
#include "platform.h"
#include "restrict.h"
#include "spot.h"

/* A changed file must never be taken for the one that is cached. Two changes within a tick of the file system's clock (10 ms
 * at most) carry the same time, so only an older time proves "unchanged". */
enum { STAMP_AGE_MS = 20 };

static struct handle *handle_in(const struct fuse_file_info *info)
{
    return (struct handle *)(uintptr_t)info->fh;
}

static int open_at(int dirfd, const char *name, int flags, mode_t mode)
{
    /* Never follow, never wait (somebody may have put a FIFO there), never become a terminal's owner. */
    flags |= O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(dirfd, name, flags, mode);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE) && dirfd_shrink(16) > 0)
        fd = openat(dirfd, name, flags, mode);
    return fd < 0 ? -errno : fd;
}

static bool is_file_of(struct node *node, int fd)
{
    struct attributes attr;
    return platform_stat(fd, "", &attr) == 0 && node_is(node, &attr);
}

/* Opens the node as the caller. The descriptor is the node's or it is not returned. */
static int open_node(struct node *node, int flags)
{
    struct spot spot;
    int fd = -ESTALE;
    int error = spot_find_name(node, &spot);
    while (!error) {
        fd = open_at(spot.dirfd, spot.name, flags, 0);
        if (fd >= 0 && is_file_of(node, fd))
            break;
        if (fd >= 0)
            close(fd);
        else if (fd != -ENOENT && fd != -ELOOP && fd != -ENXIO)
            break;
        fd = -ESTALE;
        error = spot_next(&spot);
    }
    spot_release(&spot);
    if (error && error != ESTALE)
        return -error;
    if (fd != -ESTALE)
        return fd;
    struct handle *handle = handle_of(node);
    if (handle) {
        fd = platform_reopen(handle->fd, flags);
        handle_put(handle);
    }
    return fd;
}

/* A program may be run by those who may not read it: then, and only then, it is opened with root's rights. */
static int open_program(struct node *node)
{
    int fd = open_node(node, O_RDONLY);
    if (fd != -EACCES) {
        int error = fd < 0 ? 0 : platform_access(fd, "", X_OK);
        if (error)
            close(fd);
        return error ? -error : fd;
    }
    struct spot spot;
    int error = spot_find_pinned(node, &spot);
    if (error)
        return -error;
    if (spot.name[0] == 0 && (error = platform_access(spot.dirfd, "", X_OK)) == 0) {
        struct identity before = caller_become_root();
        fd = platform_reopen(spot.dirfd, O_RDONLY);
        caller_restore(&before);
    }
    spot_release(&spot);
    return error ? -error : fd;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15ull;
    return hash ^ (hash >> 29);
}

/* Whether pages that the kernel kept of this file are still those of the file. */
static bool is_content_unchanged(struct node *node, int fd)
{
    struct attributes attr;
    struct timespec now;
    if (platform_stat(fd, "", &attr) != 0)
        return false;
    const struct stat *st = &attr.st;
    uint64_t stamp = mix(mix(mix(1, (uint64_t)st->st_size), (uint64_t)st->st_mtim.tv_sec), (uint64_t)st->st_mtim.tv_nsec);
    stamp = mix(mix(stamp, (uint64_t)st->st_ctim.tv_sec), (uint64_t)st->st_ctim.tv_nsec);
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ns = (now.tv_sec - st->st_ctim.tv_sec) * 1000000000ll + (now.tv_nsec - st->st_ctim.tv_nsec);
    bool is_provable = age_ns > STAMP_AGE_MS * 1000000ll;
    return atomic_exchange(&node->content_stamp, is_provable ? stamp : 0) == stamp && is_provable;
}

static int truncate_opened(int fd)
{
    return ftruncate(fd, 0) < 0 ? errno : 0;
}

int ops_truncate(struct node *node, off_t size)
{
    int fd = open_node(node, O_WRONLY);
    int error = fd < 0 ? -fd : ftruncate(fd, size) < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return error;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    count_call(CALL_OPEN);
    struct node *node = ops_take(req, ino);
    if (!node || ino == FUSE_ROOT_ID) {
        ops_give(ino, node);
        fuse_reply_err(req, EISDIR);
        return;
    }
    if (!handle_may_open(node->tree)) {
        fuse_reply_err(req, ENFILE);
        return;
    }
    bool is_exec, truncates = info->flags & O_TRUNC;
    int flags = platform_open_flags(info->flags, &is_exec);
    if (truncates && (flags & O_ACCMODE) == O_RDONLY)
        flags = (flags & ~O_ACCMODE) | O_RDWR; /* asks for the same rights, and lets us truncate */
    int fd = is_exec ? open_program(node) : open_node(node, flags);
    if (fd == -EPERM && (info->flags & O_APPEND))
        fd = open_node(node, flags | O_APPEND); /* a file that can only be appended to */
    int error = fd < 0 ? -fd : truncates ? truncate_opened(fd) : 0;
    if (error) {
        if (fd >= 0)
            close(fd);
        fuse_reply_err(req, error);
        return;
    }
    if (info->flags & platform_direct_flag)
        info->direct_io = 1;
    else
        info->keep_cache = is_content_unchanged(node, fd);
    struct handle *handle = handle_open(node, fd);
    info->fh = (uintptr_t)handle;
    if (!handle)
        fuse_reply_err(req, ENOMEM);
    else if (fuse_reply_open(req, info) < 0)
        handle_close(handle);
}

/* Makes and opens (or only opens, when somebody was faster) `name`. Fills the entry and *handle. 0 or errno. */
static int create(struct node *parent, fuse_ino_t parent_ino, const char *name, int flags, mode_t mode,
                  struct fuse_entry_param *entry, struct handle **handle)
{
    if (parent_ino == FUSE_ROOT_ID && platform_is_hidden(name))
        return EACCES;
    if (!handle_may_open(parent->tree))
        return ENFILE;
    int dirfd = dirfd_acquire(parent);
    if (dirfd < 0)
        return -dirfd;
    struct attributes attr = {0};
    int fd = open_at(dirfd, name, flags, mode);
    int error = fd < 0 ? -fd : platform_stat(fd, "", &attr);
    dirfd_release(parent);
    if (error == ELOOP || error == ENXIO || (!error && !S_ISREG(attr.st.st_mode)))
        error = ESTALE; /* something else has that name now: the kernel looks again */
    struct node *node = error ? NULL : node_see(parent, name, &attr);
    if (!error && !node)
        error = ENOMEM;
    if (error) {
        if (fd >= 0)
            close(fd);
        return error;
    }
    *handle = handle_open(node, fd);
    if (!*handle) {
        node_put(node);
        return ENOMEM;
    }
    ops_fill_entry(parent, parent_ino, node, &attr, entry);
    return 0;
}

void op_create(fuse_req_t req, fuse_ino_t parent_ino, const char *name, mode_t mode, struct fuse_file_info *info)
{
    count_call(CALL_CREATE);
    struct node *parent = ops_take(req, parent_ino);
    struct fuse_entry_param entry = {0};
    struct handle *handle = NULL;
    bool is_exec;
    int flags = platform_open_flags(info->flags, &is_exec) | O_CREAT | (info->flags & (O_EXCL | O_TRUNC));
    caller_assume_umask(req);
    int error = parent ? create(parent, parent_ino, name, flags, mode & 07777, &entry, &handle) : ENOENT;
    ops_give(parent_ino, parent);
    if (error) {
        fuse_reply_err(req, error);
        return;
    }
    info->fh = (uintptr_t)handle;
    info->direct_io = (info->flags & platform_direct_flag) != 0;
    if (fuse_reply_create(req, &entry, info) < 0) {
        handle_close(handle);
        node_put(ops_node(entry.ino));
    }
}

/* One buffer per worker, as large as the largest read it has served. */
static _Thread_local struct {
    char *data;
    size_t size;
} buffer;

static pthread_key_t buffer_end;
static pthread_once_t buffer_end_once = PTHREAD_ONCE_INIT;

static void make_buffer_end(void)
{
    pthread_key_create(&buffer_end, free);
}

static char *get_buffer(size_t size)
{
    if (size > buffer.size) {
        pthread_once(&buffer_end_once, make_buffer_end);
        free(buffer.data);
        buffer.data = malloc(size);
        buffer.size = buffer.data ? size : 0;
        pthread_setspecific(buffer_end, buffer.data);
    }
    return buffer.data;
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
    count_call(CALL_READ);
    (void)ino;
    char *data = get_buffer(size);
    if (!data) {
        fuse_reply_err(req, ENOMEM);
        return;
    }
    size_t length = 0;
    while (length < size) {
        ssize_t part = pread(handle_in(info)->fd, data + length, size - length, offset + (off_t)length);
        if (part < 0 && length == 0) {
            fuse_reply_err(req, errno);
            return;
        }
        if (part <= 0)
            break;
        length += (size_t)part;
    }
    fuse_reply_buf(req, data, length);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset, struct fuse_file_info *info)
{
    count_call(CALL_WRITE);
    (void)ino;
    caller_assume(req); /* so that set-id bits are dropped when it is not root who writes */
    size_t length = 0;
    while (length < size) {
        ssize_t part = pwrite(handle_in(info)->fd, data + length, size - length, offset + (off_t)length);
        if (part < 0 && length == 0) {
            fuse_reply_err(req, errno);
            return;
        }
        if (part <= 0)
            break;
        length += (size_t)part;
    }
    fuse_reply_write(req, length);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    count_call(CALL_RELEASE);
    (void)ino;
    handle_close(handle_in(info));
    fuse_reply_err(req, 0);
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *info)
{
    count_call(CALL_FSYNC);
    (void)ino;
    int fd = handle_in(info)->fd;
    fuse_reply_err(req, data_only ? platform_sync_data(fd) : fsync(fd) < 0 ? errno : 0);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length, struct fuse_file_info *info)
{
    count_call(CALL_FALLOCATE);
    (void)ino;
    caller_assume(req);
    fuse_reply_err(req, platform_allocate(handle_in(info)->fd, mode, offset, length));
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *info)
{
    count_call(CALL_LSEEK);
    (void)ino;
    off_t found = lseek(handle_in(info)->fd, offset, whence);
    if (found < 0)
        fuse_reply_err(req, errno);
    else
        fuse_reply_lseek(req, found);
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset, struct fuse_file_info *from_info,
                        fuse_ino_t to, off_t to_offset, struct fuse_file_info *to_info, size_t length, int flags)
{
    count_call(CALL_COPY_FILE_RANGE);
    (void)from;
    (void)to;
    caller_assume(req);
    ssize_t copied = platform_copy_range(handle_in(from_info)->fd, from_offset, handle_in(to_info)->fd, to_offset,
                                         length, flags);
    if (copied < 0)
        fuse_reply_err(req, (int)-copied);
    else
        fuse_reply_write(req, (size_t)copied);
}
