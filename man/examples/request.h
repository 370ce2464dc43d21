/* SPDX-License-Identifier: MIT */
/*
 * What pthread-queue, libuv-pool, glib-pool and ring-service have in common: a client connects to a
 * Unix socket, sends the name of a file, a line, and is sent the file.  How that is done as the
 * client, by a thread of a pool or by none at all, is what they show.
 */
#ifndef EXAMPLES_REQUEST_H
#define EXAMPLES_REQUEST_H

#include <impersonate.h>

struct request {
	int connection;
	struct imp_token *token;     /* who asks */
	struct imp_context *context; /* as whom it is done; NULL where nobody took that along */
};

/* Opens the socket that all users may connect to.  A descriptor, or -1 with the reason said. */
int request_listen(const char *path);

/* The next client, or NULL where that one is gone again. */
struct request *request_accept(int listener);

/* Reads the name of the file; 0 where there is none. */
int request_read_name(const struct request *request, char *name, size_t size);

/* The work itself, done as whoever the thread is: the file, or why there is none.  Returns 0. */
int request_answer(void *request);

void request_free(struct request *request);

#endif
