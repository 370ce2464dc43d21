/* SPDX-License-Identifier: MIT */
/* Tokens: immutable once made, shared by reference. */
#ifndef CORE_TOKEN_H
#define CORE_TOKEN_H

#include <stdatomic.h>

#include "credentials.h"
#include "identity.h"

struct grant;

/* What a client has lent the service for calls over the network; whoever made it knows what it is.
 */
struct lent {
	void (*destroy)(struct lent *lent);
};

/* What speaks of the connection, one for all tokens that are made from one another. */
struct client {
	atomic_uint references;
	struct identity identity; /* the real one, whatever the level */
	struct identity anonymous;
	uint64_t capabilities; /* effective, to be given to the thread at impersonation */
	enum imp_transport transport;
	pid_t pid;
	enum imp_delegated delegated;
	char *principal;    /* owned; NULL: none */
	struct lent *lent;  /* owned; NULL: nothing */
	int64_t expires_ns; /* CLOCK_REALTIME; 0: never */

	/* Held by the kernel: in_ring, and numbers, of which 0 is none. */
	bool in_ring;
	uint32_t number;	   /* the client's identity */
	uint32_t holding;	   /* what keeps that; to be released with this */
	uint32_t anonymous_number; /* everybody's */

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

/* Somebody who came over the network. */
struct network_client {
	const char *principal; /* NULL: has not proven who it is */
	const char *account;   /* the local one that it is; NULL: none */

	/* Where that is known: the identity, instead of an account, and what the broker says to it.
	 */
	const struct identity *identity;
	const struct grant *grant; /* its holding is taken over, unless it fails; NULL: none */

	enum imp_delegated delegated;
	struct lent *lent; /* taken over, unless it fails; NULL: nothing */
	int64_t expires_ns;
};

/*
 * A token of it.  -EKEYEXPIRED; what the name service reports, -ESRCH where the account does not
 * exist; otherwise as imp_token_from_connection.
 */
int token_of_network_client(const struct network_client *client, struct imp_policy *policy,
			    struct imp_token **token) IMP_MUST_CHECK;

/* Whether a time, in nanoseconds of CLOCK_REALTIME, is over; 0 never is. */
bool token_time_is_over(int64_t expires_ns);

/* -EKEYEXPIRED when the client's authentication has ended. */
int token_is_current(const struct imp_token *token) IMP_MUST_CHECK;

/* A token of what a thread has, whoever gave it that.  -ENOMEM. */
int token_from_credentials(const struct credentials *credentials,
			   struct imp_token **token) IMP_MUST_CHECK;

/* Whom a thread acts as with this token. */
const struct identity *token_access(const struct imp_token *token);
/* The number that the kernel knows that identity by; 0: none. */
uint32_t token_number(const struct imp_token *token);
/* The effective capabilities that it has then. */
uint64_t token_capabilities(const struct imp_token *token);

#endif
