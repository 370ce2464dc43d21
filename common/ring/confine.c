/* SPDX-License-Identifier: MIT */
/*
 * What the broker, and its guard, keep of what a process may do.  Not by Landlock: its rules are
 * part of the credentials, which the broker hands out.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/capability.h"
#include "core/credentials.h"
#include "core/pidfd.h"
#include "ring/confine.h"
#include "ring/listener.h"

/* ---------------------------------------------------------------------------- descriptors -- */

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int close_between(unsigned int first, unsigned int last)
{
	if (first > last)
		return 0;
	return syscall(SYS_close_range, first, last, 0) < 0 ? -errno : 0;
}

int confine_descriptors(int *keep, unsigned int count)
{
	unsigned int next = 0;
	int error = 0;

	qsort(keep, count, sizeof(*keep), by_number);
	for (unsigned int i = 0; i < count && error == 0; i++) {
		const unsigned int fd = (unsigned int)keep[i];

		if (next <= STDERR_FILENO && fd > STDERR_FILENO) {
			error = next < STDERR_FILENO ? close_between(next, STDERR_FILENO - 1) : 0;
			next = STDERR_FILENO + 1;
		}
		if (error == 0 && fd > next)
			error = close_between(next, fd - 1);
		next = fd + 1;
	}
	return error < 0 ? error : close_between(next, ~0u);
}

/* ----------------------------------------------------------------------------------- root -- */

void confine_root(void)
{
	char path[] = "/tmp/imp-broker.XXXXXX";

	/* It is gone before it is the root: nothing can be made in it, by anybody. */
	if (!mkdtemp(path))
		return;
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	rmdir(path);
	if (fd < 0)
		return;
	if (fchdir(fd) == 0 && chroot(".") < 0)
		(void)!chdir("/");
	close(fd);
}

void confine_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int confine_user(void)
{
	uint64_t permitted;
	int error = capability_permitted(&permitted);

	if (error == 0)
		error = credentials_set_capabilities(permitted, permitted, 0);
	if (error == 0)
		error = credentials_set_uids(0, 0, 0);
	/* Nobody is root in this user namespace. */
	return error == -EINVAL ? 0 : error;
}

int confine_capabilities(uint64_t capabilities)
{
	uint64_t permitted;
	int error = capability_permitted(&permitted);

	if (error == 0 && permitted & CAPABILITY(CAP_SETPCAP))
		error = credentials_limit_bounding(capabilities);
	if (error == 0)
		error = credentials_set_ambient(0);
	if (error == 0)
		error = credentials_set_capabilities(capabilities & permitted,
						     capabilities & permitted, 0);
	return error < 0 ? error : credentials_set_no_new_privs();
}

/* --------------------------------------------------------------------------- system calls -- */

/* Where a name is another architecture's it is not there, and that is no error. */
static int allow(scmp_filter_ctx filter, const char *name)
{
	int number = seccomp_syscall_resolve_name(name);

	return number < 0 ? 0 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
}

static int allow_all(scmp_filter_ctx filter, const char *const *names)
{
	int error = 0;

	for (; *names && error == 0; names++)
		error = allow(filter, *names);
	return error;
}

/* Taking identities in and out of rings, and no other register operation. */
static int allow_register(scmp_filter_ctx filter)
{
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(io_uring_register), 1,
				     SCMP_A1(SCMP_CMP_EQ, IORING_REGISTER_PERSONALITY));

	return error < 0 ? error
			 : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(io_uring_register), 1,
					    SCMP_A1(SCMP_CMP_EQ, IORING_UNREGISTER_PERSONALITY));
}

/* Threads, and no processes: of clone3(2) the flags cannot be seen, and the C library asks again.
 */
static int allow_threads(scmp_filter_ctx filter)
{
	static const char *const to_begin[] = {
		"rseq",
		"sched_getaffinity",
		"set_robust_list",
#ifdef __SANITIZE_THREAD__ /* it has a thread of its own, which looks at clocks */
		"clock_nanosleep",
		"gettimeofday",
		"nanosleep",
#endif
		NULL,
	};
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return error < 0 ? error : allow_all(filter, to_begin);
}

static int allow_questions(scmp_filter_ctx filter)
{
	int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, SIOCUNIXFILE));

	return error < 0 ? error
			 : seccomp_rule_add(
				   filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				   SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, PIDFD_INFO_REQUEST));
}

/* What the C library and the sanitizers need is memory, and to end. */
static const char *const common[] = {
	"brk",		"clock_gettime",
	"close",	"exit",
	"exit_group",	"futex",
	"getpid",	"getrandom",
	"gettid",	"madvise",
	"mmap",		"mprotect",
	"mremap",	"munmap",
	"read",		"restart_syscall",
	"rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "sched_yield",
	"sigaltstack",	"tgkill",
	"wait4",	"waitid",
	"write",	NULL,
};

static const char *const of_broker[] = {
	"capget",      "capset",       "epoll_ctl",   "epoll_pwait", "epoll_wait",  "poll",
	"ppoll",       "ppoll_time64",

	"fstat",       "fstat64",      "getgroups",   "getgroups32", "getpeername", "getresgid",
	"getresgid32", "getresuid",    "getresuid32", "getsockname", "getsockopt",  "newfstatat",
	"recvmsg",     "sendmsg",      "setfsgid",    "setfsgid32",  "setfsuid",    "setfsuid32",
	"setgroups",   "setgroups32",  "setresgid",   "setresgid32", "setresuid",   "setresuid32",
	"statx",       NULL,
};

static int load(bool broker)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error;

	if (!filter)
		return -ENOMEM;
	/* A tree, not a list: the calls of one token are some thirty. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	error = allow_all(filter, common);
	if (error == 0)
		error = allow_register(filter);
	if (error == 0 && broker)
		error = allow_all(filter, of_broker);
	if (error == 0)
		error = allow_threads(filter);
	if (error == 0 && broker)
		error = allow_questions(filter);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

static const char *const not_of_acceptor[] = {
	"bpf",
	"execve",
	"execveat",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"keyctl",
	"perf_event_open",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"setns",
	"unshare",
	"userfaultfd",
	NULL,
};

int confine_acceptor(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = filter ? 0 : -ENOMEM;

	for (size_t i = 0; not_of_acceptor[i] && error == 0; i++) {
		int number = seccomp_syscall_resolve_name(not_of_acceptor[i]);

		if (number >= 0)
			error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
	}
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

int confine_broker(void)
{
	return load(true);
}

int confine_guard(void)
{
	return load(false);
}

/* Threads are made still, by clone(2), since the flags of clone3(2) are nothing that a filter sees.
 */
static int forbid_processes(scmp_filter_ctx filter)
{
	static const char *const names[] = {"fork", "vfork"};
	int error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));

	if (error == 0)
		error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && error == 0; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number >= 0)
			error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
	}
	return error;
}

int confine_service(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = filter ? forbid_processes(filter) : -ENOMEM;

	if (error == 0)
		error = credentials_set_no_new_privs();
	if (error == 0)
		error = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return error;
}
