/* SPDX-License-Identifier: MIT */
/*
 * The system calls that idn-check run looks at: all that are about paths, and those that the kernel
 * refuses for want of privilege.  What programs call all the time and is hardly ever refused for
 * that (read, write, send, ioctl, fcntl, setsockopt, mprotect, signals within a process) is not
 * here.
 */
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "access/walk.h"
#include "calls.h"

/* Younger than the headers that may be there; their distance is the same on all architectures. */
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 (__NR_openat2 + 15)
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat (__NR_openat2 + 26)
#define __NR_getxattrat (__NR_openat2 + 27)
#define __NR_listxattrat (__NR_openat2 + 28)
#define __NR_removexattrat (__NR_openat2 + 29)
#endif

/* Where clone(2) has its flags. */
#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

#define NOWHERE                                                                                    \
	{                                                                                          \
		NO_ARGUMENT, NO_ARGUMENT                                                           \
	}
#define ALWAYS .only = NO_ARGUMENT, .unless = NO_ARGUMENT
#define CALL(call, kind, first, second)                                                            \
	.number = __NR_##call, .name = #call, .about = ABOUT_##kind, .places = {first, second}
#define AT(directory, path)                                                                        \
	{                                                                                          \
		directory, path                                                                    \
	}

/* About one path; about one in a directory; about a descriptor. */
#define PATH(call, kind, path, ...)                                                                \
	{                                                                                          \
		CALL(call, kind, AT(NO_ARGUMENT, path), NOWHERE), ALWAYS, __VA_ARGS__              \
	}
#define PATH_AT(call, kind, directory, path, ...)                                                  \
	{                                                                                          \
		CALL(call, kind, AT(directory, path), NOWHERE), ALWAYS, __VA_ARGS__                \
	}
#define OF_FD(call, kind, fd, ...)                                                                 \
	{                                                                                          \
		CALL(call, kind, AT(fd, NO_ARGUMENT), NOWHERE), ALWAYS, __VA_ARGS__                \
	}
/* About two, each in a directory or (NO_ARGUMENT) not. */
#define PATHS(call, kind, directory, path, directory2, path2, ...)                                 \
	{                                                                                          \
		CALL(call, kind, AT(directory, path), AT(directory2, path2)), ALWAYS, __VA_ARGS__  \
	}
/* About none. */
#define PRIVILEGE(call, capable, ...)                                                              \
	{                                                                                          \
		CALL(call, PRIVILEGE, NOWHERE, NOWHERE), ALWAYS, NEEDS(capable), __VA_ARGS__       \
	}
#define PLAIN(call, ...)                                                                           \
	{                                                                                          \
		CALL(call, PRIVILEGE, NOWHERE, NOWHERE), ALWAYS, __VA_ARGS__                       \
	}
#define PROCESS(call, process, capable, ...)                                                       \
	{                                                                                          \
		CALL(call, PROCESS, NOWHERE, NOWHERE), ALWAYS, .detail = process, NEEDS(capable),  \
							       __VA_ARGS__                         \
	}
#define NEEDS(capable) .has_capability = true, .capability = CAP_##capable
#define OR(text) .otherwise = text
#define WANT(bits) .want = ACCESS_##bits

static const struct call table[] = {

/* opening */
#ifdef __NR_open
	PATH(open, OPEN, 0, .detail = 1),
	PATH(creat, WANT, 0, .want = ACCESS_WRITE | ACCESS_CREATE),
	PATH(access, ACCESS, 0, .detail = 1),
	PATH(readlink, WAY, 0, .follows_not = true),
	PATH(unlink, WANT, 0, WANT(DELETE)),
	PATH(rmdir, WANT, 0, WANT(DELETE)),
	PATHS(rename, RENAME, NO_ARGUMENT, 0, NO_ARGUMENT, 1, .detail = NO_ARGUMENT),
	PATH(mkdir, WANT, 0, WANT(CREATE)),
	PATH(mknod, WANT, 0, WANT(CREATE), NEEDS(MKNOD)),
	PATH(symlink, WANT, 1, WANT(CREATE)),
	PATHS(link, LINK, NO_ARGUMENT, 0, NO_ARGUMENT, 1),
	PATH(chmod, WANT, 0, WANT(CHMOD)),
	PATH(chown, WANT, 0, WANT(CHOWN)),
	PATH(lchown, WANT, 0, WANT(CHOWN), .follows_not = true),
#endif
#ifdef __NR_chown32
	PATH(chown32, WANT, 0, WANT(CHOWN)),
	PATH(lchown32, WANT, 0, WANT(CHOWN), .follows_not = true),
	OF_FD(fchown32, WANT, 0, WANT(CHOWN)),
#endif
#ifdef __NR_stat
	PATH(stat, WAY, 0),
	PATH(lstat, WAY, 0, .follows_not = true),
#endif
#ifdef __NR_stat64
	PATH(stat64, WAY, 0),
	PATH(lstat64, WAY, 0, .follows_not = true),
#endif
#ifdef __NR_utime
	PATH(utime, TIMES, 0, .detail = 1),
#endif
#ifdef __NR_utimes
	PATH(utimes, TIMES, 0, .detail = 1),
#endif
#ifdef __NR_futimesat
	PATH_AT(futimesat, TIMES, 0, 1, .detail = 2),
#endif
#ifdef __NR_uselib
	PATH(uselib, WANT, 0, .want = ACCESS_READ | ACCESS_EXECUTE),
#endif
	PATH_AT(openat, OPEN, 0, 1, .detail = 2),
	PATH_AT(openat2, OPEN_HOW, 0, 1, .detail = 2),
	PATH_AT(faccessat, ACCESS, 0, 1, .detail = 2),
	PATH_AT(faccessat2, ACCESS, 0, 1, .detail = 2),
#ifdef __NR_newfstatat
	PATH_AT(newfstatat, WAY, 0, 1),
#endif
#ifdef __NR_fstatat64
	PATH_AT(fstatat64, WAY, 0, 1),
#endif
	PATH_AT(statx, WAY, 0, 1),
#ifdef __NR_statfs
	PATH(statfs, WAY, 0),
#endif
#ifdef __NR_statfs64
	PATH(statfs64, WAY, 0),
#endif
	PATH_AT(readlinkat, WAY, 0, 1, .follows_not = true),
	PATH_AT(name_to_handle_at, WAY, 0, 1),
	PATH(inotify_add_watch, WANT, 1, WANT(READ)),
	PATH_AT(fanotify_mark, WANT, 3, 4, WANT(READ), NEEDS(SYS_ADMIN)),

	/* changing */
	PATH_AT(unlinkat, WANT, 0, 1, WANT(DELETE)),
#ifdef __NR_renameat
	PATHS(renameat, RENAME, 0, 1, 2, 3, .detail = NO_ARGUMENT),
#endif
	PATHS(renameat2, RENAME, 0, 1, 2, 3, .detail = 4),
	PATH_AT(mkdirat, WANT, 0, 1, WANT(CREATE)),
	PATH_AT(mknodat, WANT, 0, 1, WANT(CREATE), NEEDS(MKNOD)),
	PATH_AT(symlinkat, WANT, 1, 2, WANT(CREATE)),
	PATHS(linkat, LINK, 0, 1, 2, 3),
	OF_FD(fchmod, WANT, 0, WANT(CHMOD)),
	PATH_AT(fchmodat, WANT, 0, 1, WANT(CHMOD)),
	PATH_AT(fchmodat2, WANT, 0, 1, WANT(CHMOD)),
#ifdef __NR_fchown
	OF_FD(fchown, WANT, 0, WANT(CHOWN)),
#endif
	PATH_AT(fchownat, WANT, 0, 1, WANT(CHOWN)),
#ifdef __NR_utimensat
	PATH_AT(utimensat, TIMES, 0, 1, .detail = 2),
#endif
#ifdef __NR_utimensat_time64
	PATH_AT(utimensat_time64, TIMES, 0, 1, .detail = 2),
#endif
	PATH(truncate, WANT, 0, WANT(WRITE)),
	OF_FD(ftruncate, WANT, 0, WANT(WRITE)),
#ifdef __NR_truncate64
	PATH(truncate64, WANT, 0, WANT(WRITE)),
	OF_FD(ftruncate64, WANT, 0, WANT(WRITE)),
#endif
	OF_FD(fallocate, WANT, 0, WANT(WRITE)),
	PATH(setxattr, ATTRIBUTE, 0, .detail = 1, WANT(WRITE)),
	PATH(lsetxattr, ATTRIBUTE, 0, .detail = 1, WANT(WRITE), .follows_not = true),
	OF_FD(fsetxattr, ATTRIBUTE, 0, .detail = 1, WANT(WRITE)),
	PATH_AT(setxattrat, ATTRIBUTE, 0, 1, .detail = 3, WANT(WRITE)),
	PATH(removexattr, ATTRIBUTE, 0, .detail = 1, WANT(WRITE)),
	PATH(lremovexattr, ATTRIBUTE, 0, .detail = 1, WANT(WRITE), .follows_not = true),
	OF_FD(fremovexattr, ATTRIBUTE, 0, .detail = 1, WANT(WRITE)),
	PATH_AT(removexattrat, ATTRIBUTE, 0, 1, .detail = 3, WANT(WRITE)),
	PATH(getxattr, ATTRIBUTE, 0, .detail = 1, WANT(READ)),
	PATH(lgetxattr, ATTRIBUTE, 0, .detail = 1, WANT(READ), .follows_not = true),
	OF_FD(fgetxattr, ATTRIBUTE, 0, .detail = 1, WANT(READ)),
	PATH_AT(getxattrat, ATTRIBUTE, 0, 1, .detail = 3, WANT(READ)),
	PATH(listxattr, WAY, 0),
	PATH(llistxattr, WAY, 0, .follows_not = true),
	PATH_AT(listxattrat, WAY, 0, 1),

	/* going and running */
	PATH(chdir, WANT, 0, WANT(EXECUTE)),
	OF_FD(fchdir, WANT, 0, WANT(EXECUTE)),
	PATH(chroot, WANT, 0, WANT(EXECUTE), NEEDS(SYS_CHROOT)),
	PATH(execve, WANT, 0, WANT(EXECUTE)),
	PATH_AT(execveat, WANT, 0, 1, WANT(EXECUTE)),
#if defined(__NR_mmap2)
	{CALL(mmap2, MAPPING, AT(4, NO_ARGUMENT), NOWHERE), WANT(EXECUTE), .only = 2,
	 .only_bits = PROT_EXEC, .unless = 3, .unless_bits = MAP_ANONYMOUS},
#elif !defined(__s390__) /* which has them all in a structure */
	{CALL(mmap, MAPPING, AT(4, NO_ARGUMENT), NOWHERE), WANT(EXECUTE), .only = 2,
	 .only_bits = PROT_EXEC, .unless = 3, .unless_bits = MAP_ANONYMOUS},
#endif

	/* sockets */
	{CALL(bind, ADDRESS, NOWHERE, NOWHERE), ALWAYS, WANT(CREATE), NEEDS(NET_BIND_SERVICE)},
	{CALL(connect, ADDRESS, NOWHERE, NOWHERE), ALWAYS, WANT(WRITE)},
#ifdef __NR_socket
	PRIVILEGE(socket, NET_RAW, OR("or a socket that is not raw")),
#endif

	/* mounting, in the order of paths: what has none that decides comes last */
	PATH(mount, WAY, 1, NEEDS(SYS_ADMIN)),
	PATH(umount2, WAY, 0, NEEDS(SYS_ADMIN)),
	PATH(pivot_root, WAY, 0, NEEDS(SYS_ADMIN)),
	PATH_AT(move_mount, WAY, 0, 1, NEEDS(SYS_ADMIN)),
	PATH_AT(open_tree, WAY, 0, 1, NEEDS(SYS_ADMIN)),
	PRIVILEGE(fsopen, SYS_ADMIN),
	PATH_AT(fspick, WAY, 0, 1, NEEDS(SYS_ADMIN)),
	PRIVILEGE(fsmount, SYS_ADMIN),
#ifdef __NR_mount_setattr
	PATH_AT(mount_setattr, WAY, 0, 1, NEEDS(SYS_ADMIN)),
#endif
	PATH(swapon, WAY, 0, NEEDS(SYS_ADMIN)),
	PATH(swapoff, WAY, 0, NEEDS(SYS_ADMIN)),
	PATH(acct, WANT, 0, WANT(WRITE), NEEDS(SYS_PACCT)),
	PATH(quotactl, WAY, 1, NEEDS(SYS_ADMIN)),
	PRIVILEGE(open_by_handle_at, DAC_READ_SEARCH),
	PRIVILEGE(fanotify_init, SYS_ADMIN),

	/* identities */
	PRIVILEGE(setuid, SETUID),
	PRIVILEGE(setreuid, SETUID),
	PRIVILEGE(setresuid, SETUID),
	PRIVILEGE(setgid, SETGID),
	PRIVILEGE(setregid, SETGID),
	PRIVILEGE(setresgid, SETGID),
	PRIVILEGE(setgroups, SETGID),
#ifdef __NR_setuid32
	PRIVILEGE(setuid32, SETUID),
	PRIVILEGE(setreuid32, SETUID),
	PRIVILEGE(setresuid32, SETUID),
	PRIVILEGE(setgid32, SETGID),
	PRIVILEGE(setregid32, SETGID),
	PRIVILEGE(setresgid32, SETGID),
	PRIVILEGE(setgroups32, SETGID),
#endif
	PRIVILEGE(capset, SETPCAP, OR("or only what is permitted already")),
	PLAIN(prctl, OR("a capability, which one is in prctl(2)")),
	PRIVILEGE(seccomp, SYS_ADMIN, OR("or no_new_privs")),
	PRIVILEGE(unshare, SYS_ADMIN, OR("in its user namespace, or that it may make one")),
	PRIVILEGE(setns, SYS_ADMIN, OR("in both user namespaces")),
	{CALL(clone, PRIVILEGE, NOWHERE, NOWHERE), NEEDS(SYS_ADMIN),
	 OR("in its user namespace, or that it may make one"), .only = CLONE_FLAGS,
	 .only_bits = NAMESPACES, .unless = NO_ARGUMENT},

	/* processes */
	PROCESS(kill, 0, KILL, OR("or its uid")),
	PROCESS(rt_sigqueueinfo, 0, KILL, OR("or its uid")),
	PROCESS(ptrace, 1, SYS_PTRACE, OR("or its ids and no more capabilities than ours")),
	PROCESS(process_vm_readv, 0, SYS_PTRACE,
		OR("or its ids and no more capabilities than ours")),
	PROCESS(process_vm_writev, 0, SYS_PTRACE,
		OR("or its ids and no more capabilities than ours")),
	PROCESS(kcmp, 0, SYS_PTRACE, OR("or its ids and no more capabilities than ours")),
	PRIVILEGE(pidfd_send_signal, KILL, OR("or the uid of the process")),
	PRIVILEGE(pidfd_getfd, SYS_PTRACE, OR("or the ids of the process")),
	PROCESS(sched_setscheduler, 0, SYS_NICE,
		OR("or its uid and what RLIMIT_NICE and RLIMIT_RTPRIO allow")),
	PROCESS(sched_setparam, 0, SYS_NICE,
		OR("or its uid and what RLIMIT_NICE and RLIMIT_RTPRIO allow")),
	PROCESS(sched_setattr, 0, SYS_NICE,
		OR("or its uid and what RLIMIT_NICE and RLIMIT_RTPRIO allow")),
	PROCESS(sched_setaffinity, 0, SYS_NICE,
		OR("or its uid and what RLIMIT_NICE and RLIMIT_RTPRIO allow")),
	PROCESS(setpriority, 1, SYS_NICE, OR("or its uid and what RLIMIT_NICE allows")),
	PROCESS(ioprio_set, 1, SYS_NICE, OR("or its uid; a class that is open to all")),
	{CALL(prlimit64, PROCESS, NOWHERE, NOWHERE), .detail = 0, NEEDS(SYS_RESOURCE),
	 OR("or its ids and no more than the hard limit"), .only = 2, .only_bits = UINT32_MAX,
	 .unless = NO_ARGUMENT},
#ifdef __NR_setrlimit
	PRIVILEGE(setrlimit, SYS_RESOURCE, OR("or no more than the hard limit")),
#endif
	PROCESS(migrate_pages, 0, SYS_NICE, OR("or its ids")),
	PROCESS(move_pages, 0, SYS_NICE, OR("or its ids")),
	PRIVILEGE(mlockall, IPC_LOCK, OR("or a larger RLIMIT_MEMLOCK")),

	/* the machine */
	PRIVILEGE(sethostname, SYS_ADMIN),
	PRIVILEGE(setdomainname, SYS_ADMIN),
	PRIVILEGE(reboot, SYS_BOOT),
#ifdef __NR_kexec_load
	PRIVILEGE(kexec_load, SYS_BOOT),
#endif
#ifdef __NR_kexec_file_load
	PRIVILEGE(kexec_file_load, SYS_BOOT),
#endif
	PRIVILEGE(init_module, SYS_MODULE),
	PRIVILEGE(finit_module, SYS_MODULE),
	PRIVILEGE(delete_module, SYS_MODULE),
#ifdef __NR_settimeofday
	PRIVILEGE(settimeofday, SYS_TIME),
#endif
#ifdef __NR_clock_settime
	PRIVILEGE(clock_settime, SYS_TIME),
#endif
#ifdef __NR_clock_settime64
	PRIVILEGE(clock_settime64, SYS_TIME),
#endif
	PRIVILEGE(adjtimex, SYS_TIME),
#ifdef __NR_clock_adjtime
	PRIVILEGE(clock_adjtime, SYS_TIME),
#endif
	PRIVILEGE(syslog, SYSLOG),
	PRIVILEGE(vhangup, SYS_TTY_CONFIG),
#ifdef __NR_iopl
	PRIVILEGE(iopl, SYS_RAWIO),
	PRIVILEGE(ioperm, SYS_RAWIO),
#endif
	PRIVILEGE(bpf, BPF),
	PRIVILEGE(perf_event_open, PERFMON, OR("or a lower kernel.perf_event_paranoid")),
	PRIVILEGE(userfaultfd, SYS_PTRACE, OR("or UFFD_USER_MODE_ONLY")),
	PRIVILEGE(io_uring_setup, SYS_ADMIN, OR("or a kernel.io_uring_disabled that lets it")),

	/* keys and IPC */
	PLAIN(add_key, OR("permission of the key")),
	PLAIN(request_key, OR("permission of the key")),
	PLAIN(keyctl, OR("permission of the key")),
#ifdef __NR_shmget
	PLAIN(shmget, OR("permission of the IPC object")),
	PLAIN(shmat, OR("permission of the IPC object")),
	PLAIN(semget, OR("permission of the IPC object")),
	PLAIN(msgget, OR("permission of the IPC object")),
#endif
	PLAIN(mq_open, OR("permission of the message queue")),
	PLAIN(mq_unlink, OR("permission of the message queue")),
};

const struct call *calls(size_t *count)
{
	*count = sizeof(table) / sizeof(table[0]);
	return table;
}

const struct call *call_of_number(uint64_t number)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if ((uint64_t)table[i].number == number)
			return &table[i];
	return NULL;
}

bool call_matters(const struct call *call, const uint64_t arguments[6])
{
	return (call->only == NO_ARGUMENT ||
		((uint32_t)arguments[call->only] & call->only_bits) != 0) &&
	       (call->unless == NO_ARGUMENT ||
		((uint32_t)arguments[call->unless] & call->unless_bits) == 0);
}
