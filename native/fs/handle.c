#include "handle.h"

#include <stdlib.h>
#include <unistd.h>

static _Atomic uint64_t open_files;
static uint64_t tree_limit = UINT64_MAX;

void handle_init(unsigned limit)
{
    /* With few descriptors a part of them would be too few for anybody. */
    enum { SHARED_FROM = 1024 };
    if (limit >= SHARED_FROM)
        tree_limit = limit / 4 * 3;
}

bool handle_may_open(const struct tree *tree)
{
    return atomic_load_explicit(&tree->open_files, memory_order_relaxed) +
               atomic_load_explicit(&tree->open_streams, memory_order_relaxed) <
           tree_limit;
}

void handle_count_stream(struct tree *tree, int change)
{
    atomic_fetch_add_explicit(&tree->open_streams, (uint64_t)(int64_t)change, memory_order_relaxed);
}

struct handle *handle_open(struct node *node, int fd)
{
    struct handle *handle = calloc(1, sizeof *handle);
    if (!handle) {
        close(fd);
        return NULL;
    }
    handle->fd = fd;
    handle->node = node;
    atomic_store_explicit(&handle->references, 1, memory_order_relaxed);
    node_get(node);
    node_lock(node);
    handle->next = node->handles;
    if (handle->next)
        handle->next->previous = handle;
    node->handles = handle;
    node_unlock(node);
    atomic_fetch_add_explicit(&open_files, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&node->tree->open_files, 1, memory_order_relaxed);
    return handle;
}

struct handle *handle_of(struct node *node)
{
    node_lock(node);
    struct handle *handle = node->handles;
    if (handle)
        atomic_fetch_add_explicit(&handle->references, 1, memory_order_relaxed);
    node_unlock(node);
    return handle;
}

void handle_put(struct handle *handle)
{
    if (atomic_fetch_sub(&handle->references, 1) != 1)
        return;
    close(handle->fd);
    free(handle);
}

void handle_close(struct handle *handle)
{
    struct node *node = handle->node;
    node_lock(node);
    if (handle->previous)
        handle->previous->next = handle->next;
    else
        node->handles = handle->next;
    if (handle->next)
        handle->next->previous = handle->previous;
    node_unlock(node);
    atomic_fetch_sub_explicit(&open_files, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&node->tree->open_files, 1, memory_order_relaxed);
    handle_put(handle);
    node_put(node);
}

uint64_t handle_count(void)
{
    return atomic_load_explicit(&open_files, memory_order_relaxed);
}
