/* Reads a profile: forms to rules. Only what is known is taken; an unknown word is an error as on a Mac. */
#include "reader.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_OPS ((1u << OP_WRITE_DATA) | (1u << OP_WRITE_CREATE) | (1u << OP_WRITE_UNLINK) | (1u << OP_WRITE_SETUGID))
#define NETWORK_OPS ((1u << OP_NETWORK_OUTBOUND) | (1u << OP_NETWORK_INBOUND) | (1u << OP_NETWORK_BIND))
#define ALL_OPS ((1u << OP_COUNT) - 1)

static const struct {
    const char *name;
    unsigned operations;
} operation_names[] = {
    {"default", ALL_OPS},
    {"file*", WRITE_OPS | 1u << OP_FILE_READ},
    {"file-read*", 1u << OP_FILE_READ},
    {"file-read-data", 1u << OP_FILE_READ},
    {"file-write*", WRITE_OPS},
    {"file-write-data", 1u << OP_WRITE_DATA},
    {"file-write-create", 1u << OP_WRITE_CREATE},
    {"file-write-unlink", 1u << OP_WRITE_UNLINK},
    {"file-write-setugid", 1u << OP_WRITE_SETUGID},
    {"process*", 1u << OP_PROCESS_EXEC},
    {"process-exec*", 1u << OP_PROCESS_EXEC},
    {"process-exec", 1u << OP_PROCESS_EXEC},
    {"network*", NETWORK_OPS},
    {"network-outbound", 1u << OP_NETWORK_OUTBOUND},
    {"network-inbound", 1u << OP_NETWORK_INBOUND},
    {"network-bind", 1u << OP_NETWORK_BIND},
    /* Known on a Mac, without an equivalent that could be enforced here. */
    {"file-read-metadata", 0},
    {"file-read-xattr", 0},
    {"file-write-mode", 0},
    {"file-write-owner", 0},
    {"file-write-flags", 0},
    {"file-write-times", 0},
    {"file-write-xattr", 0},
    {"file-map-executable", 0},
    {"file-ioctl", 0},
    {"file-issue-extension", 0},
    {"process-exec-interpreter", 0},
    {"process-fork", 0},
    {"process-info*", 0},
    {"mach-lookup", 0},
    {"mach*", 0},
    {"mach-register", 0},
    {"mach-priv-task-port", 0},
    {"sysctl*", 0},
    {"sysctl-read", 0},
    {"sysctl-write", 0},
    {"signal", 0},
    {"ipc*", 0},
    {"ipc-posix*", 0},
    {"ipc-posix-sem", 0},
    {"ipc-posix-shm", 0},
    {"ipc-posix-shm*", 0},
    {"ipc-sysv*", 0},
    {"system*", 0},
    {"system-socket", 0},
    {"system-fsctl", 0},
    {"iokit-open", 0},
    {"user-preference-read", 0},
    {"user-preference-write", 0},
    {"lsopen", 0},
    {"pseudo-tty", 0},
};

static void add_rule(struct reader *reader, bool allows, unsigned operations, enum filter_kind kind, char *text) {
    struct profile *profile = reader->profile;

    if (kind == FILTER_REGEX) {
        regex_t expression;
        if (regcomp(&expression, text, REG_EXTENDED | REG_NOSUB) != 0)
            fail_profile(reader, "bad regex: ", text);
        regfree(&expression);
    }
    profile->rules = realloc(profile->rules, (profile->rule_count + 1) * sizeof *profile->rules);
    if (profile->rules == NULL)
        exit(71);
    profile->rules[profile->rule_count++] =
        (struct rule){.allows = allows, .operations = operations, .filter = {.kind = kind, .text = text}};
}

/* After the opening parenthesis of a filter. Returns true when it was one (and not a modifier). */
static bool read_filter(struct reader *reader, bool allows, unsigned operations) {
    char *name, *text;

    if (read_token(reader, &name) != TOKEN_WORD)
        fail_profile(reader, "expected a filter", "");
    if (strcmp(name, "with") == 0) {
        skip_form(reader);
        return false;
    }
    if (strcmp(name, "literal") == 0 || strcmp(name, "path") == 0) {
        add_rule(reader, allows, operations, FILTER_LITERAL, read_string(reader));
    } else if (strcmp(name, "subpath") == 0) {
        add_rule(reader, allows, operations, FILTER_SUBPATH, read_string(reader));
    } else if (strcmp(name, "regex") == 0) {
        add_rule(reader, allows, operations, FILTER_REGEX, read_string(reader));
    } else if (strcmp(name, "remote") == 0 || strcmp(name, "local") == 0) {
        bool is_remote = *name == 'r';
        if (read_token(reader, &text) != TOKEN_WORD)
            fail_profile(reader, "expected a protocol", "");
        if (strcmp(text, "unix-socket") == 0 || strcmp(text, "unix") == 0) {
            enum token token = read_token(reader, &text);
            char *path = NULL;
            if (token == TOKEN_OPEN) {
                if (read_token(reader, &text) != TOKEN_WORD || strcmp(text, "path-literal") != 0)
                    fail_profile(reader, "unbound variable: ", text == NULL ? "(" : text);
                path = read_string(reader);
                want_close(reader);
                want_close(reader);
            } else if (token != TOKEN_CLOSE) {
                fail_profile(reader, "expected )", "");
            }
            add_rule(reader, allows, operations, FILTER_UNIX_SOCKET, path);
            return true;
        }
        if (strcmp(text, "ip") != 0 && strcmp(text, "tcp") != 0 && strcmp(text, "udp") != 0)
            fail_profile(reader, "unbound variable: ", text);
        text = read_string(reader);
        if (strncmp(text, "localhost:", 10) != 0 && strncmp(text, "*:", 2) != 0)
            fail_profile(reader, "host must be * or localhost in network address: ", text);
        add_rule(reader, allows, operations, is_remote ? FILTER_REMOTE_IP : FILTER_LOCAL_IP, text);
    } else if (strcmp(name, "global-name") == 0 || strcmp(name, "target") == 0 || strcmp(name, "sysctl-name") == 0 ||
               strcmp(name, "ipc-posix-name") == 0) {
        if (operations != 0)
            fail_profile(reader, "filter does not fit the operation: ", name);
        skip_form(reader);
        return true;
    } else {
        fail_profile(reader, "unbound variable: ", name);
    }
    want_close(reader);
    return true;
}

static unsigned find_operation(const struct reader *reader, const char *name) {
    for (size_t i = 0; i < sizeof operation_names / sizeof *operation_names; i++)
        if (strcmp(operation_names[i].name, name) == 0)
            return operation_names[i].operations;
    fail_profile(reader, "unbound variable: ", name);
    return 0;
}

static void read_decision(struct reader *reader, bool allows) {
    unsigned operations = 0;
    bool has_filter = false, has_operation = false;

    for (;;) {
        char *text;
        switch (read_token(reader, &text)) {
        case TOKEN_WORD:
            operations |= find_operation(reader, text);
            has_operation = true;
            continue;
        case TOKEN_OPEN:
            /* Several filters of one decision are alternatives. */
            has_filter |= read_filter(reader, allows, operations);
            continue;
        case TOKEN_CLOSE:
            break;
        default:
            fail_profile(reader, "missing )", "");
        }
        break;
    }
    if (!has_operation)
        fail_profile(reader, "no operation", "");
    for (int i = 0; i < OP_COUNT && !has_filter; i++)
        if (operations & 1u << i)
            reader->profile->fallback_allows[i] = allows;
}

void read_profile(struct profile *profile, const char *text, const char *origin, const struct parameter *parameters,
                  size_t parameter_count) {
    struct reader reader = {text, origin, 1, parameters, parameter_count, profile};
    bool has_version = false;

    for (;;) {
        char *word;
        enum token token = read_token(&reader, &word);
        if (token == TOKEN_END)
            break;
        if (token == TOKEN_WORD)
            fail_profile(&reader, "unbound variable: ", word);
        if (token != TOKEN_OPEN || read_token(&reader, &word) != TOKEN_WORD)
            fail_profile(&reader, "expected a form", "");
        if (strcmp(word, "version") == 0) {
            has_version = true;
            skip_form(&reader);
        } else if (strcmp(word, "debug") == 0) {
            skip_form(&reader);
        } else if (strcmp(word, "allow") == 0 || strcmp(word, "deny") == 0) {
            read_decision(&reader, *word == 'a');
        } else {
            fail_profile(&reader, "unbound variable: ", word);
        }
    }
    if (!has_version) {
        fprintf(stderr, "sandbox-exec: %s: no version specified\n", origin);
        exit(65);
    }
}
