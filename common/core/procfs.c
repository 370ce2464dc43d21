/* SPDX-License-Identifier: MIT */
/* What /proc/PID says of processes and threads (proc(5)).  The only file that reads it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "procfs.h"

/* A read error of a thread that ends meanwhile, and its directory being gone, mean the same. */
static int gone(int error)
{
	return error == ENOENT || error == ESRCH ? -ESRCH : -error;
}

static int read_sized(const char *path, enum procfs_contents contents, char **text, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return gone(errno);

	size_t size = 0, room = 4096;
	char *buffer = malloc(room);
	int error = buffer ? 0 : -ENOMEM;

	while (error == 0) {
		ssize_t n = read(fd, buffer + size, room - size - 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			error = gone(errno);
		if (n <= 0)
			break;
		size += (size_t)n;
		if (contents == ONE_RECORD && size < room - 1)
			break;
		if (room - size < 2) {
			char *larger = realloc(buffer, room * 2);

			if (!larger) {
				error = -ENOMEM;
				break;
			}
			buffer = larger;
			room *= 2;
		}
	}
	close(fd);
	if (error < 0) {
		free(buffer);
		return error;
	}
	buffer[size] = '\0';
	*text = buffer;
	*length = size;
	return 0;
}

static int read_whole(const char *path, enum procfs_contents contents, char **text)
{
	size_t length;

	return read_sized(path, contents, text, &length);
}

int procfs_read(const char *name, enum procfs_contents contents, char **text, size_t *length)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/%s", name);
	return read_sized(path, contents, text, length);
}

int procfs_owner(const char *name, uid_t *owner)
{
	char path[128];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%s", name);
	if (stat(path, &status) < 0)
		return gone(errno);
	*owner = status.st_uid;
	return 0;
}

/* --------------------------------------------------------------------------------- threads -- */

int procfs_read_thread(pid_t pid, pid_t tid, struct procfs_thread *thread)
{
	char path[64];
	char *text;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)(tid ? tid : pid));
	int error = read_whole(path, ONE_RECORD, &text);

	if (error < 0)
		return error;
	error = procfs_parse_status(text, thread);
	free(text);
	return error;
}

/* ------------------------------------------------------------------------------- the rest -- */

static int compare_pids(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;

	return (left > right) - (left < right);
}

/* The numbers that a directory of /proc lists, ascending. */
static int list_numbers(const char *path, pid_t **tids, size_t *count)
{
	DIR *directory = opendir(path);

	if (!directory)
		return gone(errno);

	pid_t *list = NULL;
	size_t used = 0, room = 0;
	int error = 0;

	for (struct dirent *entry; (entry = readdir(directory));) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		if (used == room) {
			room = room ? room * 2 : 16;
			pid_t *larger = reallocarray(list, room, sizeof(pid_t));

			if (!larger) {
				error = -ENOMEM;
				break;
			}
			list = larger;
		}
		list[used++] = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	closedir(directory);
	if (error == 0 && used == 0)
		error = -ESRCH;
	if (error < 0) {
		free(list);
		return error;
	}
	qsort(list, used, sizeof(pid_t), compare_pids);
	*tids = list;
	*count = used;
	return 0;
}

int procfs_list_threads(pid_t pid, pid_t **tids, size_t *count)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	return list_numbers(path, tids, count);
}

int procfs_list_processes(pid_t **pids, size_t *count)
{
	return list_numbers("/proc", pids, count);
}

bool procfs_uid_in_use(uid_t uid)
{
	pid_t *pids;
	size_t count;
	bool used = false;

	if (procfs_list_processes(&pids, &count) < 0)
		return false;
	for (size_t i = 0; i < count && !used; i++) {
		struct procfs_thread process;

		if (procfs_read_thread(pids[i], 0, &process) < 0)
			continue;
		for (int id = 0; id < N_IDS; id++)
			used = used || process.uids[id] == uid;
		procfs_clear_thread(&process);
	}
	free(pids);
	return used;
}

int procfs_label(pid_t pid, pid_t tid, char *buffer, size_t size)
{
	char path[64];
	char *text;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/attr/current", (int)pid, (int)tid);
	if (read_whole(path, ONE_RECORD, &text) < 0)
		return -ENODATA;
	text[strcspn(text, "\n")] = '\0';
	snprintf(buffer, size, "%s", text);
	free(text);
	return buffer[0] ? 0 : -ENODATA;
}

int procfs_user_namespace(pid_t pid, pid_t tid, uint64_t *number)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/ns/user", (int)pid, (int)tid);
	if (stat(path, &status) < 0)
		return gone(errno);
	*number = status.st_ino;
	return 0;
}

static int read_map(pid_t pid, const char *map, char **text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, map);
	return read_whole(path, MANY_RECORDS, text);
}

/* The next line of a map, first inside, first outside, how many; NULL behind the last. */
static const char *next_range(const char *text, uint32_t range[3])
{
	const char *end = procfs_parse_ids(text, range, 3);

	return end ? end + (*end == '\n') : NULL;
}

int procfs_translate_ids(pid_t pid, const char *map, const uint32_t *ids, uint32_t *inside,
			 size_t count)
{
	char *text;
	int error = read_map(pid, map, &text);

	if (error < 0)
		return error;
	for (size_t i = 0; i < count; i++)
		inside[i] = UINT32_MAX;
	uint32_t range[3];

	for (const char *at = text; (at = next_range(at, range));)
		for (size_t i = 0; i < count; i++)
			if (ids[i] >= range[1] && ids[i] - range[1] < range[2])
				inside[i] = range[0] + (ids[i] - range[1]);
	free(text);
	return 0;
}

int procfs_sysctl(const char *name, unsigned *value)
{
	unsigned long long number;
	char path[128];
	char *text;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	int error = read_whole(path, ONE_RECORD, &text);

	if (error < 0)
		return error;
	error = procfs_parse_number(text, 10, &number);
	if (error == 0)
		*value = (unsigned)number;
	free(text);
	return error;
}

static uid_t overflow_uid = 65534;

static void read_overflow_uid(void)
{
	unsigned number;

	if (procfs_sysctl("kernel/overflowuid", &number) == 0)
		overflow_uid = (uid_t)number;
}

uid_t procfs_overflow_uid(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_overflow_uid);
	return overflow_uid;
}

static bool is_unmapped(const char *map, uint32_t id)
{
	bool mapped = false;
	uint32_t range[3];
	char *text;

	if (id != procfs_overflow_uid() || read_map(getpid(), map, &text) < 0)
		return false;
	for (const char *at = text; (at = next_range(at, range));)
		mapped = mapped || (id >= range[0] && id - range[0] < range[2]);
	free(text);
	return !mapped;
}

bool procfs_uid_is_unmapped(uid_t uid)
{
	return is_unmapped("uid_map", uid);
}

bool procfs_gid_is_unmapped(gid_t gid)
{
	return is_unmapped("gid_map", gid);
}

bool procfs_same_id_map(pid_t a, pid_t b)
{
	char *left, *right;

	if (read_map(a, "uid_map", &left) < 0)
		return true;
	if (read_map(b, "uid_map", &right) < 0) {
		free(left);
		return true;
	}
	bool same = strcmp(left, right) == 0;

	free(left);
	free(right);
	return same;
}

int procfs_read_id_ranges(pid_t pid, const char *map, struct procfs_id_range **ranges,
			  size_t *count)
{
	struct procfs_id_range *list = NULL;
	size_t used = 0;
	char *text;
	int error = read_map(pid, map, &text);

	if (error < 0)
		return error;
	uint32_t range[3];

	for (const char *at = text; (at = next_range(at, range));) {
		struct procfs_id_range *larger = reallocarray(list, used + 1, sizeof(*list));

		if (!larger) {
			error = -ENOMEM;
			break;
		}
		list = larger;
		list[used++] = (struct procfs_id_range){.first = range[1], .count = range[2]};
	}
	free(text);
	if (error < 0) {
		free(list);
		return error;
	}
	*ranges = list;
	*count = used;
	return 0;
}

/* ---------------------------------------------------------------------- what it has taken -- */

/* Of the caller's own one more is open while they are counted. */
static int count_descriptors(pid_t pid, size_t *count)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);

	DIR *directory = opendir(path);

	if (!directory)
		return gone(errno);
	*count = 0;
	for (struct dirent *entry; (entry = readdir(directory));)
		*count += entry->d_name[0] != '.';
	*count -= pid == getpid();
	closedir(directory);
	return 0;
}

int procfs_read_usage(pid_t pid, struct procfs_usage *usage)
{
	unsigned long long pages;
	char path[64];
	char *text;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	int error = read_whole(path, ONE_RECORD, &text);

	if (error < 0)
		return error;
	error = sscanf(text, "%*u %llu", &pages) == 1 ? 0 : -EPROTO;
	free(text);
	if (error < 0)
		return error;
	usage->resident = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return count_descriptors(pid, &usage->descriptors);
}

/* ----------------------------------------------------------------------- what it points to -- */

const char *procfs_fd_path(int fd, char buffer[PROCFS_FD_PATH])
{
	snprintf(buffer, PROCFS_FD_PATH, "/proc/self/fd/%d", fd);
	return buffer;
}

int procfs_open_place(pid_t pid, pid_t tid, const char *place)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)(tid ? tid : pid),
		 place);
	/* A namespace is of use only opened in earnest. */
	int fd = open(path,
		      strncmp(place, "ns/", 3) == 0 ? O_RDONLY | O_CLOEXEC : O_PATH | O_CLOEXEC);

	return fd < 0 ? gone(errno) : fd;
}

int procfs_open_descriptors(void)
{
	int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int procfs_mounts(pid_t pid, char **text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	return read_whole(path, MANY_RECORDS, text);
}

int procfs_mount_line(pid_t pid, uint64_t mount, char **line)
{
	char key[32];
	char *text;
	int error = procfs_mounts(pid, &text);

	if (error < 0)
		return error;
	snprintf(key, sizeof(key), "%llu ", (unsigned long long)mount);
	error = -ENOENT;
	for (char *at = text; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, strlen(key)) != 0)
			continue;
		*line = strndup(at, strcspn(at, "\n"));
		error = *line ? 0 : -ENOMEM;
		break;
	}
	free(text);
	return error;
}

int procfs_find_keys(const char *description, int32_t **serials, size_t *count)
{
	char *text;
	int error = read_whole("/proc/keys", MANY_RECORDS, &text);

	*serials = NULL;
	*count = 0;
	if (error == -ESRCH) /* a kernel without keys */
		return 0;
	if (error < 0)
		return error;
	error = procfs_parse_keys(text, description, serials, count);
	free(text);
	return error;
}

bool procfs_is_running(dev_t dev, ino_t ino)
{
	pid_t *pids;
	size_t count;
	bool running = false;

	if (procfs_list_processes(&pids, &count) < 0)
		return false;
	for (size_t i = 0; i < count && !running; i++) {
		char path[64];
		struct stat status;

		snprintf(path, sizeof(path), "/proc/%d/exe", (int)pids[i]);
		running = stat(path, &status) == 0 && status.st_dev == dev && status.st_ino == ino;
	}
	free(pids);
	return running;
}

bool procfs_is_swap_file(dev_t dev, ino_t ino)
{
	bool found = false;
	char *text;

	if (read_whole("/proc/swaps", MANY_RECORDS, &text) < 0)
		return false;
	for (char *at = strchr(text, '\n'); at && !found; at = strchr(at + 1, '\n')) {
		char path[4096];
		struct stat status;

		/* Names with blanks in them are written in octal: none that we could look at. */
		found = sscanf(at + 1, "%4095s", path) == 1 && stat(path, &status) == 0 &&
			status.st_dev == dev && status.st_ino == ino;
	}
	free(text);
	return found;
}
