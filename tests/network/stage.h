/* SPDX-License-Identifier: MIT */
/* A service of the network in a realm of the test's own, REALM (lib/realm.bash), and its clients.
 */
#ifndef TESTS_NETWORK_STAGE_H
#define TESTS_NETWORK_STAGE_H

#include <gssapi/gssapi_ext.h>
#include <krb5.h>

#include "lib/check.h"

extern struct who alice, bob, anonymous;

/* Sets these up, and has the process become a service of that kind. */
void set_out(const char *kind);

/* A file of the realm's directory; the string stays valid until the fourth next call. */
const char *in_realm(const char *name);

/* An acceptor with that keytab of the realm, which has to be a good one. */
struct imp_acceptor *acceptor_with(const char *keytab);

/* ------------------------------------------------------------------------------- initiator -- */

/* A client, by GSSAPI alone. */
struct initiator {
	gss_cred_id_t credentials;
	gss_name_t target;
	gss_ctx_id_t context;
	gss_OID mechanism;
	OM_uint32 flags;
	bool complete;
};

extern gss_OID_desc spnego, kerberos;

/* One with the credentials of that cache of the realm, for a service as "HTTP@a.test". */
struct initiator initiator_of(const char *cache, const char *service, gss_OID mechanism,
			      OM_uint32 flags);
/* Its next message, in answer to one of SIZE bytes; the caller frees it.  NULL: none. */
void *initiator_says(struct initiator *initiator, const void *answer, size_t answer_size,
		     size_t *size);
void initiator_end(struct initiator *initiator);

/* ------------------------------------------------------------------------------- handshake -- */

/* The whole of it, which has to succeed; and the same with a token of the client. */
struct imp_handshake *proven_by(struct imp_acceptor *acceptor, struct initiator *initiator);
struct imp_token *token_by(struct imp_acceptor *acceptor, struct initiator *initiator);
/* The same, of alice, who is asking for a.test. */
struct imp_token *token_of_alice(struct imp_acceptor *acceptor, OM_uint32 flags);
/* One step of a new handshake with that message, which the other end refuses. */
void is_refused(struct imp_acceptor *acceptor, const void *message, size_t size);

void is_level(const struct imp_token *token, enum imp_level level, enum imp_decided_by by);
void is_who(const struct imp_token *token, const struct who *who, const char *principal);
/* The level that a statement leads to. */
struct imp_token *at_request(struct imp_token *token, enum imp_level level);

/* How often libkrb5 has read its configuration while the thread was alice or bob. */
extern int read_as_client;

/* How many caches with tickets are in this process's memory; LOOK, when not NULL, gets each. */
size_t each_memory_cache(void (*look)(krb5_context context, krb5_ccache cache));

/* Puts a policy with that key in force. */
void set_policy(const char *section, const char *key, const char *value);

/* How often the library told that somebody was not authenticated; and that once, and soundly. */
extern int not_authenticated;
void told_once(const char *part);

/* acceptor.c, handshake.c, held.c, target.c, channel.c and channel-refused.c */
extern const struct check_case acceptor_cases[], handshake_cases[], held_cases[], target_cases[],
	channel_cases[], channel_refused_cases[];

#endif
