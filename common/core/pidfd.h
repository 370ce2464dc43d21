/* SPDX-License-Identifier: MIT */
/* A thread's ids by pidfd: a third of what reading /proc costs, where the kernel has it. */
#ifndef CORE_PIDFD_H
#define CORE_PIDFD_H

#include <sys/ioctl.h>

#include "core/procfs.h"

/* PIDFD_GET_INFO, with as much as there was of it at first: newer kernels leave out the rest. */
#define PIDFD_INFO_REQUEST _IOWR(0xFF, 11, char[64])

/*
 * Reads the uids and gids of a thread (PIDFD_GET_INFO, Linux 6.13, on a pidfd of PIDFD_THREAD).
 * -ENOSYS where the kernel does not have it, and from then on at once; -ESRCH when there is no such
 * thread.  Safe in threads.
 */
int pidfd_read_ids(pid_t tid, uid_t uids[N_IDS], gid_t gids[N_IDS]) IMP_MUST_CHECK;

/* What tells whose a process is, whatever its threads are for the moment. */
struct pidfd_process {
	uid_t real_uid;
	uint64_t cgroup; /* cgroups(7), version 2 */
};

/* Of the process that PIDFD is of; -ENOSYS before Linux 6.13; -ESRCH when it is gone. */
int pidfd_read_process(int pidfd, struct pidfd_process *process) IMP_MUST_CHECK;

#endif
