/* What programs may rely on, through the mount as on the backing file system. */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "world.h"

static struct world w;

static void run(void (*act)(void *))
{
    world_make(&w, 2);
    CHECK(world_start(&w, NULL));
    as_user(FIRST_UID, act, NULL);
    CHECK(world_stop(&w) == 0);
    CHECK(!world_log_has(&w, "Sanitizer"));
    world_destroy(&w);
}

static void use_unlinked(void *unused)
{
    (void)unused;
    struct stat st;
    int fd = open(in_mount(&w, "f"), O_RDWR | O_CREAT, 0644);
    CHECK(write(fd, "12345", 5) == 5);
    OK(unlink(in_mount(&w, "f")));
    write_file(in_mount(&w, "f"), "another file of that name");
    OK(fstat(fd, &st));
    CHECK(st.st_nlink == 0 && st.st_size == 5);
    OK(fchmod(fd, 0600));
    OK(ftruncate(fd, 3));
    CHECK(pwrite(fd, "ab", 2, 3) == 2);
    char text[6] = "";
    CHECK(pread(fd, text, 5, 0) == 5 && strcmp(text, "123ab") == 0);
    OK(fsetxattr(fd, "user.k", "v", 1, 0));
    CHECK(fgetxattr(fd, "user.k", text, 5) == 1);
    int again = open(format("/proc/self/fd/%d", fd), O_RDONLY);
    CHECK(again >= 0 && read(again, text, 5) == 5);
    close(fd);
    close(again);
    CHECK(strncmp(read_file(in_mount(&w, "f")), "another", 7) == 0);
    /* a directory that is removed while it is the current one */
    OK(mkdir(in_mount(&w, "d"), 0755));
    OK(chdir(in_mount(&w, "d")));
    OK(rmdir(in_mount(&w, "d")));
    FAILS(ENOENT, open("new", O_WRONLY | O_CREAT, 0644));
    OK(stat(".", &st));
}

static void unlinked_files_stay_usable(void)
{
    run(use_unlinked);
}

static void append_at_once(void *unused)
{
    (void)unused;
    enum { WRITERS = 4, LINES = 300 };
    pid_t children[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            int fd = open(in_mount(&w, "log"), O_WRONLY | O_APPEND | O_CREAT, 0644);
            for (int n = 0; n < LINES; n++)
                if (write(fd, "0123456789abcde\n", 16) != 16)
                    _exit(1);
            _exit(0);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;
        OK(waitpid(children[i], &status, 0));
        CHECK(status == 0);
    }
    const char *text = read_file(in_mount(&w, "log"));
    CHECK(strlen(text) == 16 * WRITERS * LINES, "(%zu bytes)", strlen(text));
    for (size_t i = 0; i < strlen(text); i += 16)
        CHECK(memcmp(text + i, "0123456789abcde\n", 16) == 0);
}

static void appends_of_several_processes_all_count(void)
{
    run(append_at_once);
}

static void map_shared(void *unused)
{
    (void)unused;
    int fd = open(in_mount(&w, "mapped"), O_RDWR | O_CREAT | O_APPEND, 0644);
    OK(ftruncate(fd, 8192));
    char *mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(mapped != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        int own = open(in_mount(&w, "mapped"), O_RDWR);
        char *theirs = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
        strcpy(theirs + 5000, "from the child");
        _exit(0);
    }
    OK(waitpid(child, NULL, 0));
    CHECK(strcmp(mapped + 5000, "from the child") == 0);
    strcpy(mapped, "from the parent");
    OK(msync(mapped, 8192, MS_SYNC));
    munmap(mapped, 8192);
    close(fd);
    struct stat st;
    OK(stat(in_tree(&w, 0, "mapped"), &st));
    CHECK(st.st_size == 8192, "(%ld: a mapped page was appended)", (long)st.st_size);
    CHECK(strcmp(read_file(in_tree(&w, 0, "mapped")), "from the parent") == 0);
}

static void mapped_pages_are_shared_between_processes(void)
{
    run(map_shared);
}

static void change_behind(void *unused)
{
    (void)unused;
    /* Somebody changes the backing file directly: the next open sees it, whatever the kernel keeps, even if size and
     * second are the same. */
    for (int i = 0; i < 100; i++) {
        char *text = format("%04d", i);
        int fd = open(in_tree(&w, 0, "f"), O_WRONLY | O_CREAT, 0644);
        CHECK(write(fd, text, 4) == 4);
        close(fd);
        const char *seen = read_file(in_mount(&w, "f"));
        CHECK(seen && strcmp(seen, text) == 0, "(%s, not %s)", seen, text);
    }
    write_file(in_tree(&w, 0, "g"), "old");
    CHECK(strcmp(read_file(in_mount(&w, "g")), "old") == 0);
    write_file(in_tree(&w, 0, "g.new"), "new");
    OK(rename(in_tree(&w, 0, "g.new"), in_tree(&w, 0, "g")));
    CHECK(strcmp(read_file(in_mount(&w, "g")), "new") == 0);
    OK(unlink(in_tree(&w, 0, "g")));
    FAILS(ENOENT, open(in_mount(&w, "g"), O_RDONLY));
}

static void files_changed_behind_the_mount_are_seen_at_the_next_open(void)
{
    run(change_behind);
}

static void use_space(void *unused)
{
    (void)unused;
    struct stat st;
    struct statvfs through, direct;
    int fd = open(in_mount(&w, "sparse"), O_RDWR | O_CREAT, 0644), to = open(in_mount(&w, "copy"), O_RDWR | O_CREAT, 0644);
    OK(ftruncate(fd, 100 << 20));
    CHECK(pwrite(fd, "data", 4, 50 << 20) == 4);
    OK(fstat(fd, &st));
    CHECK(st.st_blocks < 1000, "(%ld blocks)", (long)st.st_blocks);
    CHECK(lseek(fd, 0, SEEK_DATA) == 50 << 20);
    CHECK(lseek(fd, 50 << 20, SEEK_HOLE) > 50 << 20);
    OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 20));
    OK(fstat(fd, &st));
    CHECK(st.st_size == 100 << 20 && st.st_blocks >= 2048);
    OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 20));
    off_t from = 50 << 20, at = 0;
    CHECK(copy_file_range(fd, &from, to, &at, 4, 0) == 4);
    CHECK(strcmp(read_file(in_mount(&w, "copy")), "data") == 0);
    OK(statvfs(w.mount, &through));
    OK(statvfs(in_tree(&w, 0, "."), &direct));
    CHECK(through.f_blocks == direct.f_blocks && through.f_files == direct.f_files && through.f_namemax == 255);
}

static void space_is_used_as_on_the_backing(void)
{
    run(use_space);
}

static void use_sockets(void *unused)
{
    (void)unused;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", in_mount(&w, "socket"));
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    OK(bind(server, (struct sockaddr *)&address, sizeof address));
    OK(listen(server, 1));
    OK(connect(client, (struct sockaddr *)&address, sizeof address));
    OK(mkfifo(in_mount(&w, "fifo"), 0644));
    pid_t child = fork();
    if (child == 0) {
        int fd = open(in_mount(&w, "fifo"), O_WRONLY);
        _exit(write(fd, "x", 1) == 1 ? 0 : 1);
    }
    CHECK(strcmp(read_file(in_mount(&w, "fifo")), "x") == 0);
    OK(waitpid(child, NULL, 0));
}

static void sockets_and_fifos_work(void)
{
    run(use_sockets);
}

static void list_many(void *unused)
{
    (void)unused;
    enum { FILES = 3000 };
    OK(mkdir(in_mount(&w, "many"), 0755));
    for (int i = 0; i < FILES; i++)
        write_file(in_mount(&w, format("many/%0200d", i)), "");
    /* more than one answer of the kernel's size, twice, and while names go away */
    for (int round = 0; round < 2; round++) {
        FILE *list = popen(format("ls -U %s | wc -l", in_mount(&w, "many")), "r");
        int count = 0;
        CHECK(list && fscanf(list, "%d", &count) == 1 && count == FILES, "(%d)", count);
        pclose(list);
    }
    CHECK(system(format("rm -r %s", in_mount(&w, "many"))) == 0);
}

static void large_directories_are_listed_whole(void)
{
    run(list_many);
}

static void expect_member(void *path)
{
    CHECK(strcmp(read_file(path), "group's") == 0);
}

static void supplementary_groups_count(void)
{
    world_make(&w, 0);
    CHECK(world_start(&w, NULL));
    write_file(in_fallback(&w, "f"), "group's");
    OK(chown(in_fallback(&w, "f"), 0, 61300));
    OK(chmod(in_fallback(&w, "f"), 0640));
    gid_t many[100];
    for (int i = 0; i < 100; i++)
        many[i] = 61201 + (gid_t)i;
    static const struct {
        int first, count;
        bool may;
    } cases[] = {{0, 0, false}, {99, 1, true}, {0, 99, false}, {0, 100, true}, {70, 30, true}, {70, 29, false}};
    for (int round = 0; round < 20; round++)
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            fflush(NULL);
            pid_t child = fork();
            if (child == 0) {
                become(OUTSIDER_UID, OUTSIDER_UID, cases[i].count, many + cases[i].first);
                if (cases[i].may)
                    expect_member((void *)in_mount(&w, "f"));
                _exit(cases[i].may || (open(in_mount(&w, "f"), O_RDONLY) < 0 && errno == EACCES) ? 0 : 1);
            }
            int status;
            OK(waitpid(child, &status, 0));
            CHECK(status == 0, "(case %zu)", i);
        }
    CHECK(world_stop(&w) == 0);
    world_destroy(&w);
}

static void rename_flags(void *unused)
{
    (void)unused;
    write_file(in_mount(&w, "a"), "a");
    write_file(in_mount(&w, "b"), "b");
    CHECK(renameat2(AT_FDCWD, in_mount(&w, "a"), AT_FDCWD, in_mount(&w, "b"), RENAME_NOREPLACE) < 0 && errno == EEXIST);
    OK(renameat2(AT_FDCWD, in_mount(&w, "a"), AT_FDCWD, in_mount(&w, "b"), RENAME_EXCHANGE));
    CHECK(strcmp(read_file(in_mount(&w, "a")), "b") == 0 && strcmp(read_file(in_mount(&w, "b")), "a") == 0);
}

static void rename_knows_its_flags(void)
{
    run(rename_flags);
}

const struct test semantic_tests[] = {
    {"unlinked files and directories stay usable", unlinked_files_stay_usable, EVERYWHERE},
    {"appends of several processes all count", appends_of_several_processes_all_count, EVERYWHERE},
    {"mapped pages are shared between processes", mapped_pages_are_shared_between_processes, EVERYWHERE},
    {"files changed behind the mount are seen at the next open", files_changed_behind_the_mount_are_seen_at_the_next_open,
     EVERYWHERE},
    {"sparse files, holes, reserved space, copies, the volume's size", space_is_used_as_on_the_backing, EVERYWHERE},
    {"sockets and fifos work", sockets_and_fifos_work, EVERYWHERE},
    {"large directories are listed whole", large_directories_are_listed_whole, EVERYWHERE},
    {"supplementary groups count, few or many", supplementary_groups_count, EVERYWHERE},
    {"rename knows its flags", rename_knows_its_flags, EVERYWHERE},
    {NULL, NULL, 0},
};
