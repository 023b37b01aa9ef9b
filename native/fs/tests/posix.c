/*
 * Conformance: every call, in many situations, by several users, once in a plain directory and once through the mount.
 * Answer, errno and what is left behind must be the same. Before the call root has walked the whole case through the
 * mount, so that the kernel's caches are full and have every chance to give wrong answers.
 */
#include <sys/wait.h>

#include "furnish.h"
#include "perform.h"
#include "world.h"

enum { TREE_BYTES = 1 << 18 };

struct user {
    const char *name;
    uid_t uid;
    gid_t gid;
    int group_count;
    gid_t groups[2];
};

static const struct user outsiders[] = {
    {"root", 0, 0, 0, {0}},
    {"a", OUTSIDER_UID, OUTSIDER_UID, 0, {0}},
    {"b", OUTSIDER2_UID, OUTSIDER2_UID, 0, {0}},
    {"b with group", OUTSIDER2_UID, OUTSIDER2_UID, 1, {GROUP}},
    {"b with two groups", OUTSIDER2_UID, OTHER_GROUP, 2, {OTHER_GROUP, GROUP}},
};
static const struct user builders[] = {
    {"builder", FIRST_UID, FIRST_UID, 0, {0}},
    {"builder with group", FIRST_UID, FIRST_UID, 1, {GROUP}},
};

static const char *const paths[] = {
    "missing", "f", "d", "d/f", "empty", "d/missing", "f/x", "f/", "d/", "d/.", "missing/", ".", "nosearch", "nosearch/f",
    "nosearch/missing", "nosearch/d/f", "nowrite/f", "nowrite/new", "noread", "noread/f", "noread/new", "l", "l/", "ld",
    "ld/f", "ld/", "dangling", "loop1", "loop1/x", "fifo", "socket", "null", "sticky/mine", "sticky/theirs",
    "sticky/theird", "sticky/new", "open/roots", "open/bs", "open/new", "group/f", "group/new", "setgid/new", "setgid",
    "suid", "sgid", "both", "hard", "%255", "%255/f", "%256", "d/%256", "%4094p", "%4095p", "%4096p", "-", "groupfile",
    "onlygroup", "deep/er/f", "deep/er", "deep/er/new",
};

/* '@' stands for the path, '$' for the caller's own uid. */
static const char *const commands[] = {
    "open @ r", "open @ w", "open @ rw", "open @ rt", "open @ wct", "open @ wcx", "open @ rd", "open @ rn", "open @ wc",
    "create @ 0644", "umask 077 create @ 0666", "create @ 06777", "create @ 0", "mkdir @ 0755", "mkdir @ 03777",
    "umask 027 mkdir @ 0777", "mkfifo @ 0644", "mknod @ f 0644", "mknod @ c 0644", "mknod @ b 0644", "mknod @ s 0644",
    "symlink target @", "link f @", "link d/f @", "link @ new", "link @ open/new2", "unlink @", "rmdir @",
    "rename @ new", "rename f @", "rename empty @", "rename d/f @", "rename d @", "rename @ open/new2",
    "rename @ sticky/new2", "exchange @ f", "exchange empty @", "noreplace f @", "noreplace @ new", "chmod @ 0600",
    "chmod @ 06777", "chmod @ 02755", "chmod @ 01777", "chown @ -1 -1", "chown @ $ $", "chown @ 0 0", "chown @ -1 61201",
    "lchown @ -1 61201", "lchown @ 61102 -1", "truncate @ 3", "truncate @ 100", "stat @", "lstat @", "access @ 0",
    "access @ 1", "access @ 2", "access @ 4", "access @ 7", "eaccess @ 7", "readlink @", "list @", "utimens @ now",
    "utimens @ omit", "utimens @ 1234567890", "write @ text", "append @ text", "cat @", "xset @ user.k value",
    "xget @ user.known", "xlist @", "xremove @ user.known", "statfs @", "chdir @", "exec @",
};

/* Replaces '@' and '$'. */
static void write_command(char *line, const char *command, const char *path, uid_t uid)
{
    for (; *command; command++) {
        if (*command == '@')
            line += sprintf(line, "%s", path);
        else if (*command == '$')
            line += sprintf(line, "%u", uid);
        else
            *line++ = *command;
    }
    *line = 0;
}

/* Does the command in `directory` as the user, in a process of its own, as a program that somebody starts would. */
static void perform_as(const struct user *user, const char *directory, const char *line, char *answer)
{
    int ends[2];
    OK(pipe(ends));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        become(user->uid, user->gid, user->group_count, user->groups);
        OK(chdir(directory));
        umask(0);
        perform(0, line, answer);
        ssize_t length = (ssize_t)strlen(answer);
        _exit(write(ends[1], answer, (size_t)length) == length ? 0 : 1);
    }
    close(ends[1]);
    ssize_t length = 0;
    for (ssize_t part; (part = read(ends[0], answer + length, (size_t)(ANSWER_BYTES - 1 - length))) > 0;)
        length += part;
    answer[length] = 0;
    close(ends[0]);
    OK(waitpid(child, NULL, 0));
}

/* What a user sees below a directory. */
static void dump_as(const struct user *user, const char *directory, char *text)
{
    int ends[2];
    if (!user) {
        dump_tree(directory, text, TREE_BYTES);
        return;
    }
    OK(pipe(ends));
    OK(fcntl(ends[1], F_SETPIPE_SZ, TREE_BYTES));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        become(user->uid, user->gid, user->group_count, user->groups);
        dump_tree(directory, text, TREE_BYTES);
        _exit(write(ends[1], text, strlen(text)) == (ssize_t)strlen(text) ? 0 : 1);
    }
    close(ends[1]);
    ssize_t length = 0;
    for (ssize_t part; (part = read(ends[0], text + length, (size_t)(TREE_BYTES - 1 - length))) > 0;)
        length += part;
    text[length] = 0;
    close(ends[0]);
    OK(waitpid(child, NULL, 0));
}

static struct world w;
static bool kernel_checks;
static char answers[2][ANSWER_BYTES], trees[3][TREE_BYTES];

static void furnish_in(const char *directory, uid_t a, uid_t b)
{
    int here = open(".", O_PATH | O_CLOEXEC);
    OK(mkdir(directory, 0755));
    OK(chdir(directory));
    umask(0);
    furnish(a, b);
    OK(fchdir(here));
    close(here);
}

static void print_difference(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    printf("      plain ...%.160s\n      mount ...%.160s\n", a, b);
}

static unsigned known_differences;

/*
 * Without --kernel-checks the kernel's own layer looks at the kind of file, or at the right to make devices, before it
 * asks us whether the caller may change the directory at all. Both answers refuse; which one comes first differs.
 */
static bool is_known_difference(const char *line)
{
    static const struct {
        const char *plain, *mount, *command;
    } known[] = {
        {"-1 EACCES ", "-1 EPERM ", "mknod"},   {"-1 EACCES ", "-1 ENOTDIR ", "rename"},
        {"-1 EPERM ", "-1 ENOTDIR ", "rename"}, {"-1 EACCES ", "-1 EISDIR ", "rename"},
        {"-1 EPERM ", "-1 EISDIR ", "rename"},  {"-1 EACCES ", "-1 EISDIR ", "unlink"},
        {"-1 EPERM ", "-1 EISDIR ", "unlink"},  {"-1 EACCES ", "-1 ENOTDIR ", "rmdir"},
        {"-1 EPERM ", "-1 ENOTDIR ", "rmdir"},
    };
    for (size_t i = 0; !kernel_checks && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(answers[0], known[i].plain) == 0 && strcmp(answers[1], known[i].mount) == 0 &&
            strncmp(line, known[i].command, strlen(known[i].command)) == 0) {
            known_differences++;
            return true;
        }
    return false;
}

/* One case. `backing` is what lies below `mounted`; `viewer` walks before and looks after the call. */
static bool is_case_equal(const struct user *user, const struct user *viewer, const char *backing_root, const char *line,
                          int number)
{
    char plain[128], backing[128], mounted[128];
    snprintf(plain, sizeof plain, "%s/%d", w.plain, number);
    snprintf(backing, sizeof backing, "%s/%d", backing_root, number);
    snprintf(mounted, sizeof mounted, "%s/%d", w.mount, number);
    uid_t a = viewer ? viewer->uid : OUTSIDER_UID, b = OUTSIDER2_UID;
    furnish_in(plain, a, b);
    furnish_in(backing, a, b);
    dump_as(viewer, mounted, trees[2]); /* fills the caches */
    perform_as(user, plain, line, answers[0]);
    perform_as(user, mounted, line, answers[1]);
    dump_as(viewer, mounted, trees[2]);
    dump_as(viewer, backing, trees[1]);
    dump_as(viewer, plain, trees[0]);
    bool is_equal = strcmp(answers[0], answers[1]) == 0 || is_known_difference(line);
    if (!is_equal)
        printf("    %s: %s:\n      plain %.200s\n      mount %.200s\n", user->name, line, answers[0], answers[1]);
    if (strcmp(trees[0], trees[1]) != 0) {
        printf("    %s: %s: left behind (%s)\n", user->name, line, answers[0]);
        print_difference(trees[0], trees[1]);
        is_equal = false;
    } else if (strcmp(trees[1], trees[2]) != 0) {
        printf("    %s: %s: seen through the mount afterwards (%s)\n", user->name, line, answers[0]);
        print_difference(trees[1], trees[2]);
        is_equal = false;
    }
    remove_tree(plain);
    remove_tree(backing);
    return is_equal;
}

/* Each command on each path by each user; in short runs every `step`th of them, other ones for each user. */
static void compare_all(const struct user *users, size_t user_count, const struct user *viewer, const char *backing_root,
                        unsigned step)
{
    unsigned number = 0, done = 0, different = 0;
    for (size_t u = 0; u < user_count; u++)
        for (size_t c = 0; c < sizeof commands / sizeof commands[0]; c++)
            for (size_t p = 0; p < sizeof paths / sizeof paths[0]; p++) {
                uint64_t seed = ++number;
                if (random_next(&seed) % step != 0)
                    continue;
                char line[512];
                write_command(line, commands[c], paths[p], users[u].uid);
                done++;
                if (!is_case_equal(&users[u], viewer, backing_root, line, (int)number) && ++different > 40)
                    CHECK(false, "(too many differences)");
            }
    printf("    %u cases, %u different, %u differ in which of two errors comes first\n", done, different,
           known_differences);
    CHECK(different == 0);
}

static unsigned step(unsigned short_run)
{
    const char *variant = getenv("OBFS_TEST_VARIANT");
    return is_long_run() ? 1 : variant && strcmp(variant, "plain") != 0 ? short_run * 10 : short_run;
}

static void start(int builder_count)
{
    const char *extra[] = {"-o", "dev,suid", kernel_checks ? "--kernel-checks" : NULL, NULL};
    world_make(&w, builder_count);
    OK(chmod(w.base, 0755));
    CHECK(world_start(&w, extra));
}

static void end(void)
{
    CHECK(world_stop(&w) == 0);
    CHECK(!world_log_has(&w, "Sanitizer"));
    world_destroy(&w);
}

static void several_users_of_the_fallback(void)
{
    start(0);
    compare_all(outsiders, sizeof outsiders / sizeof outsiders[0], NULL, w.fallback, step(40));
    end();
}

static void several_users_with_kernel_checks(void)
{
    kernel_checks = true;
    several_users_of_the_fallback();
}

static void a_builder(void)
{
    start(1);
    char *tree = strdup(in_tree(&w, 0, "."));
    compare_all(builders, sizeof builders / sizeof builders[0], &builders[0], tree, step(40));
    free(tree);
    end();
}

/* Lines that belong together, each by its own user: a = plain user, b = another, g = b with the group, r = root. */
static const char *const stories[] = {
    "a:mkdir x 0755|a:create x/f 0644|b:stat x/f|a:chmod x 0644|a:stat x/f|b:stat x/f|a:open x/f r|a:chmod x 0755|b:stat x/f",
    "a:mkdir x 0755|a:mkdir x/y 0755|a:create x/y/f 0644|b:cat x/y/f|b:stat x/y/f|a:chmod x 0700|b:stat x/y/f|b:cat x/y/f|"
    "b:list x/y|b:open x/y/new wc|a:cat x/y/f",
    "a:mkdir x 0700|a:create x/f 0666|r:cat x/f|r:stat x/f|b:stat x/f|b:cat x/f|b:write x/f no|a:cat x/f",
    "r:mkdir x 0750|r:chown x 0 61201|r:create x/f 0644|r:cat x/f|g:cat x/f|b:cat x/f|g:stat x/f|b:stat x/f|r:chown x 0 0|g:stat x/f",
    "a:create f1 0644|a:link f1 f2|a:unlink f1|a:stat f2|a:write f2 text|a:cat f2|a:rename f2 f3|a:link f3 f1|a:stat f1",
    "a:create f1 04755|a:write f1 text|a:stat f1|a:chmod f1 06777|b:write f1 more|a:stat f1|r:chmod f1 06777|r:write f1 x|r:stat f1",
    "a:create f1 06777|b:truncate f1 3|a:stat f1|a:chmod f1 06777|a:chown f1 -1 61101|a:stat f1|a:chmod f1 06777|r:chown f1 0 0|a:stat f1",
    "a:create f1 06777|b:append f1 x|a:stat f1|a:chmod f1 06777|b:open f1 rt|a:stat f1",
    "a:create f1 0644|a:create f2 0644|a:rename f1 f2|a:stat f1|a:stat f2|a:mkdir e1 0755|a:mkdir e2 0755|a:create e2/f 0644|"
    "a:rename e1 e2|a:exchange e1 e2|a:list e1|a:list e2|a:rename e2 e1|a:rename e1 e1/f",
    "a:mkdir x1 0755|a:mkdir x1/y 0755|a:create x1/y/f 0644|a:rename x1 x2|a:cat x2/y/f|a:create x2/y/g 0644|a:stat x1|a:list x2/y",
    "a:symlink x s1|a:lstat s1|a:readlink s1|a:unlink s1|a:symlink longer-target s1|a:readlink s1|a:lstat s1",
    "a:symlink %4095p s2|a:readlink s2|a:lstat s2|a:symlink %4096p s3",
    "r:mkdir st 01777|a:create st/f 0666|b:unlink st/f|b:rename st/f st/g|b:link st/f st/h|a:rename st/f st/g|b:rename d/f st/g|"
    "a:unlink st/g|b:mkdir st/d 0777|a:rmdir st/d|a:rename st/d st/e|r:rmdir st/d",
    "r:mkdir sg 02775|r:chown sg 0 61201|r:chmod sg 02775|g:create sg/f 0664|g:mkdir sg/d 0755|g:lstat sg/f|g:lstat sg/d|"
    "g:chmod sg/f 02664|g:lstat sg/f|b:create sg/no 0644|g:chown sg/f -1 61102|g:lstat sg/f",
    "g:create f5 0644|g:chown f5 -1 61201|g:chmod f5 02755|g:lstat f5|b:chmod f5 02755|b:lstat f5|b:chmod f5 02777|b:lstat f5",
    "a:create f6 0444|a:open f6 w|a:open f6 r|a:chmod f6 0222|a:open f6 r|a:open f6 w|a:open f6 rt|a:open f6 wt|a:chmod f6 0|a:open f6 w|r:open f6 rw",
    "a:create f7 0600|a:xset f7 user.one 1|a:xset f7 user.two 22|a:xlist f7|a:xget f7 user.two|b:xget f7 user.two|"
    "b:xset f7 user.no 1|a:xremove f7 user.one|a:xlist f7|a:xget f7 user.one|a:xset f7 trusted.no 1|a:xset f7 security.no 1|"
    "r:xset f7 trusted.yes 1|r:xlist f7|a:xlist f7|r:xget f7 trusted.yes|a:xget f7 trusted.yes",
    "a:mkdir x3 0777|b:create x3/bs 0600|a:unlink x3/bs|b:mkdir x3/bd 0755|a:rmdir x3/bd|b:mkdir x3/be 0755|b:create x3/be/f 0644|a:rmdir x3/be",
    "r:create f8 0644|r:chown f8 61101 61101|a:utimens f8 1000000000|b:utimens f8 1000000000|b:utimens f8 now|r:chmod f8 0666|"
    "b:utimens f8 now|b:utimens f8 omit|b:utimens f8 1000000000|a:utimens f8 omit",
    "a:create ex 0711|b:exec ex|b:cat ex|a:chmod ex 0700|b:exec ex|a:chmod ex 0600|a:exec ex|r:exec ex|a:chmod ex 0111|a:exec ex|b:exec ex",
};

static const struct user *user_called(char name)
{
    return name == 'r' ? &outsiders[0] : name == 'a' ? &outsiders[1] : name == 'b' ? &outsiders[2] : &outsiders[3];
}

static void stories_of_several_users(void)
{
    start(0);
    unsigned lines = 0, different = 0;
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        char plain[128], backing[128], mounted[128], *copy = strdup(stories[i]), *rest = copy, *line;
        snprintf(plain, sizeof plain, "%s/%zu", w.plain, i);
        snprintf(backing, sizeof backing, "%s/%zu", w.fallback, i);
        snprintf(mounted, sizeof mounted, "%s/%zu", w.mount, i);
        furnish_in(plain, OUTSIDER_UID, OUTSIDER2_UID);
        furnish_in(backing, OUTSIDER_UID, OUTSIDER2_UID);
        OK(chmod(plain, 0777));
        OK(chmod(backing, 0777));
        while ((line = strsep(&rest, "|"))) {
            perform_as(user_called(line[0]), plain, line + 2, answers[0]);
            perform_as(user_called(line[0]), mounted, line + 2, answers[1]);
            lines++;
            if (strcmp(answers[0], answers[1]) != 0) {
                different++;
                printf("    story %zu, %s:\n      plain %.200s\n      mount %.200s\n", i, line, answers[0], answers[1]);
            }
        }
        dump_as(NULL, plain, trees[0]);
        dump_as(NULL, mounted, trees[1]);
        if (strcmp(trees[0], trees[1]) != 0) {
            different++;
            printf("    story %zu: left behind\n", i);
            print_difference(trees[0], trees[1]);
        }
        free(copy);
    }
    printf("    %u lines, %u different\n", lines, different);
    CHECK(different == 0);
    end();
}

const struct test posix_tests[] = {
    {"several users of the fallback get the answers of a plain directory", several_users_of_the_fallback, EVERYWHERE},
    {"with --kernel-checks the answers are the same to the errno", several_users_with_kernel_checks, PLAIN},
    {"a builder gets the answers of a plain directory", a_builder, EVERYWHERE},
    {"stories of several users end as in a plain directory", stories_of_several_users, EVERYWHERE},
    {NULL, NULL, 0},
};
