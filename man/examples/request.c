/* SPDX-License-Identifier: MIT */
/* A client's request: accepted, answered, ended; see request.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "request.h"

int request_listen(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) < sizeof(address.sun_path)) {
		strcpy(address.sun_path, path);
		umask(0); /* all users may connect */
		if (bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		    listen(listener, SOMAXCONN) == 0)
			return listener;
	}
	perror(path);
	return -1;
}

struct request *request_accept(int listener)
{
	const struct timeval patience = {.tv_sec = 5};
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		abort();
	request->connection = accept(listener, NULL, NULL);
	if (request->connection >= 0 &&
	    setsockopt(request->connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ==
		    0 &&
	    setsockopt(request->connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ==
		    0 &&
	    imp_token_from_connection(request->connection, NULL, &request->token) == 0)
		return request;
	request_free(request);
	return NULL;
}

void request_free(struct request *request)
{
	if (request->connection >= 0)
		close(request->connection);
	imp_token_unref(request->token);
	imp_context_unref(request->context);
	free(request);
}

int request_read_name(const struct request *request, char *name, size_t size)
{
	size_t n = 0;

	while (n < size && read(request->connection, name + n, 1) == 1 && name[n] != '\n')
		n++;
	if (n == size || name[n] != '\n')
		return 0;
	name[strcspn(name, "\r\n")] = '\0';
	return 1;
}

int request_answer(void *data)
{
	const struct request *request = data;
	uid_t client = imp_token_access(request->token)->uid;
	char name[4096] = "", text[4096];
	ssize_t n;

	if (!request_read_name(request, name, sizeof(name)))
		return 0;
	/* The kernel is asked who this thread is: what is not the client's to do is not done. */
	if (imp_assert(request->token) < 0) {
		n = snprintf(text, sizeof(text), "lost: uid %u, not %u\n", geteuid(), client);
		send(request->connection, text, (size_t)n, MSG_NOSIGNAL);
		return 0;
	}

	int file = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	n = snprintf(text, sizeof(text), "as uid %u: %s\n", geteuid(),
		     file < 0 ? strerror(errno) : "sent");
	while (n > 0 && send(request->connection, text, (size_t)n, MSG_NOSIGNAL) > 0)
		n = file < 0 ? 0 : read(file, text, sizeof(text));
	if (file >= 0)
		close(file);
	return 0;
}
