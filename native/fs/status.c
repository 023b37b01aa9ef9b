#include "status.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "counters.h"
#include "dirfd.h"
#include "handle.h"
#include "log.h"
#include "options.h"
#include "platform.h"
#include "scoreboard.h"
#include "version.h"

const char *const status_text_key = "user.obuilderfs.status";
const char *const status_json_key = "user.obuilderfs.status.json";

static unsigned descriptor_limit;

/* Builders beyond what an attribute holds are counted, not listed. */
enum { BUILDERS_SHOWN_BYTES = STATUS_BYTES_MAX - 8192 };

struct output {
    FILE *stream;
    bool is_json;
    unsigned shown, left_out;
};

bool status_is_key(const char *key)
{
    return strcmp(key, status_text_key) == 0 || strcmp(key, status_json_key) == 0;
}

void status_set_descriptor_limit(unsigned limit)
{
    descriptor_limit = limit;
}

static void print_quoted(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(stream, "\\%c", *c);
        else if (*c < ' ')
            fprintf(stream, "\\u%04x", *c);
        else
            fputc(*c, stream);
    }
    fputc('"', stream);
}

static void print_builder(uid_t uid, const char *path, const struct tree *tree, void *context)
{
    struct output *output = context;
    if (ftell(output->stream) > BUILDERS_SHOWN_BYTES) {
        output->left_out++;
        return;
    }
    uint64_t files = tree ? atomic_load(&tree->open_files) : 0, nodes = tree ? atomic_load(&tree->node_count) : 0;
    if (output->is_json) {
        fprintf(output->stream, "%s{\"uid\":%u,\"served\":%s,\"tree\":", output->shown ? "," : "", uid,
                tree ? "true" : "false");
        print_quoted(output->stream, path);
        fprintf(output->stream, ",\"openFiles\":%" PRIu64 ",\"nodes\":%" PRIu64 "}", files, nodes);
    } else {
        fprintf(output->stream, "  %-10u %s%s, %" PRIu64 " open files, %" PRIu64 " nodes\n", uid,
                tree ? path : "refused: ", tree ? "" : path, files, nodes);
    }
    output->shown++;
}

static void find_fallback(struct tree *tree, void *context)
{
    uint64_t *counts = context;
    if (tree->is_fallback) {
        counts[0] = atomic_load(&tree->open_files);
        counts[1] = atomic_load(&tree->node_count);
    }
}

static void print_json(struct output *output)
{
    FILE *stream = output->stream;
    uint64_t fallback[2] = {0};
    fprintf(stream, "{\"version\":\"%s\",\"pid\":%d,\"builders\":[", OBFS_VERSION, (int)getpid());
    scoreboard_each_builder(print_builder, output);
    tree_each(find_fallback, fallback);
    fprintf(stream, "],\"buildersLeftOut\":%u,\"fallback\":{\"openFiles\":%" PRIu64 ",\"nodes\":%" PRIu64 "},",
            output->left_out, fallback[0], fallback[1]);
    fprintf(stream, "\"openFiles\":%" PRIu64 ",\"nodes\":%" PRIu64 ",\"keptDirectories\":%u,\"descriptorLimit\":%u,",
            handle_count(), node_total(), dirfd_open_count(), descriptor_limit);
    fprintf(stream, "\"calls\":{");
    for (int kind = 0; kind < CALL_KIND_COUNT; kind++)
        fprintf(stream, "%s\"%s\":%" PRIu64, kind ? "," : "", call_names[kind], atomic_load(&call_counts[kind]));
    fprintf(stream, "}}\n");
}

static void print_calls(FILE *stream)
{
    for (int kind = 0; kind < CALL_KIND_COUNT; kind++) {
        uint64_t count = atomic_load(&call_counts[kind]);
        if (count)
            fprintf(stream, " %s %" PRIu64, call_names[kind], count);
    }
}

static void print_text(struct output *output)
{
    FILE *stream = output->stream;
    uint64_t fallback[2] = {0};
    fprintf(stream, "obuilderfs %s, pid %d\nbuilders:\n", OBFS_VERSION, (int)getpid());
    scoreboard_each_builder(print_builder, output);
    if (output->left_out)
        fprintf(stream, "  and %u more\n", output->left_out);
    tree_each(find_fallback, fallback);
    fprintf(stream, "fallback: %" PRIu64 " open files, %" PRIu64 " nodes\n", fallback[0], fallback[1]);
    fprintf(stream, "in all: %" PRIu64 " open files, %" PRIu64 " nodes, %u directories kept open, limit %u descriptors\n",
            handle_count(), node_total(), dirfd_open_count(), descriptor_limit);
    fprintf(stream, "calls:");
    print_calls(stream);
    fputc('\n', stream);
}

char *status_render(const char *key)
{
    char *text = NULL;
    size_t size = 0;
    struct output output = {.stream = open_memstream(&text, &size), .is_json = strcmp(key, status_json_key) == 0};
    if (!output.stream)
        return NULL;
    if (output.is_json)
        print_json(&output);
    else
        print_text(&output);
    if (fclose(output.stream) == 0)
        return text;
    free(text);
    return NULL;
}

void status_log(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return;
    fprintf(stream, "%" PRIu64 " open files, %" PRIu64 " nodes, %u directories kept open; calls:", handle_count(),
            node_total(), dirfd_open_count());
    print_calls(stream);
    fclose(stream);
    log_event(LOG_INFO, "%s", text);
    free(text);
}

static int print_status_of(const char *mountpoint, const char *key)
{
    /* Nothing here may wait for a daemon that hangs longer than an operator would. */
    enum { PATIENCE_S = 10 };
    alarm(PATIENCE_S);
    int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *text = malloc(STATUS_BYTES_MAX + 4096);
    ssize_t length = fd < 0 || !text ? -1 : platform_getxattr(fd, "", key, text, STATUS_BYTES_MAX + 4096);
    if (length >= 0)
        fwrite(text, 1, (size_t)length, stdout);
    else
        fprintf(stderr, "obuilderfs: %s: no obuilderfs answers there (is it mounted, and are you root?)\n", mountpoint);
    free(text);
    if (fd >= 0)
        close(fd);
    return length >= 0 ? EXIT_OK : EXIT_NO_STATUS;
}

int status_command(int argc, char **argv)
{
    const char *key = status_text_key, *mountpoint = NULL;
    bool is_usage_right = true;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            key = status_json_key;
        else if (argv[i][0] == '-' || mountpoint)
            is_usage_right = false;
        else
            mountpoint = argv[i];
    }
    if (is_usage_right && mountpoint)
        return print_status_of(mountpoint, key);
    fprintf(stderr, "obuilderfs: usage: obuilderfs status [--json] MOUNTPOINT\n");
    return EXIT_USAGE;
}
