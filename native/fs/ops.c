#include "ops.h"

#include <string.h>

#include "platform.h"
#include "restrict.h"
#include "scoreboard.h"

#define CALL_NAME(id, name) name,
const char *const call_names[CALL_KIND_COUNT] = {CALL_KINDS(CALL_NAME)};
#undef CALL_NAME
_Atomic uint64_t call_counts[CALL_KIND_COUNT];

static _Atomic bool is_initialized;
static _Atomic unsigned attribute_timeout_ms, entry_timeout_ms;

_Static_assert(sizeof(fuse_ino_t) >= sizeof(void *), "a node's address must fit in the kernel's number for it");

void ops_configure(const struct settings *settings)
{
    double entry = settings->entry_timeout_s;
    if (entry > platform_entry_timeout_max)
        entry = platform_entry_timeout_max;
    atomic_store(&attribute_timeout_ms, (unsigned)(settings->attribute_timeout_s * 1000));
    atomic_store(&entry_timeout_ms, (unsigned)(entry * 1000));
}

bool ops_is_initialized(void)
{
    return atomic_load(&is_initialized);
}

static bool lets_kernel_check;

void ops_let_kernel_check(void)
{
    lets_kernel_check = true;
}

static void op_init(void *context, struct fuse_conn_info *connection)
{
    (void)context;
    /* Locks stay with the kernel, which knows every process of this machine. */
    connection->want &= ~(unsigned)(FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS);
    /* Reading requests through a pipe costs a second system call each. */
    connection->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
    /* Set-id bits are dropped, and the file mode mask or a default ACL is applied, by the backing file system. */
    connection->want |= connection->capable & (FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_DONT_MASK | FUSE_CAP_ATOMIC_O_TRUNC |
                                               FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_CACHE_SYMLINKS);
    if (lets_kernel_check) /* implies default_permissions */
        connection->want |= connection->capable & FUSE_CAP_POSIX_ACL;
    atomic_store(&is_initialized, true);
}

struct node *ops_take(fuse_req_t req, fuse_ino_t ino)
{
    caller_assume(req);
    return ino == FUSE_ROOT_ID ? scoreboard_root(req) : ops_node(ino);
}

void ops_give(fuse_ino_t ino, struct node *node)
{
    if (ino == FUSE_ROOT_ID && node)
        node_put(node);
}

double ops_attribute_timeout(fuse_ino_t ino)
{
    return ino == FUSE_ROOT_ID ? 0 : atomic_load_explicit(&attribute_timeout_ms, memory_order_relaxed) / 1000.0;
}

struct stat ops_visible_stat(const struct node *node, const struct attributes *attr)
{
    struct stat st = attr->st;
    /* The mount has one device number, so equal inode numbers of two devices would look like hard links. */
    if (st.st_dev != node->tree->device)
        st.st_ino ^= (ino_t)((uint64_t)st.st_dev * 0x9E3779B97F4A7C15ull) | (1ull << 63);
    return st;
}

void ops_fill_entry(struct node *parent, fuse_ino_t parent_ino, struct node *node, const struct attributes *attr,
                    struct fuse_entry_param *entry)
{
    memset(entry, 0, sizeof *entry);
    entry->ino = (fuse_ino_t)(uintptr_t)node;
    entry->generation = node->generation;
    entry->attr = ops_visible_stat(node, attr);
    entry->attr_timeout = ops_attribute_timeout(entry->ino);
    /* Below the mount root every caller has other entries: the kernel must ask each time. */
    if (parent_ino != FUSE_ROOT_ID && restrict_may_cache_entries(parent))
        entry->entry_timeout = atomic_load_explicit(&entry_timeout_ms, memory_order_relaxed) / 1000.0;
}

const struct fuse_lowlevel_ops operations = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .symlink = op_symlink,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .rename = op_rename,
    .link = op_link,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .access = op_access,
    .statfs = op_statfs,
    .open = op_open,
    .create = op_create,
    .read = op_read,
    .write = op_write,
    .release = op_release,
    .fsync = op_fsync,
    .fallocate = op_fallocate,
    .lseek = op_lseek,
    .copy_file_range = op_copy_file_range,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .releasedir = op_releasedir,
    .fsyncdir = op_fsyncdir,
    .setxattr = op_setxattr,
    .getxattr = op_getxattr,
    .listxattr = op_listxattr,
    .removexattr = op_removexattr,
};
