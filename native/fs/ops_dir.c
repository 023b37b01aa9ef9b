/* Operations on directory streams. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dirfd.h"
#include "handle.h"
#include "ops.h"
#include "platform.h"
#include "spot.h"

/* An open directory; of a builder without a tree, an empty one. */
struct stream {
    pthread_mutex_t lock;
    DIR *entries;
    struct dirent *pending; /* read, but did not fit in the last answer */
    off_t position;
    struct node *dir; /* one reference */
};

static struct stream *stream_in(const struct fuse_file_info *info)
{
    return (struct stream *)(uintptr_t)info->fh;
}

static void free_stream(struct stream *stream)
{
    if (!stream)
        return;
    if (stream->entries)
        closedir(stream->entries);
    if (stream->dir) {
        handle_count_stream(stream->dir->tree, -1);
        node_put(stream->dir);
    }
    pthread_mutex_destroy(&stream->lock);
    free(stream);
}

/* Reading a directory needs no right to search it, so it is opened as what it is, not as "." inside of it. */
static int open_for_reading(struct node *dir)
{
    int kept = dirfd_acquire(dir);
    if (kept < 0)
        return kept;
    int fd = openat(kept, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        fd = errno == EACCES || errno == ENOENT ? platform_reopen(kept, O_RDONLY | O_DIRECTORY) : -errno;
    if ((fd == -EMFILE || fd == -ENFILE) && dirfd_shrink(16) > 0)
        fd = platform_reopen(kept, O_RDONLY | O_DIRECTORY);
    dirfd_release(dir);
    return fd;
}

static int open_stream(struct node *dir, struct stream *stream)
{
    if (!handle_may_open(dir->tree))
        return ENFILE;
    int fd = open_for_reading(dir);
    if (fd < 0)
        return -fd;
    stream->entries = fdopendir(fd);
    if (!stream->entries) {
        int error = errno;
        close(fd);
        return error;
    }
    stream->dir = dir;
    node_get(dir);
    handle_count_stream(dir->tree, 1);
    return 0;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    count_call(CALL_OPENDIR);
    struct node *dir = ops_take(req, ino);
    struct stream *stream = calloc(1, sizeof *stream);
    int error = stream ? pthread_mutex_init(&stream->lock, NULL) : ENOMEM;
    if (!error && dir)
        error = open_stream(dir, stream);
    ops_give(ino, dir);
    if (error) {
        free_stream(stream);
        fuse_reply_err(req, error);
        return;
    }
    info->fh = (uintptr_t)stream;
    if (fuse_reply_open(req, info) < 0)
        free_stream(stream);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

struct answer {
    fuse_req_t req;
    fuse_ino_t ino;
    char *data;
    size_t size, used;
    bool with_attributes;
    struct node **given; /* nodes that the answer makes known to the kernel */
    size_t given_count;
};

/* What one entry takes in an answer with attributes, at least; so the list of nodes never grows beyond its place. */
enum { ENTRY_BYTES_MIN = 128 };

/* Adds one entry; false when it does not fit. */
static bool add_entry(struct answer *answer, struct stream *stream, const struct dirent *entry, off_t next)
{
    char *end = answer->data + answer->used;
    size_t room = answer->size - answer->used, length;
    struct fuse_entry_param seen = {.attr = {.st_ino = entry->d_ino, .st_mode = (mode_t)DTTOIF(entry->d_type)}};
    if (!answer->with_attributes) {
        length = fuse_add_direntry(answer->req, end, room, entry->d_name, &seen.attr, next);
    } else {
        /* Below the mount root nothing is given along: it would drop what the kernel keeps of another's tree. */
        if (answer->ino != FUSE_ROOT_ID && !is_dots(entry->d_name) &&
            ops_see(stream->dir, answer->ino, entry->d_name, &seen) != 0)
            seen = (struct fuse_entry_param){.attr = {.st_ino = entry->d_ino, .st_mode = (mode_t)DTTOIF(entry->d_type)}};
        length = fuse_add_direntry_plus(answer->req, end, room, entry->d_name, &seen, next);
        if (length > room && seen.ino)
            node_put(ops_node(seen.ino));
        else if (seen.ino)
            answer->given[answer->given_count++] = ops_node(seen.ino);
    }
    if (length > room)
        return false;
    answer->used += length;
    return true;
}

static int fill(struct answer *answer, struct stream *stream, off_t offset)
{
    if (offset != stream->position) {
        seekdir(stream->entries, (long)offset);
        stream->pending = NULL;
        stream->position = offset;
    }
    for (;;) {
        errno = 0;
        struct dirent *entry = stream->pending ? stream->pending : readdir(stream->entries);
        if (!entry)
            return answer->used ? 0 : errno;
        stream->pending = entry;
        if (answer->ino == FUSE_ROOT_ID && platform_is_hidden(entry->d_name)) {
            stream->pending = NULL;
            continue;
        }
        off_t next = platform_entry_offset(stream->entries, entry);
        if (!add_entry(answer, stream, entry, next))
            return 0;
        stream->pending = NULL;
        stream->position = next;
    }
}

static void read_stream(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info,
                        bool with_attributes)
{
    struct stream *stream = stream_in(info);
    struct answer answer = {.req = req, .ino = ino, .size = size, .with_attributes = with_attributes};
    int error = 0;
    caller_assume(req);
    answer.data = malloc(size);
    answer.given = with_attributes ? calloc(size / ENTRY_BYTES_MIN + 1, sizeof *answer.given) : NULL;
    if (!answer.data || (with_attributes && !answer.given)) {
        free(answer.data);
        free(answer.given);
        fuse_reply_err(req, ENOMEM);
        return;
    }
    if (stream->entries) {
        pthread_mutex_lock(&stream->lock);
        error = fill(&answer, stream, offset);
        pthread_mutex_unlock(&stream->lock);
    }
    int sent = error ? fuse_reply_err(req, error) : fuse_reply_buf(req, answer.data, answer.used);
    for (size_t i = 0; i < answer.given_count && (error || sent < 0); i++)
        node_put(answer.given[i]); /* the call was interrupted: the kernel knows nothing of them */
    free(answer.given);
    free(answer.data);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
    count_call(CALL_READDIR);
    read_stream(req, ino, size, offset, info, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *info)
{
    count_call(CALL_READDIRPLUS);
    read_stream(req, ino, size, offset, info, true);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
    count_call(CALL_RELEASEDIR);
    (void)ino;
    free_stream(stream_in(info));
    fuse_reply_err(req, 0);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *info)
{
    count_call(CALL_FSYNCDIR);
    (void)ino;
    struct stream *stream = stream_in(info);
    int error = 0;
    if (stream->entries) {
        int fd = dirfd(stream->entries);
        error = data_only ? platform_sync_data(fd) : fsync(fd) < 0 ? errno : 0;
    }
    fuse_reply_err(req, error);
}
