/* Operations on names: finding, making, moving and removing them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dirfd.h"
#include "ops.h"
#include "platform.h"
#include "restrict.h"
#include "spot.h"

int ops_see(struct node *parent, fuse_ino_t parent_ino, const char *name, struct fuse_entry_param *entry)
{
    if (parent_ino == FUSE_ROOT_ID && platform_is_hidden(name))
        return ENOENT;
    int fd = dirfd_acquire(parent);
    if (fd < 0)
        return -fd;
    struct attributes attr;
    int error = platform_stat(fd, name, &attr);
    struct node *node = error ? NULL : node_see(parent, name, &attr);
    if (node)
        restrict_note(node, &attr, fd, name);
    dirfd_release(parent);
    if (error)
        return error;
    if (!node)
        return ENOMEM;
    ops_fill_entry(parent, parent_ino, node, &attr, entry);
    return 0;
}

/* An answer that did not reach the kernel (the call was interrupted) leaves no reference behind. */
static void reply_entry(fuse_req_t req, int error, const struct fuse_entry_param *entry)
{
    if (error)
        fuse_reply_err(req, error);
    else if (fuse_reply_entry(req, entry) < 0)
        node_put(ops_node(entry->ino));
}

void op_lookup(fuse_req_t req, fuse_ino_t parent_ino, const char *name)
{
    count_call(CALL_LOOKUP);
    struct fuse_entry_param entry = {0};
    struct node *parent = ops_take(req, parent_ino);
    int error = parent ? ops_see(parent, parent_ino, name, &entry) : ENOENT;
    ops_give(parent_ino, parent);
    reply_entry(req, error, &entry);
}

static void forget(fuse_ino_t ino, uint64_t count)
{
    if (ino != FUSE_ROOT_ID && count > 0)
        node_put_many(ops_node(ino), count);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
    count_call(CALL_FORGET);
    forget(ino, count);
    fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
    count_call(CALL_FORGET);
    for (size_t i = 0; i < count; i++)
        forget(forgets[i].ino, forgets[i].nlookup);
    fuse_reply_none(req);
}

/* What is to be made: a file of some type, a directory or a link. */
struct creation {
    mode_t mode;
    dev_t device;
    const char *target;
};

static int make_at(int dirfd, const char *name, const struct creation *wanted)
{
    int result;
    if (wanted->target)
        result = symlinkat(wanted->target, dirfd, name);
    else if (S_ISDIR(wanted->mode))
        result = mkdirat(dirfd, name, wanted->mode & 07777);
    else
        result = platform_mknod(dirfd, name, wanted->mode, wanted->device);
    return result < 0 ? errno : 0;
}

static void make(fuse_req_t req, fuse_ino_t parent_ino, const char *name, const struct creation *wanted)
{
    struct fuse_entry_param entry = {0};
    struct node *parent = ops_take(req, parent_ino);
    int fd = -1, error = ENOENT;
    if (parent_ino == FUSE_ROOT_ID && platform_is_hidden(name)) {
        error = EACCES;
    } else if (parent) {
        fd = dirfd_acquire(parent);
        caller_assume_umask(req);
        error = fd < 0 ? -fd : make_at(fd, name, wanted);
    }
    if (!error)
        error = ops_see(parent, parent_ino, name, &entry);
    if (fd >= 0)
        dirfd_release(parent);
    ops_give(parent_ino, parent);
    reply_entry(req, error, &entry);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
    count_call(CALL_MKNOD);
    make(req, parent, name, &(struct creation){.mode = mode, .device = device});
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    count_call(CALL_MKDIR);
    make(req, parent, name, &(struct creation){.mode = S_IFDIR | mode});
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
    count_call(CALL_SYMLINK);
    make(req, parent, name, &(struct creation){.mode = S_IFLNK, .target = target});
}

/*
 * The kernel opens FIFOs, and enters directories, without telling us. One that loses its name while it is open, or while
 * it is somebody's current directory, must still answer stat: so it gets a descriptor before.
 */
static void keep_reachable(struct node *parent, int dirfd, const char *name, bool is_directory)
{
    struct attributes attr;
    if ((!is_directory && !node_any_special()) || platform_stat(dirfd, name, &attr) != 0 ||
        S_ISREG(attr.st.st_mode) || S_ISLNK(attr.st.st_mode))
        return;
    struct node *node = node_find(parent->tree, &attr);
    if (!node)
        return;
    if (node->type == S_IFDIR) {
        if (dirfd_acquire(node) >= 0)
            dirfd_release(node);
    } else {
        int pin = platform_pin(dirfd, name);
        if (pin >= 0)
            dirfd_set_pin(node, pin);
    }
    node_put(node);
}

static void remove_name(fuse_req_t req, fuse_ino_t parent_ino, const char *name, int flags)
{
    struct node *parent = ops_take(req, parent_ino);
    int error = ENOENT;
    if (parent) {
        int fd = dirfd_acquire(parent);
        if (fd >= 0)
            keep_reachable(parent, fd, name, flags & AT_REMOVEDIR);
        error = fd < 0 ? -fd : unlinkat(fd, name, flags) < 0 ? errno : 0;
        if (fd >= 0)
            dirfd_release(parent);
    }
    ops_give(parent_ino, parent);
    fuse_reply_err(req, error);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    count_call(CALL_UNLINK);
    remove_name(req, parent, name, 0);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    count_call(CALL_RMDIR);
    remove_name(req, parent, name, AT_REMOVEDIR);
}

/* After a rename: the node, if it is known, has this name now. The old one is forgotten when it proves wrong. */
static void note_moved(struct node *parent, int dirfd, const char *name)
{
    struct attributes attr;
    if (platform_stat(dirfd, name, &attr) == 0)
        node_note_name(parent, name, &attr);
}

static int rename_between(struct node *parent, const char *name, struct node *newparent, const char *newname,
                          unsigned flags)
{
    /* The two ends belong to two trees only while the caller's link is being pointed elsewhere. */
    if (parent->tree != newparent->tree)
        return EXDEV;
    int from = dirfd_acquire(parent);
    if (from < 0)
        return -from;
    int to = dirfd_acquire(newparent);
    if (to >= 0)
        keep_reachable(newparent, to, newname, false);
    int error = to < 0 ? -to : platform_rename(from, name, to, newname, flags);
    if (!error) {
        note_moved(newparent, to, newname);
        if (flags & platform_rename_swaps)
            note_moved(parent, from, name);
    }
    if (to >= 0)
        dirfd_release(newparent);
    dirfd_release(parent);
    return error;
}

void op_rename(fuse_req_t req, fuse_ino_t parent_ino, const char *name, fuse_ino_t newparent_ino, const char *newname,
               unsigned flags)
{
    count_call(CALL_RENAME);
    struct node *parent = ops_take(req, parent_ino), *newparent = ops_take(req, newparent_ino);
    int error = parent && newparent ? rename_between(parent, name, newparent, newname, flags) : ENOENT;
    ops_give(parent_ino, parent);
    ops_give(newparent_ino, newparent);
    fuse_reply_err(req, error);
}

/* Makes `name` in `dirfd` another name of the node. Undone if it turns out to be of another file. */
static int link_node(struct node *node, int dirfd, const char *name)
{
    struct spot spot;
    int error = spot_find_name(node, &spot);
    while (!error) {
        struct attributes attr;
        error = linkat(spot.dirfd, spot.name, dirfd, name, 0) < 0 ? errno : 0;
        if (!error && platform_stat(dirfd, name, &attr) == 0 && !node_is(node, &attr)) {
            unlinkat(dirfd, name, 0);
            error = ESTALE;
        }
        if (!spot_is_wrong(error) || (error == ENOENT && platform_stat(spot.dirfd, spot.name, &attr) == 0))
            break;
        error = spot_next(&spot);
    }
    spot_release(&spot);
    return error;
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent_ino, const char *name)
{
    count_call(CALL_LINK);
    struct fuse_entry_param entry = {0};
    struct node *parent = ops_take(req, parent_ino), *node = ops_node(ino);
    int fd = -1, error = ENOENT;
    if (parent && parent->tree != node->tree) {
        error = EXDEV;
    } else if (parent) {
        fd = dirfd_acquire(parent);
        error = fd < 0 ? -fd : link_node(node, fd, name);
    }
    if (!error)
        error = ops_see(parent, parent_ino, name, &entry);
    if (fd >= 0)
        dirfd_release(parent);
    ops_give(parent_ino, parent);
    reply_entry(req, error, &entry);
}
