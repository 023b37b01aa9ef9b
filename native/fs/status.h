/* What the daemon is doing, for `obuilderfs status`: read by root as an extended attribute of the mount root. */
#ifndef OBFS_STATUS_H
#define OBFS_STATUS_H

#include <stdbool.h>

enum { STATUS_GROWTH_BYTES = 512, STATUS_BYTES_MAX = 60000 };

extern const char *const status_text_key, *const status_json_key;

bool status_is_key(const char *key);
/* The text or JSON; to be freed. NULL: no memory. */
char *status_render(const char *key);
void status_set_descriptor_limit(unsigned limit);
/* One log line with the counts. */
void status_log(void);
/* The command: prints the status of a running daemon. Returns an exit code. */
int status_command(int argc, char **argv);

#endif
