/* What lies in the directory of a conformance case. */
#ifndef OBFS_TESTS_FURNISH_H
#define OBFS_TESTS_FURNISH_H

#include <sys/types.h>

enum { GROUP = 61201, OTHER_GROUP = 61202 };

/* Fills the current directory, as root, behind the mount: `a` owns most of it, `b` a few things. */
void furnish(uid_t a, uid_t b);

#endif
