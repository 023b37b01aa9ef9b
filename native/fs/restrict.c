#include "restrict.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "platform.h"

struct order {
    struct order *next;
    struct node *dir; /* one reference */
};

struct child {
    struct child *next;
    char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct order *orders;
static bool is_running;
static pthread_t thread;
static struct fuse_session *session;

/* In a builder's tree the builder is the only caller; in the fallback it may be anybody. */
static bool is_restricted(const struct node *dir, const struct attributes *attr, int dirfd, const char *name)
{
    if (!dir->tree->is_fallback)
        return attr->st.st_uid != dir->tree->owner || !(attr->st.st_mode & S_IXUSR);
    mode_t all = S_IXUSR | S_IXGRP | S_IXOTH;
    return (attr->st.st_mode & all) != all || platform_has_acl(dirfd, name);
}

static void order_dropping(struct node *dir)
{
    struct order *order = malloc(sizeof *order);
    if (!order)
        return; /* the entries' own life time still ends */
    node_get(dir);
    order->dir = dir;
    pthread_mutex_lock(&lock);
    order->next = orders;
    orders = order;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

void restrict_note(struct node *dir, const struct attributes *attr, int dirfd, const char *name)
{
    if (!S_ISDIR(attr->st.st_mode))
        return;
    if (!is_restricted(dir, attr, dirfd, name)) {
        if (atomic_load_explicit(&dir->state, memory_order_relaxed) & NODE_RESTRICTED)
            atomic_fetch_and(&dir->state, (uint8_t)~NODE_RESTRICTED);
        return;
    }
    uint8_t before = atomic_fetch_or(&dir->state, NODE_RESTRICTED);
    if (before & NODE_ENTRIES_CACHED) {
        atomic_fetch_and(&dir->state, (uint8_t)~NODE_ENTRIES_CACHED);
        order_dropping(dir);
    }
}

bool restrict_may_cache_entries(struct node *dir)
{
    uint8_t state = atomic_load_explicit(&dir->state, memory_order_relaxed);
    if (state & NODE_RESTRICTED)
        return false;
    if (!(state & NODE_ENTRIES_CACHED))
        state = atomic_fetch_or(&dir->state, NODE_ENTRIES_CACHED);
    return !(state & NODE_RESTRICTED);
}

static void collect(const char *name, void *context)
{
    struct child **children = context;
    struct child *child = malloc(sizeof *child + strlen(name) + 1);
    if (!child)
        return;
    strcpy(child->name, name);
    child->next = *children;
    *children = child;
}

/*
 * The kernel takes the directory's lock to drop an entry, and whoever holds that lock may be waiting for one of our
 * workers. So no worker may ever wait here: this thread does, and the workers go on.
 */
static void drop_entries(struct node *dir)
{
    struct child *children = NULL;
    node_each_child(dir, collect, &children);
    for (struct child *child = children, *next; child; child = next) {
        next = child->next;
        fuse_lowlevel_notify_inval_entry(session, (fuse_ino_t)(uintptr_t)dir, child->name, strlen(child->name));
        free(child);
    }
}

void restrict_drop_attributes(fuse_ino_t ino)
{
    fuse_lowlevel_notify_inval_inode(session, ino, -1, 0);
}

static void *serve_orders(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    while (is_running) {
        struct order *order = orders;
        if (!order) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        orders = order->next;
        pthread_mutex_unlock(&lock);
        drop_entries(order->dir);
        node_put(order->dir);
        free(order);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

bool restrict_start(struct fuse_session *for_session)
{
    session = for_session;
    is_running = true;
    return pthread_create(&thread, NULL, serve_orders, NULL) == 0;
}

void restrict_stop(void)
{
    pthread_mutex_lock(&lock);
    is_running = false;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
}
