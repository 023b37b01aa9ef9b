/* Reads a profile: s-expressions to rules. Only what is known is taken; an unknown word is an error as on a Mac. */
#include "sandbox.h"

#include <ctype.h>
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

struct reader {
    const char *next;
    const char *origin;
    int line;
    const struct parameter *parameters;
    size_t parameter_count;
    struct profile *profile;
};

enum token { TOKEN_END, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_WORD, TOKEN_STRING, TOKEN_REGEX };

static void fail(const struct reader *reader, const char *problem, const char *word) {
    fprintf(stderr, "sandbox-exec: %s%s at %s, line %d\n", problem, word, reader->origin, reader->line);
    exit(65);
}

static char *copy(const char *text, size_t length) {
    char *result = strndup(text, length);
    if (result == NULL)
        exit(71);
    return result;
}

static enum token read_quoted(struct reader *reader, char **text, enum token kind) {
    char *out = copy(reader->next, strlen(reader->next));
    size_t length = 0;
    const char *next = reader->next + 1;

    for (; *next != '\0' && *next != '"'; next++) {
        if (*next == '\n')
            reader->line++;
        if (*next == '\\' && next[1] != '\0' && (kind == TOKEN_STRING || next[1] == '"'))
            next++;
        out[length++] = *next;
    }
    if (*next == '\0')
        fail(reader, "unterminated string", "");
    out[length] = '\0';
    reader->next = next + 1;
    *text = out;
    return kind;
}

static enum token read_token(struct reader *reader, char **text) {
    const char *start;

    *text = NULL;
    for (;; reader->next++) {
        if (*reader->next == ';')
            while (*reader->next != '\0' && *reader->next != '\n')
                reader->next++;
        if (*reader->next == '\n')
            reader->line++;
        if (*reader->next == '\0' || !isspace((unsigned char)*reader->next))
            break;
    }
    start = reader->next;
    switch (*start) {
    case '\0':
        return TOKEN_END;
    case '(':
        reader->next++;
        return TOKEN_OPEN;
    case ')':
        reader->next++;
        return TOKEN_CLOSE;
    case '"':
        return read_quoted(reader, text, TOKEN_STRING);
    case '#':
        if (start[1] == '"') {
            reader->next++;
            return read_quoted(reader, text, TOKEN_REGEX);
        }
    }
    while (*reader->next != '\0' && !isspace((unsigned char)*reader->next) && strchr("();\"", *reader->next) == NULL)
        reader->next++;
    *text = copy(start, (size_t)(reader->next - start));
    return TOKEN_WORD;
}

static void want_close(struct reader *reader) {
    char *text;
    if (read_token(reader, &text) != TOKEN_CLOSE)
        fail(reader, "expected )", "");
}

static char *read_string(struct reader *reader);

/* After the opening parenthesis: (param "X") or (string-append ...). */
static char *read_string_form(struct reader *reader) {
    char *name = NULL, *result;

    if (read_token(reader, &name) != TOKEN_WORD)
        fail(reader, "expected a string", "");
    if (strcmp(name, "param") == 0) {
        char *key = read_string(reader);
        want_close(reader);
        for (size_t i = 0; i < reader->parameter_count; i++)
            if (strcmp(reader->parameters[i].name, key) == 0)
                return copy(reader->parameters[i].value, strlen(reader->parameters[i].value));
        fail(reader, "parameter not given: ", key);
    }
    if (strcmp(name, "string-append") != 0)
        fail(reader, "unbound variable: ", name);
    result = copy("", 0);
    for (;;) {
        const char *at = reader->next;
        char *text;
        if (read_token(reader, &text) == TOKEN_CLOSE)
            return result;
        reader->next = at;
        text = read_string(reader);
        result = realloc(result, strlen(result) + strlen(text) + 1);
        if (result == NULL)
            exit(71);
        strcat(result, text);
    }
}

static char *read_string(struct reader *reader) {
    char *text;
    switch (read_token(reader, &text)) {
    case TOKEN_STRING:
    case TOKEN_REGEX:
        return text;
    case TOKEN_OPEN:
        return read_string_form(reader);
    case TOKEN_WORD:
        fail(reader, "unbound variable: ", text);
        break;
    default:
        fail(reader, "expected a string", "");
    }
    return NULL;
}

static void skip_form(struct reader *reader) {
    for (int depth = 1; depth > 0;) {
        char *text;
        switch (read_token(reader, &text)) {
        case TOKEN_OPEN:
            depth++;
            break;
        case TOKEN_CLOSE:
            depth--;
            break;
        case TOKEN_END:
            fail(reader, "missing )", "");
            break;
        default:
            break;
        }
    }
}

static void add_rule(struct reader *reader, bool allows, unsigned operations, enum filter_kind kind, char *text) {
    struct profile *profile = reader->profile;

    if (kind == FILTER_REGEX) {
        regex_t expression;
        if (regcomp(&expression, text, REG_EXTENDED | REG_NOSUB) != 0)
            fail(reader, "bad regex: ", text);
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
        fail(reader, "expected a filter", "");
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
            fail(reader, "expected a protocol", "");
        if (strcmp(text, "unix-socket") == 0 || strcmp(text, "unix") == 0) {
            enum token token = read_token(reader, &text);
            char *path = NULL;
            if (token == TOKEN_OPEN) {
                if (read_token(reader, &text) != TOKEN_WORD || strcmp(text, "path-literal") != 0)
                    fail(reader, "unbound variable: ", text == NULL ? "(" : text);
                path = read_string(reader);
                want_close(reader);
                want_close(reader);
            } else if (token != TOKEN_CLOSE) {
                fail(reader, "expected )", "");
            }
            add_rule(reader, allows, operations, FILTER_UNIX_SOCKET, path);
            return true;
        }
        if (strcmp(text, "ip") != 0 && strcmp(text, "tcp") != 0 && strcmp(text, "udp") != 0)
            fail(reader, "unbound variable: ", text);
        text = read_string(reader);
        if (strncmp(text, "localhost:", 10) != 0 && strncmp(text, "*:", 2) != 0)
            fail(reader, "host must be * or localhost in network address: ", text);
        add_rule(reader, allows, operations, is_remote ? FILTER_REMOTE_IP : FILTER_LOCAL_IP, text);
    } else if (strcmp(name, "global-name") == 0 || strcmp(name, "target") == 0 || strcmp(name, "sysctl-name") == 0 ||
               strcmp(name, "ipc-posix-name") == 0) {
        if (operations != 0)
            fail(reader, "filter does not fit the operation: ", name);
        skip_form(reader);
        return true;
    } else {
        fail(reader, "unbound variable: ", name);
    }
    want_close(reader);
    return true;
}

static unsigned find_operation(const struct reader *reader, const char *name) {
    for (size_t i = 0; i < sizeof operation_names / sizeof *operation_names; i++)
        if (strcmp(operation_names[i].name, name) == 0)
            return operation_names[i].operations;
    fail(reader, "unbound variable: ", name);
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
            fail(reader, "missing )", "");
        }
        break;
    }
    if (!has_operation)
        fail(reader, "no operation", "");
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
            fail(&reader, "unbound variable: ", word);
        if (token != TOKEN_OPEN || read_token(&reader, &word) != TOKEN_WORD)
            fail(&reader, "expected a form", "");
        if (strcmp(word, "version") == 0) {
            has_version = true;
            skip_form(&reader);
        } else if (strcmp(word, "debug") == 0) {
            skip_form(&reader);
        } else if (strcmp(word, "allow") == 0 || strcmp(word, "deny") == 0) {
            read_decision(&reader, *word == 'a');
        } else {
            fail(&reader, "unbound variable: ", word);
        }
    }
    if (!has_version) {
        fprintf(stderr, "sandbox-exec: %s: no version specified\n", origin);
        exit(65);
    }
}

bool matches_path(const struct filter *filter, const char *path) {
    size_t length = filter->text == NULL ? 0 : strlen(filter->text);
    regex_t expression;
    bool is_match;

    switch (filter->kind) {
    case FILTER_LITERAL:
        return strcmp(filter->text, path) == 0;
    case FILTER_SUBPATH:
        while (length > 1 && filter->text[length - 1] == '/')
            length--;
        return strncmp(filter->text, path, length) == 0 && (length == 1 || path[length] == '\0' || path[length] == '/');
    case FILTER_REGEX:
        if (regcomp(&expression, filter->text, REG_EXTENDED | REG_NOSUB) != 0)
            return false;
        is_match = regexec(&expression, path, 0, NULL, 0) == 0;
        regfree(&expression);
        return is_match;
    default:
        return false;
    }
}

bool is_path_allowed(const struct profile *profile, enum operation operation, const char *path) {
    for (size_t i = profile->rule_count; i-- > 0;)
        if (profile->rules[i].operations & 1u << operation && matches_path(&profile->rules[i].filter, path))
            return profile->rules[i].allows;
    return profile->fallback_allows[operation];
}

bool has_denies(const struct profile *profile, unsigned operations) {
    for (size_t i = 0; i < profile->rule_count; i++)
        if (!profile->rules[i].allows && profile->rules[i].operations & operations)
            return true;
    return false;
}
