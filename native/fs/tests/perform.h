/* One file operation, written as a line of text, done in the current directory; the answer is text too, to be compared. */
#ifndef OBFS_TESTS_PERFORM_H
#define OBFS_TESTS_PERFORM_H

#include <stdbool.h>
#include <stddef.h>

enum { ANSWER_BYTES = 32768, SLOTS = 8 };

/*
 * create N MODE | mkdir N MODE | mkfifo N MODE | mknod N f|c|b|s MODE | symlink T N | link A B | unlink N | rmdir N |
 * rename A B | exchange A B | noreplace A B | chmod N MODE | chown N UID GID | lchown N UID GID | truncate N SIZE |
 * open N FLAGS | stat N | lstat N | access N MASK | eaccess N MASK | readlink N | list N | utimens N now|omit|SEC.NSEC |
 * write N TEXT | append N TEXT | cat N | xset N KEY VALUE | xget N KEY | xlist N | xremove N KEY | statfs N | chdir N |
 * exec N, and on open files: fopen SLOT N FLAGS | fclose SLOT | fwrite SLOT OFFSET LENGTH SEED | fread SLOT OFFSET LENGTH |
 * fstat SLOT | ftruncate SLOT SIZE | fchmod SLOT MODE | fchown SLOT UID GID | fallocate SLOT MODE OFFSET LENGTH |
 * fseek SLOT data|hole OFFSET | map SLOT OFFSET LENGTH SEED | fsync SLOT | copy SLOT SLOT OFFSET OFFSET LENGTH |
 * futimens SLOT SEC. A word "-" is the empty string, "%N" a name of N characters, "umask MASK COMMAND..." sets the mask first.
 */
void perform(int side, const char *line, char answer[ANSWER_BYTES]);
/* Closes all slots of a side. */
void perform_end(int side);
/* All that is below `path`, one line each: type, mode, owner, links, size, contents' sum, target, attributes. */
void dump_tree(const char *path, char *text, size_t size);

#endif
