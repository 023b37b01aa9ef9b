/* What the operator asked for. */
#ifndef OBFS_OPTIONS_H
#define OBFS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit codes, each with one cause; the man page lists them. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_CHECK_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_ROOT = 3,
    EXIT_SCOREBOARD = 4,
    EXIT_FALLBACK = 5,
    EXIT_MOUNTPOINT = 6,
    EXIT_ALREADY_SERVED = 7,
    EXIT_NO_FUSE = 8,
    EXIT_MOUNT_FAILED = 9,
    EXIT_CONFIG = 10,
    EXIT_RESOURCES = 11,
    EXIT_SERVING_FAILED = 12,
    EXIT_NO_STATUS = 13,
};

enum busy_policy { BUSY_WAIT, BUSY_DETACH };

/* What SIGHUP may change. */
struct settings {
    uid_t uid_min, uid_max;
    bool allows_foreign_target;
    double attribute_timeout_s, entry_timeout_s;
    enum busy_policy busy;
};

struct options {
    char *scoreboard, *fallback, *sub, *config, *mount_options;
    char *mountpoint; /* absolute, without links */
    bool checks_only;
    bool lets_kernel_check; /* the kernel checks permissions, too: see README */
    struct settings settings;
    char **arguments; /* as given, to be applied again over a changed configuration file */
    int argument_count;
};

/* Fills `options`; returns EXIT_OK, or the code to end with after one sentence was printed. *is_done: --help, --version. */
enum exit_code options_parse(int argc, char **argv, struct options *options, bool *is_done);
/* Reads the configuration file and the command line again; the settings are left alone when something is wrong. */
enum exit_code options_reload(const struct options *options, struct settings *settings);
/* "MIN-MAX" of unsigned 32-bit numbers; never cut, never negative. */
bool parse_uid_range(const char *text, uid_t *min, uid_t *max);
bool parse_uid(const char *text, size_t length, uid_t *uid);

#endif
