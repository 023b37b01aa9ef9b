#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform.h"
#include "version.h"

static const char usage[] =
    "Usage: obuilderfs --scoreboard DIR --fallback DIR [OPTION]... MOUNTPOINT\n"
    "       obuilderfs status [--json] MOUNTPOINT\n"
    "Shows each builder his own tree under MOUNTPOINT; runs in the foreground.\n"
    "\n"
    "  --scoreboard DIR        one symlink per builder, named by uid, to his home\n"
    "  --fallback DIR          what everybody else sees\n"
    "  --sub NAME              a builder's tree is HOME/NAME (default: local)\n"
    "  --uids MIN-MAX          who is a builder (default: 502-4294967294)\n"
    "  --allow-foreign-target  a tree may belong to somebody else than its builder\n"
    "  --attribute-timeout S   how long the kernel keeps attributes (default: 1)\n"
    "  --entry-timeout S       how long the kernel keeps names below the root (default: 30)\n"
    "  --busy wait|detach      what SIGTERM does with a mount that is in use (default: wait)\n"
    "  --kernel-checks         let the kernel check permissions, too: exact errors, one call more per path\n"
    "  --config FILE           settings that SIGHUP reads again\n"
    "  -o OPTION[,OPTION]...   mount options\n"
    "  --check                 tell everything that is wrong, without mounting\n"
    "  --version, --help\n";

enum {
    OPT_SCOREBOARD = 256,
    OPT_FALLBACK,
    OPT_SUB,
    OPT_UIDS,
    OPT_FOREIGN,
    OPT_ATTRIBUTE,
    OPT_ENTRY,
    OPT_BUSY,
    OPT_CONFIG,
    OPT_CHECK,
    OPT_KERNEL_CHECKS,
    OPT_VERSION,
    OPT_HELP
};

static const struct option long_options[] = {
    {"scoreboard", required_argument, NULL, OPT_SCOREBOARD},
    {"fallback", required_argument, NULL, OPT_FALLBACK},
    {"sub", required_argument, NULL, OPT_SUB},
    {"uids", required_argument, NULL, OPT_UIDS},
    {"allow-foreign-target", no_argument, NULL, OPT_FOREIGN},
    {"attribute-timeout", required_argument, NULL, OPT_ATTRIBUTE},
    {"entry-timeout", required_argument, NULL, OPT_ENTRY},
    {"busy", required_argument, NULL, OPT_BUSY},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"check", no_argument, NULL, OPT_CHECK},
    {"kernel-checks", no_argument, NULL, OPT_KERNEL_CHECKS},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static enum exit_code complain(enum exit_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));
static enum exit_code complain(enum exit_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("obuilderfs: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return code;
}

bool parse_uid(const char *text, size_t length, uid_t *uid)
{
    uint64_t value = 0;
    if (length == 0 || length > 10)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (value >= UINT32_MAX) /* -1 means "no user" to the system */
        return false;
    *uid = (uid_t)value;
    return true;
}

bool parse_uid_range(const char *text, uid_t *min, uid_t *max)
{
    const char *dash = strchr(text, '-');
    /* Root is never a builder: he must see the machine's own prefix. */
    return dash && parse_uid(text, (size_t)(dash - text), min) && parse_uid(dash + 1, strlen(dash + 1), max) &&
           *min > 0 && *min <= *max;
}

static bool parse_seconds(const char *text, double *seconds)
{
    enum { SECONDS_MAX = 86400 };
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (errno || end == text || *end || !(value >= 0 && value <= SECONDS_MAX))
        return false;
    *seconds = value;
    return true;
}

static bool parse_busy(const char *text, enum busy_policy *busy)
{
    *busy = strcmp(text, "detach") == 0 ? BUSY_DETACH : BUSY_WAIT;
    return *busy == BUSY_DETACH || strcmp(text, "wait") == 0;
}

/* One setting, from the command line or the file. False: the value is wrong; *expected says what was expected. */
static bool apply_setting(int option, const char *value, struct settings *settings, const char **expected)
{
    switch (option) {
    case OPT_UIDS:
        *expected = "MIN-MAX with 1 <= MIN <= MAX <= 4294967294";
        return parse_uid_range(value, &settings->uid_min, &settings->uid_max);
    case OPT_ATTRIBUTE:
        *expected = "seconds from 0 to 86400";
        return parse_seconds(value, &settings->attribute_timeout_s);
    case OPT_ENTRY:
        *expected = "seconds from 0 to 86400";
        return parse_seconds(value, &settings->entry_timeout_s);
    case OPT_BUSY:
        *expected = "wait or detach";
        return parse_busy(value, &settings->busy);
    case OPT_FOREIGN:
        *expected = "yes or no";
        settings->allows_foreign_target = !value || strcmp(value, "yes") == 0;
        return !value || settings->allows_foreign_target || strcmp(value, "no") == 0;
    default:
        *expected = "another option: this one cannot be in the file";
        return false;
    }
}

static const char *option_name(int value)
{
    const struct option *option = long_options;
    while (option->val != value)
        option++;
    return option->name;
}

static const struct option *find_option(const char *name)
{
    for (const struct option *option = long_options; option->name; option++)
        if (strcmp(option->name, name) == 0)
            return option;
    return NULL;
}

/* Lines "name value", empty lines, and lines that begin with '#'. */
static enum exit_code read_config(const char *path, struct settings *settings)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return complain(EXIT_CONFIG, "configuration file %s: %s", path, strerror(errno));
    char line[512], name[64], value[256], rest[2];
    enum exit_code code = EXIT_OK;
    for (unsigned number = 1; code == EXIT_OK && fgets(line, sizeof line, file); number++) {
        const char *expected = "\"name value\"";
        int fields = sscanf(line, "%63s %255s %1s", name, value, rest);
        if (fields < 1 || name[0] == '#')
            continue;
        const struct option *option = find_option(name);
        if (fields != 2 || !option || !apply_setting(option->val, value, settings, &expected))
            code = complain(EXIT_CONFIG, "%s, line %u: %.40s: expected %s", path, number, name,
                            option || fields != 2 ? expected : "the name of a setting");
    }
    fclose(file);
    return code;
}

static bool is_option_allowed(const char *name, size_t length)
{
    for (const char *const *allowed = platform_allowed_options; *allowed; allowed++) {
        size_t known = strlen(*allowed);
        bool takes_value = (*allowed)[known - 1] == '=';
        if (takes_value ? length > known && strncmp(name, *allowed, known) == 0
                        : length == known && strncmp(name, *allowed, known) == 0)
            return true;
    }
    return false;
}

static enum exit_code add_mount_options(const char *list, struct options *options)
{
    for (const char *name = list; *name;) {
        size_t length = strcspn(name, ",");
        const char *refused = platform_refused_option(name, length);
        if (refused)
            return complain(EXIT_USAGE, "-o %.*s: %s", (int)length, name, refused);
        if (!is_option_allowed(name, length))
            return complain(EXIT_USAGE, "-o %.*s: no such mount option here (the man page lists them)", (int)length,
                            name);
        name += length + (name[length] == ',');
    }
    char *joined;
    if (asprintf(&joined, "%s,%s", options->mount_options, list) < 0)
        return complain(EXIT_RESOURCES, "no memory");
    free(options->mount_options);
    options->mount_options = joined;
    return EXIT_OK;
}

/* An absolute path without links. A dead mount cannot be looked at, but its parent directory can. */
static char *absolute_path(const char *path)
{
    char *found = realpath(path, NULL);
    if (found || (errno != ENOTCONN && errno != ENXIO && errno != EIO))
        return found;
    char *for_parent = strdup(path), *for_name = strdup(path), *joined = NULL;
    char *parent = for_parent ? realpath(dirname(for_parent), NULL) : NULL;
    if (parent && for_name && asprintf(&joined, "%s/%s", strcmp(parent, "/") ? parent : "", basename(for_name)) < 0)
        joined = NULL;
    free(for_parent);
    free(for_name);
    free(parent);
    return joined;
}

static enum exit_code complete(struct options *options, const char *mountpoint)
{
    if (!options->scoreboard)
        return complain(EXIT_USAGE, "--scoreboard is missing (try --help)");
    if (!options->fallback)
        return complain(EXIT_USAGE, "--fallback is missing (try --help)");
    if (!options->sub[0] || strchr(options->sub, '/') || strcmp(options->sub, ".") == 0 ||
        strcmp(options->sub, "..") == 0 || strlen(options->sub) > NAME_BYTES_MAX)
        return complain(EXIT_USAGE, "--sub %.40s: expected one name, without '/'", options->sub);
    if (!mountpoint)
        return complain(EXIT_USAGE, "the mount point is missing (try --help)");
    options->mountpoint = absolute_path(mountpoint);
    if (!options->mountpoint)
        return complain(EXIT_MOUNTPOINT, "mount point %s: %s", mountpoint, strerror(errno));
    return EXIT_OK;
}

static enum exit_code apply_arguments(int argc, char **argv, struct options *options, bool only_settings, bool *is_done)
{
    const char *expected = "";
    enum exit_code code = EXIT_OK;
    optind = 1;
    for (int option; code == EXIT_OK && (option = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1;) {
        if (option == '?')
            return complain(EXIT_USAGE, "%s: no such option (try --help)", argv[optind - 1]);
        if (option == ':')
            return complain(EXIT_USAGE, "%s: a value is missing (try --help)", argv[optind - 1]);
        if (option >= OPT_UIDS && option <= OPT_BUSY) {
            if (!apply_setting(option, optarg, &options->settings, &expected))
                return complain(EXIT_USAGE, "--%s %s: expected %s", option_name(option), optarg, expected);
        } else if (!only_settings) {
            switch (option) {
            case OPT_SCOREBOARD: options->scoreboard = optarg; break;
            case OPT_FALLBACK: options->fallback = optarg; break;
            case OPT_SUB: options->sub = optarg; break;
            case OPT_CONFIG: options->config = optarg; break;
            case OPT_CHECK: options->checks_only = true; break;
            case OPT_KERNEL_CHECKS: options->lets_kernel_check = true; break;
            case 'o': code = add_mount_options(optarg, options); break;
            case OPT_VERSION: *is_done = puts("obuilderfs " OBFS_VERSION) >= 0; return EXIT_OK;
            case OPT_HELP: *is_done = fputs(usage, stdout) >= 0; return EXIT_OK;
            }
        }
    }
    return code;
}

static const struct settings default_settings = {.uid_min = 502,
                                                 .uid_max = UINT32_MAX - 1,
                                                 .attribute_timeout_s = 1,
                                                 .entry_timeout_s = 30,
                                                 .busy = BUSY_WAIT};

enum exit_code options_parse(int argc, char **argv, struct options *options, bool *is_done)
{
    static char default_sub[] = "local";
    *is_done = false;
    *options = (struct options){
        .sub = default_sub, .settings = default_settings, .arguments = argv, .argument_count = argc};
    options->mount_options = strdup("allow_other");
    if (!options->mount_options)
        return complain(EXIT_RESOURCES, "no memory");
    enum exit_code code = apply_arguments(argc, argv, options, false, is_done);
    if (code != EXIT_OK || *is_done)
        return code;
    if (argc - optind > 1)
        return complain(EXIT_USAGE, "%s: one mount point, please (try --help)", argv[optind + 1]);
    code = complete(options, optind < argc ? argv[optind] : NULL);
    if (code == EXIT_OK && options->config)
        code = options_reload(options, &options->settings);
    return code;
}

enum exit_code options_reload(const struct options *options, struct settings *settings)
{
    struct options again = *options;
    bool is_done;
    again.settings = default_settings;
    enum exit_code code = options->config ? read_config(options->config, &again.settings) : EXIT_OK;
    if (code == EXIT_OK) /* what is on the command line stands above the file */
        code = apply_arguments(options->argument_count, options->arguments, &again, true, &is_done);
    if (code == EXIT_OK)
        *settings = again.settings;
    return code;
}
