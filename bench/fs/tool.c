/* Small loops of the benchmark, so that starting processes does not count. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static long seen;
static char buffer[1 << 16];
static char *files[100000];

static int count_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)path, (void)st, (void)type, (void)walk;
    seen++;
    return 0;
}

static int read_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)walk;
    if (type != FTW_F || st->st_size == 0)
        return 0;
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 1;
    while (read(fd, buffer, sizeof buffer) > 0)
        ;
    seen++;
    return close(fd);
}

static int keep_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st, (void)walk;
    if (type == FTW_F)
        files[seen++] = strdup(path);
    return 0;
}

static int create(const char *dir, int count)
{
    char path[4096];
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/c%d", dir, i);
        int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0644);
        if (fd < 0 || write(fd, path, 100) != 100 || close(fd) < 0)
            return 1;
    }
    return 0;
}

static int remove_all(const char *dir, int count)
{
    char path[4096];
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/c%d", dir, i);
        if (unlink(path) < 0)
            return 1;
    }
    return 0;
}

static int run(char *program, int count)
{
    char *argv[] = {program, NULL};
    for (int i = 0; i < count; i++) {
        pid_t child;
        int status;
        if (posix_spawn(&child, program, NULL, NULL, argv, environ) || waitpid(child, &status, 0) != child || status)
            return 1;
    }
    return 0;
}

/* Two users take turns at stat, a block of calls each; two processes pass a byte back and forth. */
static int take_turns(char **v)
{
    int block = atoi(v[4]), total = atoi(v[5]), ends[2][2];
    if (pipe(ends[0]) < 0 || pipe(ends[1]) < 0)
        return 1;
    pid_t child = fork();
    int me = child == 0;
    uid_t uid = (uid_t)atoi(v[6 + me]);
    if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0 || nftw(v[2 + me], keep_entry, 64, FTW_PHYS) < 0)
        return 1;
    struct stat st;
    char token = 0;
    for (int done = 0; done < total / 2; done += block) {
        if ((me || done) && read(ends[me][0], &token, 1) != 1)
            return 1;
        for (int i = 0; i < block; i++)
            if (stat(files[(done + i) % seen], &st) < 0)
                return 1;
        if (write(ends[!me][1], &token, 1) != 1)
            return 1;
    }
    int status = 0;
    if (!me)
        waitpid(child, &status, 0);
    return status != 0;
}

int main(int argc, char **argv)
{
    int count = argc > 3 ? atoi(argv[3]) : 1;
    if (argc < 3)
        return 2;
    if (strcmp(argv[1], "walk") == 0) { /* absolute paths: each stat begins at the root of the file system */
        for (int i = 0; i < count; i++)
            if (nftw(argv[2], count_entry, 64, FTW_PHYS) != 0)
                return 1;
        return seen == 0;
    }
    if (strcmp(argv[1], "readall") == 0)
        return nftw(argv[2], read_entry, 64, FTW_PHYS) != 0 || seen == 0;
    if (strcmp(argv[1], "create") == 0)
        return create(argv[2], count);
    if (strcmp(argv[1], "unlink") == 0)
        return remove_all(argv[2], count);
    if (strcmp(argv[1], "exec") == 0)
        return run(argv[2], count);
    if (strcmp(argv[1], "turns") == 0 && argc == 8)
        return take_turns(argv);
    return 2;
}
