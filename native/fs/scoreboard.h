/*
 * Identity of builders: which tree a user sees below the mount root. The scoreboard is a directory with one symlink per
 * builder, named by his uid, to his home; the tree is <home>/<sub>.
 */
#ifndef OBFS_SCOREBOARD_H
#define OBFS_SCOREBOARD_H

#include "caller.h"
#include "node.h"
#include "options.h"

/* Open scoreboard and fallback; both are reached through their descriptors from then on. EXIT_OK or the exit code. */
enum exit_code scoreboard_open_links(const struct options *options);
enum exit_code scoreboard_open_fallback(const struct options *options);
/* After SIGHUP: the directory may be another one now. */
void scoreboard_reopen(void);
void scoreboard_configure(const struct settings *settings);
/* The caller's root with one more reference, or NULL: a builder without a usable link, or a call of our own. */
struct node *scoreboard_root(fuse_req_t req);
bool scoreboard_has_root(const struct node *root);
/* One sentence on what is wrong with a builder's link, or NULL. For --check. `size` bytes of `text` are used. */
const char *scoreboard_problem(uid_t uid, char *text, size_t size);
void scoreboard_each_builder(void (*visit)(uid_t uid, const char *path, const struct tree *tree, void *context),
                             void *context);

#endif
