/* The words of a profile. Errors end the program with 65, naming profile and line as a Mac does. */
#ifndef READER_H
#define READER_H

#include "sandbox.h"

struct reader {
    const char *next;
    const char *origin;
    int line;
    const struct parameter *parameters;
    size_t parameter_count;
    struct profile *profile;
};

enum token { TOKEN_END, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_WORD, TOKEN_STRING, TOKEN_REGEX };

void fail_profile(const struct reader *reader, const char *problem, const char *word) __attribute__((noreturn));

/* The text of words and strings is the caller's. */
enum token read_token(struct reader *reader, char **text);
void want_close(struct reader *reader);

/* A string, a regular expression, (param "X") or (string-append ...). */
char *read_string(struct reader *reader);

/* The rest of a form whose opening parenthesis was read. */
void skip_form(struct reader *reader);

#endif
