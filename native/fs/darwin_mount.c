/* macOS: the mount, those who hold it, and limits of the process. */
#include <errno.h>
#include <malloc/malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "platform.h"

/*
 * novncache: the kernel's name cache knows neither the caller nor a life time, so it must not be used at all.
 * noappledouble: no ._ files. daemon_timeout: a machine under load is no reason to take the prefix away.
 */
const char *const platform_mount_options =
    "fsname=obuilderfs,volname=obuilderfs,novncache,noappledouble,nobrowse,daemon_timeout=600";
const char *const platform_allowed_options[] = {"ro", "rw", "suid", "nosuid", "dev", "nodev", "exec", "noexec", "sync", "async",
                                                "atime", "noatime", "debug", "iosize=", "daemon_timeout=",
                                                "allow_recursion", NULL};
const bool platform_has_epochs = false;
const double platform_entry_timeout_max = 0;
const int platform_statistics_signal = SIGINFO;

const char *platform_refused_option(const char *name, size_t length)
{
    if (length >= 8 && strncmp(name, "backend=", 8) == 0 && strncmp(name, "backend=vfs", length) != 0)
        return "macFUSE's FSKit backend does not tell who calls and mounts below /Volumes only; use the kernel extension";
    return NULL;
}

bool platform_find_mount(const char *mountpoint, struct mount_entry *found)
{
    int count = getfsstat(NULL, 0, MNT_NOWAIT);
    struct statfs *table = count > 0 ? calloc((size_t)count + 8, sizeof *table) : NULL;
    if (!table)
        return false;
    count = getfsstat(table, (int)((size_t)(count + 8) * sizeof *table), MNT_NOWAIT);
    bool is_mounted = false;
    for (int i = 0; i < count; i++) {
        if (strcmp(table[i].f_mntonname, mountpoint) != 0)
            continue;
        is_mounted = true;
        found->is_ours = strncmp(table[i].f_mntfromname, "obuilderfs", strlen("obuilderfs")) == 0;
    }
    free(table);
    struct stat st;
    if (is_mounted)
        found->is_dead = found->is_ours && stat(mountpoint, &st) < 0 && (errno == ENXIO || errno == ENOTCONN || errno == EIO);
    return is_mounted;
}

int platform_unmount(const char *mountpoint, bool detaches)
{
    return unmount(mountpoint, detaches ? MNT_FORCE : 0) < 0 ? errno : 0;
}

/* From libproc, which has no public header for them. */
int proc_listpidspath(uint32_t type, uint32_t type_info, const char *path, uint32_t flags, void *buffer, int size);
int proc_name(int pid, void *buffer, uint32_t size);

void platform_name_holders(const char *mountpoint, char *text, size_t size)
{
    enum { ALL_PIDS = 1, PATH_IS_VOLUME = 1, PIDS_MAX = 256 };
    int pids[PIDS_MAX];
    size_t used = 0;
    *text = 0;
    int bytes = proc_listpidspath(ALL_PIDS, 0, mountpoint, PATH_IS_VOLUME, pids, (int)sizeof pids);
    for (int i = 0; i < bytes / (int)sizeof pids[0] && used + 64 < size; i++) {
        char name[64] = "?";
        if (pids[i] == getpid())
            continue;
        proc_name(pids[i], name, sizeof name);
        used += (size_t)snprintf(text + used, size - used, "%s%.32s (%d)", used ? ", " : "", name, pids[i]);
    }
}

const char *platform_fuse_problem(void)
{
    if (access("/dev/macfuse0", F_OK) == 0)
        return NULL;
    return "macFUSE's kernel extension is not loaded: run "
           "/Library/Filesystems/macfuse.fs/Contents/Resources/load_macfuse, allow it in System Settings, and restart";
}

unsigned platform_raise_descriptor_limit(void)
{
    struct rlimit limit;
    int most = OPEN_MAX;
    size_t length = sizeof most;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 256;
    rlim_t soft = limit.rlim_cur;
    sysctlbyname("kern.maxfilesperproc", &most, &length, NULL, 0);
    /* The kernel refuses an unlimited soft limit. */
    limit.rlim_cur = limit.rlim_max < (rlim_t)most ? limit.rlim_max : (rlim_t)most;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        soft = limit.rlim_cur;
    return (unsigned)soft;
}

void platform_prepare_memory(void)
{
}

void platform_trim_memory(void)
{
    malloc_zone_pressure_relief(NULL, 0);
}
