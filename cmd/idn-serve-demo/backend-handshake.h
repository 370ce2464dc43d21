/* SPDX-License-Identifier: MIT */
/* A handshake with the next server: one message of it, there and back, over HTTP. */
#ifndef BACKEND_HANDSHAKE_H
#define BACKEND_HANDSHAKE_H

#include "backend.h"

struct handshake_peer {
	int fd; /* stays the caller's */
	const char *host;
	long timeout_seconds;
};

/*
 * Sends MESSAGE with a request that asks for nothing, and takes the answer's: an imp_carry_fn but
 * for its first arguments.  1: the other end has accepted it (2xx); 0: it goes on (401, with a
 * message); -EREMOTEIO: it has not accepted it (401 without one, 403); -EPROTO for any other
 * answer, and for one after which the connection cannot be used again; errors of transfer_do.
 */
int handshake_carry(const struct handshake_peer *peer, const void *message, size_t size,
		    void **answer, size_t *answer_size) IMP_MUST_CHECK;

#endif
