/* SPDX-License-Identifier: MIT */
/* A refused call made a question: who asked, about which paths, and for what. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/pidfd.h"
#include "question.h"

/* ------------------------------------------------------------------------------------ paths -- */

/* The kernel's name for what a descriptor of ours is. */
static bool name_of(int fd, char *buffer, size_t size)
{
	char link[PROCFS_FD_PATH];
	ssize_t length = readlink(procfs_fd_path(fd, link), buffer, size - 1);

	buffer[length < 0 ? 0 : length] = '\0';
	return length > 0 && buffer[0] == '/';
}

/* What we may not do or see of a thread takes CAP_SYS_PTRACE. */
static int note_unseen(struct question *question, int error)
{
	if (error == -EACCES || error == -EPERM)
		question->unseen = true;
	return error;
}

static int open_place(struct question *question, int fd)
{
	char place[32] = "cwd";

	if (fd != AT_FDCWD)
		snprintf(place, sizeof(place), "fd/%d", fd);
	return note_unseen(
		question, procfs_open_place(question->refused->tid, question->refused->tid, place));
}

/* The file itself; a directory by going nowhere from it. */
static bool find_descriptor(struct question *question, int fd, struct spot *spot)
{
	struct stat status;

	spot->of_descriptor = true;
	spot->base.current = open_place(question, fd);
	if (spot->base.current < 0 || fstat(spot->base.current, &status) < 0 ||
	    !name_of(spot->base.current, spot->shown, sizeof(spot->shown)))
		return false;

	const char *path = S_ISDIR(status.st_mode) ? "." : spot->shown;
	size_t length = strlen(path);

	if (length >= sizeof(spot->path))
		return false;
	memcpy(spot->path, path, length + 1);
	return true;
}

static bool find_path(struct question *question, int fd, struct spot *spot)
{
	size_t length;

	if (spot->path[0] == '/') {
		snprintf(spot->shown, sizeof(spot->shown), "%s", spot->path);
		return true;
	}
	spot->base.current = open_place(question, fd);
	if (spot->base.current < 0) {
		memcpy(question->unseen_path, spot->path, sizeof(question->unseen_path));
		return false;
	}
	name_of(spot->base.current, spot->shown, PATH_MAX);
	length = strlen(spot->shown);
	/* "./configure" is what a shell wants to hear, and no name that anybody uses. */
	const char *path = spot->path;

	while (path[0] == '.' && path[1] == '/' && path[2] && path[2] != '/')
		path += 2;
	snprintf(spot->shown + length, sizeof(spot->shown) - length, "%s%s",
		 length > 1 || length == 0 ? "/" : "", path);
	return true;
}

static int read_path(struct question *question, uint64_t address, struct spot *spot)
{
	int error =
		trace_read_string(question->refused->tid, address, spot->path, sizeof(spot->path));

	question->gone = question->gone || error == -ESRCH;
	return note_unseen(question, error);
}

/* False where there is none, or it cannot be known. */
static bool find_spot(struct question *question, const struct call_place *place, struct spot *spot)
{
	const struct refused_call *refused = question->refused;
	int fd = place->directory == NO_ARGUMENT ? AT_FDCWD
						 : (int)refused->arguments[place->directory];
	uint64_t address = place->path == NO_ARGUMENT ? 0 : refused->arguments[place->path];

	if (place->directory == NO_ARGUMENT && place->path == NO_ARGUMENT)
		return false;
	if (address && read_path(question, address, spot) < 0)
		return false;
	if (spot->path[0])
		return find_path(question, fd, spot);
	return fd != AT_FDCWD && find_descriptor(question, fd, spot);
}

static void clear_spot(struct spot *spot)
{
	if (spot->base.root >= 0)
		close(spot->base.root);
	if (spot->base.current >= 0)
		close(spot->base.current);
}

static void add_spot(struct question *question, const struct call_place *place)
{
	struct spot *spot = &question->spots[question->n_spots];

	*spot = (struct spot){.base = {.root = -1, .current = AT_FDCWD}};
	if (!find_spot(question, place, spot)) {
		clear_spot(spot);
		return;
	}
	question->n_spots++;
}

/* -------------------------------------------------------------------------------- addresses -- */

/* A Unix socket has a path, unless its name is one of the abstract kind. */
static void read_address(struct question *question)
{
	const struct refused_call *refused = question->refused;
	struct sockaddr_storage *address = &question->address;
	uint64_t size = refused->arguments[2];

	if (size > sizeof(*address) || size < sizeof(address->ss_family) ||
	    trace_read(refused->tid, refused->arguments[1], address, (size_t)size) < 0) {
		address->ss_family = AF_UNSPEC;
		return;
	}
	if (address->ss_family != AF_UNIX)
		return;

	const char *path = ((const struct sockaddr_un *)address)->sun_path;
	size_t room = (size_t)size - offsetof(struct sockaddr_un, sun_path);
	struct spot *spot = &question->spots[0];

	*spot = (struct spot){.base = {.root = -1, .current = AT_FDCWD}};
	if (size <= offsetof(struct sockaddr_un, sun_path) || path[0] == '\0')
		return;
	snprintf(spot->path, sizeof(spot->path), "%.*s", (int)room, path);
	if (!find_path(question, AT_FDCWD, spot))
		return;
	question->n_spots = 1;
}

/* ------------------------------------------------------------------------------------- want -- */

static unsigned want_of_open(uint64_t flags)
{
	static const unsigned wants[] = {
		[O_RDONLY] = ACCESS_READ,
		[O_WRONLY] = ACCESS_WRITE,
		[O_RDWR] = ACCESS_READ | ACCESS_WRITE,
		[O_ACCMODE] = ACCESS_READ | ACCESS_WRITE,
	};

	if (flags & O_PATH)
		return 0;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return ACCESS_WRITE | ACCESS_EXECUTE; /* of the directory */
	return wants[flags & O_ACCMODE] | (flags & O_TRUNC ? ACCESS_WRITE : 0u) |
	       (flags & O_CREAT ? ACCESS_CREATE : 0u);
}

/* For ACLs it is the owner's right, and for what is not the user's a capability's. */
static unsigned want_of_attribute(const struct question *question, unsigned want)
{
	if (strncmp(question->attribute, "user.", 5) == 0)
		return want;
	if (strncmp(question->attribute, "system.posix_acl_", 17) == 0)
		return want == ACCESS_WRITE ? ACCESS_CHMOD : 0;
	return 0;
}

static void find_want(struct question *question)
{
	const struct refused_call *refused = question->refused;
	const struct call *call = refused->call;
	uint64_t detail = call->detail == NO_ARGUMENT ? 0 : refused->arguments[call->detail];

	question->want = call->want;
	switch (call->about) {
	case ABOUT_OPEN:
		question->flags = detail;
		question->want = want_of_open(question->flags);
		break;
	case ABOUT_OPEN_HOW: /* its first member is the flags */
		if (trace_read(refused->tid, detail, &question->flags, sizeof(question->flags)) ==
		    0)
			question->want = want_of_open(question->flags);
		break;
	case ABOUT_ACCESS:
		question->want = (unsigned)detail & ACCESS_RWX;
		break;
	case ABOUT_TIMES: /* now: who may write may; another time: the owner (utimensat(2)) */
		question->want = refused->error == EPERM ? ACCESS_CHMOD : ACCESS_WRITE;
		break;
	case ABOUT_ATTRIBUTE:
		if (trace_read_string(refused->tid, detail, question->attribute,
				      sizeof(question->attribute)) < 0)
			question->attribute[0] = '\0';
		question->want = want_of_attribute(question, call->want);
		break;
	default:
		break;
	}
}

const char *question_aim(const struct question *question)
{
	static const char *const aims[] = {
		"",
		" for executing",
		" for writing",
		" for writing and executing",
		" for reading",
		" for reading and executing",
		" for reading and writing",
		" for reading, writing and executing",
	};

	switch (question->refused->call->about) {
	case ABOUT_OPEN:
	case ABOUT_OPEN_HOW:
		if ((question->flags & O_TMPFILE) == O_TMPFILE)
			return " for a file without a name";
		return aims[question->want & ACCESS_RWX];
	case ABOUT_ACCESS:
		return aims[question->want & ACCESS_RWX];
	default:
		return "";
	}
}

/* -------------------------------------------------------------------------------------- who -- */

/* access(2) asks for the real ids, and for the capabilities that root among them would have. */
static int become_real(struct access_subject *subject, const struct procfs_thread *thread)
{
	struct groups *groups;
	int error;

	if (thread->uids[ID_REAL] == thread->uids[ID_FILESYSTEM] &&
	    thread->gids[ID_REAL] == thread->gids[ID_FILESYSTEM])
		return 0;
	error = groups_new(thread->groups, thread->n_groups, &groups);
	if (error < 0)
		return error;
	identity_clear(&subject->identity);
	identity_init(&subject->identity, thread->uids[ID_REAL], thread->gids[ID_REAL], groups);
	subject->uids[ID_FILESYSTEM] = thread->uids[ID_REAL];
	subject->gids[ID_FILESYSTEM] = thread->gids[ID_REAL];
	subject->capabilities =
		thread->uids[ID_REAL] == 0 ? thread->capabilities[SET_PERMITTED] : 0;
	return 0;
}

static bool asks_as_real(const struct refused_call *refused)
{
	return refused->call->about == ABOUT_ACCESS &&
	       !(strcmp(refused->call->name, "faccessat2") == 0 &&
		 (refused->arguments[3] & AT_EACCESS));
}

/* Any thread has a directory under its own id. */
static int read_thread(struct question *question)
{
	if (question->thread.pid)
		return 0;
	return procfs_read_thread(question->refused->tid, question->refused->tid,
				  &question->thread);
}

static int find_uid(struct question *question)
{
	int id = asks_as_real(question->refused) ? ID_REAL : ID_FILESYSTEM;
	uid_t uids[N_IDS];
	gid_t gids[N_IDS];
	int error = pidfd_read_ids(question->refused->tid, uids, gids);

	if (error == 0) {
		question->uid = uids[id];
	} else if (error == -ENOSYS) {
		error = read_thread(question);
		question->uid = question->thread.uids[id];
	}
	return error;
}

int question_find_who(struct question *question)
{
	const struct procfs_thread *thread = &question->thread;
	struct access_subject *subject = &question->who.subject;
	int error = read_thread(question);

	if (error == 0)
		error = subject_of_thread(thread->pid, thread->tid, IMP_LEVEL_IMPERSONATION,
					  subject);
	if (error == 0 && asks_as_real(question->refused))
		error = become_real(subject, thread);
	if (error < 0)
		return error;
	identity_user_text(question->uid, question->user, sizeof(question->user));
	question->who.text = question->user;
	for (size_t i = 0; i < question->n_spots; i++) {
		question->spots[i].base.root = procfs_open_place(thread->pid, thread->tid, "root");
		question->spots[i].base.mounts_of = thread->pid;
	}
	return 0;
}

int question_of(const struct refused_call *refused, struct question *question)
{
	int error;

	*question = (struct question){.refused = refused};
	error = find_uid(question);
	if (error < 0)
		return error;
	if (refused->call->about == ABOUT_ADDRESS)
		read_address(question);
	for (size_t i = 0; i < 2; i++)
		add_spot(question, &refused->call->places[i]);
	find_want(question);
	if (question->gone)
		question_clear(question);
	return question->gone ? -ESRCH : 0;
}

void question_clear(struct question *question)
{
	for (size_t i = 0; i < question->n_spots; i++)
		clear_spot(&question->spots[i]);
	subject_clear(&question->who.subject);
	procfs_clear_thread(&question->thread);
}
