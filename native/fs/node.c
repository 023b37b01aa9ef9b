#include "node.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dirfd.h"
#include "log.h"

enum { SHARDS = 64, BUCKETS = 4096, FILE_NAMES_MAX = 16 };

struct name {
    struct name *next;
    struct node *parent; /* one reference */
    uint16_t length;
    char text[];
};

static struct shard {
    pthread_mutex_t lock;
    struct node *buckets[BUCKETS];
} shards[SHARDS] = {[0 ... SHARDS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

static _Atomic uint64_t nodes_alive, nodes_freed, specials_alive;
static _Atomic uint32_t generations;

static uint64_t hash_identity(const struct tree *tree, dev_t device, ino_t inode, int64_t birth_ns)
{
    uint64_t hash = (uint64_t)(uintptr_t)tree >> 4;
    hash = (hash ^ (uint64_t)inode) * 0x9E3779B97F4A7C15ull;
    hash = (hash ^ (uint64_t)device ^ (hash >> 31)) * 0xC2B2AE3D27D4EB4Full;
    hash = (hash ^ (uint64_t)birth_ns ^ (hash >> 29)) * 0xBF58476D1CE4E5B9ull;
    return hash ^ (hash >> 32);
}

static uint64_t hash_of(const struct node *node)
{
    return hash_identity(node->tree, node->device, node->inode, node->birth_ns);
}

static struct shard *shard_of(uint64_t hash)
{
    return &shards[hash % SHARDS];
}

static struct node **bucket_of(struct shard *shard, uint64_t hash)
{
    return &shard->buckets[(hash / SHARDS) % BUCKETS];
}

void node_lock(struct node *node)
{
    pthread_mutex_lock(&shard_of(hash_of(node))->lock);
}

void node_unlock(struct node *node)
{
    pthread_mutex_unlock(&shard_of(hash_of(node))->lock);
}

bool node_is(const struct node *node, const struct attributes *attr)
{
    return node->inode == attr->st.st_ino && node->device == attr->st.st_dev && node->birth_ns == attr->birth_ns &&
           node->type == (attr->st.st_mode & S_IFMT);
}

bool node_is_root(const struct node *node)
{
    return node->tree->root == node;
}

static bool is_special(const struct node *node)
{
    return node->type != S_IFREG && node->type != S_IFDIR && node->type != S_IFLNK;
}

bool node_any_special(void)
{
    return atomic_load_explicit(&specials_alive, memory_order_relaxed) > 0;
}

void node_get(struct node *node)
{
    atomic_fetch_add_explicit(&node->count, 1, memory_order_relaxed);
}

bool node_get_unless_dying(struct node *node)
{
    uint64_t count = atomic_load(&node->count);
    while (count > 0)
        if (atomic_compare_exchange_weak(&node->count, &count, count + 1))
            return true;
    return false;
}

static void unhash(struct shard *shard, uint64_t hash, struct node *node)
{
    struct node **link = bucket_of(shard, hash);
    while (*link != node)
        link = &(*link)->hash_next;
    *link = node->hash_next;
}

/* True when that was the last reference; the node is then out of the table and the caller frees it. */
static bool drop_references(struct node *node, uint64_t dropped)
{
    uint64_t count = atomic_load(&node->count);
    while (count > dropped)
        if (atomic_compare_exchange_weak(&node->count, &count, count - dropped))
            return false;
    /* The last one goes under the lock, so that nobody finds the node between the count and the table. */
    uint64_t hash = hash_of(node);
    struct shard *shard = shard_of(hash);
    pthread_mutex_lock(&shard->lock);
    count = atomic_load(&node->count);
    bool is_last = false;
    if (count < dropped) {
        log_event(LOG_ERR, "a node was forgotten %llu times but known %llu times; it is kept",
                  (unsigned long long)dropped, (unsigned long long)count);
    } else {
        is_last = atomic_fetch_sub(&node->count, dropped) == dropped;
        if (is_last)
            unhash(shard, hash, node);
    }
    pthread_mutex_unlock(&shard->lock);
    return is_last;
}

void node_put_many(struct node *node, uint64_t count)
{
    /* A loop, not recursion: freeing the end of a deep path frees the whole chain of its parents. */
    while (node && drop_references(node, count)) {
        struct node *parent = NULL;
        for (struct name *name = node->names, *next; name; name = next) {
            next = name->next;
            if (parent)
                node_put(parent); /* directories have one name, so this goes no deeper than one level */
            parent = name->parent;
            free(name);
        }
        dirfd_dispose(node);
        if (is_special(node))
            atomic_fetch_sub_explicit(&specials_alive, 1, memory_order_relaxed);
        /* Every other node holds a reference on its root, so the root is the last to leave and takes the tree with it. */
        atomic_fetch_sub_explicit(&node->tree->node_count, 1, memory_order_relaxed);
        if (node_is_root(node))
            tree_free(node->tree);
        else
            node_put(node->tree->root);
#ifndef __clang_analyzer__ /* it does not count references, and takes every node_put for the last */
        free(node);
#endif
        atomic_fetch_sub_explicit(&nodes_alive, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&nodes_freed, 1, memory_order_relaxed);
        node = parent;
        count = 1;
    }
}

void node_put(struct node *node)
{
    node_put_many(node, 1);
}

static struct name *make_name(struct node *parent, const char *text)
{
    size_t length = strlen(text);
    if (length > NAME_BYTES_MAX)
        return NULL;
    struct name *name = malloc(sizeof *name + length + 1);
    if (!name)
        return NULL;
    name->parent = parent;
    name->length = (uint16_t)length;
    memcpy(name->text, text, length + 1);
    node_get(parent);
    return name;
}

static bool name_equals(const struct name *name, const struct node *parent, const char *text)
{
    return name->parent == parent && strcmp(name->text, text) == 0;
}

/* Shard locked. The name goes first. Returns names that fell off; the caller frees them after unlocking. */
static struct name *put_name_first(struct node *node, struct node *parent, const char *text)
{
    if (node->names && name_equals(node->names, parent, text))
        return NULL;
    for (struct name **link = &node->names; *link; link = &(*link)->next) {
        if (!name_equals(*link, parent, text))
            continue;
        struct name *name = *link;
        *link = name->next;
        name->next = node->names;
        node->names = name;
        return NULL;
    }
    struct name *name = make_name(parent, text);
    if (!name)
        return NULL; /* without the name the node answers ESTALE and is looked up again */
    name->next = node->names;
    node->names = name;
    unsigned keep = node->type == S_IFDIR ? 1 : FILE_NAMES_MAX;
    struct name **link = &node->names;
    for (unsigned i = 0; *link && i < keep; i++)
        link = &(*link)->next;
    struct name *dropped = *link;
    *link = NULL;
    return dropped;
}

static void free_names(struct name *name)
{
    for (struct name *next; name; name = next) {
        next = name->next;
        node_put(name->parent);
        free(name);
    }
}

static struct node *find_locked(struct shard *shard, uint64_t hash, const struct tree *tree,
                                const struct attributes *attr)
{
    struct node *node = *bucket_of(shard, hash);
    while (node && !(node->tree == tree && node_is(node, attr)))
        node = node->hash_next;
    return node;
}

static struct node *make_node(struct tree *tree, const struct attributes *attr)
{
    struct node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->tree = tree;
    node->device = attr->st.st_dev;
    node->inode = attr->st.st_ino;
    node->birth_ns = attr->birth_ns;
    node->type = attr->st.st_mode & S_IFMT;
    node->slot = -1;
    node->generation = atomic_fetch_add_explicit(&generations, 1, memory_order_relaxed) + 1;
    atomic_store_explicit(&node->count, 1, memory_order_relaxed);
    if (tree->root)
        node_get(tree->root);
    atomic_fetch_add_explicit(&tree->node_count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&nodes_alive, 1, memory_order_relaxed);
    if (is_special(node))
        atomic_fetch_add_explicit(&specials_alive, 1, memory_order_relaxed);
    return node;
}

static void insert_locked(struct shard *shard, uint64_t hash, struct node *node)
{
    struct node **bucket = bucket_of(shard, hash);
    node->hash_next = *bucket;
    *bucket = node;
}

/*
 * `dir` was just seen inside `parent`. When an older name says that `parent` lies inside `dir`, somebody moved them
 * without telling us, and that older name is wrong: without it the two would hold each other for ever.
 */
static void break_cycle(struct node *parent, struct node *dir)
{
    char text[NAME_BYTES_MAX + 1];
    struct node *node = parent;
    node_get(node);
    while (node) {
        struct node *above = node_name(node, 0, text);
        if (above == dir)
            node_forget_name(node, above, text);
        node_put(node);
        if (above == dir) {
            node_put(above);
            break;
        }
        node = above;
    }
}

static struct node *find_or_make(struct node *parent, const char *text, const struct attributes *attr, bool makes)
{
    struct tree *tree = parent->tree;
    uint64_t hash = hash_identity(tree, attr->st.st_dev, attr->st.st_ino, attr->birth_ns);
    struct shard *shard = shard_of(hash);
    struct name *dropped = NULL;
    pthread_mutex_lock(&shard->lock);
    struct node *node = find_locked(shard, hash, tree, attr);
    if (node) {
        node_get(node);
        if (node->type == S_IFDIR && node->names && !name_equals(node->names, parent, text)) {
            pthread_mutex_unlock(&shard->lock);
            break_cycle(parent, node);
            pthread_mutex_lock(&shard->lock);
        }
    } else if (makes && (node = make_node(tree, attr))) {
        insert_locked(shard, hash, node);
    }
    if (node && !node_is_root(node) && node != parent)
        dropped = put_name_first(node, parent, text);
    pthread_mutex_unlock(&shard->lock);
    free_names(dropped);
    return node;
}

struct node *node_see(struct node *parent, const char *text, const struct attributes *attr)
{
    return find_or_make(parent, text, attr, true);
}

struct node *node_find(struct tree *tree, const struct attributes *attr)
{
    uint64_t hash = hash_identity(tree, attr->st.st_dev, attr->st.st_ino, attr->birth_ns);
    struct shard *shard = shard_of(hash);
    pthread_mutex_lock(&shard->lock);
    struct node *node = find_locked(shard, hash, tree, attr);
    if (node)
        node_get(node);
    pthread_mutex_unlock(&shard->lock);
    return node;
}

void node_note_name(struct node *parent, const char *text, const struct attributes *attr)
{
    struct node *node = find_or_make(parent, text, attr, false);
    if (node)
        node_put(node);
}

void node_forget_name(struct node *node, struct node *parent, const char *text)
{
    struct name *found = NULL;
    node_lock(node);
    for (struct name **link = &node->names; *link; link = &(*link)->next) {
        if (name_equals(*link, parent, text)) {
            found = *link;
            *link = found->next;
            found->next = NULL;
            break;
        }
    }
    node_unlock(node);
    free_names(found);
}

struct node *node_name(struct node *node, unsigned index, char *text)
{
    struct node *parent = NULL;
    node_lock(node);
    struct name *name = node->names;
    while (name && index--)
        name = name->next;
    if (name) {
        memcpy(text, name->text, name->length + 1u);
        parent = name->parent;
        node_get(parent);
    }
    node_unlock(node);
    return parent;
}

void node_each_child(struct node *parent, void (*visit)(const char *name, void *context), void *context)
{
    for (struct shard *shard = shards; shard < shards + SHARDS; shard++) {
        pthread_mutex_lock(&shard->lock);
        for (size_t i = 0; i < BUCKETS; i++)
            for (struct node *node = shard->buckets[i]; node; node = node->hash_next)
                for (struct name *name = node->names; name; name = name->next)
                    if (name->parent == parent)
                        visit(name->text, context);
        pthread_mutex_unlock(&shard->lock);
    }
}

struct node *node_make_root(struct tree *tree, const struct attributes *attr)
{
    struct node *root = make_node(tree, attr);
    if (!root)
        return NULL;
    uint64_t hash = hash_of(root);
    struct shard *shard = shard_of(hash);
    pthread_mutex_lock(&shard->lock);
    insert_locked(shard, hash, root);
    pthread_mutex_unlock(&shard->lock);
    return root;
}

uint64_t node_total(void)
{
    return atomic_load_explicit(&nodes_alive, memory_order_relaxed);
}

uint64_t node_take_freed(void)
{
    return atomic_exchange_explicit(&nodes_freed, 0, memory_order_relaxed);
}
