/* Linux: the mount, those who hold it, and limits of the process. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform.h"

const char *const platform_mount_options = "fsname=obuilderfs,subtype=obuilderfs";
const char *const platform_allowed_options[] = {"ro",   "rw",   "suid",  "nosuid",  "dev",     "nodev", "exec",      "noexec",
                                                "sync", "async", "atime", "noatime", "dirsync", "debug", "max_read=", NULL};
const bool platform_has_epochs = true;
const double platform_entry_timeout_max = 3600;
const int platform_statistics_signal = SIGUSR1;

const char *platform_refused_option(const char *name, size_t length)
{
    (void)name;
    (void)length;
    return NULL;
}

bool platform_find_mount(const char *mountpoint, struct mount_entry *found)
{
    FILE *table = setmntent("/proc/self/mounts", "r");
    if (!table)
        return false;
    bool is_mounted = false;
    for (struct mntent *entry; (entry = getmntent(table));) {
        if (strcmp(entry->mnt_dir, mountpoint) != 0)
            continue;
        is_mounted = true; /* the last one lies on top */
        found->is_ours = strcmp(entry->mnt_type, "fuse.obuilderfs") == 0;
    }
    endmntent(table);
    struct stat st;
    if (is_mounted)
        found->is_dead = found->is_ours && stat(mountpoint, &st) < 0 && errno == ENOTCONN;
    return is_mounted;
}

int platform_unmount(const char *mountpoint, bool detaches)
{
    return umount2(mountpoint, UMOUNT_NOFOLLOW | (detaches ? MNT_DETACH : 0)) < 0 ? errno : 0;
}

static bool lies_under(const char *path, const char *mountpoint)
{
    size_t length = strlen(mountpoint);
    return strncmp(path, mountpoint, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static bool link_lies_under(const char *link, const char *mountpoint)
{
    char target[4096];
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0)
        return false;
    target[length] = 0;
    return lies_under(target, mountpoint);
}

static bool maps_lie_under(const char *pid, const char *mountpoint)
{
    char path[64], line[4608];
    snprintf(path, sizeof path, "/proc/%.20s/maps", pid);
    FILE *maps = fopen(path, "re");
    bool found = false;
    while (maps && !found && fgets(line, sizeof line, maps)) {
        char *file = strchr(line, '/');
        line[strcspn(line, "\n")] = 0;
        found = file && lies_under(file, mountpoint);
    }
    if (maps)
        fclose(maps);
    return found;
}

static bool holds(const char *pid, const char *mountpoint)
{
    static const char *const links[] = {"cwd", "root", "exe"};
    char path[320];
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        snprintf(path, sizeof path, "/proc/%.20s/%s", pid, links[i]);
        if (link_lies_under(path, mountpoint))
            return true;
    }
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *fds = opendir(path);
    bool found = false;
    for (struct dirent *fd; fds && !found && (fd = readdir(fds));) {
        snprintf(path, sizeof path, "/proc/%.20s/fd/%.255s", pid, fd->d_name);
        found = link_lies_under(path, mountpoint);
    }
    if (fds)
        closedir(fds);
    return found || maps_lie_under(pid, mountpoint);
}

void platform_name_holders(const char *mountpoint, char *text, size_t size)
{
    size_t used = 0;
    *text = 0;
    DIR *processes = opendir("/proc");
    for (struct dirent *entry; processes && used + 64 < size && (entry = readdir(processes));) {
        const char *pid = entry->d_name;
        if (!isdigit((unsigned char)*pid) || atoi(pid) == getpid() || !holds(pid, mountpoint))
            continue;
        char path[64], name[32] = "?";
        snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
        FILE *comm = fopen(path, "re");
        if (comm && fgets(name, sizeof name, comm))
            name[strcspn(name, "\n")] = 0;
        if (comm)
            fclose(comm);
        used += (size_t)snprintf(text + used, size - used, "%s%s (%.20s)", used ? ", " : "", name, pid);
    }
    if (processes)
        closedir(processes);
}

const char *platform_fuse_problem(void)
{
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENODEV || errno == ENXIO
                   ? "the kernel has no FUSE: load its module (modprobe fuse)"
                   : "/dev/fuse cannot be opened: check its permissions";
    close(fd);
    return NULL;
}

unsigned platform_raise_descriptor_limit(void)
{
    enum { ENOUGH = 1 << 20 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 256;
    rlim_t soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > ENOUGH ? ENOUGH : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        soft = limit.rlim_cur;
    return (unsigned)soft;
}

void platform_prepare_memory(void)
{
    /* Nodes are made by one thread and freed by another: an arena for each would keep what the others need. */
    mallopt(M_ARENA_MAX, 2);
}

void platform_trim_memory(void)
{
    malloc_trim(0);
}
