/* SPDX-License-Identifier: MIT */
/* In place of backend*.c, where this is built without libcurl: there is no next server. */
#include <errno.h>

#include "backend.h"

int backend_prepare(void)
{
	return -ENOTSUP;
}

int backend_new(const char *socket_path, enum imp_level level, long timeout_seconds,
		struct backend **backend)
{
	(void)socket_path;
	(void)level;
	(void)timeout_seconds;
	(void)backend;
	return -ENOTSUP;
}

int backend_new_network(struct imp_target *target, const char *host, enum imp_level level,
			long timeout_seconds, struct backend **backend)
{
	(void)target;
	(void)host;
	return backend_new(NULL, level, timeout_seconds, backend);
}

void backend_free(struct backend *backend)
{
	(void)backend;
}

const char *backend_header(const struct backend_head *head, const char *name)
{
	(void)head;
	(void)name;
	return NULL;
}

int backend_call(struct backend *backend, const struct backend_request *request,
		 const struct backend_sink *sink)
{
	(void)backend;
	(void)request;
	(void)sink;
	return -ENOTSUP;
}
