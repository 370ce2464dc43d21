/* SPDX-License-Identifier: MIT */
/* PUT, whole or not at all: what is seen under the name is the old content or the new one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/message.h"
#include "serve.h"

enum {
	TRIES = 100, /* somebody else may make the name, and take it away, in between */
	NAME_ROOM = 64,
};

struct put {
	int directory; /* where it is to be */
	const char *name;
	const char *body;
	size_t size;

	int old;		   /* what is there, opened for writing; or -1 */
	const char *conflict;	   /* what is there is nothing to be replaced */
	int fd;			   /* what is to be there */
	char temporary[NAME_ROOM]; /* its name until then; empty: it has none */
	bool replaces;
	bool in_place;
};

/* ---------------------------------------------------------------------------- what is there -- */

/* Why it is nothing to be replaced; NULL for a regular file. */
static const char *conflict_of(mode_t mode)
{
	if (S_ISREG(mode))
		return NULL;
	if (S_ISDIR(mode))
		return "is a directory";
	return S_ISLNK(mode) ? "is a symbolic link" : "is no regular file";
}

/* A file system that goes by names, in user space for one, does not know a file without any. */
static int gone(int error)
{
	return error == -ENOENT ? -ESTALE : error;
}

/*
 * The directory's permissions would be enough to replace a file that the client may not write: that
 * it can be opened for writing is asked for as well.  What it is, is looked at first, through a
 * descriptor of the very same: a FIFO or a device is never opened in earnest.
 */
static int open_old(struct put *put)
{
	char path[PROCFS_FD_PATH];
	struct stat status;
	int error = 0;
	int found = open_at(put->directory, put->name, O_PATH | O_NOFOLLOW, 0);

	if (found < 0)
		return found == -ENOENT ? 0 : found;
	if (fstat(found, &status) < 0) {
		error = gone(-errno);
	} else if ((put->conflict = conflict_of(status.st_mode))) {
		error = -EEXIST;
	} else {
		put->old = open_at(AT_FDCWD, procfs_fd_path(found, path),
				   O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
		put->replaces = put->old >= 0;
		error = put->replaces ? 0 : gone(put->old);
	}
	close(found);
	return error;
}

/* -------------------------------------------------------------------------- what is to be there --
 */

/* Unguessable; not in a directory in which names can be made and never taken away. */
static int think_of_name(const struct put *put, char name[NAME_ROOM])
{
	struct statx status;
	uint64_t random[2];

	if (statx(put->directory, "", AT_EMPTY_PATH, 0, &status) < 0)
		return -errno;
	if (status.stx_attributes & STATX_ATTR_APPEND)
		return -EPERM;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	snprintf(name, NAME_ROOM, ".put-%016llx%016llx", (unsigned long long)random[0],
		 (unsigned long long)random[1]);
	return 0;
}

static int open_named(struct put *put, mode_t mode)
{
	char name[NAME_ROOM];
	int error = think_of_name(put, name);

	if (error < 0)
		return error;
	put->fd = open_at(put->directory, name, O_WRONLY | O_CREAT | O_EXCL, mode);
	if (put->fd < 0)
		return put->fd;
	memcpy(put->temporary, name, NAME_ROOM);
	return 0;
}

static int open_new(struct put *put)
{
	/* What replaces another has nobody else's permissions before it has that one's. */
	mode_t mode = put->replaces ? 0600 : 0666;

	put->fd = open_at(put->directory, ".", O_TMPFILE | O_WRONLY, mode);
	if (put->fd >= 0)
		return 0;
	/* A file system, or a kernel, that has no files without names. */
	if (put->fd == -EOPNOTSUPP || put->fd == -EISDIR || put->fd == -ENOENT)
		return open_named(put, mode);
	return put->fd;
}

static int write_body(const struct put *put)
{
	for (size_t done = 0; done < put->size;) {
		ssize_t n = write(put->fd, put->body + done, put->size - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int make_new(struct put *put)
{
	int error = open_new(put);

	if (error == 0)
		error = write_body(put);
	if (error == 0)
		error = put->replaces ? gone(keep_permissions(put->fd, put->old))
				      : take_umask(put->fd);
	if (error == 0 && fsync(put->fd) < 0)
		error = -errno;
	return error;
}

/* -------------------------------------------------------------------------------- in its place --
 */

/* A name for the file that has none; by /proc where the kernel asks for a capability otherwise. */
static int link_as(const struct put *put, const char *name)
{
	char path[PROCFS_FD_PATH];
	int error = imp_linkat(NULL, put->fd, "", put->directory, name, AT_EMPTY_PATH);

	if (error == -ENOENT)
		error = imp_linkat(NULL, AT_FDCWD, procfs_fd_path(put->fd, path), put->directory,
				   name, AT_SYMLINK_FOLLOW);
	return error;
}

static int rename_temporary(const struct put *put, unsigned int flags)
{
	return imp_renameat2(NULL, put->directory, put->temporary, put->directory, put->name,
			     flags);
}

/* Nothing was there: -EEXIST where something is by now. */
static int place_new(const struct put *put)
{
	if (!put->temporary[0])
		return link_as(put, put->name);

	int error = rename_temporary(put, RENAME_NOREPLACE);

	/* A file system that cannot tell. */
	return error == -EINVAL ? rename_temporary(put, 0) : error;
}

static int replace_old(struct put *put)
{
	char name[NAME_ROOM];
	int error = put->temporary[0] ? 0 : think_of_name(put, name);

	if (error == 0 && !put->temporary[0]) {
		error = link_as(put, name);
		if (error == 0)
			memcpy(put->temporary, name, NAME_ROOM);
	}
	return error < 0 ? error : rename_temporary(put, 0);
}

/* A directory that the client may not list cannot be synced: then the file, for what it is worth.
 */
static int sync_directory(int directory, int fd)
{
	if (fsync(directory) == 0 || errno == EINVAL)
		return 0;
	if (errno != EBADF)
		return -errno;
	return fd < 0 || fsync(fd) == 0 ? 0 : -errno;
}

static int place(struct put *put)
{
	int error = put->replaces ? replace_old(put) : place_new(put);

	if (error < 0)
		return error;
	put->in_place = true;
	return sync_directory(put->directory, put->fd);
}

/* ------------------------------------------------------------------------------- PUT, DELETE -- */

static int put_once(struct put *put)
{
	put->old = put->fd = -1;
	put->replaces = false;
	put->temporary[0] = '\0';

	int error = open_old(put);

	if (error == 0)
		error = make_new(put);
	/* What is open while its name goes gets another one on some file systems. */
	if (put->old >= 0)
		close(put->old);
	if (error == 0)
		error = place(put);
	if (put->fd >= 0)
		close(put->fd);
	/* What cannot be taken away stays. */
	if (put->temporary[0] && !put->in_place &&
	    imp_unlinkat(NULL, put->directory, put->temporary, 0) == 0)
		put->temporary[0] = '\0';
	return error;
}

static bool names_a_directory(const char *name)
{
	size_t length = strlen(name);

	return length == 0 || name[length - 1] == '/' || strcmp(name, ".") == 0 ||
	       strcmp(name, "..") == 0;
}

static void reply_conflict(struct reply *reply, const char *path, const char *reason)
{
	char safe[4096];

	reply_text(reply, MHD_HTTP_CONFLICT, "/%s: %s\n", printable(path, safe, sizeof(safe)),
		   reason);
}

static void reply_failure(struct reply *reply, const char *path, int error)
{
	if (error == -EISDIR)
		reply_conflict(reply, path, conflict_of(S_IFDIR));
	else
		reply_error(reply, path, -error);
}

/* What was there, or was not, has changed meanwhile. */
static bool is_to_be_tried(const struct put *put, int error)
{
	return (error == -EEXIST || error == -ESTALE) && !put->conflict && !put->in_place;
}

void put_file(int root_fd, const char *path, const char *body, size_t size, struct reply *reply)
{
	struct put put = {.body = body, .size = size};
	int error = put.directory = open_parent(root_fd, path, &put.name);

	if (error >= 0) {
		error = -EEXIST;
		put.conflict = names_a_directory(put.name) ? "names a directory" : NULL;
	}
	for (int i = 0; i < TRIES && is_to_be_tried(&put, error); i++)
		error = put_once(&put);
	if (is_to_be_tried(&put, error))
		error = -EAGAIN;
	if (put.directory >= 0)
		close(put.directory);

	if (put.conflict)
		reply_conflict(reply, path, put.conflict);
	else if (error < 0 && put.in_place)
		reply_reason(reply, "written, but may not outlast a crash: /", path, -error);
	else if (error < 0)
		reply_failure(reply, path, error);
	else if (put.replaces)
		reply_text(reply, MHD_HTTP_NO_CONTENT, "%s", "");
	else
		reply_text(reply, MHD_HTTP_CREATED, "created\n");
}

void delete_file(int root_fd, const char *path, struct reply *reply)
{
	const char *name;
	int directory = open_parent(root_fd, path, &name);
	int error = directory < 0 ? directory : 0;

	if (error == 0)
		error = imp_unlinkat(NULL, directory, name[0] ? name : ".", 0);
	if (error == 0)
		error = sync_directory(directory, -1);
	if (directory >= 0)
		close(directory);

	if (error < 0)
		reply_failure(reply, path, error);
	else
		reply_text(reply, MHD_HTTP_NO_CONTENT, "%s", "");
}
