/* Few descriptors, many files: bounded memory and nothing left behind. */
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "world.h"

static struct world w;

static void work_in_many_directories(void *unused)
{
    (void)unused;
    enum { DIRECTORIES = 600, DEPTH = 300 };
    for (int i = 0; i < DIRECTORIES; i++) {
        OK(mkdir(in_mount(&w, format("d%d", i)), 0755));
        write_file(in_mount(&w, format("d%d/f", i)), "x");
    }
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < DIRECTORIES; i++) {
            CHECK(read_file(in_mount(&w, format("d%d/f", i))) != NULL, "(errno %d)", errno);
            OK(rename(in_mount(&w, format("d%d/f", i)), in_mount(&w, format("d%d/g", i))));
            OK(rename(in_mount(&w, format("d%d/g", i)), in_mount(&w, format("d%d/f", i))));
        }
    /* deeper than there are descriptors */
    OK(chdir(w.mount));
    for (int i = 0; i < DEPTH; i++) {
        OK(mkdir("deep", 0755));
        OK(chdir("deep"));
    }
    write_file("bottom", "deep");
    OK(access(in_mount(&w, "d1/f"), F_OK));
    for (int i = 0; i < DIRECTORIES; i++)
        OK(access(in_mount(&w, format("d%d/f", i)), F_OK));
    CHECK(strcmp(read_file("bottom"), "deep") == 0);
}

static void open_all(void *unused)
{
    (void)unused;
    unsigned opened = 0, refused = 0;
    write_file(in_mount(&w, "f"), "x");
    for (int i = 0; i < 400; i++) {
        if (open(in_mount(&w, "f"), O_RDONLY) >= 0)
            opened++;
        else {
            CHECK(errno == EMFILE || errno == ENFILE, "(errno %d)", errno);
            refused++;
        }
    }
    CHECK(opened > 100, "(%u)", opened);
    CHECK(refused > 0);
}

static void serve_with_256_descriptors(void)
{
    world_make(&w, 2);
    w.descriptors = 256;
    CHECK(world_start(&w, NULL));
    CHECK(world_status(&w, "descriptorLimit") == 256);
    as_user(FIRST_UID, work_in_many_directories, NULL);
    CHECK(world_descriptors(&w) <= 256);
    as_user(FIRST_UID, open_all, NULL);
    as_user(FIRST_UID + 1, work_in_many_directories, NULL);
    CHECK(world_stop(&w) == 0);
    CHECK(!world_log_has(&w, "Sanitizer"));
    CHECK(system(format("rm -rf %s/local %s/local", w.home[0], w.home[1])) == 0);
    world_destroy(&w);
}

static void open_without_end(void *ends)
{
    int opened = 0;
    write_file(in_mount(&w, "f"), "x");
    while (open(in_mount(&w, "f"), O_RDONLY) >= 0)
        opened++;
    CHECK(errno == ENFILE, "(after %d: errno %d)", opened, errno);
    CHECK(write(((int *)ends)[1], "x", 1) == 1);
    pause();
}

static void open_some(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++)
        CHECK(open(in_mount(&w, "g"), O_RDONLY | O_CREAT, 0644) >= 0, "(%d: errno %d)", i, errno);
}

static void a_greedy_builder_leaves_descriptors_for_others(void)
{
    int ends[2];
    char c;
    world_make(&w, 2);
    w.descriptors = 2048;
    CHECK(world_start(&w, NULL));
    OK(pipe(ends));
    fflush(NULL);
    pid_t greedy = fork();
    if (greedy == 0) {
        become(FIRST_UID, FIRST_UID, 0, NULL);
        open_without_end(ends);
    }
    CHECK(read(ends[0], &c, 1) == 1);
    as_user(FIRST_UID + 1, open_some, NULL);
    kill(greedy, SIGKILL);
    OK(waitpid(greedy, NULL, 0));
    CHECK(world_stop(&w) == 0);
    world_destroy(&w);
}

static int files_wanted(void)
{
    return is_long_run() ? 1000000 : 100000;
}

static void make_files(const char *tree)
{
    enum { PER_DIRECTORY = 500 };
    for (int i = 0; i < files_wanted(); i++) {
        if (i % PER_DIRECTORY == 0)
            OK(mkdir(format("%s/d%d", tree, i / PER_DIRECTORY), 0755));
        int fd = open(format("%s/d%d/file-%08d", tree, i / PER_DIRECTORY, i), O_WRONLY | O_CREAT, 0644);
        CHECK(fd >= 0);
        close(fd);
    }
}

static void walk(void *unused)
{
    (void)unused;
    CHECK(system(format("test $(find %s -type f -size 0 | wc -l) = %d", w.mount, files_wanted())) == 0);
}

static void drop_caches(void)
{
    int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
    CHECK(fd >= 0 && write(fd, "2", 1) == 1);
    close(fd);
}

static void many_files_walked_and_forgotten_leave_no_growth(void)
{
    enum { NAME_BYTES = 14, BYTES_MAX = 200, TABLES_KIB_MAX = 8192, GROWTH_KIB_MAX = 4096 };
    world_make(&w, 1);
    char tree[128];
    snprintf(tree, sizeof tree, "%s/local", w.home[0]);
    OK(mount("tmpfs", tree, "tmpfs", 0, "size=4g,nr_inodes=3m"));
    OK(chown(tree, FIRST_UID, FIRST_UID));
    make_files(tree);
    OK(system(format("chown -R %d %s", FIRST_UID, tree)));
    CHECK(world_start(&w, NULL));
    long start = world_memory_kib(&w), forgotten = 0;
    for (int round = 0; round < 3; round++) {
        as_user(FIRST_UID, walk, NULL);
        long nodes = world_status(&w, "nodes"), full = world_memory_kib(&w);
        CHECK(nodes > files_wanted(), "(%ld nodes: the kernel did not keep them)", nodes);
        double each = (double)(full - start) * 1024 / (double)nodes - NAME_BYTES;
        printf("    %ld nodes, %ld KiB -> %ld KiB: %.0f bytes a file beside its name\n", nodes, start, full, each);
        CHECK(each < BYTES_MAX);
        drop_caches();
        for (int i = 0; i < 300 && world_status(&w, "nodes") > 10; i++)
            sleep_ms(100);
        sleep_ms(2500);
        CHECK(world_status(&w, "nodes") <= 10, "(%ld)", world_status(&w, "nodes"));
        /* What the first round leaves are hash table and buffers; the next ones may only add what malloc likes to keep. That no
         * node stays is checked above. */
        long now = world_memory_kib(&w);
        CHECK(now - start < TABLES_KIB_MAX, "(%ld KiB more than at the start)", now - start);
        CHECK(round == 0 || now - forgotten < GROWTH_KIB_MAX, "(%ld KiB more than a round before)", now - forgotten);
        forgotten = now;
    }
    printf("    after forgetting: %ld KiB\n", world_memory_kib(&w));
    CHECK(world_stop(&w) == 0);
    OK(umount2(tree, MNT_DETACH));
    world_destroy(&w);
}

const struct test limit_tests[] = {
    {"with 256 descriptors: many directories, deep paths, too many open files", serve_with_256_descriptors, EVERYWHERE},
    {"a builder who opens files without end leaves descriptors for others", a_greedy_builder_leaves_descriptors_for_others,
     PLAIN},
    {"many files walked and forgotten leave no growth", many_files_walked_and_forgotten_leave_no_growth, PLAIN},
    {NULL, NULL, 0},
};
