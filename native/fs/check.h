/* --check: everything that is wrong, at once, without mounting. */
#ifndef OBFS_CHECK_H
#define OBFS_CHECK_H

#include "options.h"

enum exit_code check_everything(const struct options *options);

#endif
