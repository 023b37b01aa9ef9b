/* Operations on extended attributes, and the status that root reads as one of the mount root's. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops.h"
#include "platform.h"
#include "restrict.h"
#include "spot.h"
#include "status.h"

enum { LIST_BYTES_MAX = 65536, NONE_LIFE_MS = 1000 };

/* Milliseconds since boot, cut to 32 bits and never 0, which stands for "not known". */
static uint32_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(platform_coarse_clock, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) | 1;
}

/*
 * Most files have no attributes at all, and tools ask for several of each file (capabilities, two ACLs). That a file has
 * none is remembered as long as the kernel keeps its other attributes.
 */
static bool is_known_to_have_none(struct node *node)
{
    uint32_t until = atomic_load_explicit(&node->no_xattr_until_ms, memory_order_relaxed);
    return until != 0 && (int32_t)(until - clock_ms()) > 0;
}

static bool has_none(struct node *node, const struct spot *spot)
{
    if (platform_listxattr(spot->dirfd, spot->name, NULL, 0) != 0)
        return false;
    atomic_store_explicit(&node->no_xattr_until_ms, (clock_ms() + NONE_LIFE_MS) | 1, memory_order_relaxed);
    return true;
}

/* Attributes of users are only shown to those who may read the file, so they are always asked for. */
static bool is_of_users(const char *key)
{
    return strncmp(key, "user.", 5) == 0;
}

/* Answers the status attributes. False: not one of them. */
static bool reply_status(fuse_req_t req, fuse_ino_t ino, const char *key, size_t size)
{
    if (ino != FUSE_ROOT_ID || !status_is_key(key) || fuse_req_ctx(req)->uid != 0)
        return false;
    char *text = status_render(key);
    size_t length = text ? strlen(text) : 0;
    if (!text)
        fuse_reply_err(req, ENOMEM);
    else if (size == 0)
        fuse_reply_xattr(req, length + STATUS_GROWTH_BYTES);
    else if (length > size)
        fuse_reply_err(req, ERANGE);
    else
        fuse_reply_buf(req, text, length);
    free(text);
    return true;
}

static ssize_t get(struct node *node, const char *key, void *value, size_t size)
{
    struct spot spot;
    int error = spot_find(node, &spot);
    ssize_t length = -ESTALE;
    while (!error) {
        if (!is_of_users(key) && has_none(node, &spot))
            length = -platform_no_xattr;
        else
            length = platform_getxattr(spot.dirfd, spot.name, key, value, size);
        if (length >= 0 || !spot_is_wrong((int)-length))
            break;
        error = spot_next(&spot);
    }
    spot_release(&spot);
    return error ? -error : length;
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *key, size_t size)
{
    count_call(CALL_GETXATTR);
    if (reply_status(req, ino, key, size))
        return;
    if (ino != FUSE_ROOT_ID && !is_of_users(key) && is_known_to_have_none(ops_node(ino))) {
        fuse_reply_err(req, platform_no_xattr);
        return;
    }
    struct node *node = ops_take(req, ino);
    char *value = size ? malloc(size) : NULL;
    ssize_t length = !node ? -platform_no_xattr : size && !value ? -ENOMEM : get(node, key, value, size);
    ops_give(ino, node);
    if (length < 0)
        fuse_reply_err(req, (int)-length);
    else if (size == 0)
        fuse_reply_xattr(req, (size_t)length);
    else
        fuse_reply_buf(req, value, (size_t)length);
    free(value);
}

/* Names that only root sees, and that the daemon's own rights would show to everybody. */
static size_t drop_hidden_names(char *list, size_t length)
{
    size_t kept = 0;
    for (size_t at = 0, next; at < length; at = next) {
        next = at + strnlen(list + at, length - at) + 1;
        if (strncmp(list + at, "trusted.", 8) == 0)
            continue;
        memmove(list + kept, list + at, next - at);
        kept += next - at;
    }
    return kept;
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    count_call(CALL_LISTXATTR);
    struct node *node = ops_take(req, ino);
    struct spot spot;
    ssize_t length = 0;
    char *list = malloc(LIST_BYTES_MAX);
    int error = list ? 0 : ENOMEM;
    if (node && !error && (error = spot_find(node, &spot)) == 0) {
        do {
            length = platform_listxattr(spot.dirfd, spot.name, list, LIST_BYTES_MAX);
            error = length < 0 ? (int)-length : 0;
        } while (spot_is_wrong(error) && (error = spot_next(&spot)) == 0);
        spot_release(&spot);
    }
    ops_give(ino, node);
    size_t shown = error ? 0 : (size_t)length;
    if (!error && fuse_req_ctx(req)->uid != 0)
        shown = drop_hidden_names(list, shown);
    if (!error && size > 0 && shown > size)
        error = ERANGE;
    if (error)
        fuse_reply_err(req, error);
    else if (size == 0)
        fuse_reply_xattr(req, shown);
    else
        fuse_reply_buf(req, list, shown);
    free(list);
}

static void change(fuse_req_t req, fuse_ino_t ino, const char *key, const char *value, size_t size, int flags)
{
    struct node *node = ops_take(req, ino);
    struct spot spot;
    struct attributes attr;
    /* Attributes of a link are reached by its name: there is no other way to them. */
    int error = !node ? ENOENT : node->type == S_IFLNK ? spot_find(node, &spot) : spot_find_pinned(node, &spot);
    if (!error) {
        error = value ? platform_setxattr(spot.dirfd, spot.name, key, value, size, flags)
                      : platform_removexattr(spot.dirfd, spot.name, key);
        spot_release(&spot);
        atomic_store(&node->no_xattr_until_ms, 0);
        if (!error && platform_is_acl(key)) { /* it may have changed the mode, and who may search a directory */
            restrict_drop_attributes(ino);
            if (spot_stat(node, &attr) == 0 && S_ISDIR(attr.st.st_mode))
                restrict_wait(restrict_last_ticket());
        }
    }
    ops_give(ino, node);
    fuse_reply_err(req, error);
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *key, const char *value, size_t size, int flags)
{
    count_call(CALL_SETXATTR);
    change(req, ino, key, value, size, flags);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *key)
{
    count_call(CALL_REMOVEXATTR);
    change(req, ino, key, NULL, 0, 0);
}
