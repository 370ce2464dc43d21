/* SPDX-License-Identifier: MIT */
/* Tokens: immutable once made, shared by reference. */
#ifndef CORE_TOKEN_H
#define CORE_TOKEN_H

#include <stdatomic.h>

#include "credentials.h"
#include "identity.h"

/* What speaks of the connection, one for all tokens that are made from one another. */
struct client {
	atomic_uint references;
	struct identity identity; /* the real one, whatever the level */
	struct identity anonymous;
	uint64_t capabilities; /* effective, to be given to the thread at impersonation */
	enum imp_transport transport;
	pid_t pid;

	/* What decides the level, each as far as it had a say. */
	enum imp_level stated; /* by the address, or the transport's default */
	bool bound;
	enum imp_level limit; /* of policy and rules; no request goes above */
	enum imp_decided_by limit_by;
};

struct imp_token {
	atomic_uint references;
	struct client *client;
	enum imp_level level;
	enum imp_decided_by decided_by;
	enum imp_level ceiling; /* what the service itself has lowered it to */
	enum imp_scope scope;
};

/* A token of what a thread has, whoever gave it that.  -ENOMEM. */
int token_from_credentials(const struct credentials *credentials,
			   struct imp_token **token) IMP_MUST_CHECK;

/* Whom a thread acts as with this token. */
const struct identity *token_access(const struct imp_token *token);
/* The effective capabilities that it has then. */
uint64_t token_capabilities(const struct imp_token *token);

#endif
