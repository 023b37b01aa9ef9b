#include "dirfd.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "caller.h"
#include "platform.h"

/*
 * node->dirword holds everything the fast path needs in one atomic word: the pins in the low half, one bit "used since
 * the last sweep", and above it the descriptor plus one. Taking a kept descriptor is one addition, no lock; a sweep
 * closes a descriptor only by a compare-and-swap that saw no pin.
 */
static const uint64_t PIN = 1, PIN_MASK = 0xffffffffull, USED = 1ull << 32;
enum { FD_SHIFT = 33 };

/* Names are hints: directories that were moved behind our back can seem to lie in each other. */
enum { DEPTH_MAX = 100000 };

static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;
static struct node **slots; /* each non-empty slot holds a reference on its node */
static unsigned *free_slots;
static unsigned slot_limit, slot_hand, free_count;

static int fd_in(uint64_t word)
{
    return (int)(word >> FD_SHIFT) - 1;
}

static uint64_t word_with(int fd)
{
    return (uint64_t)(fd + 1) << FD_SHIFT;
}

bool dirfd_init(unsigned limit)
{
    slots = calloc(limit, sizeof *slots);
    free_slots = calloc(limit, sizeof *free_slots);
    if (!slots || !free_slots)
        return false;
    slot_limit = free_count = limit;
    for (unsigned i = 0; i < limit; i++)
        free_slots[i] = i;
    return true;
}

void dirfd_set_root(struct node *root, int fd)
{
    atomic_store(&root->dirword, word_with(fd));
}

void dirfd_set_pin(struct node *node, int fd)
{
    uint64_t none = 0;
    if (!atomic_compare_exchange_strong(&node->dirword, &none, word_with(fd)))
        close(fd);
}

int dirfd_pin(struct node *node)
{
    return node->type == S_IFDIR ? -1 : fd_in(atomic_load(&node->dirword));
}

/* Cache locked. Empties the slot if nobody uses the descriptor; the caller puts the node after unlocking. */
static struct node *evict(unsigned slot)
{
    struct node *node = slots[slot];
    uint64_t word = atomic_load(&node->dirword);
    if ((word & PIN_MASK) || !atomic_compare_exchange_strong(&node->dirword, &word, 0))
        return NULL;
    close(fd_in(word));
    node->slot = -1;
    slots[slot] = NULL;
    free_slots[free_count++] = slot;
    return node;
}

/* Cache locked. Sweeps like a clock: what was used since the last round is spared once. */
static struct node *evict_longest_unused(void)
{
    for (unsigned steps = 0; steps < 2 * slot_limit; steps++) {
        unsigned here = slot_hand;
        slot_hand = (slot_hand + 1) % slot_limit;
        if (!slots[here])
            continue;
        if (atomic_load(&slots[here]->dirword) & USED) {
            atomic_fetch_and(&slots[here]->dirword, ~USED);
            continue;
        }
        struct node *node = evict(here);
        if (node)
            return node;
    }
    return NULL;
}

/* Gives the pinned node its descriptor, or closes it when another thread was faster. Returns the one to use. */
static int keep(struct node *node, int fd)
{
    pthread_mutex_lock(&cache_lock);
    uint64_t word = atomic_load(&node->dirword);
    if (fd_in(word) >= 0) {
        pthread_mutex_unlock(&cache_lock);
        close(fd);
        return fd_in(word);
    }
    struct node *evicted = free_count ? NULL : evict_longest_unused();
    bool has_slot = free_count > 0;
    if (has_slot) {
        unsigned slot = free_slots[--free_count];
        slots[slot] = node;
        node->slot = (int)slot;
        node_get(node);
        atomic_fetch_add(&node->dirword, word_with(fd) | USED);
    }
    pthread_mutex_unlock(&cache_lock);
    if (evicted)
        node_put(evicted);
    if (has_slot)
        return fd;
    close(fd);
    return -ENFILE;
}

/* The node is pinned without a descriptor and its parent's is open: opens it and makes sure that it is the same. */
static int open_in(int parent_fd, const char *name, struct node *node)
{
    int fd = platform_open_directory(parent_fd, name);
    if (fd == -EMFILE || fd == -ENFILE) {
        dirfd_shrink(slot_limit / 2 + 1);
        fd = platform_open_directory(parent_fd, name);
    }
    if (fd < 0)
        return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? -ESTALE : fd;
    struct attributes attr;
    int error = platform_stat(fd, "", &attr);
    if (error || !node_is(node, &attr)) {
        close(fd);
        return error ? -error : -ESTALE;
    }
    return keep(node, fd);
}

struct step {
    struct step *below;
    struct node *node; /* one reference, one pin */
    char name[NAME_BYTES_MAX + 1];
};

static void free_steps(struct step *step)
{
    for (struct step *below; step; step = below) {
        below = step->below;
        node_put(step->node);
        free(step);
    }
}

/* Climbs to the nearest parent with a descriptor, then goes down again. As root: whether the caller may search is asked
 * of the directory itself, in every operation on it. */
static int open_by_name(struct node *dir)
{
    struct step *steps = NULL;
    struct node *node = dir;
    int fd = -1;
    node_get(node);
    for (unsigned depth = 0; fd < 0; depth++) {
        struct step *step = malloc(sizeof *step);
        struct node *parent = step && depth < DEPTH_MAX ? node_name(node, 0, step->name) : NULL;
        if (!parent) {
            free_steps(steps);
            node_put(node);
            free(step);
            return step ? -ESTALE : -ENOMEM;
        }
        step->node = node;
        step->below = steps;
        steps = step;
        node = parent;
        uint64_t word = atomic_fetch_add(&node->dirword, PIN);
        fd = fd_in(word);
        if (fd < 0)
            dirfd_release(node);
    }
    for (struct step *step = steps; step && fd >= 0; step = step->below) {
        atomic_fetch_add(&step->node->dirword, PIN);
        fd = open_in(fd, step->name, step->node);
        dirfd_release(node);
        node_put(node);
        node = step->node;
        node_get(node);
    }
    dirfd_release(node); /* `dir` keeps the pin that dirfd_acquire took */
    node_put(node);
    free_steps(steps);
    return fd;
}

int dirfd_acquire(struct node *dir)
{
    uint64_t word = atomic_fetch_add(&dir->dirword, PIN);
    if (fd_in(word) >= 0) {
        if (!(word & USED))
            atomic_fetch_or(&dir->dirword, USED);
        return fd_in(word);
    }
    int fd = dir->type == S_IFDIR ? 0 : -ENOTDIR;
    if (fd == 0) {
        struct identity before = caller_become_root();
        fd = open_by_name(dir);
        caller_restore(&before);
    }
    if (fd < 0)
        dirfd_release(dir);
    return fd;
}

void dirfd_release(struct node *dir)
{
    atomic_fetch_sub(&dir->dirword, PIN);
}

void dirfd_dispose(struct node *node)
{
    /* A slot holds a reference, so only roots and pinned files can still have a descriptor when they are freed. */
    int fd = fd_in(atomic_load(&node->dirword));
    if (fd >= 0)
        close(fd);
}

void dirfd_age(void)
{
    for (unsigned i = 0; i < slot_limit; i++) {
        struct node *evicted = NULL;
        pthread_mutex_lock(&cache_lock);
        struct node *node = slots[i];
        if (node) {
            uint64_t word = atomic_fetch_and(&node->dirword, ~USED);
            if (!(word & USED) && atomic_load(&node->count) == 1)
                evicted = evict(i);
        }
        pthread_mutex_unlock(&cache_lock);
        if (evicted)
            node_put(evicted);
    }
}

unsigned dirfd_shrink(unsigned wanted)
{
    unsigned closed = 0;
    while (closed < wanted) {
        pthread_mutex_lock(&cache_lock);
        struct node *evicted = evict_longest_unused();
        pthread_mutex_unlock(&cache_lock);
        if (!evicted)
            break;
        node_put(evicted);
        closed++;
    }
    return closed;
}

unsigned dirfd_open_count(void)
{
    pthread_mutex_lock(&cache_lock);
    unsigned count = slot_limit - free_count;
    pthread_mutex_unlock(&cache_lock);
    return count;
}
