/* Life cycle: cleaning up after a dead daemon, mounting, saying ready, serving, signals, unmounting. */
#ifndef OBFS_SERVE_H
#define OBFS_SERVE_H

#include "options.h"

enum exit_code serve(const struct options *options);

#endif
