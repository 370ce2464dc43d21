/* SPDX-License-Identifier: MIT */
/* What /proc/PID says of processes and threads (proc(5)).  The only file that reads it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

/* Reads a file of /proc whole; *TEXT is the caller's, NUL at its end. */
static int read_whole(const char *path, char **text)
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
	return 0;
}

/* ---------------------------------------------------------------------------------- status -- */

/* Reads COUNT numbers; returns what follows them, or NULL. */
static const char *parse_ids(const char *text, uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *end;

		errno = 0;
		unsigned long long id = strtoull(text, &end, 10);

		if (end == text || errno || id > UINT32_MAX)
			return NULL;
		ids[i] = (uint32_t)id;
		text = end;
	}
	return text;
}

static int parse_groups(const char *text, struct procfs_thread *thread)
{
	size_t room = 0;

	while (text[strspn(text, " \t")] != '\n' && text[strspn(text, " \t")] != '\0') {
		if (thread->n_groups == room) {
			size_t larger = room ? room * 2 : 16;
			gid_t *gids = reallocarray(thread->groups, larger, sizeof(gid_t));

			if (!gids)
				return -ENOMEM;
			thread->groups = gids;
			room = larger;
		}
		text = parse_ids(text, &thread->groups[thread->n_groups], 1);
		if (!text)
			return -EPROTO;
		thread->n_groups++;
	}
	return 0;
}

/* The kernel writes \n and \\ (and newer ones other controls in octal) for what would break the
 * line. */
static void parse_command(const char *text, char *command, size_t size)
{
	size_t used = 0;

	while (*text && *text != '\n' && used + 1 < size) {
		if (text[0] == '\\' && (text[1] == 'n' || text[1] == '\\')) {
			command[used++] = text[1] == 'n' ? '\n' : '\\';
			text += 2;
		} else {
			command[used++] = *text++;
		}
	}
	command[used] = '\0';
}

static int parse_number(const char *text, int base, unsigned long long *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, base);
	return end != text && (*end == '\n' || *end == '\0') && !errno ? 0 : -EPROTO;
}

static int parse_line(const char *key, const char *value, struct procfs_thread *thread)
{
	static const struct {
		const char *key;
		int set;
	} sets[] = {
		{"CapEff", SET_EFFECTIVE}, {"CapPrm", SET_PERMITTED}, {"CapInh", SET_INHERITABLE},
		{"CapAmb", SET_AMBIENT},   {"CapBnd", SET_BOUNDING},
	};
	unsigned long long number = 0;
	int error = 0;

	if (strcmp(key, "Name") == 0) {
		parse_command(value, thread->command, sizeof(thread->command));
	} else if (strcmp(key, "Uid") == 0) {
		error = parse_ids(value, thread->uids, N_IDS) ? 0 : -EPROTO;
	} else if (strcmp(key, "Gid") == 0) {
		error = parse_ids(value, thread->gids, N_IDS) ? 0 : -EPROTO;
	} else if (strcmp(key, "Groups") == 0 && thread->n_groups == 0) {
		error = parse_groups(value, thread);
	} else if (strcmp(key, "Tgid") == 0) {
		error = parse_number(value, 10, &number);
		thread->pid = (pid_t)number;
	} else if (strcmp(key, "Pid") == 0) {
		error = parse_number(value, 10, &number);
		thread->tid = (pid_t)number;
	} else if (strcmp(key, "PPid") == 0) {
		error = parse_number(value, 10, &number);
		thread->parent = (pid_t)number;
	} else if (strcmp(key, "NoNewPrivs") == 0) {
		error = parse_number(value, 10, &number);
		thread->no_new_privs = number != 0;
	} else if (strcmp(key, "Seccomp") == 0) {
		error = parse_number(value, 10, &number);
		thread->seccomp = (int)(number & 0xff);
	} else {
		for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
			if (strcmp(key, sets[i].key) == 0) {
				error = parse_number(value, 16, &number);
				thread->capabilities[sets[i].set] = number;
			}
	}
	return error;
}

int procfs_parse_status(const char *text, struct procfs_thread *thread)
{
	*thread = (struct procfs_thread){.pid = 0};
	for (int i = 0; i < N_IDS; i++) {
		thread->uids[i] = IMP_NO_UID;
		thread->gids[i] = IMP_NO_GID;
	}

	while (*text) {
		const char *end = strchrnul(text, '\n');
		const char *colon = memchr(text, ':', (size_t)(end - text));
		char key[32];

		if (colon && (size_t)(colon - text) < sizeof(key)) {
			memcpy(key, text, (size_t)(colon - text));
			key[colon - text] = '\0';
			colon++;
			colon += strspn(colon, " \t");
			int error = parse_line(key, colon, thread);

			if (error < 0) {
				procfs_clear_thread(thread);
				return error;
			}
		}
		text = *end ? end + 1 : end;
	}
	if (thread->pid <= 0 || thread->tid <= 0 || thread->uids[ID_FILESYSTEM] == IMP_NO_UID ||
	    thread->gids[ID_FILESYSTEM] == IMP_NO_GID) {
		procfs_clear_thread(thread);
		return -EPROTO;
	}
	return 0;
}

void procfs_clear_thread(struct procfs_thread *thread)
{
	free(thread->groups);
	*thread = (struct procfs_thread){.pid = 0};
}

int procfs_read_thread(pid_t pid, pid_t tid, struct procfs_thread *thread)
{
	char path[64];
	char *text;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)(tid ? tid : pid));
	int error = read_whole(path, &text);

	if (error < 0)
		return error;
	error = procfs_parse_status(text, thread);
	free(text);
	return error;
}

/* ------------------------------------------------------------------------------- the rest -- */

int procfs_start_time(pid_t pid, uint64_t *ticks)
{
	char path[64];
	char *text;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int error = read_whole(path, &text);

	if (error < 0)
		return error;

	/* The command may hold anything, ") " too: the fields begin after the last one. */
	const char *at = strrchr(text, ')');
	unsigned long long start = 0;

	if (!at || sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			  "%*d %*d %llu",
			  &start) != 1)
		error = -EPROTO;
	*ticks = start;
	free(text);
	return error;
}

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

bool procfs_uid_in_use(uid_t uid)
{
	pid_t *pids;
	size_t count;
	bool used = false;

	if (list_numbers("/proc", &pids, &count) < 0)
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
	if (read_whole(path, &text) < 0)
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
