/* One line per event, to stderr and to the system's log. Never a line per call. */
#ifndef OBFS_LOG_H
#define OBFS_LOG_H

#include <syslog.h>

void log_open(void);
/* `level` is one of syslog's. Control characters (a builder chooses his file names) are shown as '?'. */
void log_event(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
