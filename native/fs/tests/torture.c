/*
 * Eight users at once, the same names everywhere, while links on the scoreboard are re-pointed and directories are swapped
 * for links. Every file says whose it is and carries its own sum, so a wrong byte, a foreign name and a lost file show.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "world.h"

enum { USERS = 8, STEADY = 4, NAMES = 12, RECORD_BYTES = 6000 };

static struct world w;

struct record {
    uint64_t sum;
    uint32_t uid, length;
    uint64_t nonce;
    unsigned char bytes[RECORD_BYTES - 24];
};

static uint64_t sum_record(const struct record *record)
{
    uint64_t sum = record->uid * 0x9E3779B97F4A7C15ull ^ record->nonce;
    for (uint32_t i = 0; i < record->length; i++)
        sum = (sum ^ record->bytes[i]) * 1099511628211ull;
    return sum;
}

static void make_record(struct record *record, uint32_t uid, uint64_t *seed)
{
    record->uid = uid;
    record->nonce = random_next(seed);
    record->length = (uint32_t)(random_next(seed) % sizeof record->bytes);
    for (uint32_t i = 0; i < record->length; i++)
        record->bytes[i] = (unsigned char)(record->nonce >> (i % 8 * 8));
    record->sum = sum_record(record);
}

static void check_record(const struct record *record, ssize_t length, uint32_t uid, const char *path)
{
    CHECK(length >= 24 && length == (ssize_t)(24 + record->length), "(%s: %zd bytes)", path, length);
    CHECK(record->uid == uid, "(%s: of user %u, read by %u)", path, record->uid, uid);
    CHECK(record->sum == sum_record(record), "(%s: wrong bytes)", path);
}

/* What a call may answer while somebody swaps what lies around it. */
static bool is_allowed_failure(void)
{
    return errno == ENOENT || errno == ESTALE || errno == ENOTDIR || errno == EEXIST || errno == ELOOP ||
           errno == EXDEV || errno == EACCES || errno == ENOTEMPTY || errno == EISDIR;
}

static bool write_record(const char *path, uint32_t uid, uint64_t *seed, int flags)
{
    struct record record;
    make_record(&record, uid, seed);
    int fd = open(path, flags | O_CLOEXEC, 0644);
    if (fd < 0) {
        CHECK(is_allowed_failure(), "(%s: errno %d)", path, errno);
        return false;
    }
    CHECK(write(fd, &record, 24 + record.length) == (ssize_t)(24 + record.length), "(errno %d)", errno);
    close(fd);
    return true;
}

static bool read_record(const char *path, uint32_t uid, bool maps)
{
    struct record record;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        CHECK(is_allowed_failure(), "(%s: errno %d)", path, errno);
        return false;
    }
    struct stat st;
    OK(fstat(fd, &st));
    ssize_t length = -1;
    if (maps && st.st_size > 0) {
        void *mapped = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        CHECK(mapped != MAP_FAILED);
        length = st.st_size;
        memcpy(&record, mapped, (size_t)length);
        munmap(mapped, (size_t)length);
    } else {
        length = read(fd, &record, sizeof record);
    }
    check_record(&record, length, uid, path);
    close(fd);
    return true;
}

/* A directory must hold names of this user only; his marker carries his uid. */
static void check_names(const char *path, uint32_t uid)
{
    DIR *dir = opendir(path);
    if (!dir) {
        CHECK(is_allowed_failure(), "(errno %d)", errno);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        CHECK(strncmp(entry->d_name, "of-", 3) != 0 || strtoul(entry->d_name + 3, NULL, 10) == uid, "(user %u sees %s)",
              uid, entry->d_name);
    closedir(dir);
}

struct job {
    int user;
    int64_t end_ms;
};

/* Steady users know exactly which files they have. */
static void work(void *context)
{
    const struct job *job = context;
    uint32_t uid = FIRST_UID + (uint32_t)job->user;
    uint64_t seed = uid;
    bool is_steady = job->user < STEADY, has[NAMES] = {false};
    unsigned done = 0;
    OK(chdir(w.mount));
    while (now_ms() < job->end_ms) {
        unsigned name = (unsigned)(random_next(&seed) % NAMES), other = (unsigned)(random_next(&seed) % NAMES);
        char path[64], target[64];
        snprintf(path, sizeof path, "%s/f%u", is_steady ? "steady" : "shared/d", name);
        snprintf(target, sizeof target, "%s/f%u", is_steady ? "steady" : "shared/d", other);
        done++;
        switch (random_next(&seed) % 8) {
        case 0:
            /* Written beside and moved into place, as every careful program does. */
            if (write_record(is_steady ? "steady/new" : "shared/d/new", uid, &seed, O_WRONLY | O_CREAT | O_TRUNC) &&
                rename(is_steady ? "steady/new" : "shared/d/new", path) == 0)
                has[name] = true;
            break;
        case 1: { /* two names of one file both stay: so POSIX wants it */
            struct stat one, two;
            bool are_one = lstat(path, &one) == 0 && lstat(target, &two) == 0 && one.st_ino == two.st_ino;
            if (rename(path, target) == 0 && !are_one)
                has[other] = has[name], has[name] = false;
            break;
        }
        case 2:
            if (link(path, target) == 0)
                has[other] = true;
            break;
        case 3:
            if (unlink(path) == 0)
                has[name] = false;
            break;
        case 4:
        case 5:
            CHECK(read_record(path, uid, random_next(&seed) % 2) == has[name] || !is_steady, "(%s)", path);
            break;
        case 6:
            check_names(".", uid);
            check_names(is_steady ? "steady" : "shared", uid);
            break;
        default: {
            struct stat st;
            bool is_there = lstat(path, &st) == 0;
            CHECK(!is_steady || is_there == has[name], "(%s)", path);
            CHECK(!is_there || st.st_uid == uid, "(%s belongs to %u)", path, st.st_uid);
        }
        }
    }
    for (unsigned name = 0; is_steady && name < NAMES; name++)
        CHECK(read_record(format("%s/local/steady/f%u", w.home[job->user], name), uid, false) == has[name],
              "(lost or left: f%u of %u)", name, uid);
    CHECK(done > 50, "(%u)", done);
}

/* Points the links of the unsteady users from one of their two homes to the other and back. */
static void repoint(int64_t end_ms)
{
    for (unsigned round = 0; now_ms() < end_ms; round++) {
        for (int user = STEADY; user < USERS; user++) {
            char *link = format("%s/%u", w.scoreboard, FIRST_UID + user), *fresh = format("%s.new", link);
            unlink(fresh);
            OK(symlink(round % 2 ? w.home[user] : format("%s.b", w.home[user]), fresh));
            OK(rename(fresh, link));
        }
        sleep_ms(3);
    }
}

/* As a hostile user: exchanges a directory with a link to another's tree, as fast as it goes. */
static void swap(void *context)
{
    const struct job *job = context;
    char *d = strdup(in_tree(&w, job->user, "shared/d")), *l = strdup(in_tree(&w, job->user, "shared/l"));
    while (now_ms() < job->end_ms) {
        renameat2(AT_FDCWD, d, AT_FDCWD, l, RENAME_EXCHANGE);
        renameat2(AT_FDCWD, d, AT_FDCWD, l, RENAME_EXCHANGE);
    }
}

static void furnish_home(const char *home, int user)
{
    uid_t uid = FIRST_UID + (uid_t)user;
    const char *const directories[] = {"", "/local", "/local/steady", "/local/shared", "/local/shared/d"};
    for (size_t i = 0; i < 5; i++) {
        char *path = format("%s%s", home, directories[i]);
        CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
        OK(chown(path, uid, uid));
        OK(chmod(path, i ? 0755 : 0700));
    }
    write_file(format("%s/local/of-%u", home, uid), "x");
    write_file(format("%s/local/steady/of-%u", home, uid), "x");
    write_file(format("%s/local/shared/of-%u", home, uid), "x");
    char *link = format("%s/local/shared/l", home);
    OK(symlink(format("%s/local/shared/d", w.home[(user + 1) % USERS]), link));
}

static pid_t start_child(void (*act)(void *), struct job job)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        as_user(FIRST_UID + (uid_t)job.user, act, &job);
        _exit(0);
    }
    return child;
}

static long settled(const char *key, long wanted)
{
    long value = -1;
    for (int i = 0; i < 100 && (value = world_status(&w, key)) > wanted; i++)
        sleep_ms(100);
    return value;
}

static void eight_users_at_once(void)
{
    const char *variant = getenv("OBFS_TEST_VARIANT");
    bool is_plain = !variant || strcmp(variant, "plain") == 0;
    int64_t duration_ms = is_long_run() ? 600000 : is_plain ? 20000 : 8000;
    world_make(&w, USERS);
    for (int user = 0; user < USERS; user++) {
        furnish_home(w.home[user], user);
        if (user >= STEADY)
            furnish_home(format("%s.b", w.home[user]), user);
    }
    CHECK(world_start(&w, NULL));
    int descriptors = world_descriptors(&w);
    long memory = world_memory_kib(&w);
    int64_t end_ms = now_ms() + duration_ms;
    pid_t children[2 * USERS];
    int count = 0;
    for (int user = 0; user < USERS; user++) {
        children[count++] = start_child(work, (struct job){user, end_ms});
        if (user == 5 || user == 6)
            children[count++] = start_child(swap, (struct job){user, end_ms});
    }
    repoint(end_ms);
    int failed = 0;
    for (int i = 0; i < count; i++) {
        int status;
        OK(waitpid(children[i], &status, 0));
        failed += status != 0;
    }
    CHECK(failed == 0, "(%d processes)", failed);
    CHECK(waitpid(w.daemon, NULL, WNOHANG) == 0, "(the daemon is gone)");
    /* Back at the start: the kernel forgets, descriptors are closed, memory is given back. */
    int drop = open("/proc/sys/vm/drop_caches", O_WRONLY);
    if (drop >= 0 && write(drop, "2", 1) == 1)
        close(drop);
    CHECK(settled("openFiles", 0) == 0);
    CHECK(settled("keptDirectories", 2) <= 2, "(%ld)", world_status(&w, "keptDirectories"));
    CHECK(world_descriptors(&w) <= descriptors + 2 * USERS + 2, "(%d, was %d)", world_descriptors(&w), descriptors);
    long grown = world_memory_kib(&w) - memory;
    printf("    descriptors %d -> %d, memory %ld -> %ld KiB\n", descriptors, world_descriptors(&w), memory, memory + grown);
    CHECK(!is_plain || grown < 8192, "(%ld KiB)", grown);
    CHECK(world_stop(&w) == 0);
    CHECK(!world_log_has(&w, "Sanitizer"));
    world_destroy(&w);
}

const struct test torture_tests[] = {
    {"eight users, re-pointed links and swapped directories: nothing wrong, foreign or lost", eight_users_at_once,
     EVERYWHERE},
    {NULL, NULL, 0},
};
