#include "scoreboard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "platform.h"

enum { BUCKETS = 64, TRUST_AGE_MS = 20 };

/* Changes whenever a link of the directory does; what is compared to see whether links must be read again. */
struct stamp {
    dev_t device;
    ino_t inode;
    struct timespec modified, changed;
};

/* One builder's link as it was read. */
struct binding {
    struct binding *next;
    _Atomic unsigned references;
    uid_t uid;
    struct stamp scoreboard; /* state of the directory when the link was last read or compared */
    bool is_trusted;         /* that state is old enough that no change can hide behind an equal time */
    char *home, *path;
    struct node *root; /* one reference; NULL: refused */
    bool has_link;
    char problem[160];
};

static struct bucket {
    pthread_mutex_t lock;
    struct binding *first;
} buckets[BUCKETS] = {[0 ... BUCKETS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

static struct {
    _Atomic int fd;
    char *path, *sub;
    struct node *fallback;
    _Atomic uid_t uid_min, uid_max;
    _Atomic bool allows_foreign_target;
} board = {.fd = -1};

static bool stamps_equal(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->modified.tv_sec == b->modified.tv_sec &&
           a->modified.tv_nsec == b->modified.tv_nsec && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

static struct stamp stamp_of(const struct stat *st)
{
    return (struct stamp){.device = st->st_dev,
                          .inode = st->st_ino,
                          .modified = st->st_mtim,
                          .changed = st->st_ctim};
}

/* Two changes within one tick of the file system's clock carry the same time, so only an old time proves anything. */
static bool is_old(const struct timespec *time)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ns = (now.tv_sec - time->tv_sec) * 1000000000ll + (now.tv_nsec - time->tv_nsec);
    return age_ns > TRUST_AGE_MS * 1000000ll;
}

static struct bucket *bucket_of(uid_t uid)
{
    return &buckets[uid % BUCKETS];
}

static void put_binding(struct binding *binding)
{
    if (!binding || atomic_fetch_sub(&binding->references, 1) != 1)
        return;
    if (binding->root)
        node_put(binding->root);
    free(binding->home);
    free(binding->path);
    free(binding);
}

static struct binding *get_binding(uid_t uid)
{
    struct bucket *bucket = bucket_of(uid);
    pthread_mutex_lock(&bucket->lock);
    struct binding *binding = bucket->first;
    while (binding && binding->uid != uid)
        binding = binding->next;
    if (binding)
        atomic_fetch_add(&binding->references, 1);
    pthread_mutex_unlock(&bucket->lock);
    return binding;
}

/* Puts `fresh` in the place of what is known of that user. Says what changed, once. */
static void replace_binding(struct binding *fresh)
{
    struct bucket *bucket = bucket_of(fresh->uid);
    pthread_mutex_lock(&bucket->lock);
    struct binding **link = &bucket->first;
    while (*link && (*link)->uid != fresh->uid)
        link = &(*link)->next;
    struct binding *old = *link;
    /* Users without a link are not remembered: any number of them may come by. */
    *link = old ? old->next : NULL;
    if (fresh->has_link) {
        fresh->next = *link;
        *link = fresh;
        atomic_fetch_add(&fresh->references, 1);
    }
    pthread_mutex_unlock(&bucket->lock);
    if (!old && !fresh->has_link)
        return;
    bool is_news = !old || strcmp(old->problem, fresh->problem) != 0;
    if (fresh->problem[0] && is_news)
        log_event(LOG_WARNING, "builder %u sees an empty prefix: %s", fresh->uid, fresh->problem);
    else if (!fresh->problem[0] && old && (old->problem[0] || old->root != fresh->root))
        log_event(LOG_NOTICE, "builder %u now sees %s", fresh->uid, fresh->path);
    put_binding(old);
}

/* The link's text, into PATH_MAX + 1 bytes. 0 or errno. */
static int read_link(uid_t uid, char *text)
{
    char name[16];
    snprintf(name, sizeof name, "%u", uid);
    ssize_t length = readlinkat(atomic_load(&board.fd), name, text, PATH_MAX);
    if (length < 0)
        return errno;
    text[length] = 0;
    return length < PATH_MAX ? 0 : ENAMETOOLONG;
}

static bool is_owner_right(uid_t owner, uid_t uid)
{
    return owner == uid || atomic_load(&board.allows_foreign_target);
}

static bool refuse(struct binding *binding, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(struct binding *binding, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(binding->problem, sizeof binding->problem, format, arguments);
    va_end(arguments);
    return false;
}

/* A descriptor of the directory `name` (never through a link), which must be the builder's. -1: refused. */
static int open_owned(struct binding *binding, int dirfd, const char *name, struct attributes *attr)
{
    int fd = platform_open_directory(dirfd, name);
    if (fd < 0) {
        refuse(binding, "%.100s: %s", name, fd == -ENOTDIR || fd == -ELOOP ? "not a directory" : strerror(-fd));
        return -1;
    }
    int error = platform_stat(fd, "", attr);
    if (error || !is_owner_right(attr->st.st_uid, binding->uid)) {
        close(fd);
        if (error)
            refuse(binding, "%.100s: %s", name, strerror(error));
        else
            refuse(binding, "%.100s belongs to uid %u (see --allow-foreign-target)", name, attr->st.st_uid);
        return -1;
    }
    return fd;
}

static bool find_root(struct binding *binding)
{
    struct attributes attr;
    int home = open_owned(binding, AT_FDCWD, binding->home, &attr);
    if (home < 0)
        return false;
    int fd = open_owned(binding, home, board.sub, &attr);
    close(home);
    if (fd < 0)
        return false;
    struct tree *tree = tree_find(binding->uid, &attr);
    if (tree) {
        close(fd);
    } else if (!(tree = tree_make(binding->uid, false, fd, &attr))) {
        close(fd);
        return refuse(binding, "no memory");
    }
    binding->root = tree->root;
    return true;
}

/* Reads link and tree as root. Always returns a binding, except without memory. */
static struct binding *read_binding(uid_t uid)
{
    struct binding *binding = calloc(1, sizeof *binding);
    char *text = malloc(PATH_MAX + 1);
    if (!binding || !text) {
        free(binding);
        free(text);
        return NULL;
    }
    binding->uid = uid;
    atomic_store(&binding->references, 1);
    struct stat st;
    if (fstat(atomic_load(&board.fd), &st) == 0) {
        binding->scoreboard = stamp_of(&st);
        binding->is_trusted = is_old(&binding->scoreboard.modified) && is_old(&binding->scoreboard.changed);
    }
    int error = read_link(uid, text);
    binding->has_link = error != ENOENT;
    if (error == ENOENT)
        refuse(binding, "the scoreboard has no link for it");
    else if (error)
        refuse(binding, "its entry on the scoreboard: %s", error == EINVAL ? "not a link" : strerror(error));
    else if (text[0] != '/')
        refuse(binding, "its link is not an absolute path: %.80s", text);
    else if (asprintf(&binding->path, "%s/%s", text, board.sub) < 0 || !(binding->home = strdup(text)))
        refuse(binding, "no memory");
    else
        find_root(binding);
    free(text);
    return binding;
}

/* True while the link is the one that was read. Reads it only if something on the scoreboard changed. */
static bool is_link_unchanged(struct binding *binding)
{
    struct stat st;
    if (fstat(atomic_load(&board.fd), &st) < 0)
        return false;
    struct stamp now = stamp_of(&st);
    return binding->is_trusted && stamps_equal(&now, &binding->scoreboard);
}

/* True while <home>/<sub> is the directory that was found, and still the builder's. */
static bool is_tree_unchanged(const struct binding *binding)
{
    struct attributes attr;
    int error = platform_stat(AT_FDCWD, binding->path, &attr);
    if (error == EACCES) {
        struct identity before = caller_become_root();
        error = platform_stat(AT_FDCWD, binding->path, &attr);
        caller_restore(&before);
    }
    return error == 0 && node_is(binding->root, &attr) && is_owner_right(attr.st.st_uid, binding->uid);
}

struct node *scoreboard_root(fuse_req_t req)
{
    const struct fuse_ctx *context = fuse_req_ctx(req);
    if (caller_is_self(context))
        return NULL;
    if (context->uid < atomic_load(&board.uid_min) || context->uid > atomic_load(&board.uid_max)) {
        node_get(board.fallback);
        return board.fallback;
    }
    struct binding *binding = get_binding(context->uid);
    if (!binding || !binding->root || !is_link_unchanged(binding) || !is_tree_unchanged(binding)) {
        put_binding(binding);
        struct identity before = caller_become_root();
        binding = read_binding(context->uid);
        caller_restore(&before);
        if (!binding)
            return NULL;
        replace_binding(binding);
    }
    struct node *root = binding->root;
    if (root)
        node_get(root);
    put_binding(binding);
    return root;
}

static int open_scoreboard(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void scoreboard_configure(const struct settings *settings)
{
    atomic_store(&board.uid_min, settings->uid_min);
    atomic_store(&board.uid_max, settings->uid_max);
    atomic_store(&board.allows_foreign_target, settings->allows_foreign_target);
}

enum exit_code scoreboard_open_links(const struct options *options)
{
    board.path = options->scoreboard;
    board.sub = options->sub;
    scoreboard_configure(&options->settings);
    atomic_store(&board.fd, open_scoreboard(options->scoreboard));
    if (atomic_load(&board.fd) < 0) {
        log_event(LOG_ERR, "scoreboard %s: %s", options->scoreboard, strerror(errno));
        return EXIT_SCOREBOARD;
    }
    return EXIT_OK;
}

enum exit_code scoreboard_open_fallback(const struct options *options)
{
    struct attributes attr;
    int fd = platform_open_directory(AT_FDCWD, options->fallback);
    int error = fd < 0 ? -fd : platform_stat(fd, "", &attr);
    if (error) {
        log_event(LOG_ERR, "fallback directory %s: %s", options->fallback, strerror(error));
        return EXIT_FALLBACK;
    }
    struct tree *tree = tree_make(0, true, fd, &attr);
    if (!tree) {
        log_event(LOG_ERR, "no memory");
        return EXIT_RESOURCES;
    }
    board.fallback = tree->root;
    return EXIT_OK;
}

void scoreboard_reopen(void)
{
    int fd = open_scoreboard(board.path);
    if (fd < 0) {
        log_event(LOG_ERR, "scoreboard %s: %s; the one opened before stays in use", board.path, strerror(errno));
        return;
    }
    /* Into the old number, so that no thread ever holds one that is closed. */
    if (dup2(fd, atomic_load(&board.fd)) < 0)
        log_event(LOG_ERR, "scoreboard %s: %s", board.path, strerror(errno));
    close(fd);
}

const char *scoreboard_problem(uid_t uid, char *text, size_t size)
{
    struct binding *binding = read_binding(uid);
    snprintf(text, size, "%s", binding ? binding->problem : "no memory");
    put_binding(binding);
    return text[0] ? text : NULL;
}

void scoreboard_each_builder(void (*visit)(uid_t uid, const char *path, const struct tree *tree, void *context),
                             void *context)
{
    for (struct bucket *bucket = buckets; bucket < buckets + BUCKETS; bucket++) {
        pthread_mutex_lock(&bucket->lock);
        for (struct binding *binding = bucket->first; binding; binding = binding->next)
            visit(binding->uid, binding->path ? binding->path : "", binding->root ? binding->root->tree : NULL,
                  context);
        pthread_mutex_unlock(&bucket->lock);
    }
}
