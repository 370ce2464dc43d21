/* SPDX-License-Identifier: MIT */
/* A handshake, whichever process makes it. */
#ifndef NET_HANDSHAKE_H
#define NET_HANDSHAKE_H

#include "net/kerberos.h"
#include "net/remote.h"

enum stage { GOES_ON, PROVEN, OVER };

struct imp_handshake {
	struct imp_acceptor *acceptor;
	enum stage stage;

	/* Here. */
	gss_ctx_id_t context;
	bool is_anonymous;
	char *principal;
	char *account; /* NULL: none */
	enum imp_delegated delegated;
	struct lent *lent;
	int64_t expires_ns;

	/* By another process: its number there, 0: none; and what came of it. */
	int connection; /* the caller's; -1: unknown */
	uint32_t id;
	struct outcome outcome;
};

/* remote.c: what the calls of impersonate.h come to then. */
int remote_step(struct imp_handshake *handshake, const void *message, size_t size, void **reply,
		size_t *reply_size) IMP_MUST_CHECK;
int remote_token(struct imp_handshake *handshake, struct imp_policy *policy,
		 struct imp_token **token) IMP_MUST_CHECK;
void remote_clear(struct imp_handshake *handshake);

#endif
