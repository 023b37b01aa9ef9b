#include "restrict.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "platform.h"

/* Long enough for the kernel to drop what it keeps, short enough to be no way of stopping the workers. */
enum { WAIT_MS = 50 };

struct order {
    struct order *next;
    uint64_t ticket;
    struct node *dir; /* one reference */
};

struct child {
    struct child *next;
    char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER, detached = PTHREAD_COND_INITIALIZER;
static struct order *orders, **orders_end = &orders;
static uint64_t last_ticket, last_detached;
static bool is_running;
static pthread_t thread;
static struct fuse_session *session;

/* In a builder's tree the builder is the only caller, and an owner's rights are in the mode; else it may be anybody. */
static bool is_restricted(const struct node *dir, const struct attributes *attr, int dirfd, const char *name)
{
    if (!dir->tree->is_fallback && attr->st.st_uid == dir->tree->owner)
        return !(attr->st.st_mode & S_IXUSR);
    mode_t all = S_IXUSR | S_IXGRP | S_IXOTH;
    return (attr->st.st_mode & all) != all || platform_has_acl(dirfd, name);
}

/*
 * Since Linux 6.16 one message makes the kernel ask again for every entry it keeps. It takes no lock, so it can be sent
 * before the call that changed the mode is answered. False: this kernel does not know it.
 */
static bool advance_epoch(void)
{
    static _Atomic bool is_unknown;
    enum { NOTIFY_INC_EPOCH = 8 };
    struct {
        uint32_t length;
        int32_t code;
        uint64_t unique;
    } message = {.length = sizeof message, .code = NOTIFY_INC_EPOCH};
    if (platform_has_epochs && !atomic_load(&is_unknown)) {
        if (write(fuse_session_fd(session), &message, sizeof message) == (ssize_t)sizeof message)
            return true;
        atomic_store(&is_unknown, true);
    }
    return false;
}

static uint64_t order_dropping(struct node *dir)
{
    struct order *order = malloc(sizeof *order);
    if (!order)
        return 0; /* the entries' own life time still ends */
    node_get(dir);
    order->dir = dir;
    order->next = NULL;
    pthread_mutex_lock(&lock);
    uint64_t ticket = order->ticket = ++last_ticket;
    *orders_end = order;
    orders_end = &order->next;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    return ticket;
}

uint64_t restrict_note(struct node *dir, const struct attributes *attr, int dirfd, const char *name)
{
    if (!S_ISDIR(attr->st.st_mode))
        return 0;
    if (!is_restricted(dir, attr, dirfd, name)) {
        if (atomic_load_explicit(&dir->state, memory_order_relaxed) & NODE_RESTRICTED)
            atomic_fetch_and(&dir->state, (uint8_t)~NODE_RESTRICTED);
        return 0;
    }
    uint8_t before = atomic_fetch_or(&dir->state, NODE_RESTRICTED);
    if (!(before & NODE_ENTRIES_CACHED))
        return 0;
    atomic_fetch_and(&dir->state, (uint8_t)~NODE_ENTRIES_CACHED);
    return advance_epoch() ? 0 : order_dropping(dir);
}

uint64_t restrict_last_ticket(void)
{
    pthread_mutex_lock(&lock);
    uint64_t ticket = last_ticket;
    pthread_mutex_unlock(&lock);
    return ticket;
}

void restrict_wait(uint64_t ticket)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&lock);
    while (last_detached < ticket && is_running)
        if (pthread_cond_timedwait(&detached, &lock, &until) != 0)
            break;
    pthread_mutex_unlock(&lock);
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
 * The kernel takes a directory's lock to drop an entry of it, and whoever holds that lock may be waiting for one of our
 * workers. So no worker drops entries: this thread does, and the workers wait for it no longer than WAIT_MS.
 *
 * First the directory itself is taken out of its parent, and with it all below that nobody uses; that can be done while
 * the call that changed the mode still holds the directory's lock. What is in use follows when that call has its answer.
 */
static void detach(struct node *dir)
{
    char name[NAME_BYTES_MAX + 1];
    struct node *parent = node_name(dir, 0, name);
    if (!parent)
        return;
    fuse_ino_t ino = node_is_root(parent) ? FUSE_ROOT_ID : (fuse_ino_t)(uintptr_t)parent;
    fuse_lowlevel_notify_inval_entry(session, ino, name, strlen(name));
    node_put(parent);
}

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
        if (!orders)
            orders_end = &orders;
        pthread_mutex_unlock(&lock);
        detach(order->dir);
        pthread_mutex_lock(&lock);
        last_detached = order->ticket;
        pthread_cond_broadcast(&detached);
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
