/* sandbox-exec [-f profile-file | -n profile-name | -p profile-string] [-D key=value ...] command [arguments ...]
 * Exit status as on a Mac: the command's; 64 usage, 65 bad profile, 71 when it cannot be applied or the command not
 * be started. Set-user-id root: the kernel's parts want it; the profile is read and the command run as the caller.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_PARAMETERS = 256 };

static const struct {
    const char *name;
    const char *text;
} named_profiles[] = {
    {"no-network", "(version 1)(allow default)(deny network*)"},
    {"no-internet", "(version 1)(allow default)(deny network*)(allow network* (remote unix-socket))"
                    "(allow network* (local ip \"localhost:*\"))(allow network* (remote ip \"localhost:*\"))"},
    {"no-write", "(version 1)(allow default)(deny file-write*)"},
    {"no-write-except-temporary",
     "(version 1)(allow default)(deny file-write*)(allow file-write* (subpath \"/private/tmp\")"
     "(subpath \"/private/var/tmp\")(subpath \"/private/var/folders\"))"},
};

void fail_apply(const char *what) {
    if (getenv("SANDBOX_DEBUG") != NULL)
        fprintf(stderr, "sandbox-exec: %s: %s\n", what, strerror(errno));
    fprintf(stderr, "sandbox-exec: sandbox_apply: Operation not permitted\n");
    exit(71);
}

static void usage(void) {
    fprintf(stderr,
            "Usage: sandbox-exec [options] command [args]\nOptions:\n"
            "  -f profile-file  Read profile from file.\n  -n profile-name  Use pre-defined profile.\n"
            "  -p profile-string  Specify profile on the command line.\n  -D key=value  Set a profile parameter.\n"
            "Exactly one of -f, -n, -p must be specified.\n");
    exit(64);
}

static char *read_whole(const char *path) {
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;

    if (file == NULL || (getdelim(&text, &size, '\0', file) < 0 && ferror(file))) {
        fprintf(stderr, "sandbox-exec: %s: %s\n", path, strerror(errno));
        exit(65);
    }
    fclose(file);
    return text == NULL ? strdup("") : text;
}

static const char *find_named(const char *name) {
    for (size_t i = 0; i < sizeof named_profiles / sizeof *named_profiles; i++)
        if (strcmp(named_profiles[i].name, name) == 0)
            return named_profiles[i].text;
    fprintf(stderr, "sandbox-exec: profile not found: %s\n", name);
    exit(65);
}

/* The file that execvp would take, real path and all; empty when there is none. */
static void find_command(const char *name, char *found) {
    const char *path = getenv("PATH");
    char list[PATH_MAX], candidate[PATH_MAX], *rest = list, *dir;

    *found = '\0';
    if (strchr(name, '/') != NULL) {
        if (realpath(name, found) == NULL)
            *found = '\0';
        return;
    }
    snprintf(list, sizeof list, "%s", path == NULL ? "/usr/bin:/bin" : path);
    while ((dir = strsep(&rest, ":")) != NULL) {
        if (snprintf(candidate, sizeof candidate, "%s/%s", dir, name) < (int)sizeof candidate &&
            access(candidate, X_OK) == 0 && realpath(candidate, found) != NULL)
            return;
    }
    *found = '\0';
}

int main(int argc, char **argv) {
    struct parameter parameters[MAX_PARAMETERS];
    struct profile profile = {0};
    size_t parameter_count = 0;
    const char *text = NULL, *origin = "<input string>";
    char command[PATH_MAX], *equals;
    uid_t user = getuid(), root = geteuid();
    int option;

    if (seteuid(user) != 0)
        fail_apply("seteuid");
    while ((option = getopt(argc, argv, "+f:n:p:D:")) != -1) {
        switch (option) {
        case 'f':
        case 'n':
        case 'p':
            if (text != NULL)
                usage();
            text = option == 'f' ? read_whole(optarg) : option == 'n' ? find_named(optarg) : optarg;
            if (option == 'f')
                origin = optarg;
            break;
        case 'D':
            equals = strchr(optarg, '=');
            if (equals == NULL || parameter_count == MAX_PARAMETERS)
                usage();
            parameters[parameter_count++] = (struct parameter){strndup(optarg, (size_t)(equals - optarg)), equals + 1};
            break;
        default:
            usage();
        }
    }
    if (text == NULL || optind == argc)
        usage();
    for (int i = 0; i < OP_COUNT; i++)
        profile.fallback_allows[i] = false; /* without a rule about `default`, everything is denied */
    read_profile(&profile, text, origin, parameters, parameter_count);

    if (is_sandboxed())
        fail_apply("nested");
    find_command(argv[optind], command);
    if (*command != '\0' && !is_path_allowed(&profile, OP_PROCESS_EXEC, command)) {
        fprintf(stderr, "sandbox-exec: execvp() of '%s' failed: Operation not permitted\n", argv[optind]);
        return 71;
    }
    if (seteuid(root) != 0)
        fail_apply("seteuid");
    restrict_calls(&profile); /* first: the supervisor itself is not to be restricted */
    restrict_files(&profile);
    if (setresuid(user, user, user) != 0)
        fail_apply("setresuid");
    execvp(argv[optind], argv + optind);
    fprintf(stderr, "sandbox-exec: execvp() of '%s' failed: %s\n", argv[optind], strerror(errno));
    return 71;
}
