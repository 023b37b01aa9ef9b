/* The supervisor's answers: may this path be started, this address be used? */
#define _GNU_SOURCE
#include "sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_MESSAGES = 64 };

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
        return filter->kind == FILTER_UNIX_SOCKET &&
               (filter->text == NULL || strcmp(filter->text, local->sun_path) == 0);
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

/* Up to `size` bytes: fewer at the end of what is mapped, none when nothing is. */
static size_t read_some(pid_t pid, uint64_t from, void *to, size_t size) {
    char path[64];
    int memory;
    ssize_t got;

    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    memory = open(path, O_RDONLY | O_CLOEXEC);
    if (memory < 0)
        return 0;
    got = pread(memory, to, size, (off_t)from);
    close(memory);
    return got < 0 ? 0 : (size_t)got;
}

static bool read_memory(pid_t pid, uint64_t from, void *to, size_t size) {
    return read_some(pid, from, to, size) == size;
}

/* False for programs with a set-id bit that the profile does not name in a process-exec rule of its own. What cannot
 * be looked at is left to the kernel. */
static bool may_exec(const struct profile *profile, pid_t pid, int folder, uint64_t pointer) {
    char name[PATH_MAX] = "", path[PATH_MAX + 64], real[PATH_MAX];
    struct stat status;

    name[read_some(pid, pointer, name, sizeof name - 1)] = '\0';
    if (name[0] == '/')
        snprintf(path, sizeof path, "%s", name);
    else if (folder == AT_FDCWD)
        snprintf(path, sizeof path, "/proc/%d/cwd/%s", pid, name);
    else
        snprintf(path, sizeof path, "/proc/%d/fd/%d%s%s", pid, folder, name[0] == '\0' ? "" : "/", name);
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || (status.st_mode & (S_ISUID | S_ISGID)) == 0)
        return true;
    if (realpath(path, real) == NULL || strcmp(real, "/usr/bin/sandbox-exec") == 0)
        return true; /* set-id only here; it refuses by itself */
    for (size_t i = profile->rule_count; i-- > 0;)
        if (profile->rules[i].operations & 1u << OP_PROCESS_EXEC && matches_path(&profile->rules[i].filter, real))
            return profile->rules[i].allows;
    return false;
}

/* An address that cannot be read is left to the kernel, which will say EFAULT or EINVAL itself. */
static bool may_use(const struct profile *profile, pid_t pid, bool is_bind, uint64_t pointer, uint64_t length) {
    struct sockaddr_storage address = {0};

    if (pointer == 0 || length < sizeof(sa_family_t) || length > sizeof address ||
        !read_memory(pid, pointer, &address, length))
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
    case SYS_execve:
        return may_exec(profile, pid, AT_FDCWD, args[0]);
    case SYS_execveat:
        return may_exec(profile, pid, (int)args[0], args[1]);
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

void supervise(const struct profile *profile, int listener) {
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
