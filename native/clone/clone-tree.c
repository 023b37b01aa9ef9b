/*
 * clone-tree [-x NAME] SRC DST: a copy of a folder that shares all file contents with it until either is changed.
 *
 * Files are cloned one by one (clonefileat(2) on APFS, FICLONE on XFS and btrfs); Apple discourages cloning whole
 * folders. Kept, where `cp -c` loses them: hard links inside the tree, setuid and setgid, owners, flags, extended
 * attributes, times of folders. DST is made when it is missing, else its contents are added to. -x leaves out one name of
 * the top level. Exit: 0; 1 with a message; 3 when the volume has no clones or SRC and DST are on two.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __APPLE__
#include <copyfile.h>
#include <sys/clonefile.h>
#else
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#endif

enum { EXIT_NO_CLONES = 3, MAX_XATTR = 1 << 16 };

struct link_entry {
  dev_t dev;
  ino_t ino;
  char *path;
};

/* Files with several names, by inode: the first name that was cloned. Open addressing, grown at half full. */
static struct link_entry *links;
static size_t link_slots, link_count;
static int target_root = -1;

static void die(int code, const char *format, ...) {
  const int error = errno;
  va_list arguments;
  va_start(arguments, format);
  fputs("clone-tree: ", stderr);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fprintf(stderr, ": %s\n", strerror(error));
  exit(code);
}

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (memory == NULL) die(1, "memory");
  return memory;
}

static struct link_entry *find_link(dev_t dev, ino_t ino) {
  if (link_count * 2 >= link_slots) {
    struct link_entry *old = links;
    const size_t old_slots = link_slots;
    link_slots = old_slots == 0 ? 1024 : old_slots * 2;
    links = allocate(link_slots, sizeof *links);
    link_count = 0;
    for (size_t i = 0; i < old_slots; i++)
      if (old[i].path != NULL) {
        *find_link(old[i].dev, old[i].ino) = old[i];
        link_count++;
      }
    free(old);
  }
  size_t at = ((uint64_t)ino * 0x9E3779B97F4A7C15ULL >> 20) % link_slots;
  while (links[at].path != NULL && (links[at].ino != ino || links[at].dev != dev)) at = (at + 1) % link_slots;
  return &links[at];
}

static int is_unsupported(int error) {
  return error == EXDEV || error == ENOTSUP || error == EOPNOTSUPP || error == ENOTTY || error == EINVAL || error == ENOSYS;
}

static void set_times(int at, const char *name, const struct stat *s) {
#ifdef __APPLE__
  const struct timespec times[2] = {s->st_atimespec, s->st_mtimespec};
#else
  const struct timespec times[2] = {s->st_atim, s->st_mtim};
#endif
  if (utimensat(at, name, times, AT_SYMLINK_NOFOLLOW) != 0) die(1, "times of %s", name);
}

#ifndef __APPLE__
static void copy_xattrs(int from, int to, const char *name) {
  static char names[MAX_XATTR], value[MAX_XATTR];
  const ssize_t length = flistxattr(from, names, sizeof names);
  if (length < 0) {
    if (errno == ENOTSUP) return;
    die(1, "attributes of %s", name);
  }
  for (char *one = names; one < names + length; one += strlen(one) + 1) {
    const ssize_t size = fgetxattr(from, one, value, sizeof value);
    if (size < 0 || fsetxattr(to, one, value, (size_t)size, 0) != 0) die(1, "attribute %s of %s", one, name);
  }
}
#endif

static void clone_file(int from, int to, const char *name, const struct stat *s) {
#ifdef __APPLE__
  /* Keeps attributes, access list, times and, for root, the owner; clears setuid. */
  if (clonefileat(from, name, to, name, CLONE_NOFOLLOW) != 0) die(is_unsupported(errno) ? EXIT_NO_CLONES : 1, "%s", name);
  if (fchownat(to, name, s->st_uid, s->st_gid, AT_SYMLINK_NOFOLLOW) != 0) die(1, "owner of %s", name);
  if (fchmodat(to, name, s->st_mode & 07777, 0) != 0) die(1, "mode of %s", name);
  set_times(to, name, s);
  if (s->st_flags != 0) {
    const int fd = openat(to, name, O_RDONLY | O_NOFOLLOW);
    if (fd < 0 || fchflags(fd, s->st_flags) != 0) die(1, "flags of %s", name);
    close(fd);
  }
#else
  const int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (source < 0) die(1, "%s", name);
  const int target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (target < 0) die(1, "%s", name);
  if (s->st_size > 0 && ioctl(target, FICLONE, source) != 0) die(is_unsupported(errno) ? EXIT_NO_CLONES : 1, "%s", name);
  copy_xattrs(source, target, name);
  if (fchown(target, s->st_uid, s->st_gid) != 0) die(1, "owner of %s", name);
  if (fchmod(target, s->st_mode & 07777) != 0) die(1, "mode of %s", name);
  close(source);
  close(target);
  set_times(to, name, s);
#endif
}

static void clone_link(int from, int to, const char *name, const struct stat *s) {
  char *text = allocate((size_t)s->st_size + 2, 1);
  const ssize_t length = readlinkat(from, name, text, (size_t)s->st_size + 1);
  if (length < 0 || length > s->st_size) die(1, "link %s", name);
  if (symlinkat(text, to, name) != 0) die(1, "link %s", name);
  if (fchownat(to, name, s->st_uid, s->st_gid, AT_SYMLINK_NOFOLLOW) != 0) die(1, "owner of %s", name);
  set_times(to, name, s);
  free(text);
}

static void clone_folder(int from, int to, const char *path, const char *excluded);

static void finish_folder(int from, int to, int at, const char *name, const struct stat *s) {
#ifdef __APPLE__
  if (fcopyfile(from, to, NULL, COPYFILE_XATTR | COPYFILE_ACL) != 0) die(1, "attributes of %s", name);
#else
  copy_xattrs(from, to, name);
#endif
  if (fchown(to, s->st_uid, s->st_gid) != 0) die(1, "owner of %s", name);
  if (fchmod(to, s->st_mode & 07777) != 0) die(1, "mode of %s", name);
  set_times(at, name, s);
#ifdef __APPLE__
  if (s->st_flags != 0 && fchflags(to, s->st_flags) != 0) die(1, "flags of %s", name);
#endif
}

/* mkfifoat(2) came with macOS 13 only. */
static void make_fifo(int at, const char *name, mode_t mode) {
  const int here = open(".", O_RDONLY | O_CLOEXEC);
  if (here < 0 || fchdir(at) != 0 || mkfifo(name, mode) != 0 || fchdir(here) != 0) die(1, "%s", name);
  close(here);
}

static void clone_entry(int from, int to, const char *name, const char *path) {
  struct stat s;
  if (fstatat(from, name, &s, AT_SYMLINK_NOFOLLOW) != 0) die(1, "%s", path);
  struct link_entry *known = NULL;
  if (!S_ISDIR(s.st_mode) && s.st_nlink > 1) {
    known = find_link(s.st_dev, s.st_ino);
    if (known->path != NULL) {
      if (linkat(target_root, known->path, to, name, 0) != 0) die(1, "link to %s", path);
      return;
    }
  }
  if (S_ISREG(s.st_mode)) {
    clone_file(from, to, name, &s);
  } else if (S_ISLNK(s.st_mode)) {
    clone_link(from, to, name, &s);
  } else if (S_ISDIR(s.st_mode)) {
    const int source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (source < 0) die(1, "%s", path);
    if (mkdirat(to, name, 0700) != 0 && errno != EEXIST) die(1, "%s", path);
    const int target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (target < 0) die(1, "%s", path);
    clone_folder(source, target, path, NULL);
    finish_folder(source, target, to, name, &s);
    close(source);
    close(target);
  } else if (S_ISFIFO(s.st_mode)) {
    make_fifo(to, name, s.st_mode & 07777);
    if (fchownat(to, name, s.st_uid, s.st_gid, 0) != 0) die(1, "owner of %s", path);
    set_times(to, name, &s);
  } else {
    return; /* A socket without its process, or a device: nothing that a build could keep. */
  }
  if (known != NULL) {
    known->dev = s.st_dev;
    known->ino = s.st_ino;
    known->path = strdup(path);
    if (known->path == NULL) die(1, "memory");
    link_count++;
  }
}

static void clone_folder(int from, int to, const char *path, const char *excluded) {
  const int listing = dup(from);
  DIR *folder = listing < 0 ? NULL : fdopendir(listing);
  if (folder == NULL) die(1, "%s", path);
  struct dirent *entry;
  while (errno = 0, (entry = readdir(folder)) != NULL) {
    const char *name = entry->d_name;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (excluded != NULL && strcmp(name, excluded) == 0)) continue;
    char *below = allocate(strlen(path) + strlen(name) + 2, 1);
    sprintf(below, "%s%s%s", path, *path == '\0' ? "" : "/", name);
    clone_entry(from, to, name, below);
    free(below);
  }
  if (errno != 0) die(1, "%s", path);
  closedir(folder);
}

int main(int argc, char **argv) {
  const char *excluded = NULL;
  int option;
  while ((option = getopt(argc, argv, "x:")) != -1) {
    if (option != 'x') return 64;
    excluded = optarg;
  }
  if (argc - optind != 2) {
    fputs("usage: clone-tree [-x NAME] SRC DST\n", stderr);
    return 64;
  }
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max < 10240 ? limit.rlim_max : 10240;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  umask(0);
  const char *from = argv[optind], *to = argv[optind + 1];
  const int source = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (source < 0) die(1, "%s", from);
  struct stat s;
  if (fstat(source, &s) != 0) die(1, "%s", from);
  if (mkdir(to, 0700) != 0 && errno != EEXIST) die(1, "%s", to);
  target_root = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (target_root < 0) die(1, "%s", to);
  clone_folder(source, target_root, "", excluded);
  finish_folder(source, target_root, AT_FDCWD, to, &s);
  return 0;
}
