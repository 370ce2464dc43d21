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

enum contents {
	ONE_RECORD, /* which the kernel gives whole, as far as there is room: what is short is all
		     */
	MANY_RECORDS
};

/* Reads a file of /proc whole; *TEXT is the caller's, NUL at its end. */
static int read_whole(const char *path, enum contents contents, char **text)
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

/* The value of a line if its key is KEY, or NULL. */
static const char *value_of(const char *line, const char *key)
{
	size_t length = strlen(key);

	if (strncmp(line, key, length) != 0 || line[length] != ':')
		return NULL;
	return line + length + 1 + strspn(line + length + 1, " \t");
}

static int parse_set(const char *line, struct procfs_thread *thread)
{
	static const struct {
		const char *key;
		int set;
	} sets[] = {
		{"CapEff", SET_EFFECTIVE}, {"CapPrm", SET_PERMITTED}, {"CapInh", SET_INHERITABLE},
		{"CapAmb", SET_AMBIENT},   {"CapBnd", SET_BOUNDING},
	};
	unsigned long long number;

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		const char *value = value_of(line, sets[i].key);

		if (!value)
			continue;
		if (parse_number(value, 16, &number) < 0)
			return -EPROTO;
		thread->capabilities[sets[i].set] = number;
	}
	return 0;
}

static int parse_pid(const char *value, pid_t *pid)
{
	unsigned long long number;

	if (parse_number(value, 10, &number) < 0 || number > INT32_MAX)
		return -EPROTO;
	*pid = (pid_t)number;
	return 0;
}

/* Most of the sixty lines are about something else: their first letter tells. */
static int parse_line(const char *line, struct procfs_thread *thread)
{
	unsigned long long number;
	const char *value;
	int error = 0;

	switch (line[0]) {
	case 'N':
		/* Behind the tab it is the name, which may begin with one, too. */
		if (strncmp(line, "Name:\t", 6) == 0) {
			parse_command(line + 6, thread->command, sizeof(thread->command));
		} else if ((value = value_of(line, "NoNewPrivs"))) {
			error = parse_number(value, 10, &number);
			thread->no_new_privs = error == 0 && number != 0;
		}
		break;
	case 'U':
		if ((value = value_of(line, "Uid")))
			error = parse_ids(value, thread->uids, N_IDS) ? 0 : -EPROTO;
		break;
	case 'G':
		if ((value = value_of(line, "Gid")))
			error = parse_ids(value, thread->gids, N_IDS) ? 0 : -EPROTO;
		else if ((value = value_of(line, "Groups")) && thread->n_groups == 0)
			error = parse_groups(value, thread);
		break;
	case 'T':
		if ((value = value_of(line, "Tgid")))
			error = parse_pid(value, &thread->pid);
		break;
	case 'P':
		if ((value = value_of(line, "Pid")))
			error = parse_pid(value, &thread->tid);
		else if ((value = value_of(line, "PPid")))
			error = parse_pid(value, &thread->parent);
		break;
	case 'S':
		if ((value = value_of(line, "Seccomp"))) {
			error = parse_number(value, 10, &number);
			thread->seccomp = error == 0 ? (int)(number & 0xff) : 0;
		}
		break;
	case 'C':
		error = parse_set(line, thread);
		break;
	default:
		break;
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
		int error = parse_line(text, thread);

		if (error < 0) {
			procfs_clear_thread(thread);
			return error;
		}
		text = strchrnul(text, '\n');
		text += *text == '\n';
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
	int error = read_whole(path, ONE_RECORD, &text);

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
	int error = read_whole(path, ONE_RECORD, &text);

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

int procfs_translate_ids(pid_t pid, const char *map, const uint32_t *ids, uint32_t *inside,
			 size_t count)
{
	char *text;
	int error = read_map(pid, map, &text);

	if (error < 0)
		return error;
	for (size_t i = 0; i < count; i++)
		inside[i] = UINT32_MAX;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		uint32_t range[3]; /* first inside, first outside, how many */

		line += *line == '\n';
		if (!parse_ids(line, range, 3))
			break;
		for (size_t i = 0; i < count; i++)
			if (ids[i] >= range[1] && ids[i] - range[1] < range[2])
				inside[i] = range[0] + (ids[i] - range[1]);
	}
	free(text);
	return 0;
}

static uid_t overflow_uid = 65534;

static void read_overflow_uid(void)
{
	unsigned long long number;
	char *text;

	if (read_whole("/proc/sys/kernel/overflowuid", ONE_RECORD, &text) < 0)
		return;
	if (parse_number(text, 10, &number) == 0)
		overflow_uid = (uid_t)number;
	free(text);
}

uid_t procfs_overflow_uid(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_overflow_uid);
	return overflow_uid;
}

bool procfs_uid_is_unmapped(uid_t uid)
{
	bool mapped = false;
	char *text;

	if (uid != procfs_overflow_uid() || read_map(getpid(), "uid_map", &text) < 0)
		return false;
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		uint32_t range[3];

		line += *line == '\n';
		if (!parse_ids(line, range, 3))
			break;
		mapped = mapped || (uid >= range[0] && uid - range[0] < range[2]);
	}
	free(text);
	return !mapped;
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
