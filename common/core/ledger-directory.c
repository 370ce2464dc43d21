/* SPDX-License-Identifier: MIT */
/* Where ledgers are: the directory, the names in it, and which of them nobody needs any more. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger.h"
#include "procfs.h"

const char *ledger_directory(void)
{
	const char *directory = secure_getenv("IMPERSONATION_RUNTIME_DIR");

	return directory && directory[0] ? directory : "/run/impersonate";
}

bool ledger_directory_is_safe(const struct stat *status, uid_t service)
{
	return S_ISDIR(status->st_mode) && (status->st_uid == 0 || status->st_uid == service) &&
	       (!(status->st_mode & (S_IWGRP | S_IWOTH)) || (status->st_mode & S_ISVTX));
}

int ledger_open_directory(void)
{
	int fd = open(ledger_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0 || !ledger_directory_is_safe(&status, geteuid())) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

/* ---------------------------------------------------------------------------------- names -- */

void ledger_make_name(pid_t pid, uint64_t start, char *name, size_t size)
{
	snprintf(name, size, "%d-%" PRIu64, (int)pid, start);
}

bool ledger_parse_name(const char *name, pid_t *pid, uint64_t *start)
{
	char same[LEDGER_NAME_SIZE];
	int number;

	if (sscanf(name, "%d-%" SCNu64, &number, start) != 2 || number <= 0)
		return false;
	*pid = number;
	/* As it would be written, with nothing before, within or behind. */
	ledger_make_name(*pid, *start, same, sizeof(same));
	return strcmp(name, same) == 0;
}

bool ledger_is_stale(const char *name)
{
	pid_t pid;
	uint64_t start, actual;

	if (!ledger_parse_name(name, &pid, &start))
		return false;
	if (kill(pid, 0) < 0 && errno == ESRCH)
		return true;
	return procfs_start_time(pid, &actual) == 0 && actual != start;
}

/* ------------------------------------------------------------------------------ preparing -- */

static void remove_stale(int directory_fd)
{
	int fd = fcntl(directory_fd, F_DUPFD_CLOEXEC, 0);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(directory));)
		if (ledger_is_stale(entry->d_name))
			unlinkat(directory_fd, entry->d_name, 0);
	closedir(directory);
}

int imp_prepare_runtime_dir(void)
{
	const char *directory = ledger_directory();

	/* As /tmp: every service may put its ledger there, and nobody may remove another's. */
	if (mkdir(directory, 01777) < 0) {
		if (errno != EEXIST)
			return -errno;
	} else if (chmod(directory, 01777) < 0) {
		return -errno;
	}

	/* Once the service is no longer root it may remove those of its own uid alone. */
	int fd = ledger_open_directory();

	if (fd >= 0) {
		remove_stale(fd);
		close(fd);
	}
	return 0;
}
