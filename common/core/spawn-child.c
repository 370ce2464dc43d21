/* SPDX-License-Identifier: MIT */
/* What a command inherits: three descriptors, no signal of the service's, and no more time than it
 * takes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel-entry.h"
#include "procfs.h"
#include "spawn-child.h"

enum { PATIENCE = 10 /* seconds */ };

/* --------------------------------------------------------------------------- descriptors -- */

/* Above all places, so that none is overwritten before it was copied.  -1 is /dev/null. */
static int copy_above(int fd)
{
	if (fd < 0)
		fd = open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);

	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SPAWN_DIRECTORY + 1);

	return copy < 0 ? -errno : copy;
}

static int number_of(const char *name)
{
	int number = 0;

	if (*name == '.')
		return -1;
	for (; *name >= '0' && *name <= '9'; name++)
		number = number * 10 + (*name - '0');
	return number;
}

/* One at a time, for a kernel or a filter without close_range(2); readdir(3) would allocate. */
static int close_each(int first)
{
	_Alignas(struct kernel_entry) char buffer[4096];
	int list = procfs_open_descriptors();
	long size;

	if (list < 0)
		return list;
	/* The list goes by number, whatever is closed meanwhile. */
	while ((size = syscall(SYS_getdents64, list, buffer, sizeof(buffer))) > 0) {
		const struct kernel_entry *entry;

		for (long at = 0; at < size; at += entry->length) {
			entry = (const struct kernel_entry *)(buffer + at);
			int fd = number_of(entry->name);

			if (fd >= first && fd != list)
				close(fd);
		}
	}
	if (size < 0)
		return -errno;
	close(list);
	return 0;
}

/* Not close-on-exec: the child has no use for them, and Linux 5.10 cannot mark a range. */
static int close_others(int first)
{
	return syscall(SYS_close_range, first, ~0U, 0) == 0 ? 0 : close_each(first);
}

int spawn_descriptors(const struct imp_spawn *command)
{
	const int wanted[] = {command->stdin_fd, command->stdout_fd, command->stderr_fd,
			      command->directory};
	int count = command->directory < 0 ? SPAWN_DIRECTORY : SPAWN_DIRECTORY + 1;
	int copies[SPAWN_DIRECTORY + 1];

	for (int i = 0; i < count; i++) {
		copies[i] = copy_above(wanted[i]);
		if (copies[i] < 0)
			return copies[i];
	}
	for (int i = 0; i < count; i++)
		if (dup3(copies[i], i, i == SPAWN_DIRECTORY ? O_CLOEXEC : 0) < 0)
			return -errno;
	return close_others(count);
}

/* -------------------------------------------------------------------------- signals, time -- */

/* The C library keeps two signals to itself, and execve(2) leaves ignored what is. */
int spawn_signals(void)
{
	static const unsigned long by_default[16]; /* of the kernel's form, and larger */

	for (int number = 1; number < _NSIG; number++)
		if (number != SIGKILL && number != SIGSTOP &&
		    syscall(SYS_rt_sigaction, number, by_default, NULL, _NSIG / 8) < 0)
			return -errno;
	return 0;
}

int spawn_limit_time(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	int timer;

	/* Raw calls: the C library's allocate. */
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) < 0)
		return -errno;
#ifdef SYS_timer_settime64
	const int64_t once[] = {0, 0, PATIENCE, 0};
	long result = syscall(SYS_timer_settime64, timer, 0, once, NULL);
#else
	const long once[] = {0, 0, PATIENCE, 0};
	long result = syscall(SYS_timer_settime, timer, 0, once, NULL);
#endif

	return result < 0 ? -errno : 0;
}
