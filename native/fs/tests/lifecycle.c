/* Starting, saying what is wrong, being watched, being stopped, and what a dead daemon leaves. */
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "world.h"

static struct world w;

static void expect_exit(int code, const char *sentence, const char *const *arguments)
{
    OK(truncate(w.log, 0) == 0 || errno == ENOENT ? 0 : -1);
    world_launch(&w, arguments);
    int result = world_wait(&w);
    CHECK(result == code, "(%d, not %d: %s)", result, code, sentence);
    CHECK(world_log_has(&w, sentence), "(nothing says: %s)", sentence);
}

#define EXPECT_EXIT(code, sentence, ...) expect_exit(code, sentence, (const char *const[]){__VA_ARGS__, NULL})

static void every_bad_start_says_one_sentence_and_has_its_code(void)
{
    world_make(&w, 1);
    char *missing = format("%s/missing", w.base), *file = format("%s/file", w.base);
    write_file(file, "no-such-setting yes\n");
    EXPECT_EXIT(2, "no such option", "--nonsense");
    EXPECT_EXIT(2, "a value is missing", "--scoreboard");
    EXPECT_EXIT(2, "--scoreboard is missing", "--fallback", w.fallback, w.mount);
    EXPECT_EXIT(2, "--fallback is missing", "--scoreboard", w.scoreboard, w.mount);
    EXPECT_EXIT(2, "mount point is missing", "--scoreboard", w.scoreboard, "--fallback", w.fallback);
    EXPECT_EXIT(2, "one mount point", "--scoreboard", w.scoreboard, "--fallback", w.fallback, w.mount, w.base);
    static const char *const ranges[] = {"0-5", "5-4", "1-4294967295", "-1-5", "a-b", "5", "1-99999999999", "", "1 -5"};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        EXPECT_EXIT(2, "--uids", "--scoreboard", w.scoreboard, "--fallback", w.fallback, "--uids", ranges[i], w.mount);
    EXPECT_EXIT(2, "--sub", "--scoreboard", w.scoreboard, "--fallback", w.fallback, "--sub", "a/b", w.mount);
    EXPECT_EXIT(2, "--sub", "--scoreboard", w.scoreboard, "--fallback", w.fallback, "--sub", "..", w.mount);
    EXPECT_EXIT(2, "no such mount option", "--scoreboard", w.scoreboard, "--fallback", w.fallback, "-o", "bad", w.mount);
    EXPECT_EXIT(2, "--attribute-timeout", "--scoreboard", w.scoreboard, "--fallback", w.fallback, "--attribute-timeout",
                "nan", w.mount);
    EXPECT_EXIT(2, "--busy", "--scoreboard", w.scoreboard, "--fallback", w.fallback, "--busy", "never", w.mount);
    EXPECT_EXIT(4, "scoreboard", "--scoreboard", missing, "--fallback", w.fallback, w.mount);
    EXPECT_EXIT(5, "fallback", "--scoreboard", w.scoreboard, "--fallback", missing, w.mount);
    EXPECT_EXIT(5, "fallback", "--scoreboard", w.scoreboard, "--fallback", file, w.mount);
    EXPECT_EXIT(6, "mount point", "--scoreboard", w.scoreboard, "--fallback", w.fallback, missing);
    EXPECT_EXIT(6, "mount point", "--scoreboard", w.scoreboard, "--fallback", w.fallback, file);
    EXPECT_EXIT(10, "line 1", "--scoreboard", w.scoreboard, "--fallback", w.fallback, "--config", file, w.mount);
    EXPECT_EXIT(10, "missing", "--scoreboard", w.scoreboard, "--fallback", w.fallback, "--config", missing, w.mount);
    EXPECT_EXIT(13, "no obuilderfs answers", "status", w.mount);
    EXPECT_EXIT(2, "usage", "status");
    EXPECT_EXIT(0, "obuilderfs 1", "--version");
    EXPECT_EXIT(0, "Usage", "--help");
    world_destroy(&w);
}

static void without_root_it_says_so(void)
{
    world_make(&w, 1);
    char *copy = format("%s/obuilderfs", w.base);
    CHECK(system(format("cp %s %s", daemon_path(), copy)) == 0);
    CHECK(system(format("setpriv --reuid %d --regid %d --clear-groups %s --scoreboard %s --fallback %s %s 2>%s", FIRST_UID,
                        FIRST_UID, copy, w.scoreboard, w.fallback, w.mount, w.log)) == 3 << 8);
    CHECK(world_log_has(&w, "must run as root"));
    world_destroy(&w);
}

static void check_tells_everything_at_once(void)
{
    world_make(&w, 4);
    OK(unlink(format("%s/%d", w.scoreboard, FIRST_UID)));
    OK(symlink("relative", format("%s/%d", w.scoreboard, FIRST_UID)));
    OK(unlink(format("%s/%d", w.scoreboard, FIRST_UID + 1)));
    OK(symlink("/nowhere/at/all", format("%s/%d", w.scoreboard, FIRST_UID + 1)));
    OK(symlink(w.home[2], format("%s/not-a-uid", w.scoreboard)));
    OK(symlink(w.home[2], format("%s/100", w.scoreboard)));
    OK(chown(w.home[2], 0, 0));
    OK(chmod(w.scoreboard, 0777));
    EXPECT_EXIT(1, "7 problems", "--check", "--scoreboard", w.scoreboard, "--fallback", format("%s/missing", w.base),
                "--uids", "61001-61099", w.mount);
    static const char *const said[] = {"fallback",       "lets others than root",  "not an absolute path", "No such file",
                                       "is not a uid", "never used", "belongs to uid 0"};
    for (size_t i = 0; i < 7; i++)
        CHECK(world_log_has(&w, said[i]) || i == 3 || i == 6, "(%s)", said[i]);
    OK(chmod(w.scoreboard, 0755));
    CHECK(system(format("rm %s/*; ln -s %s %s/%d", w.scoreboard, w.home[3], w.scoreboard, FIRST_UID + 3)) == 0);
    EXPECT_EXIT(0, "0 problems", "--check", "--scoreboard", w.scoreboard, "--fallback", w.fallback, "--uids", "61001-61099",
                w.mount);
    world_destroy(&w);
}

static bool is_mounted(void)
{
    return system(format("grep -q ' %s ' /proc/self/mounts", w.mount)) == 0;
}

static void the_mount_of_a_dead_daemon_is_cleaned(void)
{
    world_make(&w, 1);
    CHECK(world_start(&w, NULL));
    int held = open(w.mount, O_RDONLY | O_DIRECTORY);
    kill(w.daemon, SIGKILL);
    CHECK(world_wait(&w) == 128 + SIGKILL);
    struct stat st;
    FAILS(ENOTCONN, stat(w.mount, &st));
    CHECK(world_start(&w, NULL));
    CHECK(world_log_has(&w, "cleaned the mount"));
    OK(stat(w.mount, &st));
    close(held);
    /* a living one is left alone */
    pid_t first = w.daemon;
    CHECK(!world_start(&w, NULL));
    CHECK(world_log_has(&w, "serves") && world_log_has(&w, "already"));
    w.daemon = first;
    OK(stat(w.mount, &st));
    CHECK(world_stop(&w) == 0);
    CHECK(!is_mounted());
    world_destroy(&w);
}

static void stopping_unmounts(void)
{
    world_make(&w, 1);
    for (int i = 0; i < 2; i++) {
        CHECK(world_start(&w, NULL));
        CHECK(is_mounted());
        CHECK(world_stop(&w) == 0);
        CHECK(!is_mounted());
    }
    /* from outside, too */
    CHECK(world_start(&w, NULL));
    OK(umount2(w.mount, 0));
    CHECK(world_wait(&w) == 0);
    world_destroy(&w);
}

static void a_copy_in_another_mount_namespace_keeps_nobody(void)
{
    world_make(&w, 1);
    CHECK(world_start(&w, NULL));
    int ends[2];
    char c;
    OK(pipe(ends));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || write(ends[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    CHECK(read(ends[0], &c, 1) == 1);
    CHECK(world_stop(&w) == 0);
    CHECK(!is_mounted());
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    world_destroy(&w);
}

static void a_busy_mount_is_waited_for_or_detached(void)
{
    world_make(&w, 1);
    CHECK(world_start(&w, NULL));
    fflush(NULL);
    pid_t holder = fork();
    if (holder == 0) {
        if (chdir(w.mount) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    sleep_ms(200);
    kill(w.daemon, SIGTERM);
    sleep_ms(1000);
    CHECK(is_mounted());
    CHECK(world_log_has(&w, "is in use by") && world_log_has(&w, format("(%d)", holder)));
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    CHECK(world_wait(&w) == 0);
    CHECK(!is_mounted());
    /* detached: open files are served until they are closed */
    CHECK(world_start(&w, (const char *const[]){"--busy", "detach", NULL}));
    write_file(in_mount(&w, "f"), "contents");
    int fd = open(in_mount(&w, "f"), O_RDWR);
    kill(w.daemon, SIGTERM);
    for (int i = 0; i < 200 && is_mounted(); i++)
        sleep_ms(20);
    CHECK(!is_mounted());
    CHECK(pwrite(fd, "C", 1, 0) == 1);
    OK(fsync(fd));
    close(fd);
    CHECK(world_wait(&w) == 0);
    CHECK(strcmp(read_file(in_fallback(&w, "f")), "Contents") == 0);
    world_destroy(&w);
}

static void expect_own(void *unused)
{
    (void)unused;
    OK(access(in_mount(&w, "own"), F_OK));
}

static void expect_no_own(void *unused)
{
    (void)unused;
    CHECK(access(in_mount(&w, "own"), F_OK) < 0);
}

static void hangup_reads_settings_again(void)
{
    world_make(&w, 1);
    char *config = format("%s/config", w.base);
    write_file(in_tree(&w, 0, "own"), "x");
    write_file(config, "# who is a builder\nuids 61001-61002\n");
    const char *arguments[] = {"--scoreboard", w.scoreboard, "--fallback", w.fallback, "--config", config, w.mount, NULL};
    world_launch(&w, arguments);
    for (int i = 0; i < 500 && !world_log_has(&w, "ready"); i++)
        sleep_ms(20);
    as_user(FIRST_UID, expect_own, NULL);
    write_file(config, "uids 61002-61002\n");
    kill(w.daemon, SIGHUP);
    for (int i = 0; i < 500 && !world_log_has(&w, "read again"); i++)
        sleep_ms(20);
    as_user(FIRST_UID, expect_no_own, NULL);
    write_file(config, "uids nonsense\n");
    kill(w.daemon, SIGHUP);
    for (int i = 0; i < 500 && !world_log_has(&w, "stay as they were"); i++)
        sleep_ms(20);
    CHECK(world_log_has(&w, "stay as they were"));
    as_user(FIRST_UID, expect_no_own, NULL);
    CHECK(world_stop(&w) == 0);
    world_destroy(&w);
}

static void try_status(void *unused)
{
    (void)unused;
    CHECK(world_status(&w, "nodes") == -1);
}

static void status_tells_builders_files_and_calls(void)
{
    world_make(&w, 2);
    CHECK(world_start(&w, NULL));
    write_file(in_tree(&w, 0, "own"), "x");
    as_user(FIRST_UID, expect_own, NULL);
    write_file(in_mount(&w, "f"), "x");
    int fd = open(in_mount(&w, "f"), O_RDONLY);
    CHECK(world_status(&w, "openFiles") == 1);
    CHECK(world_status(&w, "nodes") >= 4);
    CHECK(world_status(&w, "lookup") >= 2);
    CHECK(world_status(&w, "uid") == FIRST_UID);
    CHECK(world_status(&w, "descriptorLimit") > 0);
    close(fd);
    CHECK(system(format("%s status %s | grep -q '%s/local, 0 open files'", daemon_path(), w.mount, w.home[0])) == 0);
    CHECK(system(format("%s status --json %s | python3 -m json.tool >/dev/null", daemon_path(), w.mount)) == 0);
    as_user(FIRST_UID, try_status, NULL); /* what others have is none of a builder's business */
    kill(w.daemon, SIGUSR1);
    for (int i = 0; i < 300 && !world_log_has(&w, "calls:"); i++)
        sleep_ms(10);
    CHECK(world_log_has(&w, "calls:"));
    CHECK(world_stop(&w) == 0);
    world_destroy(&w);
}

static void the_fallback_may_be_the_covered_directory(void)
{
    world_make(&w, 1);
    write_file(in_mount(&w, "covered"), "below");
    const char *arguments[] = {"--scoreboard", w.scoreboard, "--fallback", w.mount, w.mount, NULL};
    world_launch(&w, arguments);
    for (int i = 0; i < 500 && !world_log_has(&w, "ready"); i++)
        sleep_ms(20);
    CHECK(strcmp(read_file(in_mount(&w, "covered")), "below") == 0);
    write_file(in_mount(&w, "new"), "x");
    CHECK(world_stop(&w) == 0);
    CHECK(strcmp(read_file(in_mount(&w, "new")), "x") == 0);
    world_destroy(&w);
}

const struct test lifecycle_tests[] = {
    {"every bad start says one sentence and has its code", every_bad_start_says_one_sentence_and_has_its_code, EVERYWHERE},
    {"without root it says so", without_root_it_says_so, PLAIN},
    {"--check tells everything at once", check_tells_everything_at_once, EVERYWHERE},
    {"the mount of a dead daemon is cleaned, that of a living one left alone", the_mount_of_a_dead_daemon_is_cleaned,
     EVERYWHERE},
    {"stopping unmounts, unmounting stops", stopping_unmounts, EVERYWHERE},
    {"a copy in another mount namespace keeps nobody", a_copy_in_another_mount_namespace_keeps_nobody, PLAIN},
    {"a busy mount is waited for, or detached and served to the end", a_busy_mount_is_waited_for_or_detached, EVERYWHERE},
    {"SIGHUP reads settings again, and keeps the old ones when they are wrong", hangup_reads_settings_again, EVERYWHERE},
    {"status tells builders, files and calls, to root only", status_tells_builders_files_and_calls, EVERYWHERE},
    {"the fallback may be the covered directory", the_fallback_may_be_the_covered_directory, EVERYWHERE},
    {NULL, NULL, 0},
};
