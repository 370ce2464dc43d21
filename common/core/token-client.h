/* SPDX-License-Identifier: MIT */
/* How tokens are made, for token.c, which knows what decides a level, and token-source.c. */
#ifndef CORE_TOKEN_CLIENT_H
#define CORE_TOKEN_CLIENT_H

#include "token.h"

/* One reference; NULL: out of memory. */
struct client *client_new(void) IMP_MUST_CHECK;
void client_unref(struct client *client);

/* One more limit: the lowest counts, and of equal ones the first. */
void client_limit(struct client *client, enum imp_level level, enum imp_decided_by by);

/*
 * Takes over the reference to CLIENT, also when it fails.  -ESRCH where the anonymous account is
 * needed, and there is none; -ENOMEM.
 */
int token_new(struct client *client, enum imp_level level, enum imp_decided_by by,
	      enum imp_level ceiling, struct imp_token **token) IMP_MUST_CHECK;

#endif
