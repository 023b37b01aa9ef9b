#include "caller.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "platform.h"

/*
 * A thread's supplementary groups are read from the system and remembered for this long under (thread, user, group).
 * Only root can change a thread's groups, and a thread that becomes another user is another key.
 */
enum { GROUPS_LIFE_MS = 200, GROUPS_REMEMBERED_MAX = 32, GROUP_ENTRIES = 256, THREADS_MAX = 64 };

struct groups {
    int count;
    gid_t ids[GROUPS_REMEMBERED_MAX];
};

struct group_entry {
    pthread_mutex_t lock;
    pid_t pid;
    uid_t uid;
    gid_t gid;
    uint64_t read_ms;
    struct groups groups;
};

static struct group_entry group_entries[GROUP_ENTRIES] = {
    [0 ... GROUP_ENTRIES - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

/* What this thread is at the moment. */
static _Thread_local struct {
    bool is_set_up;
    uid_t uid;
    gid_t gid;
    pid_t groups_pid; /* whose groups these are, and since when */
    uid_t groups_uid;
    gid_t groups_gid;
    uint64_t groups_read_ms;
    bool has_groups;
    struct groups groups;
    mode_t umask;
} self;

static _Atomic pid_t own_threads[THREADS_MAX];
static pthread_key_t thread_end;
static pthread_once_t thread_end_once = PTHREAD_ONCE_INIT;

static void forget_thread(void *slot)
{
    atomic_store((_Atomic pid_t *)slot, 0);
}

static void make_thread_end(void)
{
    pthread_key_create(&thread_end, forget_thread);
}

static void set_up_thread(void)
{
    self.is_set_up = true; /* started by root, before the first call: see workers.c */
    self.uid = geteuid();
    self.gid = getegid();
    self.umask = platform_own_umask();
    pthread_once(&thread_end_once, make_thread_end);
    for (int i = 0; i < THREADS_MAX; i++) {
        pid_t free_slot = 0;
        if (atomic_compare_exchange_strong(&own_threads[i], &free_slot, platform_thread_id())) {
            pthread_setspecific(thread_end, &own_threads[i]);
            return;
        }
    }
    log_event(LOG_WARNING, "more than %d threads", THREADS_MAX);
}

bool caller_is_self(const struct fuse_ctx *context)
{
    if (context->pid == getpid())
        return true;
    for (int i = 0; i < THREADS_MAX; i++)
        if (context->pid != 0 && atomic_load_explicit(&own_threads[i], memory_order_relaxed) == context->pid)
            return true;
    return false;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(platform_coarse_clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static struct group_entry *entry_of(const struct fuse_ctx *context)
{
    uint32_t hash = (uint32_t)context->pid * 2654435761u ^ context->uid;
    return &group_entries[(hash >> 8) % GROUP_ENTRIES];
}

static bool recall_groups(const struct fuse_ctx *context, uint64_t now, struct groups *groups)
{
    struct group_entry *entry = entry_of(context);
    pthread_mutex_lock(&entry->lock);
    bool is_known = entry->pid == context->pid && entry->uid == context->uid && entry->gid == context->gid &&
                    entry->read_ms != 0 && now - entry->read_ms < GROUPS_LIFE_MS;
    if (is_known)
        *groups = entry->groups;
    pthread_mutex_unlock(&entry->lock);
    return is_known;
}

/* More groups than are remembered come out as a count above the limit, and are read anew each time. */
static void read_groups(const struct fuse_ctx *context, uint64_t now, struct groups *groups)
{
    struct identity before = caller_become_root(); /* a hidden /proc is readable to root only */
    platform_read_groups(context->pid, context->uid, context->gid, groups->ids, GROUPS_REMEMBERED_MAX, &groups->count);
    caller_restore(&before);
    if (groups->count > GROUPS_REMEMBERED_MAX)
        return;
    struct group_entry *entry = entry_of(context);
    pthread_mutex_lock(&entry->lock);
    entry->pid = context->pid;
    entry->uid = context->uid;
    entry->gid = context->gid;
    entry->read_ms = now;
    entry->groups = *groups;
    pthread_mutex_unlock(&entry->lock);
}

static void assume_groups(const struct fuse_ctx *context)
{
    uint64_t now = now_ms();
    bool is_same = self.has_groups && self.groups_pid == context->pid && self.groups_uid == context->uid &&
                   self.groups_gid == context->gid && now - self.groups_read_ms < GROUPS_LIFE_MS;
    if (is_same)
        return;
    struct groups groups = {0};
    if (!recall_groups(context, now, &groups))
        read_groups(context, now, &groups);
    bool fits = groups.count <= GROUPS_REMEMBERED_MAX;
    if (!fits) {
        platform_assume_many_groups(context->pid, groups.count);
    } else if (!self.has_groups || self.groups.count != groups.count ||
               memcmp(self.groups.ids, groups.ids, sizeof groups.ids[0] * (size_t)groups.count) != 0) {
        platform_assume_groups(groups.ids, groups.count);
        self.groups = groups;
    }
    self.has_groups = fits;
    self.groups_pid = context->pid;
    self.groups_uid = context->uid;
    self.groups_gid = context->gid;
    self.groups_read_ms = now;
}

static void switch_to(uid_t uid, gid_t gid)
{
    if (self.uid == uid && self.gid == gid)
        return;
    platform_assume_user(uid, gid, &self.uid, &self.gid);
    self.uid = uid;
    self.gid = gid;
}

void caller_assume(fuse_req_t req)
{
    const struct fuse_ctx *context = fuse_req_ctx(req);
    if (!self.is_set_up)
        set_up_thread();
    if (context->uid != 0 && platform_has_groups_per_thread)
        assume_groups(context);
    switch_to(context->uid, context->gid);
}

void caller_assume_umask(fuse_req_t req)
{
    mode_t mask = fuse_req_ctx(req)->umask & 0777;
    if (!self.is_set_up)
        set_up_thread();
    if (self.umask == mask)
        return;
    platform_assume_umask(mask);
    self.umask = mask;
}

struct identity caller_become_root(void)
{
    if (!self.is_set_up)
        set_up_thread();
    struct identity before = {.uid = self.uid, .gid = self.gid, .was_changed = self.uid != 0};
    if (self.uid != 0)
        switch_to(0, self.gid);
    return before;
}

void caller_restore(const struct identity *before)
{
    if (before->was_changed)
        switch_to(before->uid, before->gid);
}
