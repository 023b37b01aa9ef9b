#include "spot.h"

#include <errno.h>
#include <unistd.h>

#include "dirfd.h"
#include "platform.h"
#include "restrict.h"

static void clear(struct spot *spot, struct node *node)
{
    spot->node = node;
    spot->dirfd = -1;
    spot->name[0] = 0;
    spot->is_open_file = false;
    spot->parent = NULL;
    spot->handle = NULL;
    spot->pin = -1;
}

bool spot_is_wrong(int error)
{
    return error == ENOENT || error == ESTALE;
}

static int use_directory(struct spot *spot)
{
    int fd = dirfd_acquire(spot->node);
    if (fd < 0)
        return -fd;
    spot->dirfd = fd;
    spot->parent = spot->node; /* pinned; needs a reference like any parent */
    node_get(spot->node);
    return 0;
}

static int use_name(struct spot *spot)
{
    struct node *parent;
    while ((parent = node_name(spot->node, 0, spot->name))) {
        int fd = dirfd_acquire(parent);
        if (fd >= 0) {
            spot->dirfd = fd;
            spot->parent = parent;
            return 0;
        }
        if (fd != -ESTALE) {
            node_put(parent);
            return -fd;
        }
        node_forget_name(spot->node, parent, spot->name);
        node_put(parent);
    }
    spot->name[0] = 0;
    return ESTALE;
}

int spot_find_name(struct node *node, struct spot *spot)
{
    clear(spot, node);
    return node_is_root(node) ? use_directory(spot) : use_name(spot);
}

int spot_find(struct node *node, struct spot *spot)
{
    clear(spot, node);
    if (node->type == S_IFDIR)
        return use_directory(spot);
    spot->handle = handle_of(node);
    if (!spot->handle && dirfd_pin(node) >= 0) {
        spot->dirfd = dirfd_pin(node);
        return 0;
    }
    if (!spot->handle)
        return use_name(spot);
    spot->dirfd = spot->handle->fd;
    spot->is_open_file = true;
    return 0;
}

int spot_next(struct spot *spot)
{
    if (!spot->name[0] || !spot->parent)
        return ESTALE;
    node_forget_name(spot->node, spot->parent, spot->name);
    struct node *node = spot->node;
    spot_release(spot);
    clear(spot, node);
    return use_name(spot);
}

int spot_find_pinned(struct node *node, struct spot *spot)
{
    int error = spot_find(node, spot);
    while (!error && spot->name[0]) {
        struct attributes attr;
        int pin = platform_pin(spot->dirfd, spot->name);
        error = pin >= 0 ? platform_stat(pin, "", &attr)
                         : pin == -ENOTSUP ? platform_stat(spot->dirfd, spot->name, &attr) : -pin;
        if (!error && node_is(node, &attr)) {
            if (pin >= 0) {
                spot->pin = spot->dirfd = pin;
                spot->name[0] = 0;
            }
            return 0;
        }
        if (pin >= 0)
            close(pin);
        if (!error || spot_is_wrong(error))
            error = spot_next(spot);
    }
    if (error)
        spot_release(spot);
    return error;
}

int spot_stat(struct node *node, struct attributes *attr)
{
    struct spot spot;
    int error = spot_find(node, &spot);
    while (!error) {
        error = platform_stat(spot.dirfd, spot.name, attr);
        if (!error && node_is(node, attr)) {
            restrict_note(node, attr, spot.dirfd, spot.name);
            break;
        }
        if (!error || spot_is_wrong(error))
            error = spot_next(&spot);
        else
            break;
    }
    spot_release(&spot);
    return error;
}

void spot_release(struct spot *spot)
{
    if (spot->parent) {
        dirfd_release(spot->parent);
        node_put(spot->parent);
        spot->parent = NULL;
    }
    if (spot->handle) {
        handle_put(spot->handle);
        spot->handle = NULL;
    }
    if (spot->pin >= 0) {
        close(spot->pin);
        spot->pin = -1;
    }
}
