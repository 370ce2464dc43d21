/* SPDX-License-Identifier: MIT */
/* What /proc says of processes and threads besides their ids: when they began, from what. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "procfs.h"

/* ----------------------------------------------------------------------------------- start -- */

static int read_stat(const char *name, uint64_t *ticks, unsigned *flags)
{
	size_t length;
	char *text;
	int error = procfs_read(name, ONE_RECORD, &text, &length);

	if (error < 0)
		return error;

	/* The command may hold anything, ") " too: the fields begin after the last one. */
	const char *at = strrchr(text, ')');
	unsigned long long start = 0;

	if (!at || sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			  "%*d %*d %llu",
			  flags, &start) != 2)
		error = -EPROTO;
	*ticks = start;
	free(text);
	return error;
}

int procfs_start_time(pid_t pid, uint64_t *ticks)
{
	char name[64];
	unsigned flags;

	snprintf(name, sizeof(name), "%d/stat", (int)pid);
	return read_stat(name, ticks, &flags);
}

int procfs_thread_start(pid_t pid, pid_t tid, uint64_t *ticks, bool *worker)
{
	enum { IO_WORKER = 0x10, USER_WORKER = 0x4000 }; /* PF_..., include/linux/sched.h */
	char name[64];
	unsigned flags = 0;

	snprintf(name, sizeof(name), "%d/task/%d/stat", (int)pid, (int)tid);
	int error = read_stat(name, ticks, &flags);

	*worker = flags & (IO_WORKER | USER_WORKER);
	return error;
}

int64_t procfs_start_realtime(uint64_t ticks)
{
	const int64_t second = 1000000000;
	struct timespec now, since_boot;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	return (now.tv_sec - since_boot.tv_sec) * second + now.tv_nsec - since_boot.tv_nsec +
	       (int64_t)ticks * (second / sysconf(_SC_CLK_TCK));
}

/* ------------------------------------------------------------------------------- a process -- */

int procfs_command_line(pid_t pid, char **words, size_t *length)
{
	char name[64];

	snprintf(name, sizeof(name), "%d/cmdline", (int)pid);
	return procfs_read(name, MANY_RECORDS, words, length);
}

static int read_effective_uid(pid_t pid, uid_t *uid)
{
	struct procfs_thread thread;
	int error = procfs_read_thread(pid, 0, &thread);

	if (error < 0)
		return error;
	*uid = thread.uids[ID_EFFECTIVE];
	procfs_clear_thread(&thread);
	return 0;
}

/*
 * The files of a process that cannot be dumped are root's, of its own user namespace; those of any
 * other belong to the main thread's effective uid.
 */
int procfs_is_dumpable(pid_t pid, bool *dumpable)
{
	enum { ATTEMPTS = 20 }; /* the main thread may be switching */
	uid_t owner, before, after = IMP_NO_UID, inside;
	char name[64];
	int error = 0;

	snprintf(name, sizeof(name), "%d/status", (int)pid);
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		error = read_effective_uid(pid, &before);
		if (error == 0)
			error = procfs_owner(name, &owner);
		if (error == 0)
			error = read_effective_uid(pid, &after);
		if (error < 0)
			return error;
		if (before != after)
			continue;
		error = procfs_translate_ids(pid, "uid_map", &before, &inside, 1);
		*dumpable = owner == before;
		return error < 0 ? error : inside == 0 ? -ENODATA : 0;
	}
	return -ENODATA;
}

static bool is_ring(int directory, const char *descriptor, int *error)
{
	static const char ring[] = "anon_inode:[io_uring]";
	char link[sizeof(ring) + 1];
	ssize_t length = readlinkat(directory, descriptor, link, sizeof(link));

	if (length < 0 && errno != ENOENT) /* one that is closed meanwhile is none */
		*error = errno == ESRCH ? -ESRCH : -errno;
	return length == sizeof(ring) - 1 && memcmp(link, ring, sizeof(ring) - 1) == 0;
}

static int open_descriptors(pid_t pid, pid_t tid, DIR **directory)
{
	int place = procfs_open_place(pid, tid, "fd");

	if (place < 0)
		return place;

	int fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = fd < 0 ? -errno : 0;

	close(place);
	if (fd < 0)
		return error == -ENOENT ? -ESRCH : error;
	*directory = fdopendir(fd);
	if (*directory)
		return 0;
	close(fd);
	return -ENOMEM;
}

int procfs_has_ring(pid_t pid, pid_t tid, bool *found)
{
	DIR *directory;
	size_t count = 0;
	int error = open_descriptors(pid, tid, &directory);

	if (error < 0)
		return error;
	*found = false;
	for (struct dirent *entry; error == 0 && !*found && (entry = readdir(directory));) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		*found = is_ring(dirfd(directory), entry->d_name, &error);
	}
	closedir(directory);
	return error < 0 ? error : count ? 0 : -ESRCH;
}

int procfs_keys(char **text)
{
	size_t length;

	return procfs_read("keys", MANY_RECORDS, text, &length);
}
