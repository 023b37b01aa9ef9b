/* Runs suites: main SUITE... ; each test in a process of its own, with a time limit. Last line: "N passed, N failed". */
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#include "world.h"

enum { TEST_SECONDS_MAX = 240 };

static const struct suite {
    const char *name;
    const struct test *tests;
} suites[] = {
    {"defects", defect_tests}, {"semantics", semantic_tests}, {"lifecycle", lifecycle_tests}, {"posix", posix_tests},
    {"race", race_tests},      {"limits", limit_tests},       {"fuzz", fuzz_tests},           {"torture", torture_tests},
};

void check_failed(const char *file, int line, const char *condition, const char *text, ...)
{
    va_list arguments;
    va_start(arguments, text);
    printf("    %s:%d: %s", file, line, condition);
    vprintf(text, arguments);
    putchar('\n');
    va_end(arguments);
    fflush(NULL);
    _exit(1);
}

static bool run(const char *suite, const struct test *test)
{
    int64_t start = now_ms();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        alarm(is_long_run() ? 3600 : TEST_SECONDS_MAX);
        test->run();
        fflush(NULL);
        _exit(0);
    }
    int status = -1;
    bool is_right = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    printf("%s %s: %s (%lld ms)\n", is_right ? "ok  " : "FAIL", suite, test->name, (long long)(now_ms() - start));
    /* A failed test leaves its daemon and mount: end them. */
    if (!is_right && child > 0) {
        kill(-child, SIGTERM);
        sleep_ms(300);
        kill(-child, SIGKILL);
        if (system("for m in $(cut -d' ' -f2 /proc/self/mounts | grep \"^$OBFS_TEST_DIR/\"); do umount -l $m; done"))
            printf("    (a mount is left)\n");
    }
    fflush(NULL);
    return is_right;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;
    const char *variant = getenv("OBFS_TEST_VARIANT"), *only = getenv("OBFS_TEST_ONLY");
    int bit = variant && strcmp(variant, "plain") != 0 ? SANITIZED : PLAIN;
    setvbuf(stdout, NULL, _IOLBF, 0);
    umask(022);
    if (geteuid() != 0 || access("/dev/fuse", R_OK | W_OK) != 0) {
        fprintf(stderr, "these tests need root and /dev/fuse\n");
        return 1;
    }
    char directory[] = "/tmp/obfs-run.XXXXXX"; /* runs side by side leave each other alone */
    if (!mkdtemp(directory) || chmod(directory, 0755) < 0 || setenv("OBFS_TEST_DIR", directory, 1) < 0) {
        perror(directory);
        return 1;
    }
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        bool is_wanted = argc == 1;
        for (int a = 1; a < argc; a++)
            is_wanted |= strcmp(argv[a], suites[i].name) == 0;
        for (const struct test *test = suites[i].tests; is_wanted && test->name; test++) {
            if (!(test->variants & bit) || ((test->variants & LONG) && !is_long_run()) ||
                (only && !strstr(test->name, only)))
                continue;
            if (run(suites[i].name, test))
                passed++;
            else
                failed++;
        }
    }
    if (!getenv("OBFS_TEST_KEEP"))
        remove_tree(directory);
    printf("%d passed, %d failed\n", passed, failed);
    return failed ? 1 : 0;
}
