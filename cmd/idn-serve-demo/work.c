/* SPDX-License-Identifier: MIT */
/* What is done as the client, one piece of work at a time. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/names.h"
#include "serve.h"

enum {
	READ_AT_ONCE = 65536, /* a file up to this is read as the client, a larger one is sent */
	READ_UNSIZED =
		1 << 20, /* as much of a file that does not tell its size, as those of /proc */
	LIST_ENTRIES = 65536,
};

/* --------------------------------------------------------------------------------- files -- */

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
	reply_type(reply, "application/octet-stream");
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
		return json_identity(IMP_NO_UID, IMP_NO_GID, NULL, 0, true, NULL);
	return json_identity(identity->uid, identity->gid, identity->groups, identity->n_groups,
			     true, identity->principal);
}

/* It could tell one client from another: nothing of it at anonymous. */
static json_t *expiry(const struct imp_token *token)
{
	int64_t expires = imp_token_expires(token);
	char text[64];

	if (expires == 0 || imp_token_level(token) == IMP_LEVEL_ANONYMOUS)
		return json_null();
	return json_string(time_text(expires, text, sizeof(text)));
}

struct json_t *work_describe(const struct imp_token *token, const char *via)
{
	enum imp_level level = imp_token_level(token);
	json_t *object = json_object();

	json_put(object, "identity",
		 identity_object(imp_token_identity(token), level == IMP_LEVEL_ANONYMOUS));
	json_put(object, "level", json_string(imp_level_name(level)));
	json_put(object, "level_decided_by",
		 json_string(imp_decided_by_name(imp_token_level_decided_by(token))));
	json_put(object, "access_as", identity_object(imp_token_access(token), false));
	json_put(object, "engine", json_string(imp_engine_name(imp_token_engine(token))));
	json_put(object, "token",
		 imp_token_number(token) ? json_integer(imp_token_number(token)) : json_null());
	json_put(object, "transport", json_string(imp_transport_name(imp_token_transport(token))));
	json_put(object, "delegated", json_string(imp_delegated_name(imp_token_delegated(token))));
	json_put(object, "expires", expiry(token));
	json_put(object, "via", via_array(via));
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
	return json_line(object);
}

static void get_whoami(struct exchange *exchange, struct reply *reply)
{
	struct procfs_thread kernel;
	int error = procfs_read_thread(getpid(), gettid(), &kernel);

	if (error < 0) {
		reply_text(reply, MHD_HTTP_INTERNAL_SERVER_ERROR, "/proc: %s\n", reason_of(error));
		return;
	}
	reply_json(reply, work_describe_thread(exchange->description, &kernel));
	exchange->description = NULL;
	procfs_clear_thread(&kernel);
}

/* ----------------------------------------------------------------------------- as the client -- */

static void do_file(struct exchange *exchange, int root_fd)
{
	const struct errand *errand = &exchange->errand;

	switch (errand->method) {
	case METHOD_GET:
	case METHOD_HEAD:
		get_file(root_fd, errand->path, &exchange->reply);
		break;
	case METHOD_PUT:
		put_file(root_fd, errand->path, exchange->body, exchange->body_size,
			 &exchange->reply);
		break;
	case METHOD_DELETE:
		delete_file(root_fd, errand->path, &exchange->reply);
		break;
	case METHOD_OTHER: /* refused before */
		break;
	}
}

static void do_errand(struct exchange *exchange, int root_fd)
{
	switch (exchange->errand.kind) {
	case WORK_WHOAMI:
		get_whoami(exchange, &exchange->reply);
		break;
	case WORK_FILE:
		do_file(exchange, root_fd);
		break;
	case WORK_LIST:
		get_list(root_fd, exchange->errand.path, &exchange->reply);
		break;
	case WORK_KEY:
		get_key(exchange->errand.path, &exchange->reply);
		break;
	case WORK_BACKEND:
		ask_backend(exchange);
		break;
	case WORK_HOLD: /* not here: hold.c */
	case WORK_PAGE: /* nor these: sampler.c */
	case WORK_EVENTS:
	case WORK_METRICS:
	case WORK_NOTHING:
		break;
	}
}

int work_assert(const struct imp_token *token)
{
	int error = imp_assert(token);

	if (error == -ESTALE)
		metrics_count_failed_assertion();
	return error;
}

void work_do(struct exchange *exchange, int root_fd)
{
	int error = work_assert(exchange->token);

	if (error == 0) {
		do_errand(exchange, root_fd);
		if (exchange->announced)
			return; /* it is on its way already, and was asserted by who sent it */
		error = work_assert(exchange->token);
	}
	if (error < 0)
		reply_not_impersonated(&exchange->reply, error);
	exchange->reply.tid = gettid();
}

void work_do_as(struct exchange *exchange, int root_fd)
{
	int error = imp_serve(exchange->token);

	if (error == 0) {
		work_do(exchange, root_fd);
		return;
	}
	reply_not_impersonated(&exchange->reply, error);
	exchange->reply.tid = gettid();
}
