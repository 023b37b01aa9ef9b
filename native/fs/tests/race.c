/* What a hostile or careless user does between two calls of another, and between the kernel's question and our answer. */
#include <signal.h>
#include <sys/wait.h>

#include "world.h"

static struct world w;

static void start(int builders, const char *const *extra)
{
    world_make(&w, builders);
    CHECK(world_start(&w, extra));
}

static void end(void)
{
    CHECK(world_stop(&w) == 0);
    CHECK(!world_log_has(&w, "Sanitizer"));
    world_destroy(&w);
}

/* The victim's file, whose bytes must never be seen, and a directory to be swapped for a link to it. */
static void swap_until_killed(void *unused)
{
    (void)unused;
    char *d = strdup(in_tree(&w, 0, "d")), *l = strdup(in_tree(&w, 0, "l"));
    char *f = strdup(in_tree(&w, 0, "f")), *fl = strdup(in_tree(&w, 0, "fl"));
    for (;;) {
        renameat2(AT_FDCWD, d, AT_FDCWD, l, RENAME_EXCHANGE);
        renameat2(AT_FDCWD, f, AT_FDCWD, fl, RENAME_EXCHANGE);
    }
}

static void read_while_swapped(void *unused)
{
    (void)unused;
    int64_t end_ms = now_ms() + 3000;
    unsigned own = 0, stale = 0, other = 0;
    while (now_ms() < end_ms) {
        static const char *const names[] = {"d/secret", "f"};
        for (int i = 0; i < 2; i++) {
            const char *text = read_file(in_mount(&w, names[i]));
            CHECK(!text || strcmp(text, "own") == 0, "(read %.20s)", text);
            own += text != NULL;
            stale += !text && errno == ESTALE;
            other += !text && errno != ESTALE;
            int fd = open(in_mount(&w, names[i]), O_WRONLY);
            if (fd >= 0) {
                struct stat st;
                OK(fstat(fd, &st));
                CHECK(st.st_uid == FIRST_UID);
                close(fd);
            }
            chmod(in_mount(&w, names[i]), 0644);
        }
    }
    printf("    read its own bytes %u times, ESTALE %u, refused %u\n", own, stale, other);
    CHECK(own > 10);
}

static void swapped_directories_and_files_lead_nowhere(void)
{
    world_make(&w, 2);
    OK(chmod(w.home[1], 0755)); /* so that only obuilderfs stands between the two */
    write_file(in_tree(&w, 1, "secret"), "another's");
    OK(chmod(in_tree(&w, 1, "secret"), 0666));
    OK(mkdir(in_tree(&w, 0, "d"), 0755));
    write_file(in_tree(&w, 0, "d/secret"), "own");
    write_file(in_tree(&w, 0, "f"), "own");
    OK(symlink(in_tree(&w, 1, "."), in_tree(&w, 0, "l")));
    OK(symlink(in_tree(&w, 1, "secret"), in_tree(&w, 0, "fl")));
    OK(system(format("chown -hR %d %s %s %s %s %s", FIRST_UID, in_tree(&w, 0, "d"), in_tree(&w, 0, "f"),
                     in_tree(&w, 0, "l"), in_tree(&w, 0, "fl"), w.home[0])));
    /* A link within one's own tree may lead to what one may read natively; the daemon itself must never follow it. */
    OK(chmod(w.home[1], 0700));
    CHECK(world_start(&w, NULL));
    fflush(NULL);
    pid_t swapper = fork();
    if (swapper == 0) {
        become(FIRST_UID, FIRST_UID, 0, NULL);
        swap_until_killed(NULL);
    }
    as_user(FIRST_UID, read_while_swapped, NULL);
    kill(swapper, SIGKILL);
    waitpid(swapper, NULL, 0);
    CHECK(strcmp(read_file(in_tree(&w, 1, "secret")), "another's") == 0);
    end();
}

static void use_after_move(void *unused)
{
    (void)unused;
    OK(mkdir(in_mount(&w, "a"), 0755));
    OK(mkdir(in_mount(&w, "a/b"), 0755));
    write_file(in_mount(&w, "a/b/f"), "x");
    OK(chdir(in_mount(&w, "a/b")));
    /* behind the mount's back: b out of a, then a into b: older names say that each lies in the other */
    for (int i = 0; i < 50; i++) {
        OK(rename(in_tree(&w, 0, "a/b"), in_tree(&w, 0, "b")));
        OK(rename(in_tree(&w, 0, "a"), in_tree(&w, 0, "b/a")));
        struct stat st;
        lstat("a", &st);
        lstat("a/x", &st);
        CHECK(access(in_mount(&w, "b/a"), F_OK) == 0);
        write_file("g", "y");
        OK(rename(in_tree(&w, 0, "b/a"), in_tree(&w, 0, "a")));
        OK(rename(in_tree(&w, 0, "b"), in_tree(&w, 0, "a/b")));
        lstat("f", &st);
        CHECK(strcmp(read_file(in_mount(&w, "a/b/f")), "x") == 0);
    }
}

static void directories_moved_into_each_other_hang_nothing(void)
{
    start(1, NULL);
    as_user(FIRST_UID, use_after_move, NULL);
    end();
}

static void chmod_and_make(void *context)
{
    int me = *(int *)context;
    int64_t end_ms = now_ms() + 4000;
    for (int i = 0; now_ms() < end_ms; i++) {
        char *dir = format("%s/p/d%d", w.mount, me);
        mkdir(dir, 0755);
        mkdir(format("%s/in", dir), 0755);
        struct stat st;
        stat(format("%s/in", dir), &st);
        OK(chmod(dir, i % 2 ? 0755 : 0700));
        mkdir(format("%s/p/new%d", w.mount, me), 0755);
        rmdir(format("%s/p/new%d", w.mount, me));
    }
}

static void many_directories_made_private_at_once_stop_nobody(void)
{
    start(0, NULL);
    OK(mkdir(in_fallback(&w, "p"), 0777));
    OK(chmod(in_fallback(&w, "p"), 0777));
    pid_t children[16];
    for (int i = 0; i < 16; i++) {
        fflush(NULL);
        children[i] = fork();
        if (children[i] == 0) {
            as_user(OUTSIDER_UID, chmod_and_make, &i);
            _exit(0);
        }
    }
    for (int i = 0; i < 16; i++) {
        int status;
        OK(waitpid(children[i], &status, 0));
        CHECK(status == 0);
    }
    end();
}

static void expect_denied(void *unused)
{
    (void)unused;
    struct stat st;
    FAILS(EACCES, stat(in_mount(&w, "x/y/f"), &st));
    FAILS(EACCES, open(in_mount(&w, "x/y/f"), O_RDONLY));
    FAILS(EACCES, open(in_mount(&w, "x/y/g"), O_WRONLY | O_CREAT, 0644));
    FAILS(EACCES, access(in_mount(&w, "x/y/f"), F_OK));
}

static void expect_allowed(void *unused)
{
    (void)unused;
    struct stat st;
    OK(stat(in_mount(&w, "x/y/f"), &st));
}

static void cached_paths_end_at_private_directories(void)
{
    start(0, NULL);
    OK(mkdir(in_fallback(&w, "x"), 0755));
    OK(mkdir(in_fallback(&w, "x/y"), 0777));
    OK(chmod(in_fallback(&w, "x/y"), 0777));
    write_file(in_fallback(&w, "x/y/f"), "x");
    int held = open(in_mount(&w, "x/y/f"), O_RDONLY); /* so that the kernel cannot let go of the path */
    for (int i = 0; i < 200; i++) {
        as_user(OUTSIDER_UID, expect_allowed, NULL);
        OK(chmod(in_mount(&w, "x"), 0700));
        as_user(OUTSIDER_UID, expect_denied, NULL);
        expect_allowed(NULL); /* root */
        as_user(OUTSIDER_UID, expect_denied, NULL);
        OK(chmod(in_mount(&w, "x"), 0755));
    }
    close(held);
    end();
}

static void expect_acl_denied(void *unused)
{
    (void)unused;
    struct stat st;
    FAILS(EACCES, stat(in_mount(&w, "acl/f"), &st));
}

static void access_control_lists_count(void)
{
    start(0, NULL);
    OK(mkdir(in_fallback(&w, "acl"), 0755));
    write_file(in_fallback(&w, "acl/f"), "x");
    struct stat st;
    if (system(format("command -v setfacl >/dev/null && setfacl -m u:%d:--- %s", OUTSIDER_UID, in_mount(&w, "acl"))) != 0) {
        printf("    (no setfacl here: nothing tested)\n");
        end();
        return;
    }
    OK(stat(in_mount(&w, "acl/f"), &st));
    as_user(OUTSIDER_UID, expect_acl_denied, NULL);
    CHECK(system(format("getfacl -p %s 2>/dev/null | grep -q user:%d:---", in_mount(&w, "acl"), OUTSIDER_UID)) == 0);
    CHECK(system(format("setfacl -b %s", in_mount(&w, "acl"))) == 0);
    CHECK(system(format("setfacl -d -m u:%d:rwx %s", OUTSIDER_UID, in_mount(&w, "acl"))) == 0);
    umask(077);
    int fd = open(in_mount(&w, "acl/g"), O_WRONLY | O_CREAT, 0666);
    close(fd);
    umask(022);
    CHECK(system(format("getfacl -p %s 2>/dev/null | grep -q user:%d:rw", in_fallback(&w, "acl/g"), OUTSIDER_UID)) == 0);
    end();
}

static void builder_makes(void *name)
{
    write_file(in_mount(&w, name), "x");
}

static void expect_tree(void *text)
{
    const char *seen = read_file(in_mount(&w, "which"));
    CHECK(seen && strcmp(seen, text) == 0, "(%s, not %s)", seen ? seen : "nothing", (const char *)text);
}

static void a_repointed_link_counts_at_once_and_open_files_stay(void)
{
    start(1, NULL);
    char *other = format("%s/other", w.base), *link = format("%s/%d", w.scoreboard, FIRST_UID), *fresh = format("%s.new", link);
    OK(mkdir(other, 0755));
    OK(mkdir(format("%s/local", other), 0755));
    write_file(format("%s/local/which", other), "b");
    write_file(in_tree(&w, 0, "which"), "a");
    OK(chown(in_tree(&w, 0, "which"), FIRST_UID, FIRST_UID));
    OK(system(format("chown -R %d:%d %s", FIRST_UID, FIRST_UID, other)));
    as_user(FIRST_UID, expect_tree, "a");
    fflush(NULL);
    int go[2];
    OK(pipe(go));
    pid_t child = fork();
    if (child == 0) { /* keeps a file of the first tree open */
        become(FIRST_UID, FIRST_UID, 0, NULL);
        int fd = open(in_mount(&w, "which"), O_RDWR);
        char c;
        if (read(go[0], &c, 1) != 1 || pread(fd, &c, 1, 0) != 1 || c != 'a' || pwrite(fd, "A", 1, 0) != 1)
            _exit(1);
        _exit(0);
    }
    sleep_ms(200);
    for (int i = 0; i < 300; i++) {
        OK(symlink(i % 2 ? w.home[0] : other, fresh));
        OK(rename(fresh, link));
        as_user(FIRST_UID, expect_tree, i % 2 ? "a" : "b");
    }
    CHECK(write(go[1], "x", 1) == 1);
    int status;
    OK(waitpid(child, &status, 0));
    CHECK(status == 0);
    CHECK(strcmp(read_file(in_tree(&w, 0, "which")), "A") == 0);
    /* a tree put in place by renaming counts at once, too */
    OK(mkdir(format("%s/next", w.home[0]), 0755));
    write_file(format("%s/next/which", w.home[0]), "next");
    OK(system(format("chown -R %d %s/next", FIRST_UID, w.home[0])));
    OK(rename(format("%s/local", w.home[0]), format("%s/old", w.home[0])));
    OK(rename(format("%s/next", w.home[0]), format("%s/local", w.home[0])));
    as_user(FIRST_UID, expect_tree, "next");
    as_user(FIRST_UID, builder_makes, "made");
    CHECK(access(in_tree(&w, 0, "made"), F_OK) == 0);
    OK(unlink(link));
    fflush(NULL);
    child = fork();
    if (child == 0) {
        become(FIRST_UID, FIRST_UID, 0, NULL);
        _exit(access(in_mount(&w, "which"), F_OK) < 0 && errno == ENOENT ? 0 : 1);
    }
    OK(waitpid(child, &status, 0));
    CHECK(status == 0);
    end();
}

static void expect_empty(void *unused)
{
    (void)unused;
    CHECK(system(format("test -z \"$(ls -A %s)\"", w.mount)) == 0);
}

static void refused_links_count_as_none(void)
{
    world_make(&w, 6);
    char *board = w.scoreboard;
    OK(mkdir(format("%s/roots", w.base), 0755));
    OK(mkdir(format("%s/roots/local", w.base), 0755));
    const char *const targets[] = {"relative", format("%s/missing", w.base), format("%s/roots", w.base), w.home[4],
                                   format("%s/61001", w.scoreboard)};
    for (int i = 0; i < 5; i++) {
        OK(unlink(format("%s/%d", board, FIRST_UID + i)));
        OK(symlink(targets[i], format("%s/%d", board, FIRST_UID + i)));
    }
    OK(chmod(w.home[4], 0755));
    /* the last one is linked rightly, but made his tree a link to another's */
    OK(rmdir(in_tree(&w, 5, ".") ? format("%s/local", w.home[5]) : ""));
    OK(symlink(format("%s/local", w.home[4]), format("%s/local", w.home[5])));
    CHECK(world_start(&w, NULL));
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 6; i++)
            as_user(FIRST_UID + (uid_t)i, expect_empty, NULL);
    for (int i = 0; i < 6; i++)
        CHECK(world_log_count(&w, format("builder %d sees an empty prefix", FIRST_UID + i)) == 1, "(builder %d: %d lines)", i,
              world_log_count(&w, format("builder %d sees an empty prefix", FIRST_UID + i)));
    CHECK(world_stop(&w) == 0);
    CHECK(world_start(&w, (const char *const[]){"--allow-foreign-target", NULL}));
    write_file(format("%s/roots/local/which", w.base), "foreign");
    as_user(FIRST_UID + 2, expect_tree, "foreign");
    end();
}

static void a_link_into_the_mount_itself_hangs_nothing(void)
{
    world_make(&w, 2);
    OK(unlink(format("%s/%d", w.scoreboard, FIRST_UID)));
    OK(symlink(format("%s/home", w.mount), format("%s/%d", w.scoreboard, FIRST_UID)));
    CHECK(world_start(&w, NULL));
    for (int i = 0; i < 20; i++)
        as_user(FIRST_UID, expect_empty, NULL);
    as_user(FIRST_UID + 1, builder_makes, "f");
    end();
}

const struct test race_tests[] = {
    {"directories and files swapped for links at full speed lead nowhere", swapped_directories_and_files_lead_nowhere,
     EVERYWHERE},
    {"directories moved into each other behind the mount hang nothing", directories_moved_into_each_other_hang_nothing,
     EVERYWHERE},
    {"many directories made private at once stop nobody", many_directories_made_private_at_once_stop_nobody, EVERYWHERE},
    {"cached paths end at directories that became private", cached_paths_end_at_private_directories, EVERYWHERE},
    {"access control lists count, default ones too", access_control_lists_count, EVERYWHERE},
    {"a re-pointed link counts at once, and open files keep their tree",
     a_repointed_link_counts_at_once_and_open_files_stay, EVERYWHERE},
    {"refused links count as none, with one line each", refused_links_count_as_none, EVERYWHERE},
    {"a link that leads into the mount itself hangs nothing", a_link_into_the_mount_itself_hangs_nothing, EVERYWHERE},
    {NULL, NULL, 0},
};
