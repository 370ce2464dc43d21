/* SPDX-License-Identifier: MIT */
/* Replies: what came of a piece of work, and what a failure means to an HTTP client. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/message.h"
#include "serve.h"

void reply_clear(struct reply *reply)
{
	free(reply->body);
	if (reply->fd >= 0)
		close(reply->fd);
	if (reply->stream)
		stream_release(reply->stream);
	if (reply->response)
		MHD_destroy_response(reply->response);
	*reply = (struct reply){.fd = -1};
}

void reply_type(struct reply *reply, const char *type)
{
	snprintf(reply->type, sizeof(reply->type), "%s", type);
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
	reply_type(reply, "text/plain; charset=utf-8");
	reply->status = status;
}

void reply_json(struct reply *reply, char *line)
{
	reply_text(reply, MHD_HTTP_OK, "%s\n", line);
	reply_type(reply, "application/json");
	free(line);
}

static unsigned int status_of(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
	case EROFS:
	case ELOOP:
	case EOPNOTSUPP: /* of a key: a type that nobody may read */
		return MHD_HTTP_FORBIDDEN;
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case ENXIO: /* a FIFO without a reader, a socket, a device that is not there */
	case ENOKEY:
	case EKEYEXPIRED:
	case EKEYREVOKED:
	case EKEYREJECTED:
		return MHD_HTTP_NOT_FOUND;
	case EEXIST:
	case EBUSY:   /* something is mounted there */
	case ETXTBSY: /* a program that runs */
		return MHD_HTTP_CONFLICT;
	case ENAMETOOLONG:
		return MHD_HTTP_URI_TOO_LONG;
	case EAGAIN: /* a lease, or a directory that moved meanwhile */
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return MHD_HTTP_INSUFFICIENT_STORAGE;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

void reply_reason(struct reply *reply, const char *kind, const char *name, int error)
{
	char safe[4096];

	/* Of a file it is another word than of an identity. */
	reply_text(reply, status_of(error), "%s%s: %s\n", kind, printable(name, safe, sizeof(safe)),
		   error == ESTALE ? "Stale file handle" : reason_of(-error));
}

void reply_error(struct reply *reply, const char *path, int error)
{
	if ((error == EKEYREVOKED || error == EOWNERDEAD) && !thread_is_client())
		reply_not_impersonated(reply, -error);
	else
		reply_reason(reply, "/", path, error);
}

void reply_not_impersonated(struct reply *reply, int error)
{
	const char *missing = NULL;

	/* What was done, if it was, was done as somebody else: nobody gets to see it. */
	if (error == -ESTALE)
		reply_text(reply, MHD_HTTP_INTERNAL_SERVER_ERROR,
			   "the thread was not who it should have been\n");
	else if (error == -EKEYEXPIRED)
		reply_text(reply, MHD_HTTP_UNAUTHORIZED, "the authentication is over\n");
	else if (error == -EKEYREVOKED)
		reply_text(reply, MHD_HTTP_FORBIDDEN,
			   "the client has gone, and its identity with it\n");
	else if (error == -EOWNERDEAD)
		reply_text(reply, MHD_HTTP_INTERNAL_SERVER_ERROR,
			   "the service's broker has ended: nobody can be served any more\n");
	else if (error == -EPERM && imp_check_privilege(&missing) == -EPERM)
		reply_text(reply, MHD_HTTP_INTERNAL_SERVER_ERROR,
			   "the service cannot impersonate: it has not %s\n", missing);
	else
		reply_text(reply, MHD_HTTP_INTERNAL_SERVER_ERROR,
			   "the service cannot impersonate: %s\n", reason_of(error));
}

void reply_not_done(struct reply *reply, int error)
{
	if (error == -EBUSY)
		reply_text(reply, MHD_HTTP_SERVICE_UNAVAILABLE, "too many threads are held\n");
	else if (error == -ECANCELED)
		reply_text(reply, MHD_HTTP_SERVICE_UNAVAILABLE, "the service is about to end\n");
	else
		reply_not_impersonated(reply, error);
	reply->tid = gettid();
}
