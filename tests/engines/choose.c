/* SPDX-License-Identifier: MIT */
/* Random users, and what they want done: mostly what could succeed, and often what could not. */
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engines.h"

/* ------------------------------------------------------------------------------------ users -- */

static bool is_in(const struct person *person, gid_t gid)
{
	for (size_t i = 0; i < person->n_groups; i++)
		if (person->groups[i] == gid)
			return true;
	return false;
}

void choose_person(struct person *person)
{
	const size_t wanted = random_below(one_in(6) ? 12 : 7);

	*person = (struct person){
		.uid = some_uid(), .gid = some_gid(), .level = IMP_LEVEL_IMPERSONATION};
	for (int tries = 0; person->n_groups < wanted && tries < 20; tries++) {
		gid_t gid = some_gid();

		if (!is_in(person, gid))
			person->groups[person->n_groups++] = gid;
	}
	if (one_in(8))
		person->level = IMP_LEVEL_IDENTIFICATION;
	else if (one_in(16))
		person->level = IMP_LEVEL_ANONYMOUS;
	else if (one_in(8))
		person->level = IMP_LEVEL_DELEGATION;
}

/* ------------------------------------------------------------------------------------ paths -- */

static void append(char *path, const char *text)
{
	/* Twice as long with the root before it still fits a socket's address. */
	if (strlen(path) + strlen(text) < 64)
		strcat(path, text);
}

static void go_on(char *path, bool making)
{
	if (making) {
		append(path, one_in(16) ? "//" : one_in(16) ? "/./" : "/");
		append(path, one_in(3) ? "new" : random_name());
	}
	if (one_in(30))
		append(path, "/..");
	if (one_in(24))
		append(path, "/");
	if (one_in(60))
		append(path, "/.");
}

/* One of the user's descriptors that is of KIND, if there is one. */
static int slot_of(const struct desk *desk, const struct command *command, mode_t kind)
{
	int first = (int)random_below(SLOTS);

	for (int i = 0; i < SLOTS && !one_in(20); i++)
		if (desk->kinds[command->user][(first + i) % SLOTS] == kind)
			return (first + i) % SLOTS;
	for (int i = 0; i < SLOTS && !one_in(8); i++)
		if (desk->kinds[command->user][(first + i) % SLOTS])
			return (first + i) % SLOTS;
	return one_in(16) ? AT_NOTHING : first;
}

static bool has_any(const struct desk *desk, const struct command *command)
{
	for (int i = 0; i < SLOTS; i++)
		if (desk->kinds[command->user][i])
			return true;
	return false;
}

static void choose_path(const struct desk *desk, const struct command *command, bool making,
			int *at, char path[PATH_ROOM])
{
	const struct tree *tree = desk->tree;
	const struct node *node = &tree->nodes[random_below((unsigned)tree->count)];

	*at = slot_of(desk, command, S_IFDIR);
	if (one_in(*at >= 0 && S_ISDIR(desk->kinds[command->user][*at]) ? 3 : 30)) {
		/* From what one of the user's descriptors is. */
		strcpy(path, one_in(10) ? "" : one_in(10) ? ".." : random_name());
		if (one_in(6))
			go_on(path, making);
		return;
	}
	*at = AT_ROOT;
	/* A new name is made where there can be one, and known ones are what is asked about. */
	while ((making ? !S_ISDIR(node->mode) : node->parent < 0) && !one_in(6))
		node = &tree->nodes[random_below((unsigned)tree->count)];
	strcpy(path, node->path);
	if (one_in(60))
		strcpy(path, one_in(2) ? "/" : "");
	go_on(path, making ? !one_in(12) : one_in(12));
	if (one_in(4) && path[0] == '/')
		memmove(path, path + 1, strlen(path));
}

/* A descriptor by its link in /proc, which leads also to what has no name. */
static void by_link(const struct desk *desk, struct command *command)
{
	static const mode_t kinds[] = {S_IFREG, S_IFREG, S_IFDIR, S_IFLNK, S_IFSOCK, S_IFIFO};
	int slot = slot_of(desk, command, kinds[random_below(6)]);

	command->at = BY_LINK;
	command->of_link = slot < 0 ? 0 : slot;
}

/* ------------------------------------------------------------------------------------ flags -- */

static unsigned long long some_of(const unsigned long long *flags, size_t count, unsigned rarely)
{
	unsigned long long all = 0;

	for (size_t i = 0; i < count; i++)
		if (one_in(rarely))
			all |= flags[i];
	return all;
}

static mode_t some_mode(void)
{
	static const mode_t common[] = {0644, 0600, 0666, 0755, 0777, 0700, 02755, 01777};

	return one_in(3) ? random_below(010000) : common[random_below(8)];
}

enum making { MAKING_NOTHING, MAKING_FILE, MAKING_NAMELESS };

static void choose_how(enum making making, struct open_how *how)
{
	static const unsigned long long creating[] = {O_CREAT, O_EXCL, O_TRUNC};
	static const unsigned long long others[] = {O_APPEND, O_NONBLOCK, O_SYNC, O_NOATIME,
						    O_NOCTTY};
	static const unsigned long long resolving[] = {RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS,
						       RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH,
						       RESOLVE_IN_ROOT};

	*how = (struct open_how){.flags = O_CLOEXEC | (one_in(40) ? 3 : random_below(3))};
	if (one_in(6))
		how->flags = O_CLOEXEC | O_PATH;
	else if (making == MAKING_NAMELESS)
		how->flags = O_CLOEXEC | O_TMPFILE | (one_in(8) ? O_RDONLY : 1 + random_below(2));
	else if (making == MAKING_FILE)
		how->flags |= O_CREAT | some_of(creating, 3, 4);
	else
		how->flags |= some_of(creating, 3, 10);
	if (!(how->flags & O_PATH) || one_in(20))
		how->flags |= some_of(others, 5, 16);
	if (making == MAKING_NOTHING ? one_in(4) : one_in(20))
		how->flags |= O_DIRECTORY;
	if (one_in(8))
		how->flags |= O_NOFOLLOW;
	if (one_in(80))
		how->flags |= 1ull << random_below(40);
	/* Bytes that a program reads from it are not to depend on their alignment. */
	how->flags &= ~(unsigned long long)(O_DIRECT | O_ASYNC);
	if (how->flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) || one_in(60))
		how->mode = some_mode();
	if (one_in(4))
		how->resolve = some_of(resolving, 5, 5);
	if (one_in(80))
		how->resolve |= 1ull << random_below(8);
	/* It is to say what is in memory, which nobody knows (openat2(2)). */
	how->resolve &= ~(unsigned long long)RESOLVE_CACHED;
}

/* ------------------------------------------------------------------------------- attributes -- */

static void choose_value(struct command *command)
{
	const bool list = strncmp(command->name, "system.", 7) == 0;

	if (list != one_in(12)) {
		random_list(command->value, &command->size);
	} else {
		command->size = random_below(20);
		for (size_t i = 0; i < command->size; i++)
			command->value[i] = (uint8_t)('a' + random_below(26));
	}
}

static void choose_attribute(struct command *command)
{
	static const char *const names[] = {"user.a",
					    "user.a",
					    "user.b",
					    "system.posix_acl_access",
					    "system.posix_acl_access",
					    "system.posix_acl_default",
					    "trusted.a",
					    "security.capability",
					    "nothing",
					    ""};
	static const unsigned flags[] = {0, 0, 0, XATTR_CREATE, XATTR_REPLACE, 4};
	const bool sets = command->work == WORK_SET || command->work == WORK_SET_FD;

	strcpy(command->name, names[random_below(one_in(4) ? 10 : 6)]);
	if (sets) {
		choose_value(command);
		command->flags = flags[random_below(6)];
	} else {
		command->size = one_in(4) ? 0 : one_in(6) ? 5 : VALUE_ROOM;
	}
}

/* ----------------------------------------------------------------------------- rest of them -- */

static void choose_status(struct command *command)
{
	static const unsigned long long flags[] = {AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT,
						   AT_STATX_FORCE_SYNC, AT_STATX_DONT_SYNC};

	command->flags = (unsigned)some_of(flags, 4, 5);
	if (command->path[0] == '\0' ? !one_in(4) : one_in(10))
		command->flags |= AT_EMPTY_PATH;
	if (one_in(80))
		command->flags |= 1u << random_below(31);
	command->mask = one_in(6) ? random_below(1u << 14) : STATX_BASIC_STATS;
	if (one_in(100))
		command->mask |= STATX__RESERVED;
}

static void choose_two(const struct desk *desk, struct command *command)
{
	static const unsigned links[] = {0, 0, 0, AT_SYMLINK_FOLLOW};
	static const unsigned renames[] = {0,
					   0,
					   0,
					   RENAME_NOREPLACE,
					   RENAME_EXCHANGE,
					   RENAME_WHITEOUT,
					   RENAME_NOREPLACE | RENAME_EXCHANGE,
					   8};

	choose_path(desk, command, command->work != WORK_RENAME || one_in(2), &command->to_at,
		    command->to_path);
	if (command->work == WORK_RENAME) {
		command->flags = renames[random_below(8)];
		return;
	}
	command->flags = links[random_below(4)];
	/* What is open, under another name: the way to give a name to what was made without. */
	if (has_any(desk, command) ? one_in(2) : one_in(30)) {
		command->at = slot_of(desk, command, S_IFREG);
		command->path[0] = '\0';
		command->flags = AT_EMPTY_PATH;
	} else if (one_in(4)) {
		by_link(desk, command);
		command->flags = AT_SYMLINK_FOLLOW;
	}
	if (one_in(100))
		command->flags |= 1u << random_below(31);
}

static void choose_socket(const struct tree *tree, struct command *command)
{
	static const int types[] = {SOCK_STREAM, SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	int first = (int)random_below((unsigned)tree->count);

	command->type = types[random_below(4)];
	/* Who waits for its turn at one that is full waits for good. */
	if (tree->has_full || one_in(2))
		command->type |= SOCK_NONBLOCK;
	command->at = AT_ROOT;
	/* Mostly one. */
	for (int i = 0; i < tree->count && !one_in(8); i++) {
		const struct node *node = &tree->nodes[(first + i) % tree->count];

		if (S_ISSOCK(node->mode)) {
			strcpy(command->path, node->path);
			if (!one_in(4))
				command->type = node->type | (command->type & SOCK_NONBLOCK);
			return;
		}
	}
}

static enum work some_work(void)
{
	static const enum work often[] = {WORK_OPEN, WORK_OPEN, WORK_OPEN, WORK_OPEN, WORK_CONNECT};

	return one_in(3) ? often[random_below(5)] : (enum work)random_below(N_WORKS);
}

static bool leads_to_directory(const struct desk *desk, const struct command *command)
{
	for (int i = 0; i < desk->tree->count; i++)
		if (strcmp(desk->tree->nodes[i].path, command->path) == 0)
			return S_ISDIR(desk->tree->nodes[i].mode);
	return false;
}

/*
 * A process that opens a FIFO for which nobody is there waits.  A ring does not: it tries all that
 * makes nothing without waiting first, and a FIFO takes that for O_NONBLOCK.  (No loss: a client
 * cannot stop the service with a FIFO then.)
 */
static void do_not_wait(struct open_how *how)
{
	if (!(how->flags & O_PATH))
		how->flags |= O_NONBLOCK;
}

static void choose_open(const struct desk *desk, struct command *command)
{
	static const enum making makings[] = {MAKING_NOTHING, MAKING_NOTHING, MAKING_NOTHING,
					      MAKING_FILE,    MAKING_FILE,    MAKING_NAMELESS};
	enum making making = makings[random_below(6)];

	choose_path(desk, command, making == MAKING_FILE && !one_in(4), &command->at,
		    command->path);
	choose_how(making, &command->how);
	if (desk->tree->has_left)
		do_not_wait(&command->how);
	/* Where there can be one without a name. */
	while (making == MAKING_NAMELESS && !one_in(3) && !leads_to_directory(desk, command))
		choose_path(desk, command, false, &command->at, command->path);
	if (one_in(14))
		by_link(desk, command);
	snprintf((char *)command->value, sizeof(command->value), "%04u", random_below(10000));
}

void choose_command(const struct desk *desk, struct command *command)
{
	memset(command, 0, sizeof(*command));
	command->work = some_work();
	command->user = (int)random_below(USERS);
	command->serving = one_in(2);
	command->slot = (int)random_below(SLOTS);
	choose_path(desk, command, command->work == WORK_MKDIR, &command->at, command->path);
	switch (command->work) {
	case WORK_OPEN:
		choose_open(desk, command);
		break;
	case WORK_STAT:
		choose_status(command);
		if (one_in(14))
			by_link(desk, command);
		break;
	case WORK_MKDIR:
		command->mode = some_mode();
		break;
	case WORK_UNLINK:
		command->flags = one_in(3) ? AT_REMOVEDIR : one_in(40) ? 1 : 0;
		break;
	case WORK_RENAME:
	case WORK_LINK:
	case WORK_SYMLINK:
		choose_two(desk, command);
		break;
	case WORK_GET_FD:
	case WORK_SET_FD:
		if (!has_any(desk, command) && !one_in(8)) {
			command->work = command->work == WORK_GET_FD ? WORK_GET : WORK_SET;
			choose_attribute(command);
			break;
		}
		command->at = slot_of(desk, command, one_in(3) ? S_IFDIR : S_IFREG);
		choose_attribute(command);
		break;
	case WORK_GET:
	case WORK_SET:
		choose_attribute(command);
		if (one_in(14))
			by_link(desk, command);
		break;
	default:
		choose_socket(desk->tree, command);
		break;
	}
}
