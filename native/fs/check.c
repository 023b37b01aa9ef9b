#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform.h"
#include "scoreboard.h"

static unsigned problems;

static void report(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void report(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("wrong: ", stdout);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    problems++;
}

static bool check_directory(const char *what, const char *path, struct stat *st)
{
    if (stat(path, st) < 0)
        report("%s %s: %s", what, path, strerror(errno));
    else if (!S_ISDIR(st->st_mode))
        report("%s %s: not a directory", what, path);
    else
        return true;
    return false;
}

static void check_link(const struct options *options, const char *name)
{
    char text[256];
    uid_t uid;
    if (!parse_uid(name, strlen(name), &uid) || (name[0] == '0' && name[1]))
        report("scoreboard: %s: its name is not a uid", name);
    else if (uid < options->settings.uid_min || uid > options->settings.uid_max)
        report("scoreboard: %s: outside of --uids %u-%u, so it is never used", name, options->settings.uid_min,
               options->settings.uid_max);
    else if (scoreboard_problem(uid, text, sizeof text))
        report("scoreboard: %s: %s", name, text);
}

static void check_scoreboard(const struct options *options)
{
    struct stat st;
    if (!check_directory("scoreboard", options->scoreboard, &st))
        return;
    if (st.st_uid != 0)
        report("scoreboard %s: belongs to uid %u, who decides what every builder sees; it must be root's",
               options->scoreboard, st.st_uid);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        report("scoreboard %s: mode %04o lets others than root change it", options->scoreboard, st.st_mode & 07777);
    DIR *links = opendir(options->scoreboard);
    if (!links) {
        report("scoreboard %s: %s", options->scoreboard, strerror(errno));
        return;
    }
    for (struct dirent *entry; (entry = readdir(links));)
        if (entry->d_name[0] != '.')
            check_link(options, entry->d_name);
    closedir(links);
}

static void check_mountpoint(const struct options *options)
{
    struct stat st;
    struct mount_entry entry;
    if (platform_find_mount(options->mountpoint, &entry) && entry.is_ours) {
        if (entry.is_dead)
            report("mount point %s: the mount of a dead obuilderfs lies there; starting one cleans it",
                   options->mountpoint);
        else
            report("mount point %s: an obuilderfs serves it already", options->mountpoint);
        return;
    }
    check_directory("mount point", options->mountpoint, &st);
}

static bool lies_under(const char *path, const char *mountpoint)
{
    size_t length = strlen(mountpoint);
    return strncmp(path, mountpoint, length) == 0 && path[length] == '/';
}

enum exit_code check_everything(const struct options *options)
{
    struct stat st;
    if (geteuid() != 0)
        report("obuilderfs must run as root");
    const char *fuse_problem = platform_fuse_problem();
    if (fuse_problem)
        report("%s", fuse_problem);
    check_directory("fallback", options->fallback, &st);
    if (lies_under(options->scoreboard, options->mountpoint))
        report("scoreboard %s: lies under the mount point", options->scoreboard);
    /* Links are judged by the code that serves them. */
    if (stat(options->scoreboard, &st) == 0 && S_ISDIR(st.st_mode))
        scoreboard_open_links(options);
    check_scoreboard(options);
    check_mountpoint(options);
    printf("%u problem%s\n", problems, problems == 1 ? "" : "s");
    return problems ? EXIT_CHECK_FAILED : EXIT_OK;
}
