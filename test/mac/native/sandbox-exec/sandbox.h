/* sandbox-exec of the simulated Mac: profiles in the subset of SBPL that build sandboxes use, enforced for real by
 * Landlock (files), read-only and hiding mounts (exceptions inside allowed trees) and seccomp (network, set-id bits).
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* Operations that are told apart; a wildcard in a profile stands for several. */
enum operation {
    OP_FILE_READ,
    OP_WRITE_DATA,
    OP_WRITE_CREATE,
    OP_WRITE_UNLINK,
    OP_WRITE_SETUGID,
    OP_PROCESS_EXEC,
    OP_NETWORK_OUTBOUND,
    OP_NETWORK_INBOUND,
    OP_NETWORK_BIND,
    OP_COUNT
};

enum filter_kind {
    FILTER_LITERAL,
    FILTER_SUBPATH,
    FILTER_REGEX,
    FILTER_REMOTE_IP,
    FILTER_LOCAL_IP,
    FILTER_UNIX_SOCKET
};

struct filter {
    enum filter_kind kind;
    char *text; /* path, regular expression, or `host:port`; NULL for any unix socket */
};

/* One allow or deny with a filter, in the profile's order. Rules without a filter are the operation's fallback. */
struct rule {
    bool allows;
    unsigned operations; /* bit set */
    struct filter filter;
};

struct profile {
    bool fallback_allows[OP_COUNT];
    struct rule *rules;
    size_t rule_count;
};

struct parameter {
    const char *name;
    const char *value;
};

/* Ends the program with 65 and macOS's text when the profile is bad. `origin` names it in that text. */
void read_profile(struct profile *profile, const char *text, const char *origin, const struct parameter *parameters,
                  size_t parameter_count);

/* What the profile says about a path. */
bool is_path_allowed(const struct profile *profile, enum operation operation, const char *path);
bool matches_path(const struct filter *filter, const char *path);

/* True when some rule with a filter denies the operation. */
bool has_denies(const struct profile *profile, unsigned operations);

/* Both want root; they end the program with 71 when the kernel refuses. */
void restrict_files(const struct profile *profile);
void restrict_calls(const struct profile *profile);

/* Answers the calls that a seccomp listener reports, until the last process of the sandbox is gone. */
void supervise(const struct profile *profile, int listener);

/* True inside a sandbox of this program. */
bool is_sandboxed(void);

void fail_apply(const char *what) __attribute__((noreturn));

#endif
