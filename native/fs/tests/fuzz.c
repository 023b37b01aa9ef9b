/*
 * Random sequences of operations, the same ones on a plain directory and through the mount: every answer, every errno and
 * the tree at the end must be equal. OBFS_TEST_SEED repeats a run; a failure prints its sequence.
 */
#include <sys/wait.h>

#include "perform.h"
#include "world.h"

enum { TREE_BYTES = 1 << 18, NAMES = 6, HISTORY = 400 };

static struct world w;
static char answers[2][ANSWER_BYTES], trees[3][TREE_BYTES];
static char history[HISTORY][160];

static unsigned pick(uint64_t *seed, unsigned count)
{
    return (unsigned)(random_next(seed) >> 20) % count;
}

/* A path of one to three names out of a few, so that sequences meet each other. */
static const char *random_path(uint64_t *seed)
{
    static const char *const names[NAMES] = {"a", "b", "c", "d1", "d2", "d3"};
    static char paths[4][64];
    static unsigned next;
    char *path = paths[next++ % 4];
    path[0] = 0;
    for (unsigned depth = pick(seed, 3), i = 0; i < depth; i++)
        strcat(strcat(path, names[3 + pick(seed, 3)]), "/");
    return strcat(path, names[pick(seed, NAMES)]);
}

static void random_line(uint64_t *seed, char *line)
{
    static const char *const flags[] = {"r", "w", "rw", "rwc", "rwc", "rwct", "wcx", "rwt", "wa", "rn", "rd", "ws"};
    static const char *const modes[] = {"0644", "0755", "0600", "0444", "0000", "0777", "04755", "02711"};
    const char *p = random_path(seed), *q = random_path(seed), *mode = modes[pick(seed, 8)];
    unsigned slot = pick(seed, SLOTS), offset = pick(seed, 4) ? pick(seed, 20000) : pick(seed, 300000);
    unsigned length = 1 + (pick(seed, 3) ? pick(seed, 5000) : pick(seed, 100000)), byte = pick(seed, 256);
    switch (pick(seed, 44)) {
    case 0: case 1: sprintf(line, "create %s %s", p, mode); break;
    case 2: case 3: case 4: sprintf(line, "mkdir %s 0755", p); break;
    case 5: sprintf(line, "mkfifo %s 0644", p); break;
    case 6: sprintf(line, "mknod %s %c 0644", p, "fs"[pick(seed, 2)]); break;
    case 7: sprintf(line, "symlink %s %s", q, p); break;
    case 8: case 9: sprintf(line, "link %s %s", p, q); break;
    case 10: case 11: sprintf(line, "unlink %s", p); break;
    case 12: sprintf(line, "rmdir %s", p); break;
    case 13: case 14: case 15: sprintf(line, "rename %s %s", p, q); break;
    case 16: sprintf(line, "exchange %s %s", p, q); break;
    case 17: sprintf(line, "noreplace %s %s", p, q); break;
    case 18: sprintf(line, "chmod %s %s", p, mode); break;
    case 19: sprintf(line, "truncate %s %u", p, offset); break;
    case 20: sprintf(line, "stat %s", p); break;
    case 21: sprintf(line, "lstat %s", p); break;
    case 22: sprintf(line, "access %s %u", p, pick(seed, 8)); break;
    case 23: sprintf(line, "readlink %s", p); break;
    case 24: sprintf(line, "list %s", p); break;
    case 25: sprintf(line, "utimens %s %u", p, 1000000000 + byte); break;
    case 26: sprintf(line, "append %s text%u", p, byte); break;
    case 27: sprintf(line, "cat %s", p); break;
    case 28: sprintf(line, "xset %s user.k%u v%u", p, pick(seed, 3), byte); break;
    case 29: sprintf(line, "xget %s user.k%u", p, pick(seed, 3)); break;
    case 30: sprintf(line, "xlist %s", p); break;
    case 31: case 32: case 33: case 34: sprintf(line, "fopen %u %s %s", slot, p, flags[pick(seed, 12)]); break;
    case 35: sprintf(line, "fclose %u", slot); break;
    case 36: case 37: sprintf(line, "fwrite %u %u %u %u", slot, offset, length, byte); break;
    case 38: case 39: sprintf(line, "fread %u %u %u", slot, offset, length); break;
    case 40: sprintf(line, "fstat %u", slot); break;
    case 41: sprintf(line, "ftruncate %u %u", slot, offset); break;
    case 42: sprintf(line, "map %u %u %u %u", slot, offset, length, byte); break;
    default:
        switch (pick(seed, 6)) {
        case 0: sprintf(line, "fallocate %u %u %u %u", slot, pick(seed, 4), offset, length); break;
        case 1: sprintf(line, "fseek %u %c %u", slot, "dh"[pick(seed, 2)], offset); break;
        case 2: sprintf(line, "copy %u %u %u %u %u", slot, pick(seed, SLOTS), offset, pick(seed, 20000), length); break;
        case 3: sprintf(line, "fchmod %u %s", slot, mode); break;
        case 4: sprintf(line, "xremove %s user.k%u", p, pick(seed, 3)); break;
        default: sprintf(line, "futimens %u %u", slot, 1100000000 + byte); break;
        }
    }
}

static void fail_with_history(uint64_t seed, unsigned count, const char *why)
{
    printf("    %s; seed %llu; the sequence:\n", why, (unsigned long long)seed);
    for (unsigned i = 0; i < count; i++)
        printf("      %s\n", history[i]);
    fflush(stdout);
    CHECK(false, "(see above)");
}

static void print_first_difference(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    printf("    plain ...%.120s\n    mount ...%.120s\n", a, b);
}

static bool kernel_checks;

/* Where two things are wrong at once, the order of the kernel's checks decides which one is told; both are refusals. */
static bool are_answers_equal(void)
{
    if (strcmp(answers[0], answers[1]) == 0)
        return true;
    bool are_refusals = strncmp(answers[0], "-1 ", 3) == 0 && strncmp(answers[1], "-1 ", 3) == 0;
    return !kernel_checks && are_refusals && strncmp(answers[0], "-1 EACCES", 9) == 0;
}

/* One sequence in fresh directories. Runs as the user; returns how many operations it did. */
static unsigned run_sequence(const char *plain, const char *mounted, const char *backing, uint64_t seed)
{
    uint64_t state = seed;
    int sides[2];
    OK(mkdir(plain, 0755));
    OK(mkdir(mounted, 0755));
    sides[0] = open(plain, O_PATH | O_CLOEXEC);
    sides[1] = open(mounted, O_PATH | O_CLOEXEC);
    unsigned count = 50 + pick(&state, HISTORY - 50);
    for (unsigned i = 0; i < count; i++) {
        random_line(&state, history[i]);
        for (int side = 0; side < 2; side++) {
            OK(fchdir(sides[side]));
            perform(side, history[i], answers[side]);
        }
        if (!are_answers_equal()) {
            printf("    %s:\n      plain %.200s\n      mount %.200s\n", history[i], answers[0], answers[1]);
            fail_with_history(seed, i + 1, "answers differ");
        }
    }
    OK(chdir("/"));
    dump_tree(mounted, trees[2], TREE_BYTES); /* with files still open */
    dump_tree(plain, trees[0], TREE_BYTES);
    dump_tree(backing, trees[1], TREE_BYTES);
    for (int side = 0; side < 2; side++) {
        perform_end(side);
        close(sides[side]);
    }
    for (int other = 1; other < 3; other++)
        if (strcmp(trees[0], trees[other]) != 0) {
            print_first_difference(trees[0], trees[other]);
            fail_with_history(seed, count, other == 1 ? "what is left behind differs" : "what the mount shows differs");
        }
    OK(system(format("chmod -R u+rwx %s %s 2>/dev/null; rm -rf %s %s", plain, backing, plain, backing)));
    return count;
}

struct job {
    int builder;
    uint64_t seed;
    unsigned operations;
};

static void fuzz_as_builder(void *context)
{
    struct job *job = context;
    unsigned done = 0;
    for (unsigned i = 0; done < job->operations; i++) {
        char *name = format("s%d.%u", job->builder, i);
        done += run_sequence(format("%s/p%d/%s", w.plain, job->builder, name), in_mount(&w, name),
                             in_tree(&w, job->builder, name), job->seed + i);
    }
    printf("    builder %d: %u operations\n", job->builder, done);
}

static void compare_with_a_plain_directory(const char *const *extra)
{
    enum { USERS = 2, SHORT_RUN = 70000, SANITIZED_RUN = 6000, LONG_RUN = 2000000 };
    const char *given = getenv("OBFS_TEST_SEED"), *variant = getenv("OBFS_TEST_VARIANT");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20240501;
    bool is_plain = !variant || strcmp(variant, "plain") == 0;
    unsigned operations = is_long_run() ? LONG_RUN : is_plain ? SHORT_RUN : SANITIZED_RUN;
    world_make(&w, USERS);
    CHECK(world_start(&w, extra));
    pid_t children[USERS];
    int users = kernel_checks ? 1 : USERS; /* the mount root's attributes are one for all in the kernel */
    for (int i = 0; i < users; i++) {
        OK(mkdir(format("%s/p%d", w.plain, i), 0755));
        OK(chown(format("%s/p%d", w.plain, i), FIRST_UID + (uid_t)i, FIRST_UID + (uid_t)i));
        fflush(NULL);
        children[i] = fork();
        if (children[i] == 0) {
            struct job job = {.builder = i, .seed = seed + (uint64_t)i * 1000003, .operations = operations / USERS};
            as_user(FIRST_UID + (uid_t)i, fuzz_as_builder, &job);
            _exit(0);
        }
    }
    for (int i = 0; i < users; i++) {
        int status;
        OK(waitpid(children[i], &status, 0));
        CHECK(status == 0, "(builder %d)", i);
    }
    CHECK(world_stop(&w) == 0);
    CHECK(!world_log_has(&w, "Sanitizer"));
    world_destroy(&w);
}

static void by_default(void)
{
    compare_with_a_plain_directory(NULL);
}

static void with_kernel_checks(void)
{
    kernel_checks = true;
    compare_with_a_plain_directory((const char *const[]){"--kernel-checks", NULL});
}

const struct test fuzz_tests[] = {
    {"random operations give the answers of a plain directory", by_default, EVERYWHERE},
    {"with --kernel-checks random operations give the same errno, too", with_kernel_checks, EVERYWHERE},
    {NULL, NULL, 0},
};
