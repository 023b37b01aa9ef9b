#include "perform.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { WORDS_MAX = 8, DATA_BYTES = 1 << 17 };

static int slots[2][SLOTS] = {{-1, -1, -1, -1, -1, -1, -1, -1}, {-1, -1, -1, -1, -1, -1, -1, -1}};
static unsigned char data[DATA_BYTES];

static const char *word_value(char *word)
{
    static char names[4][8192];
    static unsigned next;
    if (strcmp(word, "-") == 0)
        return "";
    char *percent = strchr(word, '%');
    if (!percent)
        return word;
    char *end, *name = names[next++ % 4];
    long length = strtol(percent + 1, &end, 10);
    size_t head = (size_t)(percent - word);
    memcpy(name, word, head);
    for (long i = 0; i < length; i++) /* "%N" a name, "%Np" a path of that many characters with short components */
        name[head + (size_t)i] = *end == 'p' && i % 100 == 99 ? '/' : 'n';
    strcpy(name + head + length, *end == 'p' ? end + 1 : end);
    return name;
}

static int flags_of(const char *text)
{
    int flags = 0;
    bool reads = false, writes = false;
    for (; *text; text++) {
        switch (*text) {
        case 'r': reads = true; break;
        case 'w': writes = true; break;
        case 'c': flags |= O_CREAT; break;
        case 'x': flags |= O_EXCL; break;
        case 't': flags |= O_TRUNC; break;
        case 'a': flags |= O_APPEND; break;
        case 'd': flags |= O_DIRECTORY; break;
        case 'n': flags |= O_NOFOLLOW; break;
        case 's': flags |= O_SYNC; break;
        }
    }
    return flags | O_NONBLOCK | O_CLOEXEC | (reads && writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY);
}

static void fill(unsigned seed, size_t length)
{
    for (size_t i = 0; i < length; i++)
        data[i] = (unsigned char)((seed + i * 7 + (i >> 8)) & 0xff);
}

static uint64_t sum_of(const unsigned char *bytes, size_t length)
{
    uint64_t sum = 1469598103934665603ull;
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ bytes[i]) * 1099511628211ull;
    return sum;
}

static void print_stat(const struct stat *st, char *answer)
{
    bool is_dir = S_ISDIR(st->st_mode);
    sprintf(answer, "mode %06o owner %u:%u links %lu size %lld rdev %u", st->st_mode, st->st_uid, st->st_gid,
            (unsigned long)st->st_nlink, is_dir ? 0 : (long long)st->st_size,
            S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) ? (unsigned)st->st_rdev : 0);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static long list(const char *path, char *answer)
{
    DIR *dir = opendir(path);
    static char *names[4096];
    size_t count = 0;
    if (!dir)
        return -1;
    for (struct dirent *entry; count < 4096 && (entry = readdir(dir));)
        names[count++] = strdup(entry->d_name);
    closedir(dir);
    qsort(names, count, sizeof *names, compare_texts);
    for (size_t i = 0; i < count; i++) {
        if (strlen(answer) + strlen(names[i]) + 2 < ANSWER_BYTES)
            strcat(strcat(answer, names[i]), "/");
        free(names[i]);
    }
    return (long)count;
}

static long open_and(const char *path, int flags, const char *text, char *answer)
{
    int fd = open(path, flags, 0644);
    if (fd < 0)
        return -1;
    long result = text ? write(fd, text, strlen(text)) : 0;
    if (!text && !(flags & (O_WRONLY | O_CREAT))) {
        struct stat st;
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (result = read(fd, data, DATA_BYTES)) >= 0)
            sprintf(answer, "sum %016llx", (unsigned long long)sum_of(data, (size_t)result));
    }
    close(fd);
    return result;
}

static long list_attributes(const char *path, char *answer)
{
    char names[4096];
    ssize_t length = llistxattr(path, names, sizeof names);
    static char *sorted[128];
    size_t count = 0;
    for (ssize_t at = 0; at < length && count < 128; at += (ssize_t)strlen(names + at) + 1)
        sorted[count++] = names + at;
    qsort(sorted, count, sizeof *sorted, compare_texts);
    for (size_t i = 0; i < count; i++)
        strcat(strcat(answer, sorted[i]), " ");
    return length;
}

static long set_times(const char *path, int fd, const char *when, char *answer)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
    struct stat st;
    double seconds = atof(when);
    bool is_given = strcmp(when, "now") != 0 && strcmp(when, "omit") != 0;
    if (strcmp(when, "omit") == 0)
        times[0].tv_nsec = UTIME_OMIT;
    if (is_given) {
        times[0] = (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = 123456789};
        times[1] = (struct timespec){.tv_sec = (time_t)seconds + 5, .tv_nsec = 987654321};
    }
    long result = path ? utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) : futimens(fd, times);
    if (result == 0 && is_given && (path ? lstat(path, &st) : fstat(fd, &st)) == 0)
        sprintf(answer, "times %ld.%09ld %ld.%09ld", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
                (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    return result;
}

static long make_node(const char *path, const char *type, mode_t mode)
{
    switch (*type) {
    case 'c': return mknod(path, S_IFCHR | mode, makedev(1, 3));
    case 'b': return mknod(path, S_IFBLK | mode, makedev(7, 200));
    case 's': return mknod(path, S_IFSOCK | mode, 0);
    default: return mknod(path, S_IFREG | mode, 0);
    }
}

static long run_program(const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, (char *)NULL);
        _exit(errno);
    }
    int status;
    waitpid(child, &status, 0);
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    return errno ? -1 : 0;
}

static long on_path(int count, const char **w, char *answer)
{
    const char *c = w[0];
    struct stat st;
    struct statvfs volume;
#define IS(name, words) (strcmp(c, name) == 0 && count >= (words))
    mode_t mode = (mode_t)strtol(w[count > 2 ? 2 : 0], NULL, 8);
    if (IS("create", 3)) {
        int fd = open(w[1], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
        return fd < 0 ? -1 : close(fd);
    }
    if (IS("mkdir", 3)) return mkdir(w[1], mode);
    if (IS("mkfifo", 3)) return mkfifo(w[1], mode);
    if (IS("mknod", 4)) return make_node(w[1], w[2], (mode_t)strtol(w[3], NULL, 8));
    if (IS("symlink", 3)) return symlink(w[1], w[2]);
    if (IS("link", 3)) return link(w[1], w[2]);
    if (IS("unlink", 2)) return unlink(w[1]);
    if (IS("rmdir", 2)) return rmdir(w[1]);
    if (IS("rename", 3)) return rename(w[1], w[2]);
    if (IS("exchange", 3)) return renameat2(AT_FDCWD, w[1], AT_FDCWD, w[2], RENAME_EXCHANGE);
    if (IS("noreplace", 3)) return renameat2(AT_FDCWD, w[1], AT_FDCWD, w[2], RENAME_NOREPLACE);
    if (IS("chmod", 3)) return chmod(w[1], mode);
    if (IS("chown", 4)) return chown(w[1], (uid_t)atol(w[2]), (gid_t)atol(w[3]));
    if (IS("lchown", 4)) return lchown(w[1], (uid_t)atol(w[2]), (gid_t)atol(w[3]));
    if (IS("truncate", 3)) return truncate(w[1], atol(w[2]));
    if (IS("open", 3)) return open_and(w[1], flags_of(w[2]), NULL, answer);
    if (IS("stat", 2)) return stat(w[1], &st) < 0 ? -1 : (print_stat(&st, answer), 0);
    if (IS("lstat", 2)) return lstat(w[1], &st) < 0 ? -1 : (print_stat(&st, answer), 0);
    if (IS("access", 3)) return access(w[1], atoi(w[2]));
    if (IS("eaccess", 3)) return faccessat(AT_FDCWD, w[1], atoi(w[2]), AT_EACCESS);
    if (IS("readlink", 2)) return readlink(w[1], answer, ANSWER_BYTES - 1);
    if (IS("list", 2)) return list(w[1], answer);
    if (IS("utimens", 3)) return set_times(w[1], -1, w[2], answer);
    if (IS("write", 3)) return open_and(w[1], O_WRONLY | O_NONBLOCK, w[2], answer);
    if (IS("append", 3)) return open_and(w[1], O_WRONLY | O_APPEND | O_NONBLOCK, w[2], answer);
    if (IS("cat", 2)) return open_and(w[1], O_RDONLY | O_NONBLOCK, NULL, answer);
    if (IS("xset", 4)) return lsetxattr(w[1], w[2], w[3], strlen(w[3]), 0);
    if (IS("xget", 3)) return lgetxattr(w[1], w[2], answer, ANSWER_BYTES - 1);
    if (IS("xlist", 2)) return list_attributes(w[1], answer);
    if (IS("xremove", 3)) return lremovexattr(w[1], w[2]);
    if (IS("statfs", 2)) return statvfs(w[1], &volume) < 0 ? -1 : (sprintf(answer, "%lu", volume.f_namemax), 0);
    if (IS("chdir", 2)) {
        int here = open(".", O_PATH | O_CLOEXEC);
        long result = chdir(w[1]);
        int error = errno;
        if (result == 0 && fchdir(here) < 0)
            abort();
        close(here);
        errno = error;
        return result;
    }
    if (IS("exec", 2)) return run_program(w[1]);
    fprintf(stderr, "unknown command %s\n", c);
    abort();
}

static long map_and_write(int fd, long offset, long length, unsigned seed)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    long page = sysconf(_SC_PAGESIZE), start = offset / page * page;
    if (st.st_size <= offset)
        return -2;
    if (offset + length > st.st_size)
        length = st.st_size - offset;
    unsigned char *mapped = mmap(NULL, (size_t)(offset - start + length), PROT_READ | PROT_WRITE, MAP_SHARED, fd, start);
    if (mapped == MAP_FAILED)
        return -1;
    fill(seed, (size_t)length);
    memcpy(mapped + (offset - start), data, (size_t)length);
    long result = msync(mapped, (size_t)(offset - start + length), MS_SYNC);
    munmap(mapped, (size_t)(offset - start + length));
    return result;
}

static long on_slot(int side, int count, const char **w, char *answer)
{
    int *slot = &slots[side][atoi(w[1]) % SLOTS];
    const char *c = w[0];
    long a = count > 2 ? atol(w[2]) : 0, b = count > 3 ? atol(w[3]) : 0, d = count > 4 ? atol(w[4]) : 0;
    struct stat st;
    if (IS("fopen", 4)) {
        if (*slot >= 0)
            close(*slot);
        *slot = open(w[2], flags_of(w[3]), 0644);
        return *slot < 0 ? -1 : 0;
    }
    if (*slot < 0)
        return -3;
    if (IS("fclose", 2)) {
        long result = close(*slot);
        *slot = -1;
        return result;
    }
    if (IS("fwrite", 5)) return fill((unsigned)d, (size_t)b), pwrite(*slot, data, (size_t)b, a);
    if (IS("fread", 4)) {
        long result = pread(*slot, data, (size_t)b, a);
        if (result >= 0)
            sprintf(answer, "sum %016llx", (unsigned long long)sum_of(data, (size_t)result));
        return result;
    }
    if (IS("fstat", 2)) return fstat(*slot, &st) < 0 ? -1 : (print_stat(&st, answer), 0);
    if (IS("ftruncate", 3)) return ftruncate(*slot, a);
    if (IS("fchmod", 3)) return fchmod(*slot, (mode_t)strtol(w[2], NULL, 8));
    if (IS("fchown", 4)) return fchown(*slot, (uid_t)a, (gid_t)b);
    if (IS("fallocate", 5)) return fallocate(*slot, (int)a, b, d);
    if (IS("fseek", 4)) return fstat(*slot, &st) < 0 || !S_ISREG(st.st_mode) ? -2 : lseek(*slot, b, *w[2] == 'd' ? SEEK_DATA : SEEK_HOLE);
    if (IS("map", 5)) return map_and_write(*slot, a, b, (unsigned)d);
    if (IS("fsync", 2)) return fsync(*slot);
    if (IS("futimens", 3)) return set_times(NULL, *slot, w[2], answer);
    if (IS("copy", 6)) {
        off_t from = b, to = d;
        int other = slots[side][a % SLOTS];
        return other < 0 ? -3 : copy_file_range(*slot, &from, other, &to, (size_t)atol(w[5]), 0);
    }
    return on_path(count, w, answer);
}

void perform(int side, const char *line, char answer[ANSWER_BYTES])
{
    char copy[1024], result_text[ANSWER_BYTES] = "";
    char *rest = copy, *raw;
    const char *words[WORDS_MAX];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", line);
    while (count < WORDS_MAX && (raw = strsep(&rest, " ")))
        if (*raw)
            words[count++] = word_value(raw);
    const char **first = words;
    mode_t before = 0;
    bool has_mask = strcmp(words[0], "umask") == 0;
    if (has_mask) {
        before = umask((mode_t)strtol(words[1], NULL, 8));
        first += 2;
        count -= 2;
    }
    errno = 0;
    bool is_slot = count > 1 && first[1][0] >= '0' && first[1][0] <= '9' && !first[1][1];
    long result = is_slot ? on_slot(side, count, first, result_text) : on_path(count, first, result_text);
    int error = result == -1 ? errno : 0;
    if (has_mask)
        umask(before);
    snprintf(answer, ANSWER_BYTES, "%ld %s %.32000s", result, error ? strerrorname_np(error) : "-", result_text);
}

void perform_end(int side)
{
    for (int i = 0; i < SLOTS; i++) {
        if (slots[side][i] >= 0)
            close(slots[side][i]);
        slots[side][i] = -1;
    }
}

static void dump(int dirfd, const char *name, const char *shown, char *text, size_t size)
{
    struct stat st;
    char line[ANSWER_BYTES] = "", attributes[4096] = "", target[4097] = "";
    size_t used = strlen(text);
    if (used + 512 > size)
        return;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        snprintf(text + used, size - used, "%s: %s\n", shown, strerrorname_np(errno));
        return;
    }
    print_stat(&st, line);
    unsigned long long sum = 0;
    if (S_ISREG(st.st_mode) && st.st_size > 0) {
        int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW);
        for (ssize_t part; fd >= 0 && (part = read(fd, data, DATA_BYTES)) > 0;)
            sum = sum * 31 + sum_of(data, (size_t)part);
        if (fd >= 0)
            list_attributes(name[0] == '/' ? name : (snprintf(target, sizeof target, "/proc/self/fd/%d", dirfd), strcat(strcat(target, "/"), name)), attributes);
        target[0] = 0;
        if (fd >= 0)
            close(fd);
    } else if (S_ISLNK(st.st_mode)) {
        ssize_t length = readlinkat(dirfd, name, target, sizeof target - 1);
        target[length < 0 ? 0 : length] = 0;
    }
    snprintf(text + used, size - used, "%s: %s sum %llx %.200s %s\n", shown, line, sum, target, attributes);
    if (!S_ISDIR(st.st_mode))
        return;
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    char *names[1024];
    size_t count = 0;
    for (struct dirent *entry; dir && count < 1024 && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            names[count++] = strdup(entry->d_name);
    qsort(names, count, sizeof *names, compare_texts);
    for (size_t i = 0; i < count; i++) {
        char below[8192];
        snprintf(below, sizeof below, "%s/%s", shown, names[i]);
        dump(fd, names[i], below, text, size);
        free(names[i]);
    }
    if (dir)
        closedir(dir);
}

void dump_tree(const char *path, char *text, size_t size)
{
    text[0] = 0;
    dump(AT_FDCWD, path, ".", text, size);
}
