/*
 * A world for a test: a scoreboard, homes of several builders, a fallback, a mount served by the real daemon, and helpers
 * to act as one user or another. A test is a function that calls CHECK; each runs in a process of its own.
 */
#ifndef OBFS_TESTS_WORLD_H
#define OBFS_TESTS_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { BUILDERS_MAX = 8, FIRST_UID = 61001, OUTSIDER_UID = 61101, OUTSIDER2_UID = 61102 };

struct world {
    char base[64], scoreboard[80], mount[80], fallback[80], plain[80], log[80];
    char home[BUILDERS_MAX][80]; /* the tree is <home>/local */
    int builders;
    unsigned descriptors; /* the daemon's limit, hard and soft; 0: as the test's */
    pid_t daemon;
};

/* Makes directories for `builders` builders (uids from FIRST_UID), all linked. Starts nothing. */
void world_make(struct world *world, int builders);
/* Starts the daemon and waits until it is ready; `extra` are more arguments, NULL at the end. False: it ended. */
bool world_start(struct world *world, const char *const *extra);
/* Starts it without waiting; its exit code comes from world_wait. */
void world_launch(struct world *world, const char *const *arguments);
int world_wait(struct world *world);
/* Stops the daemon (SIGTERM) and returns its exit code; 128 + n when signal n killed it. */
int world_stop(struct world *world);
/* Ends everything that is left and removes the directories. */
void world_destroy(struct world *world);
void remove_tree(const char *path);
bool world_log_has(const struct world *world, const char *text);
int world_log_count(const struct world *world, const char *text);
/* A number from `status --json`, such as "nodes"; -1: not there. */
long world_status(const struct world *world, const char *key);
int world_descriptors(const struct world *world);
long world_memory_kib(const struct world *world);

/* "<mount>/<name>" in one of a few static buffers. */
const char *in_mount(const struct world *world, const char *name);
const char *in_tree(const struct world *world, int builder, const char *name);
const char *in_fallback(const struct world *world, const char *name);
char *format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs `act` in a child as that user (group = uid, no further groups); the test fails if a CHECK in it does. */
void as_user(uid_t uid, void (*act)(void *context), void *context);
/* Becomes the user for good; for children. */
void become(uid_t uid, gid_t gid, int count, const gid_t *groups);

void write_file(const char *path, const char *text);
/* Contents in a static buffer, NULL: cannot be read (errno). */
const char *read_file(const char *path);
void sleep_ms(int ms);
int64_t now_ms(void);
uint64_t random_next(uint64_t *seed);

/* --- tests --- */
typedef void test_function(void);
struct test {
    const char *name;
    test_function *run;
    int variants; /* bit set of where it is worth its time: see VARIANT_* */
};
enum { PLAIN = 1, SANITIZED = 2, EVERYWHERE = 3, LONG = 4 };

void check_failed(const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((format(printf, 4, 5), noreturn));
#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            check_failed(__FILE__, __LINE__, #condition, " " __VA_ARGS__);                                             \
    } while (0)
/* A call that must succeed / fail with an errno. */
#define OK(call) CHECK((call) >= 0, "(errno %d)", errno)
#define FAILS(wanted, call)                                                                                            \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long result_ = (long)(call);                                                                                   \
        int errno_ = errno;                                                                                            \
        CHECK(result_ < 0 && errno_ == (wanted), "(result %ld, errno %d)", result_, errno_);                           \
    } while (0)

extern const struct test defect_tests[], semantic_tests[], lifecycle_tests[], posix_tests[], race_tests[], torture_tests[],
    fuzz_tests[], limit_tests[];
/* in odd_input.c */
void uids_are_numbers(void);
void long_links_deep_paths_and_missing_arguments_crash_nothing(void);
bool is_long_run(void);
const char *daemon_path(void);

#endif
