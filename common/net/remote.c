/* SPDX-License-Identifier: MIT */
/* Handshakes that are made by another process: what it is told, and what becomes of its answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/acceptor.h"
#include "net/handshake.h"
#include "net/memory-cache.h"
#include "net/negotiate.h"

void outcome_clear(struct outcome *outcome)
{
	free(outcome->principal);
	if (outcome->lent)
		explicit_bzero(outcome->lent, outcome->lent_size);
	free(outcome->lent);
	if (outcome->has_identity)
		identity_clear(&outcome->identity);
	*outcome = (struct outcome){.error = 0};
}

/* ------------------------------------------------------------------------- of the service -- */

/* Tried out there; here it is put where the client's calls of others find it. */
static int import_lent(struct imp_handshake *handshake)
{
	struct outcome *outcome = &handshake->outcome;
	gss_buffer_desc bytes = {outcome->lent_size, outcome->lent};
	gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
	OM_uint32 minor, major;
	char reason[KERBEROS_REASON];
	int error;

	if (!outcome->lent)
		return 0;
	major = gss_import_cred(&minor, &bytes, &credential);
	if (GSS_ERROR(major))
		error = kerberos_refuse(-EACCES, "%s: the ticket that it forwarded: %s",
					outcome->principal, kerberos_reason(major, minor, reason));
	else
		error = memory_cache_lend(credential, outcome->principal, &handshake->lent);
	gss_release_cred(&minor, &credential);
	return error;
}

int remote_step(struct imp_handshake *handshake, const void *message, size_t size, void **reply,
		size_t *reply_size)
{
	const struct remote *remote = acceptor_remote(handshake->acceptor);
	int result;

	if (handshake->id == 0 && handshake->connection < 0)
		return -EBADF;
	if (size > NEGOTIATE_MAXIMUM)
		return kerberos_refuse(-EACCES,
				       "a client is not authenticated: its message is too long");
	result = remote->step(&handshake->id, handshake->connection, message, size, reply,
			      reply_size, &handshake->outcome);
	return result == 0 ? import_lent(handshake) : result;
}

int remote_token(struct imp_handshake *handshake, struct imp_policy *policy,
		 struct imp_token **token)
{
	struct outcome *outcome = &handshake->outcome;
	const struct network_client client = {
		.principal = outcome->principal,
		.identity = outcome->has_identity ? &outcome->identity : NULL,
		.grant = outcome->has_identity ? &outcome->grant : NULL,
		.delegated = outcome->delegated,
		.lent = handshake->lent,
		.expires_ns = outcome->expires_ns,
	};
	int error =
		outcome->error ? outcome->error : token_of_network_client(&client, policy, token);

	if (error == 0)
		outcome->grant.holding = 0; /* the token's */
	return error;
}

void remote_clear(struct imp_handshake *handshake)
{
	const struct remote *remote = acceptor_remote(handshake->acceptor);

	if (handshake->id)
		remote->forget(handshake->id);
	if (handshake->outcome.grant.holding && engine)
		engine->release(handshake->outcome.grant.holding);
	outcome_clear(&handshake->outcome);
}

/* --------------------------------------------------------------------- of the other process -- */

static int export_lent(struct imp_handshake *handshake, struct outcome *outcome)
{
	gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
	gss_buffer_desc bytes = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, major = memory_cache_borrow(handshake->lent, &credential, &minor);
	int error = 0;

	if (!GSS_ERROR(major))
		major = gss_export_cred(&minor, credential, &bytes);
	if (GSS_ERROR(major))
		error = kerberos_error(major, minor);
	else
		error = kerberos_give(&bytes, &outcome->lent, &outcome->lent_size);
	if (bytes.value)
		explicit_bzero(bytes.value, bytes.length);
	gss_release_buffer(&minor, &bytes);
	gss_release_cred(&minor, &credential);
	return error;
}

/* The rules may name an account that there is none of. */
static int find_identity(const struct imp_handshake *handshake, struct outcome *outcome)
{
	int error;

	if (!handshake->account)
		return 0;
	error = identity_of_account(handshake->account, &outcome->identity);
	outcome->has_identity = error == 0;
	return error == -ESRCH ? 0 : error;
}

int handshake_outcome(struct imp_handshake *handshake, struct outcome *outcome)
{
	int error = 0;

	*outcome = (struct outcome){
		.delegated = handshake->delegated,
		.expires_ns = handshake->expires_ns,
	};
	if (!handshake->is_anonymous) {
		outcome->principal = strdup(handshake->principal);
		if (!outcome->principal)
			return -ENOMEM;
		error = find_identity(handshake, outcome);
	}
	if (error == 0 && handshake->lent)
		error = export_lent(handshake, outcome);
	if (error < 0)
		outcome_clear(outcome);
	outcome->error = error;
	return 0;
}
