/* Two of the thirteen defects that odd input brought out: uids as texts, and fixed buffers. */
#include <sys/wait.h>

#include "world.h"

static struct world w;

void uids_are_numbers(void)
{
    world_make(&w, 1);
    /* uids whose decimal text begins with another's; one above 2^31, and the highest there is */
    static const uid_t uids[] = {100000001, 1000000015, 4000000000u, 4294967294u};
    for (size_t i = 0; i < 4; i++) {
        char *home = format("%s/h%zu", w.base, i);
        OK(mkdir(home, 0755));
        OK(mkdir(format("%s/local", home), 0755));
        write_file(format("%s/local/uid", home), format("%u", uids[i]));
        OK(chown(home, uids[i], uids[i]));
        OK(chown(format("%s/local", home), uids[i], uids[i]));
        if (i != 1)
            OK(symlink(home, format("%s/%u", w.scoreboard, uids[i])));
    }
    const char *extra[] = {"--uids", "502-4294967294", NULL};
    CHECK(world_start(&w, extra));
    for (size_t i = 0; i < 4; i++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            become(uids[i], uids[i], 0, NULL);
            const char *seen = read_file(in_mount(&w, "uid"));
            bool is_right = i == 1 ? !seen : seen && strcmp(seen, format("%u", uids[i])) == 0;
            _exit(is_right ? 0 : 1);
        }
        int status;
        OK(waitpid(child, &status, 0));
        CHECK(status == 0, "(uid %u)", uids[i]);
    }
    CHECK(world_stop(&w) == 0);
    world_destroy(&w);
}

static void expect_nothing(void *unused)
{
    (void)unused;
    CHECK(system(format("test -z \"$(ls -A %s)\"", w.mount)) == 0);
    FAILS(ENOENT, mkdir(in_mount(&w, "new"), 0755));
}

static void go_deep(void *unused)
{
    (void)unused;
    OK(chdir(w.mount));
    char name[256];
    memset(name, 'n', 255);
    name[255] = 0;
    for (int i = 0; i < 60; i++) {
        OK(mkdir(name, 0755));
        OK(chdir(name));
    }
    write_file("bottom", "deep");
    CHECK(strcmp(read_file("bottom"), "deep") == 0);
    name[254] = 0;
    OK(rename("bottom", name));
    CHECK(strcmp(read_file(name), "deep") == 0);
    FAILS(ENAMETOOLONG, open(format("%s%s", name, name), O_RDONLY));
}

void long_links_deep_paths_and_missing_arguments_crash_nothing(void)
{
    world_make(&w, 2);
    /* a link of more than 300 bytes that is right, and the longest one that a link can be, which is not */
    char *home = format("%s/%0250d", w.base, 1);
    OK(mkdir(home, 0755));
    home = format("%s/%0150d", home, 2);
    OK(mkdir(home, 0755));
    OK(mkdir(format("%s/local", home), 0755));
    write_file(format("%s/local/long", home), "x");
    OK(chown(home, FIRST_UID + 1, FIRST_UID + 1));
    OK(chown(format("%s/local", home), FIRST_UID + 1, FIRST_UID + 1));
    OK(unlink(format("%s/%d", w.scoreboard, FIRST_UID + 1)));
    OK(symlink(home, format("%s/%d", w.scoreboard, FIRST_UID + 1)));
    char longest[4096];
    memset(longest, 'l', 4095);
    longest[4095] = 0;
    for (int i = 0; i < 4095; i += 100)
        longest[i] = '/';
    OK(symlink(longest, format("%s/%d", w.scoreboard, FIRST_UID + 2)));
    CHECK(world_start(&w, NULL));
    as_user(FIRST_UID, go_deep, NULL);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        become(FIRST_UID + 1, FIRST_UID + 1, 0, NULL);
        _exit(access(in_mount(&w, "long"), F_OK) == 0 ? 0 : 1);
    }
    int status;
    OK(waitpid(child, &status, 0));
    CHECK(status == 0);
    as_user(FIRST_UID + 2, expect_nothing, NULL);
    CHECK(system(format("rm -rf %s/*", w.mount)) == 0);
    CHECK(system(format("rm -rf %s/local", w.home[0])) == 0);
    CHECK(world_stop(&w) == 0);
    world_launch(&w, (const char *const[]){NULL});
    CHECK(world_wait(&w) == 2);
    world_destroy(&w);
}
