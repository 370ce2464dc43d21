/* SPDX-License-Identifier: MIT */
/*
 * A client's proof of who it is, and what becomes of it: a token.  All of it is the service's own
 * doing: nothing here is done as a client.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/impersonate-thread.h"
#include "core/log.h"
#include "net/acceptor.h"
#include "net/handshake.h"
#include "net/memory-cache.h"

int imp_handshake_new(struct imp_acceptor *acceptor, struct imp_handshake **handshake)
{
	struct imp_handshake *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->acceptor = imp_acceptor_ref(acceptor);
	new->context = GSS_C_NO_CONTEXT;
	new->connection = -1;
	*handshake = new;
	return 0;
}

void imp_handshake_set_connection(struct imp_handshake *handshake, int fd)
{
	handshake->connection = fd;
}

/* What GSSAPI holds of one that has not come to its end. */
static int release(void *data)
{
	struct imp_handshake *handshake = data;
	OM_uint32 minor;

	gss_delete_sec_context(&minor, &handshake->context, GSS_C_NO_BUFFER);
	return 0;
}

void imp_handshake_free(struct imp_handshake *handshake)
{
	if (!handshake)
		return;
	/* As the service: it reads its configuration for that. */
	if (handshake->context != GSS_C_NO_CONTEXT && imp_run(NULL, release, handshake, NULL) < 0)
		release(handshake);
	if (handshake->lent)
		handshake->lent->destroy(handshake->lent);
	if (acceptor_remote(handshake->acceptor))
		remote_clear(handshake);
	imp_acceptor_unref(handshake->acceptor);
	free(handshake->principal);
	free(handshake->account);
	free(handshake);
}

/* ---------------------------------------------------------------------------- who it is -- */

static char *copy_text(const gss_buffer_desc *buffer)
{
	return strndup(buffer->value, buffer->length);
}

/* What would not be one line, or one string. */
static bool is_plain(const gss_buffer_desc *text)
{
	const unsigned char *bytes = text->value;

	for (size_t i = 0; i < text->length; i++)
		if (bytes[i] < ' ' || bytes[i] == 127)
			return false;
	return text->length > 0;
}

/* RFC 8062: of whatever realm. */
static bool is_anonymous(const char *principal, gss_OID type)
{
	static const char name[] = "WELLKNOWN/ANONYMOUS@";

	return (type && gss_oid_equal(type, GSS_C_NT_ANONYMOUS)) ||
	       strncmp(principal, name, strlen(name)) == 0;
}

static int take_name(struct imp_handshake *handshake, gss_name_t name)
{
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	gss_OID type = GSS_C_NO_OID;
	OM_uint32 minor, major = gss_display_name(&minor, name, &text, &type);
	int error = 0;

	if (GSS_ERROR(major) || !is_plain(&text))
		error = kerberos_refuse(-EACCES, "a client's name is none");
	else if (!(handshake->principal = copy_text(&text)))
		error = -ENOMEM;
	else
		handshake->is_anonymous = is_anonymous(handshake->principal, type);
	gss_release_buffer(&minor, &text);
	return error;
}

/* By auth_to_local; that there is none is no error. */
static int take_account(struct imp_handshake *handshake, gss_name_t name)
{
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, major;
	int error = 0;

	if (handshake->is_anonymous)
		return 0;
	major = gss_localname(&minor, name, GSS_C_NO_OID, &text);
	if (!GSS_ERROR(major) && is_plain(&text)) {
		handshake->account = copy_text(&text);
		error = handshake->account ? 0 : -ENOMEM;
	}
	gss_release_buffer(&minor, &text);
	return error;
}

/* ---------------------------------------------------------------------- what it has lent -- */

/*
 * With S4U2Proxy (MS-SFU) a credential comes of which GSSAPI says, too, that it was delegated, when
 * the client has forwarded nothing; but it names the service that is to speak for the client.
 */
static bool is_forwarded(OM_uint32 flags, gss_cred_id_t credential)
{
	gss_buffer_set_t speakers = GSS_C_NO_BUFFER_SET;
	OM_uint32 minor, major = gss_inquire_cred_by_oid(&minor, credential,
							 GSS_KRB5_GET_CRED_IMPERSONATOR, &speakers);
	const bool none =
		!GSS_ERROR(major) && (speakers == GSS_C_NO_BUFFER_SET || speakers->count == 0);

	gss_release_buffer_set(&minor, &speakers);
	return none && (flags & GSS_C_DELEG_FLAG);
}

static int take_lent(struct imp_handshake *handshake, OM_uint32 flags, gss_cred_id_t credential)
{
	int error;

	if (credential == GSS_C_NO_CREDENTIAL)
		return 0;
	if (!is_forwarded(flags, credential)) {
		/* What the realm would give is not what the client has given. */
		handshake->delegated = IMP_DELEGATED_CONSTRAINED;
		return 0;
	}
	if (!(flags & GSS_C_MUTUAL_FLAG))
		return kerberos_refuse(-EACCES,
				       "%s forwarded a ticket to whoever might be here: without "
				       "mutual authentication",
				       handshake->principal);
	error = memory_cache_lend(credential, handshake->principal, &handshake->lent);
	if (error == -EACCES)
		return kerberos_refuse(error,
				       "%s: the ticket that it forwarded cannot be used, or is "
				       "somebody else's",
				       handshake->principal);
	if (error < 0)
		return error;
	handshake->delegated = IMP_DELEGATED_FORWARDED;
	return 0;
}

/*
 * When the ticket ends.  The time that GSSAPI gives is longer by as much as clocks may differ, and
 * so it is asked in another way, which ends the context, that nothing is wrapped in.
 */
static int take_end(struct imp_handshake *handshake)
{
	gss_krb5_lucid_context_v1_t *facts = NULL;
	OM_uint32 minor, major = gss_krb5_export_lucid_sec_context(&minor, &handshake->context, 1,
								   (void **)&facts);
	char reason[KERBEROS_REASON];

	if (GSS_ERROR(major))
		return kerberos_refuse(-EACCES, "%s: when its ticket ends: %s",
				       handshake->principal, kerberos_reason(major, minor, reason));
	handshake->expires_ns = (int64_t)facts->endtime * 1000000000;
	gss_krb5_free_lucid_sec_context(&minor, facts);
	return 0;
}

/* ------------------------------------------------------------------------------- messages -- */

static int conclude(struct imp_handshake *handshake, gss_name_t name, gss_OID mechanism,
		    OM_uint32 flags, gss_cred_id_t credential)
{
	int error = 0;

	if (!gss_oid_equal(mechanism, &kerberos_negotiable.elements[0]) &&
	    !gss_oid_equal(mechanism, &kerberos_spnego))
		error = kerberos_refuse(-EACCES, "a client came by a mechanism that is not spoken");
	if (error == 0)
		error = take_name(handshake, name);
	if (error == 0)
		error = take_account(handshake, name);
	if (error == 0)
		error = take_lent(handshake, flags, credential);
	return error < 0 ? error : take_end(handshake);
}

static int accept_message(struct imp_handshake *handshake, gss_buffer_t message,
			  gss_buffer_t answer)
{
	gss_cred_id_t lent = GSS_C_NO_CREDENTIAL;
	gss_name_t name = GSS_C_NO_NAME;
	gss_OID mechanism = GSS_C_NO_OID;
	OM_uint32 minor, unused, flags = 0;
	OM_uint32 major = gss_accept_sec_context(
		&minor, &handshake->context, acceptor_credential(handshake->acceptor), message,
		GSS_C_NO_CHANNEL_BINDINGS, &name, &mechanism, answer, &flags, NULL, &lent);
	char reason[KERBEROS_REASON];
	int result;

	if (GSS_ERROR(major))
		result = kerberos_refuse(-EACCES, "a client is not authenticated: %s",
					 kerberos_reason(major, minor, reason));
	else if (!(major & GSS_S_CONTINUE_NEEDED))
		result = conclude(handshake, name, mechanism, flags, lent);
	else if (answer->length > 0)
		result = 1;
	else /* libkrb5 says so to a message of a kind that it does not know */
		result = kerberos_refuse(-EACCES,
					 "a client is not authenticated: its message is none");
	gss_release_cred(&unused, &lent);
	gss_release_name(&unused, &name);
	return result;
}

static int step(struct imp_handshake *handshake, const void *message, size_t size, void **reply,
		size_t *reply_size)
{
	gss_buffer_desc given = {size, (void *)message}, answer = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;
	int result = accept_message(handshake, &given, &answer);
	int error = kerberos_give(&answer, reply, reply_size);

	gss_release_buffer(&minor, &answer);
	return error < 0 ? error : result;
}

int imp_handshake_step(struct imp_handshake *handshake, const void *message, size_t size,
		       void **reply, size_t *reply_size)
{
	OM_uint32 minor;
	int result;

	*reply = NULL;
	*reply_size = 0;
	if (handshake->stage != GOES_ON)
		return -EINVAL;
	if (thread_token())
		return -EBUSY;
	result = acceptor_remote(handshake->acceptor)
			 ? remote_step(handshake, message, size, reply, reply_size)
			 : step(handshake, message, size, reply, reply_size);
	if (result != 1) {
		handshake->stage = result == 0 ? PROVEN : OVER;
		gss_delete_sec_context(&minor, &handshake->context, GSS_C_NO_BUFFER);
	}
	return result;
}

/* --------------------------------------------------------------------------------- token -- */

static int token_here(const struct imp_handshake *handshake, struct imp_policy *policy,
		      struct imp_token **token)
{
	struct network_client client = {
		.principal = handshake->is_anonymous ? NULL : handshake->principal,
		.account = handshake->account,
		.delegated = handshake->delegated,
		.lent = handshake->lent,
		.expires_ns = handshake->expires_ns,
	};
	int error = token_of_network_client(&client, policy, token);

	if (error == -ESRCH && client.account) {
		/* The rules name one, and there is none of that name. */
		client.account = NULL;
		error = token_of_network_client(&client, policy, token);
	}
	return error;
}

int imp_handshake_token(struct imp_handshake *handshake, struct imp_policy *policy,
			struct imp_token **token)
{
	int error;

	if (handshake->stage != PROVEN)
		return -EINVAL;
	if (thread_token())
		return -EBUSY;
	error = acceptor_remote(handshake->acceptor) ? remote_token(handshake, policy, token)
						     : token_here(handshake, policy, token);
	if (error == 0) {
		handshake->lent = NULL;
		handshake->stage = OVER;
	}
	return error;
}
