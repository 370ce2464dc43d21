/* SPDX-License-Identifier: MIT */
/* A disagreement, told so that nothing else is needed to understand it. */
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "engines.h"

const char *const work_names[N_WORKS] = {
	[WORK_OPEN] = "openat2",      [WORK_STAT] = "statx",	   [WORK_MKDIR] = "mkdirat",
	[WORK_UNLINK] = "unlinkat",   [WORK_RENAME] = "renameat2", [WORK_LINK] = "linkat",
	[WORK_SYMLINK] = "symlinkat", [WORK_GET] = "getxattr",	   [WORK_GET_FD] = "fgetxattr",
	[WORK_SET] = "setxattr",      [WORK_SET_FD] = "fsetxattr", [WORK_CONNECT] = "connect",
};

void report_person(const struct person *person)
{
	printf("  user: uid %u gid %u groups", person->uid, person->gid);
	for (size_t i = 0; i < person->n_groups; i++)
		printf(" %u", person->groups[i]);
	printf(", level %s\n", imp_level_name(person->level));
}

static void print_place(int at, int of_link, const char *path)
{
	if (at == BY_LINK)
		printf("/proc/self/fd of slot %d", of_link);
	else if (at == AT_ROOT)
		printf("\"%s\"", path);
	else
		printf("slot %d, \"%s\"", at, path);
}

static void print_bytes(const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf(bytes[i] > ' ' && bytes[i] < 127 ? "%c" : "\\%02x", bytes[i]);
}

void report_command(const struct command *command)
{
	printf("  %s%s(", command->serving ? "working for the user: " : "",
	       work_names[command->work]);
	print_place(command->at, command->of_link, command->path);
	if (command->to_path[0] || command->work == WORK_RENAME || command->work == WORK_LINK ||
	    command->work == WORK_SYMLINK) {
		printf(" -> ");
		print_place(command->to_at, 0, command->to_path);
	}
	if (command->work == WORK_OPEN)
		printf(", flags 0%llo mode 0%llo resolve %#llx, into slot %d",
		       (unsigned long long)command->how.flags,
		       (unsigned long long)command->how.mode,
		       (unsigned long long)command->how.resolve, command->slot);
	if (command->name[0])
		printf(", %s", command->name);
	if (command->work == WORK_SET || command->work == WORK_SET_FD) {
		printf(" = ");
		print_bytes(command->value, command->size);
	}
	printf(", flags %#x mask %#x mode 0%o size %zu type %d)\n", command->flags, command->mask,
	       command->mode, command->size, command->type);
}

void report_answer(enum way way, const struct command *command, const struct answer *answer,
		   const char *peers)
{
	static const char *const names[WAYS] = {"process", "thread", "ring"};

	printf("  %-8s", names[way]);
	if (answer->result < 0)
		printf("%s", error_name((int)-answer->result));
	else
		printf("%lld", (long long)answer->result);
	if (command->work == WORK_OPEN || command->work == WORK_STAT)
		printf(", flags 0%o mode %06o %u:%u links %u size %llu mask %#llx",
		       answer->file.flags, answer->file.mode, answer->file.uid, answer->file.gid,
		       answer->file.links, (unsigned long long)answer->file.size,
		       (unsigned long long)answer->file.mask);
	printf(", \"");
	print_bytes(answer->value, command->work == WORK_OPEN
					   ? strnlen((const char *)answer->value, VALUE_ROOM)
				   : answer->result > 0 ? (size_t)answer->result
							: 0);
	printf("\"%s%s\n", peers[0] ? " seen by " : "", peers);
}

/* Up to the end of the line, and behind it. */
static const char *next_line(const char *text, size_t *length)
{
	*length = strcspn(text, "\n");
	return text + *length + (text[*length] == '\n');
}

void report_looks(enum way way, const char *one, const char *other)
{
	while (*one || *other) {
		size_t length, other_length;
		const char *next = next_line(one, &length);
		const char *other_next = next_line(other, &other_length);

		if (length != other_length || memcmp(one, other, length) != 0) {
			printf("  by a process there is   %.*s\n", (int)length, one);
			printf("  by the %s engine %s %.*s\n", way == WAY_RING ? "ring" : "thread",
			       way == WAY_RING ? "  " : "", (int)other_length, other);
			return;
		}
		one = next;
		other = other_next;
	}
}
