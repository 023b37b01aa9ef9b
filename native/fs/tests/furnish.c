#include "furnish.h"

#include <sys/xattr.h>

#include "perform.h"
#include "world.h"

/* What lies in a case before the call; A is the owner: a plain user or the builder. Made by root, behind the mount. */
void furnish(uid_t a, uid_t b)
{
    OK(chown(".", a, a));
    static const char *const lines[] = {
        "umask 0 mkdir d 0755",        "umask 0 create d/f 0644",     "umask 0 create f 0640",
        "umask 0 mkdir empty 0755",    "umask 0 mkdir nosearch 0755", "umask 0 create nosearch/f 0666",
        "umask 0 mkdir nosearch/d 0777", "umask 0 create nosearch/d/f 0666", "umask 0 mkdir nowrite 0755",
        "umask 0 create nowrite/f 0666", "umask 0 mkdir noread 0755", "umask 0 create noread/f 0666",
        "symlink f l",                 "symlink d ld",                "symlink missing dangling",
        "symlink loop2 loop1",         "symlink loop1 loop2",         "umask 0 mkfifo fifo 0666",
        "umask 0 mknod socket s 0666", "umask 0 mkdir sticky 01777",  "umask 0 create sticky/theirs 0666",
        "umask 0 create sticky/mine 0666", "umask 0 mkdir sticky/theird 0777", "umask 0 mkdir open 0777",
        "umask 0 create open/roots 0600", "umask 0 create open/bs 0666", "umask 0 mkdir group 0770",
        "umask 0 create group/f 0664", "umask 0 mkdir setgid 02777",  "umask 0 create suid 04777",
        "umask 0 create sgid 02777",   "umask 0 create both 06755",   "link d/f hard",
        "umask 0 mkdir %255 0755",     "umask 0 create %255/f 0644",  "umask 0 create groupfile 0660",
        "umask 0 create onlygroup 0604", "umask 0 mkdir deep 0700",   "umask 0 mkdir deep/er 0777",
        "umask 0 create deep/er/f 0666",
        "umask 0 mknod null c 0666",
    };
    char answer[ANSWER_BYTES];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        perform(0, lines[i], answer);
        CHECK(answer[0] == '0', "(%s: %s)", lines[i], answer);
    }
    static const char *const owned[] = {"d", "d/f", "f", "empty", "nosearch", "nosearch/f", "nosearch/d", "nosearch/d/f",
                                        "nowrite", "nowrite/f", "noread", "noread/f", "fifo", "socket", "sticky/mine",
                                        "open", "suid", "sgid", "both", "group", "setgid", "deep", "deep/er", "deep/er/f"};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        OK(lchown(owned[i], a, a));
    static const char *const links[] = {"l", "ld", "dangling", "loop1", "loop2"};
    for (size_t i = 0; i < 5; i++)
        OK(lchown(links[i], a, a));
    OK(lchown("open/bs", b, b));
    OK(lchown("sticky/theirs", b, b));
    OK(lchown("sticky/theird", b, b));
    OK(lchown("group", 0, GROUP));
    OK(lchown("group/f", 0, GROUP));
    OK(lchown("groupfile", 0, GROUP));
    OK(lchown("onlygroup", 0, GROUP));
    OK(lchown("setgid", 0, GROUP));
    OK(chmod("setgid", 02777));
    OK(chmod("suid", 04777));
    OK(chmod("sgid", 02777));
    OK(chmod("both", 06755));
    int fd = open("d/f", O_WRONLY);
    CHECK(write(fd, "contents", 8) == 8);
    close(fd);
    OK(lsetxattr("f", "user.known", "value", 5, 0));
    OK(chmod("nosearch", 0644));
    OK(chmod("nowrite", 0555));
    OK(chmod("noread", 0333));
    OK(chmod("deep", 0700));
}
