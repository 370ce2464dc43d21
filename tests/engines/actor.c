/* SPDX-License-Identifier: MIT */
/* Does what is commanded, as the user it is or as the client it is told, and says what came of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engines.h"

/* ------------------------------------------------------------------------------ whose work -- */

/* Whom the operation is given, NULL where the thread works for that user already. */
static struct imp_token *token_for(struct actor *actor, const struct command *command)
{
	int user = actor->defect ? (command->user + 1) % USERS : command->user;

	if (actor->calls == &plain_calls)
		return NULL;
	if (!command->serving) {
		imp_revert();
		actor->current = -1;
		return actor->tokens[user];
	}
	if (actor->current != user) {
		int error = imp_serve(actor->tokens[user]);

		errno = -error;
		if (error < 0)
			broken("imp_serve");
		actor->current = user;
	}
	return NULL;
}

static int slot(const struct actor *actor, const struct command *command, int at)
{
	return at == AT_ROOT ? AT_FDCWD : at < 0 ? -1 : actor->files[command->user][at];
}

static const char *path_of(const struct actor *actor, const struct command *command, char *room)
{
	if (command->at != BY_LINK)
		return command->path;
	snprintf(room, PATH_ROOM, "/proc/self/fd/%d",
		 actor->files[command->user][command->of_link]);
	return room;
}

/* ----------------------------------------------------------------------------- what was seen -- */

static void describe(const struct stat *status, struct answer *answer)
{
	answer->file.mode = status->st_mode;
	answer->file.uid = status->st_uid;
	answer->file.gid = status->st_gid;
	answer->file.links = (uint32_t)status->st_nlink;
	answer->file.size = (uint64_t)status->st_size;
}

/* Reads from it and writes to it, so that it is seen which file it is, here and in the tree. */
static void use_file(int fd, const struct command *command, struct answer *answer)
{
	struct stat status;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &status) < 0)
		broken("fstat");
	describe(&status, answer);
	answer->file.flags = (uint32_t)flags;
	answer->file.mask = (uint64_t)fcntl(fd, F_GETFD);
	/* Access mode 3 asks for both rights and gives none. */
	if (!S_ISREG(status.st_mode) || flags & O_PATH || (flags & O_ACCMODE) == O_ACCMODE)
		return;
	if ((flags & O_ACCMODE) != O_WRONLY && pread(fd, answer->value, TEXT_ROOM, 0) < 0)
		broken("read %s", command->path);
	/* Whether write(2) leaves a set-group-ID bit is a matter of the groups of who writes, and
	 * that is the service. */
	if ((flags & O_ACCMODE) != O_RDONLY && !(status.st_mode & S_ISGID) &&
	    pwrite(fd, command->value, 4, 0) != 4)
		broken("write %s", command->path);
}

static void see_status(const struct statx *status, struct answer *answer)
{
	answer->file.mode = status->stx_mode;
	answer->file.uid = status->stx_uid;
	answer->file.gid = status->stx_gid;
	answer->file.links = status->stx_nlink;
	answer->file.size = status->stx_size;
	answer->file.mask = status->stx_mask;
}

/* ------------------------------------------------------------------------------------ doing -- */

static void open_file(struct actor *actor, struct imp_token *token, const struct command *command,
		      struct answer *answer)
{
	int *keep = &actor->files[command->user][command->slot];
	char room[PATH_ROOM];
	int fd = actor->calls->openat2(token, slot(actor, command, command->at),
				       path_of(actor, command, room), &command->how);

	answer->result = fd < 0 ? fd : 0;
	if (fd < 0)
		return;
	use_file(fd, command, answer);
	if (*keep >= 0)
		close(*keep);
	*keep = fd;
}

static int connect_socket(const struct actor *actor, struct imp_token *token,
			  const struct command *command)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, command->type | SOCK_CLOEXEC, 0), result;

	if (fd < 0)
		broken("socket");
	strcpy(address.sun_path, command->path);
	result = actor->calls->connect(
		token, fd, (struct sockaddr *)&address,
		(unsigned)(offsetof(struct sockaddr_un, sun_path) + strlen(command->path) + 1));
	close(fd);
	return result;
}

static int64_t read_attribute(const struct actor *actor, struct imp_token *token,
			      const struct command *command, struct answer *answer)
{
	char room[PATH_ROOM];

	if (command->work == WORK_GET_FD)
		return actor->calls->fgetxattr(token, slot(actor, command, command->at),
					       command->name, answer->value, command->size);
	return actor->calls->getxattr(token, path_of(actor, command, room), command->name,
				      answer->value, command->size);
}

static void perform(struct actor *actor, const struct command *command, struct answer *answer)
{
	struct imp_token *token = token_for(actor, command);
	const struct calls *calls = actor->calls;
	int at = slot(actor, command, command->at), to = slot(actor, command, command->to_at);
	char room[PATH_ROOM];
	const char *path = path_of(actor, command, room);
	struct statx status = {.stx_mask = 0};

	switch (command->work) {
	case WORK_OPEN:
		open_file(actor, token, command, answer);
		break;
	case WORK_STAT:
		answer->result =
			calls->statx(token, at, path, (int)command->flags, command->mask, &status);
		see_status(&status, answer);
		break;
	case WORK_MKDIR:
		answer->result = calls->mkdirat(token, at, path, command->mode);
		break;
	case WORK_UNLINK:
		answer->result = calls->unlinkat(token, at, path, (int)command->flags);
		break;
	case WORK_RENAME:
		answer->result =
			calls->renameat2(token, at, path, to, command->to_path, command->flags);
		break;
	case WORK_LINK:
		answer->result =
			calls->linkat(token, at, path, to, command->to_path, (int)command->flags);
		break;
	case WORK_SYMLINK:
		answer->result = calls->symlinkat(token, command->path, to, command->to_path);
		break;
	case WORK_GET:
	case WORK_GET_FD:
		answer->result = read_attribute(actor, token, command, answer);
		break;
	case WORK_SET:
		answer->result = calls->setxattr(token, path, command->name, command->value,
						 command->size, (int)command->flags);
		break;
	case WORK_SET_FD:
		answer->result = calls->fsetxattr(token, at, command->name, command->value,
						  command->size, (int)command->flags);
		break;
	case WORK_CONNECT:
		answer->result = connect_socket(actor, token, command);
		break;
	default:
		broken("command %d", command->work);
	}
}

/* --------------------------------------------------------------------------------- clients -- */

static void admit(struct actor *actor, const struct command *command, struct answer *answer)
{
	struct imp_token **token = &actor->tokens[command->user];
	int error;

	/* Not as a client: it is the primary identity that takes connections. */
	umask(command->mode);
	imp_revert();
	actor->current = -1;
	actor->connections[command->user] = accept4(actor->listener, NULL, NULL, SOCK_CLOEXEC);
	if (actor->connections[command->user] < 0)
		broken("accept");
	error = imp_token_from_connection(actor->connections[command->user], actor->policy, token);
	errno = -error;
	if (error < 0)
		broken("imp_token_from_connection");
	if (imp_token_engine(*token) != actor->engine)
		broken("a token of the engine %s", imp_engine_name(imp_token_engine(*token)));
	answer->file.uid = imp_token_access(*token)->uid;
	answer->file.gid = imp_token_access(*token)->gid;
}

static void release(struct actor *actor)
{
	if (actor->calls == &library_calls)
		imp_revert();
	actor->current = -1;
	for (int user = 0; user < USERS; user++) {
		imp_token_unref(actor->tokens[user]);
		actor->tokens[user] = NULL;
		if (actor->connections[user] >= 0)
			close(actor->connections[user]);
		actor->connections[user] = -1;
		for (int i = 0; i < SLOTS; i++) {
			if (actor->files[user][i] >= 0)
				close(actor->files[user][i]);
			actor->files[user][i] = -1;
		}
	}
}

/* -------------------------------------------------------------------------------- commanded -- */

static void empty(struct actor *actor)
{
	actor->current = -1;
	for (int user = 0; user < USERS; user++) {
		actor->connections[user] = -1;
		for (int i = 0; i < SLOTS; i++)
			actor->files[user][i] = -1;
	}
}

_Noreturn void actor_play(struct actor *actor, int peer)
{
	static struct command command;
	static struct answer answer;

	empty(actor);
	while (recv(peer, &command, sizeof(command), 0) == sizeof(command)) {
		memset(&answer, 0, sizeof(answer));
		if (command.work == WORK_ADMIT)
			admit(actor, &command, &answer);
		else if (command.work == WORK_RELEASE)
			release(actor);
		else
			perform(actor, &command, &answer);
		if (send(peer, &answer, sizeof(answer), 0) != sizeof(answer))
			broken("send");
	}
	release(actor);
	_exit(0);
}
