/* SPDX-License-Identifier: MIT */
/* What the core asks of the ring engine, which is built upon it. */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include <sys/socket.h>

#include "impersonate.h"

/* What the broker has made of a connection. */
struct grant {
	uint32_t number;  /* 0 where the level allows no more than the anonymous identity */
	uint32_t holding; /* to be released; 0: none */
	enum imp_level level;
	enum imp_decided_by decided_by;
};

struct engine {
	uint32_t anonymous; /* the anonymous identity's number; 0: there is none */
	/* Errors as imp_token_from_connection. */
	int (*admit)(int connection, struct grant *grant);
	void (*release)(uint32_t holding);
	/* connect(2) as the identity of that number; NULL: the service does without. */
	int (*connect)(uint32_t number, int fd, const struct sockaddr *address, socklen_t length);
};

/* NULL: none was started, and clients are served by threads.  Set before any thread is made. */
extern const struct engine *engine;

#endif
