/* SPDX-License-Identifier: MIT */
/* A client of the next server, which asks as somebody, and keeps the answer. */
#ifndef TESTS_BACKEND_ASK_H
#define TESTS_BACKEND_ASK_H

#include "../cmd/idn-serve-demo/backend.h"
#include "channel/stage.h"
#include "script.h"

#define OK_X "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"

extern struct backend *backend;
extern struct backend_request request; /* what is asked next */

struct answer {
	unsigned int status, heads;
	char type[64], header[64]; /* that is X-Test; "none": there is none */
	int64_t length;
	char body[4096];
	size_t size, stop_at; /* 0: nowhere */
};
extern struct answer got;

/* Sets out as a service of that kind, with a client of the server at the stage's socket. */
void start(const char *kind, long timeout_seconds);
/* With a client that has no connection yet. */
void next_play(const struct scene *scenes);

/* The request by that method, in a thread that is TOKEN's; ERROR is what comes of it. */
void ask(struct imp_token *token, const char *method, int error);
/* The same on this thread. */
void call(int error);

extern const struct check_case exchange_cases[], network_cases[];

#endif
