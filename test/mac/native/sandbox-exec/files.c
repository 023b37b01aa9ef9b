/* File rules. What a profile allows on top of a general denial becomes Landlock rules; what it denies inside an
 * allowed tree becomes a read-only or hiding mount in a mount namespace of the sandboxed process.
 *
 * As on a Mac, rules are about real paths: a rule that names a symbolic link (/tmp, /var, /etc) or the long form
 * /System/Volumes/Data/... allows nothing. Landlock looks at files that exist when it is set up, so that a rule for a
 * path that is made later has no effect. Refusals come as EACCES (a Mac says EPERM), or EROFS below a denied subpath.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Younger than Debian 12's header. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define ACCESS_DATA (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define ACCESS_CREATE                                                                                                  \
    (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                        \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                     \
     LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define ACCESS_UNLINK (LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR)
#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* Landlock refuses directory rights in a rule about a file. */
#define ACCESS_FILE_ONLY (ACCESS_DATA | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)

static const struct {
    enum operation operation;
    uint64_t access;
} accesses[] = {
    {OP_FILE_READ, ACCESS_READ},
    {OP_WRITE_DATA, ACCESS_DATA},
    {OP_WRITE_CREATE, ACCESS_CREATE},
    {OP_WRITE_UNLINK, ACCESS_UNLINK},
    {OP_PROCESS_EXEC, LANDLOCK_ACCESS_FS_EXECUTE},
};

/* A regular expression is tried on what exists below its fixed beginning; this bounds the search. */
enum { MAX_DEPTH = 6, MAX_ENTRIES = 20000 };

static uint64_t list_access(unsigned operations) {
    uint64_t access = 0;
    for (size_t i = 0; i < sizeof accesses / sizeof *accesses; i++)
        if (operations & 1u << accesses[i].operation)
            access |= accesses[i].access;
    return access;
}

static bool is_real_path(const char *path) {
    char resolved[PATH_MAX], trimmed[PATH_MAX];
    size_t length = strlen(path);

    if (length >= sizeof trimmed || path[0] != '/' || strncmp(path, "/System/Volumes/Data/", 21) == 0)
        return false;
    memcpy(trimmed, path, length + 1);
    while (length > 1 && trimmed[length - 1] == '/')
        trimmed[--length] = '\0';
    return realpath(trimmed, resolved) != NULL && strcmp(trimmed, resolved) == 0;
}

static void grant(int ruleset, const char *path, uint64_t access, bool is_subtree) {
    struct landlock_path_beneath_attr attribute = {.allowed_access = access};
    struct stat status;

    attribute.parent_fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (attribute.parent_fd < 0)
        return;
    if (fstat(attribute.parent_fd, &status) == 0) {
        if (!S_ISDIR(status.st_mode))
            attribute.allowed_access &= ACCESS_FILE_ONLY;
        else if (!is_subtree)
            attribute.allowed_access = 0; /* a literal folder: nothing inside it */
        if (attribute.allowed_access != 0 &&
            syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attribute, 0) != 0)
            fail_apply("landlock_add_rule");
    }
    close(attribute.parent_fd);
}

static void grant_regex(int ruleset, const struct filter *filter, const char *dir, uint64_t access, int depth,
                        int *left) {
    char path[PATH_MAX];
    const char *base = strcmp(dir, "/") == 0 ? "" : dir;
    struct dirent *entry;
    DIR *stream;

    snprintf(path, sizeof path, "%s/zz-any/zz-any", base);
    if (matches_path(filter, path)) {
        grant(ruleset, dir, access, true);
        return;
    }
    stream = depth < MAX_DEPTH ? opendir(dir) : NULL;
    if (stream == NULL)
        return;
    while ((entry = readdir(stream)) != NULL && (*left)-- > 0) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(path, sizeof path, "%s/%s", base, entry->d_name) >= (int)sizeof path)
            continue;
        if (entry->d_type == DT_DIR)
            grant_regex(ruleset, filter, path, access, depth + 1, left);
        else if (matches_path(filter, path))
            grant(ruleset, path, access, false);
    }
    closedir(stream);
}

/* `^/dev/ttys[0-9]+$` -> `/dev`: the folder that everything matching lies below. */
static void regex_folder(const char *regex, char *folder, size_t size) {
    size_t length = 0, last_slash = 0;

    if (*regex == '^')
        regex++;
    while (regex[length] != '\0' && strchr(".[(*+?{|\\$", regex[length]) == NULL && length + 1 < size) {
        if (regex[length] == '/')
            last_slash = length;
        length++;
    }
    snprintf(folder, size, "%.*s", (int)(last_slash == 0 ? 1 : last_slash), last_slash == 0 ? "/" : regex);
}

static void grant_rule(int ruleset, const struct rule *rule, uint64_t access) {
    const struct filter *filter = &rule->filter;
    char folder[PATH_MAX];
    int left = MAX_ENTRIES;

    switch (filter->kind) {
    case FILTER_LITERAL:
        if (is_real_path(filter->text) || strncmp(filter->text, "/dev/", 5) == 0)
            grant(ruleset, filter->text, access, false);
        /* A Mac's master of pseudo terminals is a device; here it leads to the instance's own. */
        if (strcmp(filter->text, "/dev/ptmx") == 0)
            grant(ruleset, "/dev/pts/ptmx", access, false);
        break;
    case FILTER_SUBPATH:
        if (is_real_path(filter->text))
            grant(ruleset, filter->text, access, true);
        break;
    case FILTER_REGEX:
        if (matches_path(filter, "/dev/ttys000"))
            grant(ruleset, "/dev/pts", access & ACCESS_FILE_ONLY, true);
        regex_folder(filter->text, folder, sizeof folder);
        grant_regex(ruleset, filter, folder, access, 0, &left);
        break;
    default:
        break;
    }
}

static void restrict_by_landlock(const struct profile *profile) {
    struct landlock_ruleset_attr attribute = {0};
    int ruleset;

    for (size_t i = 0; i < sizeof accesses / sizeof *accesses; i++)
        if (!profile->fallback_allows[accesses[i].operation])
            attribute.handled_access_fs |= accesses[i].access;
    if (attribute.handled_access_fs == 0)
        return;
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &attribute, sizeof attribute, 0);
    if (ruleset < 0)
        fail_apply("landlock_create_ruleset");
    for (size_t i = 0; i < profile->rule_count; i++) {
        uint64_t access = list_access(profile->rules[i].operations) & attribute.handled_access_fs;
        if (profile->rules[i].allows && access != 0)
            grant_rule(ruleset, &profile->rules[i], access);
    }
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        fail_apply("landlock_restrict_self");
    close(ruleset);
}

static void remount(const char *path, bool is_read_only) {
    if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) != 0 ||
        mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | (is_read_only ? MS_RDONLY : 0), NULL) != 0)
        fail_apply("mount");
}

static void hide(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0)
        return;
    if (mount("tmpfs", S_ISDIR(status.st_mode) ? path : "/.sim/old", "tmpfs", MS_NOSUID, "mode=0000,size=4k") != 0)
        fail_apply("mount");
    if (S_ISDIR(status.st_mode))
        return;
    int file = open("/.sim/old/hidden", O_CREAT | O_WRONLY, 0000);
    if (file < 0 || close(file) != 0 || mount("/.sim/old/hidden", path, NULL, MS_BIND, NULL) != 0)
        fail_apply("mount");
}

/* Later rules win, so the profile's order is the order of mounts. */
static void restrict_by_mounts(const struct profile *profile) {
    const unsigned writes = 1u << OP_WRITE_DATA | 1u << OP_WRITE_CREATE | 1u << OP_WRITE_UNLINK;

    if (!has_denies(profile, writes | 1u << OP_FILE_READ))
        return;
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        fail_apply("unshare");
    for (size_t i = 0; i < profile->rule_count; i++) {
        const struct rule *rule = &profile->rules[i];
        if (rule->filter.kind != FILTER_LITERAL && rule->filter.kind != FILTER_SUBPATH)
            continue;
        if (!is_real_path(rule->filter.text))
            continue;
        if (!rule->allows && rule->operations & 1u << OP_FILE_READ)
            hide(rule->filter.text);
        else if (rule->operations & writes)
            remount(rule->filter.text, !rule->allows);
    }
}

void restrict_files(const struct profile *profile) {
    restrict_by_mounts(profile);
    restrict_by_landlock(profile);
}
