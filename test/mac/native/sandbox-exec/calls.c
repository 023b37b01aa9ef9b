/* Rules about system calls. A seccomp filter marks the process as sandboxed, refuses modes with set-id bits where the
 * profile does, and hands connect, bind and the sending calls to a supervisor, which looks at the address.
 * The supervisor runs as root in a session of its own and ends with the last process of the sandbox.
 */
#define _GNU_SOURCE
#include "sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not a prctl of Linux; inside a sandbox it fails with an error number that nothing else gives. */
#define PRCTL_PROBE 0x53424f58
#define PROBE_ERRNO EREMCHG

enum { MAX_FILTER = 64, MAX_MESSAGES = 64 };

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
    if (watches_network(profile)) {
        static const long watched[] = {SYS_connect, SYS_bind, SYS_sendto, SYS_sendmsg, SYS_sendmmsg};
        for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
            act_on_call(watched[i], SECCOMP_RET_USER_NOTIF);
        act_on_call(SYS_io_uring_setup, SECCOMP_RET_ERRNO | ENOSYS);
    }
    finish(SECCOMP_RET_ALLOW);
}

static bool matches_port(const char *pattern, unsigned port) {
    const char *text = strchr(pattern, ':') + 1;
    return strcmp(text, "*") == 0 || strtoul(text, NULL, 10) == port;
}

static bool is_loopback(const struct sockaddr_storage *address) {
    if (address->ss_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24) == 127;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
}

static bool matches_address(const struct filter *filter, bool is_remote, const struct sockaddr_storage *address) {
    if (address->ss_family == AF_UNIX) {
        const struct sockaddr_un *local = (const struct sockaddr_un *)address;
        return filter->kind == FILTER_UNIX_SOCKET && (filter->text == NULL || strcmp(filter->text, local->sun_path) == 0);
    }
    if (filter->kind != (is_remote ? FILTER_REMOTE_IP : FILTER_LOCAL_IP))
        return false;
    if (strncmp(filter->text, "localhost:", 10) == 0 && !is_loopback(address))
        return false;
    return matches_port(filter->text, ntohs(((const struct sockaddr_in *)address)->sin_port));
}

static bool is_address_allowed(const struct profile *profile, enum operation operation, bool is_remote,
                               const struct sockaddr_storage *address) {
    for (size_t i = profile->rule_count; i-- > 0;) {
        const struct rule *rule = &profile->rules[i];
        if (rule->operations & 1u << operation && matches_address(&rule->filter, is_remote, address))
            return rule->allows;
    }
    return profile->fallback_allows[operation];
}

static bool read_memory(pid_t pid, uint64_t from, void *to, size_t size) {
    char path[64];
    int memory;
    ssize_t got;

    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    memory = open(path, O_RDONLY | O_CLOEXEC);
    if (memory < 0)
        return false;
    got = pread(memory, to, size, (off_t)from);
    close(memory);
    return got == (ssize_t)size;
}

/* An address that cannot be read is left to the kernel, which will say EFAULT or EINVAL itself. */
static bool may_use(const struct profile *profile, pid_t pid, bool is_bind, uint64_t pointer, uint64_t length) {
    struct sockaddr_storage address = {0};

    if (pointer == 0 || length < sizeof(sa_family_t) || length > sizeof address || !read_memory(pid, pointer, &address, length))
        return true;
    if (address.ss_family != AF_INET && address.ss_family != AF_INET6 && address.ss_family != AF_UNIX)
        return address.ss_family == AF_UNSPEC || address.ss_family == AF_NETLINK;
    if (!is_bind)
        return is_address_allowed(profile, OP_NETWORK_OUTBOUND, true, &address);
    /* Nix allows network-inbound for local addresses "to bind and listen": either operation is enough. */
    return is_address_allowed(profile, OP_NETWORK_BIND, false, &address) ||
           (address.ss_family != AF_UNIX && is_address_allowed(profile, OP_NETWORK_INBOUND, false, &address));
}

static bool is_call_allowed(const struct profile *profile, const struct seccomp_notif *call) {
    const uint64_t *args = (const uint64_t *)call->data.args;
    pid_t pid = (pid_t)call->pid;
    struct mmsghdr messages[MAX_MESSAGES];
    size_t count = 1;

    switch (call->data.nr) {
    case SYS_connect:
    case SYS_bind:
        return may_use(profile, pid, call->data.nr == SYS_bind, args[1], args[2]);
    case SYS_sendto:
        return may_use(profile, pid, false, args[4], args[5]);
    case SYS_sendmsg:
        if (!read_memory(pid, args[1], &messages[0].msg_hdr, sizeof messages[0].msg_hdr))
            return true;
        break;
    default:
        count = args[2] < MAX_MESSAGES ? args[2] : MAX_MESSAGES;
        if (!read_memory(pid, args[1], messages, count * sizeof *messages))
            return true;
    }
    for (size_t i = 0; i < count; i++)
        if (!may_use(profile, pid, false, (uintptr_t)messages[i].msg_hdr.msg_name, messages[i].msg_hdr.msg_namelen))
            return false;
    return true;
}

static void supervise(const struct profile *profile, int listener) {
    for (;;) {
        struct seccomp_notif call = {0};
        struct seccomp_notif_resp answer = {0};
        struct pollfd poller = {.fd = listener, .events = POLLIN};

        if (poll(&poller, 1, -1) < 0 && errno != EINTR)
            return;
        if (poller.revents & (POLLHUP | POLLERR) && !(poller.revents & POLLIN))
            return;
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0)
            continue;
        answer.id = call.id;
        if (is_call_allowed(profile, &call))
            answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        else
            answer.error = -EPERM;
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
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

static void install(const struct profile *profile, bool needs_supervisor) {
    struct sock_fprog filter = {.len = program_length, .filter = program};
    int question[2], answer[2], listener;
    char reply;
    pid_t self = getpid(), child;

    if (!needs_supervisor) {
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0)
            fail_apply("seccomp");
        return;
    }
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
    listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
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
    install(profile, watches_network(profile));
}
