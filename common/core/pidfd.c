/* SPDX-License-Identifier: MIT */
/* A thread's ids by pidfd (pidfd_open(2); include/uapi/linux/pidfd.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/pidfd.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif

/* As it was at first. */
struct info {
	uint64_t mask;
	uint64_t cgroup;
	uint32_t pid, tgid, ppid;
	uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
};

enum { INFO_CREDENTIALS = 1 << 1, INFO_CGROUP = 1 << 2 };
_Static_assert(sizeof(struct info) == 64, "as PIDFD_INFO_REQUEST has it");

static atomic_bool missing;

int pidfd_read_ids(pid_t tid, uid_t uids[N_IDS], gid_t gids[N_IDS])
{
	struct info info = {.mask = INFO_CREDENTIALS};

	if (atomic_load_explicit(&missing, memory_order_relaxed))
		return -ENOSYS;

	int fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD);

	if (fd < 0 && errno == ESRCH)
		return -ESRCH;

	int result = fd < 0 ? -1 : ioctl(fd, PIDFD_INFO_REQUEST, &info);
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (result < 0 && error == ESRCH)
		return -ESRCH;
	if (result < 0 || !(info.mask & INFO_CREDENTIALS)) {
		/* EINVAL, ENOTTY, EPERM of a sandbox: whatever it is, /proc is there. */
		atomic_store_explicit(&missing, true, memory_order_relaxed);
		return -ENOSYS;
	}
	uids[ID_REAL] = info.ruid;
	uids[ID_EFFECTIVE] = info.euid;
	uids[ID_SAVED] = info.suid;
	uids[ID_FILESYSTEM] = info.fsuid;
	gids[ID_REAL] = info.rgid;
	gids[ID_EFFECTIVE] = info.egid;
	gids[ID_SAVED] = info.sgid;
	gids[ID_FILESYSTEM] = info.fsgid;
	return 0;
}

int pidfd_read_process(int pidfd, struct pidfd_process *process)
{
	const uint64_t wanted = INFO_CREDENTIALS | INFO_CGROUP;
	struct info info = {.mask = wanted};

	if (ioctl(pidfd, PIDFD_INFO_REQUEST, &info) < 0)
		return errno == ESRCH ? -ESRCH : -ENOSYS;
	if ((info.mask & wanted) != wanted)
		return info.mask & INFO_CREDENTIALS ? -ENOSYS : -ESRCH;
	*process = (struct pidfd_process){.real_uid = info.ruid, .cgroup = info.cgroup};
	return 0;
}
