/* Words, strings and forms of a profile. */
#include "reader.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail_profile(const struct reader *reader, const char *problem, const char *word) {
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
        fail_profile(reader, "unterminated string", "");
    out[length] = '\0';
    reader->next = next + 1;
    *text = out;
    return kind;
}

enum token read_token(struct reader *reader, char **text) {
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

void want_close(struct reader *reader) {
    char *text;
    if (read_token(reader, &text) != TOKEN_CLOSE)
        fail_profile(reader, "expected )", "");
}

/* After the opening parenthesis: (param "X") or (string-append ...). */
static char *read_string_form(struct reader *reader) {
    char *name = NULL, *result;

    if (read_token(reader, &name) != TOKEN_WORD)
        fail_profile(reader, "expected a string", "");
    if (strcmp(name, "param") == 0) {
        char *key = read_string(reader);
        want_close(reader);
        for (size_t i = 0; i < reader->parameter_count; i++)
            if (strcmp(reader->parameters[i].name, key) == 0)
                return copy(reader->parameters[i].value, strlen(reader->parameters[i].value));
        fail_profile(reader, "parameter not given: ", key);
    }
    if (strcmp(name, "string-append") != 0)
        fail_profile(reader, "unbound variable: ", name);
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

char *read_string(struct reader *reader) {
    char *text;
    switch (read_token(reader, &text)) {
    case TOKEN_STRING:
    case TOKEN_REGEX:
        return text;
    case TOKEN_OPEN:
        return read_string_form(reader);
    case TOKEN_WORD:
        fail_profile(reader, "unbound variable: ", text);
        break;
    default:
        fail_profile(reader, "expected a string", "");
    }
    return NULL;
}

void skip_form(struct reader *reader) {
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
            fail_profile(reader, "missing )", "");
            break;
        default:
            break;
        }
    }
}
