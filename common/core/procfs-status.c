/* SPDX-License-Identifier: MIT */
/* The text of /proc/PID/task/TID/status (proc(5)), which procfs.c reads: nothing is opened here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procfs.h"

const char *procfs_parse_ids(const char *text, uint32_t *ids, size_t count)
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
		text = procfs_parse_ids(text, &thread->groups[thread->n_groups], 1);
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

int procfs_parse_number(const char *text, int base, unsigned long long *number)
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
		if (procfs_parse_number(value, 16, &number) < 0)
			return -EPROTO;
		thread->capabilities[sets[i].set] = number;
	}
	return 0;
}

static int parse_pid(const char *value, pid_t *pid)
{
	unsigned long long number;

	if (procfs_parse_number(value, 10, &number) < 0 || number > INT32_MAX)
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
			error = procfs_parse_number(value, 10, &number);
			thread->no_new_privs = error == 0 && number != 0;
		}
		break;
	case 'U':
		if ((value = value_of(line, "Uid"))) {
			error = procfs_parse_ids(value, thread->uids, N_IDS) ? 0 : -EPROTO;
		} else if ((value = value_of(line, "Umask"))) {
			error = procfs_parse_number(value, 8, &number);
			thread->umask = (mode_t)(number & 0777);
		}
		break;
	case 'G':
		if ((value = value_of(line, "Gid")))
			error = procfs_parse_ids(value, thread->gids, N_IDS) ? 0 : -EPROTO;
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
			error = procfs_parse_number(value, 10, &number);
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

static const char *parse_id(const char *text, pid_t *id)
{
	char *end;

	/* No sign, no leading zero; unlike a uid, 65535 is one like any other. */
	if (text[0] < '1' || text[0] > '9')
		return NULL;
	errno = 0;
	long value = strtol(text, &end, 10);

	if (errno || value > INT32_MAX)
		return NULL;
	*id = (pid_t)value;
	return end;
}

int procfs_parse_thread(const char *text, pid_t *pid, pid_t *tid)
{
	const char *end = parse_id(text, pid);

	*tid = 0;
	if (end && *end == '/')
		end = parse_id(end + 1, tid);
	return end && *end == '\0' ? 0 : -EINVAL;
}
