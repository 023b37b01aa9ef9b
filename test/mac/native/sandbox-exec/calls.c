/* Rules about system calls. A seccomp filter marks the process as sandboxed, refuses modes with set-id bits where the
 * profile does, and hands exec, connect, bind and the sending calls to a supervisor, which looks at path or address.
 * macOS starts no set-id program inside a sandbox (Homebrew and Bazel exempt /bin/ps for that reason).
 * The supervisor runs as root in a session of its own and ends with the last process of the sandbox.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A call that the supervisor looks at is not interrupted by signals (Linux 5.19). */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* Not a prctl of Linux; inside a sandbox it fails with an error number that nothing else gives. */
#define PRCTL_PROBE 0x53424f58
#define PROBE_ERRNO EREMCHG

enum { MAX_FILTER = 64 };

bool is_sandboxed(void) {
    return prctl(PRCTL_PROBE, 0, 0, 0, 0) == -1 && errno == PROBE_ERRNO;
}

static struct sock_filter program[MAX_FILTER];
static unsigned short program_length;

static void emit(struct sock_filter instruction) {
    if (program_length >= MAX_FILTER)
        fail_apply("filter");
    program[program_length++] = instruction;
}

static void load(size_t offset) {
    emit((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void finish(uint32_t action) {
    emit((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void act_on_call(long number, uint32_t action) {
    emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1));
    finish(action);
}

/* A mode argument with set-user-id or set-group-id bits is refused. */
static void refuse_set_id(long number, int argument) {
    emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 4));
    load(offsetof(struct seccomp_data, args) + 8 * (size_t)argument);
    emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 06000, 0, 1));
    finish(SECCOMP_RET_ERRNO | EPERM);
    finish(SECCOMP_RET_ALLOW);
}

static bool watches_network(const struct profile *profile) {
    const unsigned network = 1u << OP_NETWORK_OUTBOUND | 1u << OP_NETWORK_INBOUND | 1u << OP_NETWORK_BIND;
    return has_denies(profile, network) || !profile->fallback_allows[OP_NETWORK_OUTBOUND] ||
           !profile->fallback_allows[OP_NETWORK_INBOUND] || !profile->fallback_allows[OP_NETWORK_BIND];
}

static void build_program(const struct profile *profile) {
    load(offsetof(struct seccomp_data, nr));
    emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 4));
    load(offsetof(struct seccomp_data, args));
    emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PRCTL_PROBE, 0, 1));
    finish(SECCOMP_RET_ERRNO | PROBE_ERRNO);
    finish(SECCOMP_RET_ALLOW);
    if (!profile->fallback_allows[OP_WRITE_SETUGID]) {
#ifdef SYS_chmod
        refuse_set_id(SYS_chmod, 1);
#endif
        refuse_set_id(SYS_fchmod, 1);
        refuse_set_id(SYS_fchmodat, 2);
    }
    act_on_call(SYS_execve, SECCOMP_RET_USER_NOTIF);
    act_on_call(SYS_execveat, SECCOMP_RET_USER_NOTIF);
    if (watches_network(profile)) {
        static const long watched[] = {SYS_connect, SYS_bind, SYS_sendto, SYS_sendmsg, SYS_sendmmsg};
        for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
            act_on_call(watched[i], SECCOMP_RET_USER_NOTIF);
        act_on_call(SYS_io_uring_setup, SECCOMP_RET_ERRNO | ENOSYS);
    }
    finish(SECCOMP_RET_ALLOW);
}

/* In the supervisor: takes the listener out of the sandboxed process, says so, and works. */
static void run_supervisor(const struct profile *profile, pid_t target, int question, int answer) {
    int pidfd, listener, number;

    setsid();
    prctl(PR_SET_NAME, "sandboxd", 0, 0, 0);
    if (read(question, &number, sizeof number) != sizeof number)
        _exit(1);
    pidfd = (int)syscall(SYS_pidfd_open, target, 0);
    listener = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
    if (listener < 0)
        _exit(1);
    if (write(answer, "y", 1) != 1)
        _exit(1);
    /* Whoever waits for the end of the sandbox's output must not wait for this process. */
    for (int fd = 0; fd < 1024; fd++)
        if (fd != listener)
            close(fd);
    if (chdir("/") == 0)
        supervise(profile, listener);
    _exit(0);
}

static void install(const struct profile *profile) {
    struct sock_fprog filter = {.len = program_length, .filter = program};
    int question[2], answer[2], listener;
    char reply;
    pid_t self = getpid(), child;

    if (pipe2(question, O_CLOEXEC) != 0 || pipe2(answer, O_CLOEXEC) != 0)
        fail_apply("pipe");
    child = fork();
    if (child < 0)
        fail_apply("fork");
    if (child == 0) {
        /* Twice, so that process 1 is the parent and the command never sees a child that it did not make. */
        if (fork() == 0)
            run_supervisor(profile, self, question[0], answer[1]);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                            SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &filter);
    if (listener < 0)
        fail_apply("seccomp");
    close(answer[1]);
    if (write(question[1], &listener, sizeof listener) != sizeof listener || read(answer[0], &reply, 1) != 1)
        fail_apply("supervisor");
    close(listener);
    close(question[0]);
    close(question[1]);
    close(answer[0]);
}

void restrict_calls(const struct profile *profile) {
    build_program(profile);
    install(profile);
}
