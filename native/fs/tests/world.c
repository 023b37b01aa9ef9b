#include "world.h"

#include <dirent.h>
#include <ftw.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

char *format(const char *text, ...)
{
    static char buffers[16][PATH_MAX];
    static unsigned next;
    char *buffer = buffers[next++ % 16];
    va_list arguments;
    va_start(arguments, text);
    vsnprintf(buffer, PATH_MAX, text, arguments);
    va_end(arguments);
    return buffer;
}

const char *in_mount(const struct world *world, const char *name)
{
    return format("%s/%s", world->mount, name);
}

const char *in_tree(const struct world *world, int builder, const char *name)
{
    return format("%s/local/%s", world->home[builder], name);
}

const char *in_fallback(const struct world *world, const char *name)
{
    return format("%s/%s", world->fallback, name);
}

static void make_directory(const char *path, mode_t mode, uid_t uid)
{
    OK(mkdir(path, 0755));
    OK(chown(path, uid, uid));
    OK(chmod(path, mode));
}

void world_make(struct world *world, int builders)
{
    memset(world, 0, sizeof *world);
    const char *parent = getenv("OBFS_TEST_DIR");
    snprintf(world->base, sizeof world->base, "%.40s/w.XXXXXX", parent ? parent : "/tmp");
    CHECK(mkdtemp(world->base) != NULL);
    OK(chmod(world->base, 0755));
    snprintf(world->scoreboard, sizeof world->scoreboard, "%s/board", world->base);
    snprintf(world->mount, sizeof world->mount, "%s/mnt", world->base);
    snprintf(world->fallback, sizeof world->fallback, "%s/fallback", world->base);
    snprintf(world->plain, sizeof world->plain, "%s/plain", world->base);
    snprintf(world->log, sizeof world->log, "%s/log", world->base);
    make_directory(world->scoreboard, 0755, 0);
    make_directory(world->mount, 0755, 0);
    make_directory(world->fallback, 0755, 0);
    make_directory(world->plain, 0755, 0);
    world->builders = builders;
    for (int i = 0; i < builders; i++) {
        uid_t uid = (uid_t)(FIRST_UID + i);
        snprintf(world->home[i], sizeof world->home[i], "%s/home%d", world->base, i);
        make_directory(world->home[i], 0700, uid);
        make_directory(format("%s/local", world->home[i]), 0755, uid);
        OK(symlink(world->home[i], format("%s/%u", world->scoreboard, uid)));
    }
}

const char *daemon_path(void)
{
    const char *path = getenv("OBUILDERFS");
    return path ? path : "./obuilderfs";
}

void world_launch(struct world *world, const char *const *arguments)
{
    world->daemon = fork();
    CHECK(world->daemon >= 0);
    if (world->daemon > 0)
        return;
    const char *argv[64] = {daemon_path()};
    for (int i = 0; arguments[i]; i++)
        argv[i + 1] = arguments[i];
    struct rlimit limit = {world->descriptors, world->descriptors};
    if (world->descriptors && setrlimit(RLIMIT_NOFILE, &limit) < 0)
        _exit(126);
    int log = open(world->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, STDERR_FILENO);
    dup2(log, STDOUT_FILENO);
    execv(argv[0], (char *const *)argv);
    perror(argv[0]);
    _exit(127);
}

bool world_start(struct world *world, const char *const *extra)
{
    const char *arguments[64] = {"--scoreboard", world->scoreboard, "--fallback", world->fallback,
                                 "--uids",       "61001-61099"};
    int count = 6, seen = world_log_count(world, "ready: serving");
    while (extra && *extra)
        arguments[count++] = *extra++;
    arguments[count] = world->mount;
    world_launch(world, arguments);
    for (int i = 0; i < 6000; i++) {
        int status;
        if (world_log_count(world, "ready: serving") > seen)
            return true;
        if (waitpid(world->daemon, &status, WNOHANG) == world->daemon) {
            world->daemon = 0;
            return false;
        }
        sleep_ms(10);
    }
    return false;
}

int world_wait(struct world *world)
{
    int status = 0;
    for (int i = 0; i < 6000; i++) {
        if (waitpid(world->daemon, &status, WNOHANG) == world->daemon) {
            world->daemon = 0;
            return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        }
        sleep_ms(10);
    }
    return -1;
}

int world_stop(struct world *world)
{
    kill(world->daemon, SIGTERM);
    return world_wait(world);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

void remove_tree(const char *path)
{
    nftw(path, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void world_destroy(struct world *world)
{
    if (world->daemon > 0) {
        kill(world->daemon, SIGTERM);
        sleep_ms(100);
        umount2(world->mount, MNT_DETACH);
        kill(world->daemon, SIGKILL);
        waitpid(world->daemon, NULL, 0);
    }
    while (umount2(world->mount, MNT_DETACH) == 0)
        ;
    if (getenv("OBFS_TEST_KEEP"))
        return;
    remove_tree(world->base);
}

int world_log_count(const struct world *world, const char *text)
{
    FILE *log = fopen(world->log, "re");
    char line[4096];
    int count = 0;
    while (log && fgets(line, sizeof line, log))
        count += strstr(line, text) != NULL;
    if (log)
        fclose(log);
    return count;
}

bool world_log_has(const struct world *world, const char *text)
{
    return world_log_count(world, text) > 0;
}

long world_status(const struct world *world, const char *key)
{
    FILE *status = popen(format("%s status --json %s 2>/dev/null", daemon_path(), world->mount), "r");
    static char text[70000];
    size_t length = status ? fread(text, 1, sizeof text - 1, status) : 0;
    text[length] = 0;
    if (status)
        pclose(status);
    /* totals come after the list of builders, so the last one counts */
    char *found = NULL, *pattern = format("\"%s\":", key);
    for (char *at = text; (at = strstr(at, pattern)); at++)
        found = at;
    return found ? atol(found + strlen(pattern)) : -1;
}

int world_descriptors(const struct world *world)
{
    DIR *dir = opendir(format("/proc/%d/fd", world->daemon));
    int count = -2; /* . and .. */
    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

long world_memory_kib(const struct world *world)
{
    FILE *file = fopen(format("/proc/%d/status", world->daemon), "re");
    char line[256];
    long kib = -1;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

void become(uid_t uid, gid_t gid, int count, const gid_t *groups)
{
    if (setgroups((size_t)count, groups) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0) {
        perror("become");
        _exit(99);
    }
}

void as_user(uid_t uid, void (*act)(void *context), void *context)
{
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        become(uid, uid, 0, NULL);
        act(context);
        fflush(NULL);
        _exit(0);
    }
    int status;
    OK(waitpid(child, &status, 0));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "(as uid %u: status %x)", uid, status);
}

void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0, "(%s: errno %d)", path, errno);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

const char *read_file(const char *path)
{
    static char text[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length < 0)
        return NULL;
    text[length] = 0;
    return text;
}

void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

uint64_t random_next(uint64_t *seed)
{
    uint64_t x = *seed += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

bool is_long_run(void)
{
    return getenv("OBFS_TEST_LONG") != NULL;
}
