/* SPDX-License-Identifier: MIT */
/* What is done as the client, one piece of work at a time. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/message.h"
#include "serve.h"

enum {
	READ_AT_ONCE = 65536, /* a file up to this is read as the client, a larger one is sent */
	READ_UNSIZED =
		1 << 20, /* as much of a file that does not tell its size, as those of /proc */
	LIST_ENTRIES = 65536,
};

/* -------------------------------------------------------------------------------- replies -- */

void reply_clear(struct reply *reply)
{
	free(reply->body);
	if (reply->fd >= 0)
		close(reply->fd);
	*reply = (struct reply){.fd = -1};
}

void reply_text(struct reply *reply, unsigned int status, const char *format, ...)
{
	va_list arguments;

	reply_clear(reply);
	va_start(arguments, format);
	int size = vasprintf(&reply->body, format, arguments);
	va_end(arguments);
	if (size < 0)
		reply->body = NULL;
	reply->size = reply->body ? (size_t)size : 0;
	reply->type = "text/plain; charset=utf-8";
	reply->status = status;
}

/* Takes over LINE. */
static void reply_json(struct reply *reply, char *line)
{
	reply_text(reply, MHD_HTTP_OK, "%s\n", line);
	reply->type = "application/json";
	free(line);
}

/* What the client may know: the same reason that it would have had itself. */
static void reply_error(struct reply *reply, const char *path, int error)
{
	unsigned int status;
	char safe[4096];

	switch (error) {
	case EACCES:
	case EPERM:
	case ELOOP:
		status = MHD_HTTP_FORBIDDEN;
		break;
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ENXIO: /* a FIFO without a reader, a socket, a device that is not there */
		status = MHD_HTTP_NOT_FOUND;
		break;
	case ENAMETOOLONG:
		status = MHD_HTTP_URI_TOO_LONG;
		break;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
		break;
	default:
		status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
	reply_text(reply, status, "/%s: %s\n", printable(path, safe, sizeof(safe)),
		   reason_of(-error));
}

void reply_not_impersonated(struct reply *reply, int error)
{
	const char *missing = NULL;

	if (error == -EPERM && imp_check_privilege(&missing) == -EPERM)
		reply_text(reply, MHD_HTTP_INTERNAL_SERVER_ERROR,
			   "the service cannot impersonate: it has not %s\n", missing);
	else
		reply_text(reply, MHD_HTTP_INTERNAL_SERVER_ERROR,
			   "the service cannot impersonate: %s\n", reason_of(error));
}

/* --------------------------------------------------------------------------------- files -- */

/* Below the root, wherever ".." and symbolic links lead, and by nobody's magic links. */
static int open_below(int root_fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root_fd, path[0] ? path : ".", &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Reads up to LIMIT bytes; -EFBIG when there are more. */
static int read_body(int fd, size_t expected, size_t limit, struct reply *reply)
{
	size_t room = expected + 1, size = 0;
	char *body = malloc(room);

	while (body) {
		ssize_t n = read(fd, body + size, room - size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int error = -errno;

			free(body);
			return error;
		}
		size += (size_t)n;
		if (n == 0 || size > limit)
			break;
		if (size == room) {
			char *larger = realloc(body, room *= 2);

			if (!larger)
				free(body);
			body = larger;
		}
	}
	if (!body)
		return -ENOMEM;
	if (size > limit) {
		free(body);
		return -EFBIG;
	}
	reply->body = body;
	reply->size = size;
	return 0;
}

static void get_file(int root_fd, const char *path, struct reply *reply)
{
	struct stat status;
	int error = 0;
	int fd = open_below(root_fd, path, O_RDONLY);

	if (fd < 0) {
		reply_error(reply, path, -fd);
		return;
	}
	if (fstat(fd, &status) < 0)
		error = -errno;
	else if (S_ISDIR(status.st_mode))
		error = -EISDIR;
	else if (!S_ISREG(status.st_mode))
		error = -EACCES;
	else if (status.st_size <= READ_AT_ONCE)
		error = read_body(fd, status.st_size ? (size_t)status.st_size : 4096,
				  status.st_size ? READ_AT_ONCE : READ_UNSIZED, reply);
	if (error == -EFBIG && status.st_size == 0) {
		reply_text(reply, MHD_HTTP_INSUFFICIENT_STORAGE, "/%s: does not tell its size\n",
			   path);
		close(fd);
		return;
	}
	if (error < 0 && error != -EFBIG) {
		reply_error(reply, path, -error);
		close(fd);
		return;
	}
	reply->status = MHD_HTTP_OK;
	reply->type = "application/octet-stream";
	if (reply->body) {
		close(fd);
	} else {
		reply->fd = fd; /* opened as the client: sending it decides nothing any more */
		reply->size = (size_t)status.st_size;
	}
}

static const char *type_name(unsigned char type)
{
	switch (type) {
	case DT_REG:
		return "file";
	case DT_DIR:
		return "directory";
	case DT_LNK:
		return "symlink";
	case DT_FIFO:
		return "fifo";
	case DT_SOCK:
		return "socket";
	case DT_CHR:
	case DT_BLK:
		return "device";
	default:
		return "unknown";
	}
}

static void get_list(int root_fd, const char *path, struct reply *reply)
{
	int fd = open_below(root_fd, path, O_RDONLY | O_DIRECTORY);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (!directory) {
		reply_error(reply, path, fd < 0 ? -fd : errno);
		if (fd >= 0)
			close(fd);
		return;
	}

	json_t *entries = json_array();
	bool truncated = false;

	errno = 0;
	for (struct dirent *entry; (entry = readdir(directory)); errno = 0) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		truncated = json_array_size(entries) >= LIST_ENTRIES;
		if (truncated)
			break;

		json_t *object = json_object();

		json_put(object, "name", json_text(entry->d_name));
		json_put(object, "type", json_string(type_name(entry->d_type)));
		json_append(entries, object);
	}
	int error = errno;

	closedir(directory);
	if (error) {
		json_decref(entries);
		reply_error(reply, path, error);
		return;
	}

	json_t *list = json_object();

	json_put(list, "path", json_text(path));
	json_put(list, "entries", entries);
	json_put(list, "truncated", json_boolean(truncated));
	reply_json(reply, json_line(list));
}

/* -------------------------------------------------------------------------------- whoami -- */

static json_t *identity_object(const struct imp_identity *identity, bool anonymous)
{
	if (anonymous)
		return json_identity(IMP_NO_UID, IMP_NO_GID, NULL, 0, true);
	return json_identity(identity->uid, identity->gid, identity->groups, identity->n_groups,
			     true);
}

struct json_t *work_describe(const struct imp_token *token)
{
	enum imp_level level = imp_token_level(token);
	json_t *object = json_object();

	json_put(object, "identity",
		 identity_object(imp_token_identity(token), level == IMP_LEVEL_ANONYMOUS));
	json_put(object, "level", json_string(imp_level_name(level)));
	json_put(object, "level_decided_by",
		 json_string(imp_decided_by_name(imp_token_level_decided_by(token))));
	json_put(object, "access_as", identity_object(imp_token_access(token), false));
	json_put(object, "engine", json_string("thread"));
	return object;
}

char *work_describe_thread(struct json_t *object, const struct procfs_thread *kernel)
{
	json_t *facts = json_object(), *groups = json_array();
	char thread[32];

	for (size_t i = 0; i < kernel->n_groups; i++)
		json_append(groups, json_integer(kernel->groups[i]));
	json_put(facts, "uids", json_ids(kernel->uids));
	json_put(facts, "gids", json_ids(kernel->gids));
	json_put(facts, "groups", groups);
	json_put(facts, "capabilities", json_capability_sets(kernel->capabilities));

	snprintf(thread, sizeof(thread), "%d/%d", (int)kernel->pid, (int)kernel->tid);
	json_put(object, "thread", json_string(thread));
	json_put(object, "kernel", facts);
	json_put(object, "via", json_array());
	return json_line(object);
}

/* ----------------------------------------------------------------------------- as the client -- */

struct job {
	enum work_kind kind;
	int root_fd;
	const char *path;
	struct reply *reply;
	struct procfs_thread kernel;
	int kernel_error;
};

static int do_job(void *argument)
{
	struct job *job = argument;

	switch (job->kind) {
	case WORK_WHOAMI:
		job->kernel_error = procfs_read_thread(getpid(), gettid(), &job->kernel);
		break;
	case WORK_FILE:
		get_file(job->root_fd, job->path, job->reply);
		break;
	case WORK_LIST:
		get_list(job->root_fd, job->path, job->reply);
		break;
	}
	return 0;
}

void work_do(enum work_kind kind, struct imp_token *token, int root_fd, const char *path,
	     struct reply *reply)
{
	struct job job = {.kind = kind, .root_fd = root_fd, .path = path, .reply = reply};
	json_t *description = kind == WORK_WHOAMI ? work_describe(token) : NULL;
	int error = imp_run(token, do_job, &job, NULL);

	if (error == -ESTALE) {
		/* What was done, if it was, was done as somebody else: nobody gets to see it. */
		reply_text(reply, MHD_HTTP_INTERNAL_SERVER_ERROR,
			   "the thread was not who it should have been\n");
	} else if (error < 0) {
		reply_not_impersonated(reply, error);
	} else if (kind == WORK_WHOAMI && job.kernel_error < 0) {
		reply_text(reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "/proc: %s\n",
			   reason_of(job.kernel_error));
	} else if (kind == WORK_WHOAMI) {
		reply_json(reply, work_describe_thread(description, &job.kernel));
		description = NULL;
	}
	json_decref(description);
	procfs_clear_thread(&job.kernel);
	reply->tid = gettid();
}
