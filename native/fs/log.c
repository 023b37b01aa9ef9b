#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 1024 };

void log_open(void)
{
    /* On macOS syslog() ends in the unified log, so one call serves both systems. */
    openlog("obuilderfs", LOG_PID, LOG_DAEMON);
}

void log_event(int level, const char *format, ...)
{
    char line[LINE_BYTES_MAX] = "obuilderfs: ";
    size_t prefix = strlen(line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + prefix, sizeof line - prefix - 1, format, arguments);
    va_end(arguments);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    syslog(level, "%s", line + prefix);
    size_t length = strlen(line);
    line[length] = '\n';
    /* One write, so that lines of several threads never mix; a closed stderr is no reason to stop. */
    if (write(STDERR_FILENO, line, length + 1) < 0)
        return;
}
