/* SPDX-License-Identifier: MIT */
/*
 * What a client has done, by whichever engine: as a system call of a thread that is the client, or
 * as an operation of a ring that names it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/engine.h"
#include "core/impersonate-thread.h"
#include "core/procfs.h"
#include "core/token.h"
#include "ring/operation.h"
#include "ring/ring.h"

/* -------------------------------------------------------------------------------- engines -- */

static int by_thread(void *operation)
{
	struct operation *self = operation;

	return self->call(self);
}

/* Whoever the thread works for stays what it says it works for, unless TOKEN is another's. */
static int by_ring(struct imp_token *token, struct operation *operation)
{
	struct imp_token *before = thread_token();
	const uint32_t number = token_number(token);
	int result;

	if (!operation->prepare)
		return -ENOTSUP;
	if (before == token)
		return ring_run(number, operation->prepare, operation);
	if (before)
		imp_token_ref(before);
	result = imp_serve(token);
	if (result == 0) {
		result = ring_run(number, operation->prepare, operation);
		thread_restore(before);
	} else {
		imp_token_unref(before);
	}
	return result;
}

static int perform(struct imp_token *token, struct operation *operation)
{
	int result = 0, error;

	if (!token)
		token = thread_token();
	if (token && imp_token_engine(token) == IMP_ENGINE_RING)
		return by_ring(token, operation);
	if (token == thread_token())
		return operation->call(operation);
	error = imp_run(token, by_thread, operation, &result);
	/* What was made by a thread that turned out to be somebody else is nothing to go on with.
	 */
	if (error < 0 && operation->undo && result >= 0)
		operation->undo(result);
	return error < 0 ? error : result;
}

static int result_of(long value)
{
	return value < 0 ? -errno : (int)value;
}

/* ------------------------------------------------------------------------------- opening -- */

static int call_open(const struct operation *self)
{
	return result_of(
		syscall(SYS_openat2, self->directory, self->path, self->how, sizeof(*self->how)));
}

static void undo_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

int imp_openat2(struct imp_token *token, int directory, const char *path,
		const struct open_how *how)
{
	struct operation operation = {
		.call = call_open,
		.undo = undo_open,
		.prepare = prepare_open,
		.directory = directory,
		.path = path,
		.how = how,
	};

	return perform(token, &operation);
}

/* ------------------------------------------------------------------------------ directory -- */

static int call_stat(const struct operation *self)
{
	return result_of(syscall(SYS_statx, self->directory, self->path, self->flags, self->mask,
				 self->status));
}

int imp_statx(struct imp_token *token, int directory, const char *path, int flags,
	      unsigned int mask, struct statx *status)
{
	struct operation operation = {
		.call = call_stat,
		.prepare = prepare_stat,
		.directory = directory,
		.path = path,
		.flags = (unsigned int)flags,
		.mask = mask,
		.status = status,
	};

	return perform(token, &operation);
}

static int call_mkdir(const struct operation *self)
{
	return result_of(mkdirat(self->directory, self->path, self->mode));
}

int imp_mkdirat(struct imp_token *token, int directory, const char *path, mode_t mode)
{
	struct operation operation = {
		.call = call_mkdir,
		.prepare = prepare_mkdir,
		.directory = directory,
		.path = path,
		.mode = mode,
	};

	return perform(token, &operation);
}

static int call_unlink(const struct operation *self)
{
	return result_of(unlinkat(self->directory, self->path, (int)self->flags));
}

int imp_unlinkat(struct imp_token *token, int directory, const char *path, int flags)
{
	struct operation operation = {
		.call = call_unlink,
		.prepare = prepare_unlink,
		.directory = directory,
		.path = path,
		.flags = (unsigned int)flags,
	};

	return perform(token, &operation);
}

static int call_rename(const struct operation *self)
{
	return result_of(syscall(SYS_renameat2, self->directory, self->path, self->new_directory,
				 self->new_path, self->flags));
}

int imp_renameat2(struct imp_token *token, int old_directory, const char *old_path,
		  int new_directory, const char *new_path, unsigned int flags)
{
	struct operation operation = {
		.call = call_rename,
		.prepare = prepare_rename,
		.directory = old_directory,
		.path = old_path,
		.new_directory = new_directory,
		.new_path = new_path,
		.flags = flags,
	};

	return perform(token, &operation);
}

static int call_link(const struct operation *self)
{
	return result_of(linkat(self->directory, self->path, self->new_directory, self->new_path,
				(int)self->flags));
}

/*
 * A file that is given by its descriptor alone may be linked by whose credentials opened it, which
 * are those of a process, or of a ring's number, but not of a thread that has become the client
 * anew; and before Linux 6.10 by nobody.  By its link in /proc it is the same file for all, whoever
 * opened it: what the service has open it is to give to clients with care.
 */
static int link_by_proc(struct imp_token *token, struct operation *operation)
{
	char path[PROCFS_FD_PATH];

	operation->path = procfs_fd_path(operation->directory, path);
	operation->flags = AT_SYMLINK_FOLLOW;
	return perform(token, operation);
}

int imp_linkat(struct imp_token *token, int old_directory, const char *old_path, int new_directory,
	       const char *new_path, int flags)
{
	/* Asked of what has a name it is of no use, and is refused to threads just as well. */
	if (old_path && old_path[0] != '\0')
		flags &= ~AT_EMPTY_PATH;

	struct operation operation = {
		.call = call_link,
		.prepare = prepare_link,
		.directory = old_directory,
		.path = old_path,
		.new_directory = new_directory,
		.new_path = new_path,
		.flags = (unsigned int)flags,
	};

	int result = perform(token, &operation);

	if (result == -ENOENT && (flags & AT_EMPTY_PATH) && old_directory >= 0)
		result = link_by_proc(token, &operation);
	return result;
}

static int call_symlink(const struct operation *self)
{
	return result_of(symlinkat(self->path, self->new_directory, self->new_path));
}

int imp_symlinkat(struct imp_token *token, const char *target, int directory, const char *path)
{
	struct operation operation = {
		.call = call_symlink,
		.prepare = prepare_symlink,
		.path = target,
		.new_directory = directory,
		.new_path = path,
	};

	return perform(token, &operation);
}

/* -------------------------------------------------------------------- extended attributes -- */

static int call_get(const struct operation *self)
{
	return result_of(self->path
				 ? getxattr(self->path, self->name, self->room, self->size)
				 : fgetxattr(self->directory, self->name, self->room, self->size));
}

static int call_set(const struct operation *self)
{
	return result_of(self->path ? setxattr(self->path, self->name, self->value, self->size,
					       (int)self->flags)
				    : fsetxattr(self->directory, self->name, self->value,
						self->size, (int)self->flags));
}

ssize_t imp_getxattr(struct imp_token *token, const char *path, const char *name, void *value,
		     size_t size)
{
	struct operation operation = {
		.call = call_get,
		.prepare = prepare_get,
		.path = path,
		.name = name,
		.room = value,
		.size = size,
	};

	return perform(token, &operation);
}

ssize_t imp_fgetxattr(struct imp_token *token, int fd, const char *name, void *value, size_t size)
{
	struct operation operation = {
		.call = call_get,
		.prepare = prepare_get,
		.directory = fd,
		.name = name,
		.room = value,
		.size = size,
	};

	return perform(token, &operation);
}

int imp_setxattr(struct imp_token *token, const char *path, const char *name, const void *value,
		 size_t size, int flags)
{
	struct operation operation = {
		.call = call_set,
		.prepare = prepare_set,
		.path = path,
		.name = name,
		.value = value,
		.size = size,
		.flags = (unsigned int)flags,
	};

	return perform(token, &operation);
}

int imp_fsetxattr(struct imp_token *token, int fd, const char *name, const void *value, size_t size,
		  int flags)
{
	struct operation operation = {
		.call = call_set,
		.prepare = prepare_set,
		.directory = fd,
		.name = name,
		.value = value,
		.size = size,
		.flags = (unsigned int)flags,
	};

	return perform(token, &operation);
}

/* ----------------------------------------------------------------------------- connecting -- */

static int call_connect(const struct operation *self)
{
	return result_of(connect(self->directory, self->address, self->length));
}

int imp_connect(struct imp_token *token, int fd, const struct sockaddr *address,
		unsigned int length)
{
	struct operation operation = {
		.call = call_connect,
		.prepare = engine && engine->connect ? prepare_connect : NULL,
		.directory = fd,
		.address = address,
		.length = length,
	};

	return perform(token, &operation);
}
