/* One test for each of the thirteen things that the file system which came before did wrong; and their neighbours. */
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "world.h"

static struct world w;

static void start(int builders)
{
    world_make(&w, builders);
    CHECK(world_start(&w, NULL));
}

static void end(void)
{
    CHECK(world_stop(&w) == 0);
    CHECK(!world_log_has(&w, "Sanitizer"));
    world_destroy(&w);
}

static void make_some(void *unused)
{
    (void)unused;
    write_file(in_mount(&w, "file"), "x");
    OK(mkdir(in_mount(&w, "dir"), 0755));
    OK(symlink("file", in_mount(&w, "link")));
    OK(mkfifo(in_mount(&w, "fifo"), 0644));
}

static void new_files_belong_to_the_caller(void)
{
    start(2);
    as_user(FIRST_UID + 1, make_some, NULL);
    static const char *const names[] = {"file", "dir", "link", "fifo"};
    for (int i = 0; i < 4; i++) {
        struct stat st;
        OK(lstat(in_tree(&w, 1, names[i]), &st));
        CHECK(st.st_uid == FIRST_UID + 1 && st.st_gid == FIRST_UID + 1, "(%s: %u:%u)", names[i], st.st_uid, st.st_gid);
    }
    end();
}

static void make_setuid_program(void *unused)
{
    (void)unused;
    CHECK(system(format("cp /usr/bin/id %s && chmod 4755 %s", in_mount(&w, "id"), in_mount(&w, "id"))) == 0);
    FILE *id = popen(format("%s -u", in_mount(&w, "id")), "r");
    unsigned uid = 0;
    CHECK(id && fscanf(id, "%u", &uid) == 1);
    pclose(id);
    CHECK(uid == FIRST_UID, "(runs as %u)", uid);
}

static void nobody_makes_a_program_that_runs_as_root(void)
{
    start(1);
    as_user(FIRST_UID, make_setuid_program, NULL);
    struct stat st;
    OK(stat(in_tree(&w, 0, "id"), &st));
    CHECK(st.st_uid == FIRST_UID);
    end();
}

static void try_roots_files(void *unused)
{
    (void)unused;
    FAILS(EACCES, open(in_mount(&w, "secret"), O_RDONLY));
    FAILS(EACCES, open(in_mount(&w, "secret"), O_WRONLY));
    FAILS(EACCES, open(in_mount(&w, "private/new"), O_WRONLY | O_CREAT, 0644));
    FAILS(EACCES, mkdir(in_mount(&w, "private/new"), 0755));
    FAILS(EACCES, unlink(in_mount(&w, "private/inside")));
    FAILS(EACCES, open(in_mount(&w, "private/inside"), O_RDONLY));
    FAILS(EPERM, chmod(in_mount(&w, "secret"), 0666));
    FAILS(EPERM, chown(in_mount(&w, "secret"), FIRST_UID, (gid_t)-1));
    FAILS(EACCES, truncate(in_mount(&w, "secret"), 0));
}

static void roots_files_in_the_tree_stay_roots(void)
{
    start(1);
    write_file(in_tree(&w, 0, "secret"), "root's");
    OK(chmod(in_tree(&w, 0, "secret"), 0600));
    OK(mkdir(in_tree(&w, 0, "private"), 0700));
    write_file(in_tree(&w, 0, "private/inside"), "root's");
    as_user(FIRST_UID, try_roots_files, NULL);
    end();
}

static void swap_parent(void *unused)
{
    (void)unused;
    OK(mkdir(in_mount(&w, "d"), 0755));
    write_file(in_mount(&w, "d/shadow"), "mine");
    CHECK(strcmp(read_file(in_mount(&w, "d/shadow")), "mine") == 0);
    /* behind the mount's back, and with the kernel's caches full of the old directory */
    OK(rename(in_tree(&w, 0, "d"), in_tree(&w, 0, "d.old")));
    OK(symlink("/etc", in_tree(&w, 0, "d")));
    FAILS(EACCES, open(in_mount(&w, "d/shadow"), O_RDONLY));
    FAILS(EACCES, open(in_mount(&w, "d/new"), O_WRONLY | O_CREAT, 0644));
}

static void a_swapped_parent_directory_leads_nowhere_with_roots_rights(void)
{
    start(1);
    as_user(FIRST_UID, swap_parent, NULL);
    CHECK(access("/etc/new", F_OK) < 0);
    end();
}

static void write_big(void *text)
{
    static char data[262144];
    memset(data, *(const char *)text, sizeof data);
    int fd = open(in_mount(&w, "same"), O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, data, sizeof data) == (ssize_t)sizeof data);
    close(fd);
}

static void expect_big(void *text)
{
    static char data[262144];
    int fd = open(in_mount(&w, "same"), O_RDONLY);
    CHECK(fd >= 0 && read(fd, data, sizeof data) == (ssize_t)sizeof data);
    for (size_t i = 0; i < sizeof data; i++)
        CHECK(data[i] == *(const char *)text, "(at %zu: %c)", i, data[i]);
    close(fd);
}

static void make_only(void *name)
{
    write_file(in_mount(&w, name), "x");
}

static void expect_missing(void *name)
{
    FAILS(ENOENT, open(in_mount(&w, name), O_RDONLY));
    CHECK(access(in_mount(&w, name), F_OK) < 0);
}

static void two_users_never_share_bytes_or_names(void)
{
    start(2);
    as_user(FIRST_UID, write_big, "a");
    as_user(FIRST_UID + 1, write_big, "b");
    struct stat one, two;
    OK(stat(in_tree(&w, 0, "same"), &one));
    OK(stat(in_tree(&w, 1, "same"), &two));
    for (int i = 0; i < 20; i++) {
        as_user(FIRST_UID, expect_big, "a");
        as_user(FIRST_UID + 1, expect_big, "b");
    }
    as_user(FIRST_UID, make_only, "only-one");
    as_user(FIRST_UID + 1, expect_missing, "only-one");
    as_user(FIRST_UID + 1, make_only, "only-two");
    as_user(FIRST_UID, expect_missing, "only-two");
    end();
}

static void set_times(void *unused)
{
    (void)unused;
    const char *path = in_mount(&w, "file");
    struct stat st;
    write_file(path, "x");
    struct timespec times[2] = {{.tv_sec = 1000000000, .tv_nsec = 123456789}, {.tv_sec = 1234567890, .tv_nsec = 987654321}};
    OK(utimensat(AT_FDCWD, path, times, 0));
    OK(stat(path, &st));
    CHECK(st.st_mtim.tv_sec == 1234567890 && st.st_mtim.tv_nsec == 987654321 && st.st_atim.tv_nsec == 123456789);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    OK(utimensat(AT_FDCWD, path, times, 0));
    OK(stat(path, &st));
    CHECK(st.st_atim.tv_sec == 1000000000 && st.st_mtim.tv_sec > 1600000000);
}

static void times_are_set(void)
{
    start(1);
    as_user(FIRST_UID, set_times, NULL);
    end();
}

static void try_without_link(void *unused)
{
    (void)unused;
    struct stat st;
    OK(stat(w.mount, &st));
    CHECK((st.st_mode & 07777) == 0555 && st.st_uid == 0);
    CHECK(chmod(w.mount, 0777) < 0);
    FAILS(ENOENT, open(in_mount(&w, "new"), O_WRONLY | O_CREAT, 0644));
    FAILS(ENOENT, mkdir(in_mount(&w, "new"), 0755));
    FAILS(ENOENT, stat(in_mount(&w, "61001"), &st));
    FAILS(ENOENT, symlink("/etc", in_mount(&w, "61001")));
    CHECK(system(format("test -z \"$(ls -A %s)\"", w.mount)) == 0);
}

static void a_builder_without_link_sees_nothing_and_changes_nothing(void)
{
    start(1);
    as_user(FIRST_UID + 5, try_without_link, NULL);
    struct stat st;
    OK(stat(w.scoreboard, &st));
    CHECK((st.st_mode & 07777) == 0755);
    end();
}

static void expect_fallback(void *unused)
{
    (void)unused;
    CHECK(strcmp(read_file(in_mount(&w, "marker")), "fallback") == 0);
    FAILS(EACCES, open(in_mount(&w, "new"), O_WRONLY | O_CREAT, 0644));
}

static void expect_own(void *unused)
{
    (void)unused;
    CHECK(strcmp(read_file(in_mount(&w, "marker")), "builder") == 0);
}

static void root_and_system_users_see_the_fallback_whoever_called_last(void)
{
    start(1);
    write_file(in_fallback(&w, "marker"), "fallback");
    write_file(in_tree(&w, 0, "marker"), "builder");
    for (int i = 0; i < 5; i++) {
        as_user(FIRST_UID, expect_own, NULL);
        as_user(OUTSIDER_UID, expect_fallback, NULL);
        CHECK(strcmp(read_file(in_mount(&w, "marker")), "fallback") == 0);
    }
    write_file(in_mount(&w, "roots"), "x");
    CHECK(access(in_fallback(&w, "roots"), F_OK) == 0);
    end();
}

static int lock_in_child(const char *path, bool uses_fcntl)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path, O_RDWR);
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int result = uses_fcntl ? fcntl(fd, F_SETLK, &lock) : flock(fd, LOCK_EX | LOCK_NB);
        _exit(result == 0 ? 0 : errno);
    }
    int status;
    OK(waitpid(child, &status, 0));
    return WEXITSTATUS(status);
}

static void lock_twice(void *unused)
{
    (void)unused;
    const char *path = in_mount(&w, "locked");
    write_file(path, "x");
    int fd = open(path, O_RDWR);
    OK(flock(fd, LOCK_EX | LOCK_NB));
    CHECK(lock_in_child(path, false) == EWOULDBLOCK);
    OK(flock(fd, LOCK_UN));
    CHECK(lock_in_child(path, false) == 0);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    OK(fcntl(fd, F_SETLK, &lock));
    int refused = lock_in_child(path, true);
    CHECK(refused == EAGAIN || refused == EACCES, "(%d)", refused);
    struct flock asked = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    OK(fcntl(fd, F_GETLK, &asked));
    close(fd);
}

static void locks_are_granted_once(void)
{
    start(1);
    as_user(FIRST_UID, lock_twice, NULL);
    end();
}

static void link_twice(void *unused)
{
    (void)unused;
    struct stat one, two;
    write_file(in_mount(&w, "a"), "x");
    OK(link(in_mount(&w, "a"), in_mount(&w, "b")));
    OK(stat(in_mount(&w, "a"), &one));
    OK(stat(in_mount(&w, "b"), &two));
    CHECK(one.st_ino == two.st_ino && one.st_nlink == 2 && two.st_nlink == 2);
    OK(unlink(in_mount(&w, "a")));
    OK(stat(in_mount(&w, "b"), &two));
    CHECK(two.st_nlink == 1 && two.st_ino == one.st_ino);
    OK(chmod(in_mount(&w, "b"), 0600));
    CHECK(strcmp(read_file(in_mount(&w, "b")), "x") == 0);
}

static void hard_links_are_one_file(void)
{
    start(1);
    as_user(FIRST_UID, link_twice, NULL);
    end();
}

static void do_many_calls(void *unused)
{
    (void)unused;
    for (int i = 0; i < 500; i++) {
        write_file(in_mount(&w, "f"), "x");
        CHECK(read_file(in_mount(&w, "f")) != NULL);
        OK(unlink(in_mount(&w, "f")));
        CHECK(access(in_mount(&w, "missing"), F_OK) < 0);
    }
}

static void calls_print_nothing(void)
{
    start(1);
    struct stat before, after;
    OK(stat(w.log, &before));
    as_user(FIRST_UID, do_many_calls, NULL);
    OK(stat(w.log, &after));
    CHECK(before.st_size == after.st_size, "(%ld bytes more)", (long)(after.st_size - before.st_size));
    end();
}

const struct test defect_tests[] = {
    {"1: new files belong to the caller", new_files_belong_to_the_caller, EVERYWHERE},
    {"2: nobody makes a program that runs as root", nobody_makes_a_program_that_runs_as_root, EVERYWHERE},
    {"3: root's files in a builder's tree stay root's", roots_files_in_the_tree_stay_roots, EVERYWHERE},
    {"4: a swapped parent directory leads nowhere with root's rights",
     a_swapped_parent_directory_leads_nowhere_with_roots_rights, EVERYWHERE},
    {"5: two users never share bytes or names", two_users_never_share_bytes_or_names, EVERYWHERE},
    {"6: times are set, to the nanosecond", times_are_set, EVERYWHERE},
    {"7: a builder without link sees nothing and changes nothing",
     a_builder_without_link_sees_nothing_and_changes_nothing, EVERYWHERE},
    {"8: root and system users see the fallback, whoever called last",
     root_and_system_users_see_the_fallback_whoever_called_last, EVERYWHERE},
    {"9: locks are granted once", locks_are_granted_once, EVERYWHERE},
    {"10: uids are 32-bit numbers, not texts", uids_are_numbers, EVERYWHERE},
    {"11: hard links are one file", hard_links_are_one_file, EVERYWHERE},
    {"12: long links, deep paths and missing arguments crash nothing",
     long_links_deep_paths_and_missing_arguments_crash_nothing, EVERYWHERE},
    {"13: calls print nothing", calls_print_nothing, EVERYWHERE},
    {NULL, NULL, 0},
};
