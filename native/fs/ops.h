/* The file system's operations, by kind: names (entry), attributes, files, directories, extended attributes. */
#ifndef OBFS_OPS_H
#define OBFS_OPS_H

#include "caller.h"
#include "counters.h"
#include "node.h"
#include "options.h"

extern const struct fuse_lowlevel_ops operations;

void ops_configure(const struct settings *settings);
/* Before mounting: the kernel checks permissions as well, access control lists included. */
void ops_let_kernel_check(void);
/* True once the kernel has said hello. */
bool ops_is_initialized(void);

/* --- shared by the operations --- */

/* The node of `ino` for this caller, whose rights the thread takes on. NULL: the caller has no tree. */
struct node *ops_take(fuse_req_t req, fuse_ino_t ino);
void ops_give(fuse_ino_t ino, struct node *node);
double ops_attribute_timeout(fuse_ino_t ino);
/* The stat that callers see. */
struct stat ops_visible_stat(const struct node *node, const struct attributes *attr);
/* What a lookup of `name` in `parent` answers; counts as one more reference that the kernel holds. 0 or errno. */
int ops_see(struct node *parent, fuse_ino_t parent_ino, const char *name, struct fuse_entry_param *entry);
void ops_fill_entry(struct node *parent, fuse_ino_t parent_ino, struct node *node, const struct attributes *attr,
                    struct fuse_entry_param *entry);
/* Opens the node by name, for writing, and cuts it. 0 or errno. */
int ops_truncate(struct node *node, off_t size);
/* The kernel's number for a node is its address; the mount root is FUSE_ROOT_ID. */
static inline struct node *ops_node(fuse_ino_t ino)
{
    return (struct node *)(uintptr_t)ino;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
               unsigned flags);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname);

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *wanted, int which, struct fuse_file_info *info);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_access(fuse_req_t req, fuse_ino_t ino, int mask);
void op_statfs(fuse_req_t req, fuse_ino_t ino);

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *info);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
              struct fuse_file_info *info);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *info);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length, struct fuse_file_info *info);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *info);
void op_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset, struct fuse_file_info *from_info,
                        fuse_ino_t to, off_t to_offset, struct fuse_file_info *to_info, size_t length, int flags);

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *info);

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *key, const char *value, size_t size, int flags);
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *key, size_t size);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *key);

#endif
