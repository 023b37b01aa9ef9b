#include "serve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dirfd.h"
#include "handle.h"
#include "log.h"
#include "ops.h"
#include "platform.h"
#include "restrict.h"
#include "scoreboard.h"
#include "status.h"
#include "workers.h"

enum {
    WORKERS = 8,
    STALE_MOUNTS_MAX = 16,
    READY_WAIT_S = 60,
    TICK_MS = 1000,
    LEAVING_TICK_MS = 250,
    NAMESPACE_TICKS = 12,
    TRIM_AFTER_NODES = 20000,
    DIRECTORIES_KEPT_MAX = 4096,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;

/* Guarded by `lock`. */
static struct {
    struct options options;
    struct fuse_session *session;
    unsigned stop_signals;
    bool wants_reload, wants_statistics, is_over;
    bool is_ready, has_named_holders;
    unsigned unmounted_ticks; /* since a plain unmount succeeded */
    time_t started;
} state;

static sigset_t handled_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, platform_statistics_signal);
    return set;
}

static void *wait_for_signals(void *unused)
{
    sigset_t set = handled_signals();
    int signal_number;
    (void)unused;
    while (sigwait(&set, &signal_number) == 0) {
        pthread_mutex_lock(&lock);
        bool is_over = state.is_over;
        if (signal_number == SIGHUP)
            state.wants_reload = true;
        else if (signal_number == SIGTERM || signal_number == SIGINT)
            state.stop_signals++;
        else
            state.wants_statistics = true;
        pthread_cond_signal(&woken);
        pthread_mutex_unlock(&lock);
        if (is_over)
            break;
    }
    return NULL;
}

static void reload(void)
{
    struct settings settings;
    if (options_reload(&state.options, &settings) != EXIT_OK) {
        log_event(LOG_ERR, "settings stay as they were");
        return;
    }
    state.options.settings = settings;
    scoreboard_configure(&settings);
    scoreboard_reopen();
    ops_configure(&settings);
    log_event(LOG_NOTICE, "settings read again");
}

/* One attempt. Everything below happens again at the next tick, so a busy mount is waited for. */
static void try_to_unmount(unsigned signals)
{
    const char *mountpoint = state.options.mountpoint;
    bool detaches = signals > 1 || state.options.settings.busy == BUSY_DETACH;
    int error = platform_unmount(mountpoint, false);
    if (error == EBUSY && !state.has_named_holders) {
        char holders[1024];
        platform_name_holders(mountpoint, holders, sizeof holders);
        log_event(LOG_WARNING, "%s is in use by %s; %s", mountpoint, holders[0] ? holders : "processes not found",
                  detaches ? "it is detached, and served until they are done"
                           : "waiting for them (a second signal detaches it)");
        state.has_named_holders = true;
    }
    if (error == EBUSY && detaches)
        error = platform_unmount(mountpoint, true);
    if (!error && !detaches)
        state.unmounted_ticks = 1;
    /* The mount is gone, but the kernel still keeps the session: only copies in other mount namespaces are left. */
    if (state.unmounted_ticks && ++state.unmounted_ticks > NAMESPACE_TICKS) {
        log_event(LOG_NOTICE, "%s is unmounted; copies of it in other mount namespaces end now", mountpoint);
        _exit(EXIT_OK);
    }
    if (error && error != EBUSY && error != EINVAL && error != ENOENT)
        log_event(LOG_ERR, "cannot unmount %s: %s", mountpoint, strerror(error));
}

static void look_whether_ready(void)
{
    struct mount_entry entry;
    if (ops_is_initialized() && platform_find_mount(state.options.mountpoint, &entry) && entry.is_ours) {
        state.is_ready = true;
        log_event(LOG_NOTICE, "ready: serving %s", state.options.mountpoint);
    } else if (time(NULL) - state.started > READY_WAIT_S) {
        log_event(LOG_ERR, "%s is not in the mount table after %d s", state.options.mountpoint, READY_WAIT_S);
        _exit(EXIT_MOUNT_FAILED); /* no call will ever come that wakes the workers */
    }
}

static void keep_house(void)
{
    static uint64_t freed;
    dirfd_age();
    freed += node_take_freed();
    if (freed > TRIM_AFTER_NODES) {
        platform_trim_memory();
        freed = 0;
    }
}

static void wait_for_tick(long ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&woken, &lock, &until);
}

static void *run_house(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    for (long wait_ms = 0; !state.is_over;) {
        if (state.wants_reload)
            reload();
        if (state.wants_statistics)
            status_log();
        state.wants_reload = state.wants_statistics = false;
        unsigned signals = state.stop_signals;
        bool wants_ready = !state.is_ready && !signals;
        pthread_mutex_unlock(&lock);
        if (signals)
            try_to_unmount(signals);
        if (wants_ready)
            look_whether_ready();
        keep_house();
        pthread_mutex_lock(&lock);
        wait_ms = signals ? LEAVING_TICK_MS : state.is_ready ? TICK_MS : wait_ms < 10 ? 10 : 100;
        if (!state.is_over && !(state.stop_signals > signals) && !state.wants_reload && !state.wants_statistics)
            wait_for_tick(wait_ms);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* A dead daemon leaves a mount on which every call fails; nothing can be mounted or reached there until it is gone. */
static enum exit_code clean_stale_mounts(const char *mountpoint)
{
    struct mount_entry entry;
    for (int i = 0; i < STALE_MOUNTS_MAX && platform_find_mount(mountpoint, &entry) && entry.is_ours; i++) {
        if (!entry.is_dead) {
            log_event(LOG_ERR, "an obuilderfs serves %s already", mountpoint);
            return EXIT_ALREADY_SERVED;
        }
        int error = platform_unmount(mountpoint, true);
        if (error) {
            log_event(LOG_ERR, "cannot clean the dead mount %s: %s", mountpoint, strerror(error));
            return EXIT_MOUNTPOINT;
        }
        log_event(LOG_NOTICE, "cleaned the mount that a dead obuilderfs left on %s", mountpoint);
    }
    return EXIT_OK;
}

static enum exit_code prepare(const struct options *options)
{
    struct stat st;
    if (geteuid() != 0) {
        log_event(LOG_ERR, "must run as root");
        return EXIT_NOT_ROOT;
    }
    const char *fuse_problem = platform_fuse_problem();
    if (fuse_problem) {
        log_event(LOG_ERR, "%s", fuse_problem);
        return EXIT_NO_FUSE;
    }
    enum exit_code code = clean_stale_mounts(options->mountpoint);
    if (code != EXIT_OK)
        return code;
    if (stat(options->mountpoint, &st) < 0 || !S_ISDIR(st.st_mode)) {
        log_event(LOG_ERR, "mount point %s: %s", options->mountpoint, strerror(S_ISDIR(st.st_mode) ? errno : ENOTDIR));
        return EXIT_MOUNTPOINT;
    }
    platform_prepare_memory();
    unsigned limit = platform_raise_descriptor_limit();
    /* A quarter for directories, the rest for files that builders open. */
    unsigned kept = limit / 4 < DIRECTORIES_KEPT_MAX ? limit / 4 : DIRECTORIES_KEPT_MAX;
    status_set_descriptor_limit(limit);
    handle_init(limit - kept);
    if (limit < 64 || !dirfd_init(kept)) {
        log_event(LOG_ERR, "a limit of %u open files is too low, or there is no memory", limit);
        return EXIT_RESOURCES;
    }
    ops_configure(&options->settings);
    if (options->lets_kernel_check)
        ops_let_kernel_check();
    code = scoreboard_open_links(options);
    return code == EXIT_OK ? scoreboard_open_fallback(options) : code;
}

static struct fuse_session *open_session(const struct options *options)
{
    char *arguments[] = {"obuilderfs", "-o", options->mount_options, "-o", (char *)platform_mount_options, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(5, arguments);
    struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
    if (!session)
        log_event(LOG_ERR, "libfuse did not accept the options %s", options->mount_options);
    fuse_opt_free_args(&args);
    return session;
}

static enum exit_code serve_session(struct fuse_session *session)
{
    pthread_t signals, house;
    if (!restrict_start(session) || pthread_create(&house, NULL, run_house, NULL) != 0 ||
        pthread_create(&signals, NULL, wait_for_signals, NULL) != 0) {
        log_event(LOG_ERR, "cannot start a thread");
        return EXIT_RESOURCES;
    }
    int result = workers_run(session, WORKERS);
    pthread_mutex_lock(&lock);
    state.is_over = true;
    pthread_cond_signal(&woken);
    pthread_mutex_unlock(&lock);
    pthread_kill(signals, SIGHUP);
    pthread_join(signals, NULL);
    pthread_join(house, NULL);
    restrict_stop();
    if (result < 0)
        log_event(LOG_ERR, "serving failed: %s", strerror(-result));
    return result < 0 ? EXIT_SERVING_FAILED : EXIT_OK;
}

enum exit_code serve(const struct options *options)
{
    enum exit_code code = prepare(options);
    if (code != EXIT_OK)
        return code;
    struct fuse_session *session = open_session(options);
    if (!session)
        return EXIT_USAGE;
    /* Signals are taken by a thread of their own; blocked here, they are blocked in every thread that follows. */
    sigset_t set = handled_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    state.options = *options;
    state.session = session;
    state.started = time(NULL);
    if (fuse_session_mount(session, options->mountpoint) != 0) {
        log_event(LOG_ERR, "cannot mount on %s", options->mountpoint);
        fuse_session_destroy(session);
        return EXIT_MOUNT_FAILED;
    }
    platform_drop_privileges();
    code = serve_session(session);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    log_event(LOG_NOTICE, "%s is unmounted", options->mountpoint);
    return code;
}
