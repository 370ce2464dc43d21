/* SPDX-License-Identifier: MIT */
/* What the kernel says of the other end of a connection. */
#ifndef CORE_PEER_H
#define CORE_PEER_H

#include "identity.h"

struct peer {
	struct identity identity;
	bool unmapped; /* the uid has no meaning in this user namespace */
	pid_t pid;     /* 0: in a pid namespace that is not seen from here */
	bool bound;    /* the client bound its socket to a level */
	enum imp_level level;
};

/* Reads what is read once, so that it is not first read as a client. */
void peer_prepare(void);

/* Errors as imp_token_from_connection. */
int peer_read(int fd, struct peer *peer) IMP_MUST_CHECK;
void peer_clear(struct peer *peer);

/*
 * imp_connect_unix, which waits for room in the service's queue for SECONDS, and then is
 * -ETIMEDOUT; 0: for as long as it takes.
 */
int peer_connect_unix(const char *path, enum imp_level level, unsigned int seconds) IMP_MUST_CHECK;

/* A connected stream of the network, of whose other end nobody knows whose it is. */
bool peer_is_network(int fd);

#endif
