/* SPDX-License-Identifier: MIT */
/*
 * Handshakes that are made by another process, which has the keys.  How it is asked is not known
 * here; nor is libkrb5 to who asks.
 */
#ifndef NET_REMOTE_H
#define NET_REMOTE_H

#include "core/engine.h"
#include "core/token.h"

/* What a handshake came to that has proven something. */
struct outcome {
	int error;	   /* why no token can be made of that; 0: one can be */
	char *principal;   /* owned; NULL: it is anonymous */
	bool has_identity; /* of an account; else the principal has none */
	struct identity identity;
	enum imp_delegated delegated;
	void *lent; /* owned, of so many bytes; NULL: nothing */
	size_t lent_size;
	int64_t expires_ns;
	struct grant grant; /* where there is an identity */
};

void outcome_clear(struct outcome *outcome);

struct remote {
	/*
	 * imp_handshake_step.  *ID is 0 at first, and has CONNECTION along then.  0 with *OUTCOME,
	 * to be cleared; -EOWNERDEAD where the other process has ended.
	 */
	int (*step)(uint32_t *id, int connection, const void *message, size_t size, void **reply,
		    size_t *reply_size, struct outcome *outcome);
	void (*forget)(uint32_t id);
};

/* An acceptor that has REMOTE do it, which lives as long as the process.  -ENOMEM. */
int acceptor_of_remote(const struct remote *remote, struct imp_acceptor **acceptor) IMP_MUST_CHECK;

/*
 * In the other process: what a handshake came to whose last step has returned 0, but for the grant.
 * -ENOMEM.
 */
int handshake_outcome(struct imp_handshake *handshake, struct outcome *outcome) IMP_MUST_CHECK;

#endif
