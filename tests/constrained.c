/* SPDX-License-Identifier: MIT */
/*
 * constrained KEYTAB PRINCIPAL [forward]: a client of the default credential cache and a service of
 * that keytab, which asks whether its realm would let it speak for its clients, in one process.
 * Tells what the service makes of the client: "alice@IDN.TEST constrained impersonation ticket",
 * the level being that of a request for delegation.
 */
#include <gssapi/gssapi_krb5.h>
#include <string.h>

#include "check.h"

static gss_OID_desc spnego = {6, (void *)"\x2b\x06\x01\x05\x05\x02"};

/* The client's side, which the library has no part in. */
static OM_uint32 speak(gss_ctx_id_t *context, const char *principal, OM_uint32 flags,
		       gss_buffer_t answer, gss_buffer_t message)
{
	gss_buffer_desc text = {strlen(principal), (void *)principal};
	gss_name_t name;
	OM_uint32 minor, major;

	SAME(gss_import_name(&minor, &text, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &name),
	     GSS_S_COMPLETE);
	major = gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, context, name, &spnego, flags, 0,
				     GSS_C_NO_CHANNEL_BINDINGS, answer, NULL, message, NULL, NULL);
	if (GSS_ERROR(major))
		FAIL("the client has no ticket: %x, %d", major, (int)minor);
	gss_release_name(&minor, &name);
	return major;
}

static void meet(struct imp_handshake *handshake, const char *principal, OM_uint32 flags)
{
	gss_ctx_id_t context = GSS_C_NO_CONTEXT;
	gss_buffer_desc answer = GSS_C_EMPTY_BUFFER, message;
	OM_uint32 minor;
	int result = 1;

	while (speak(&context, principal, flags, &answer, &message) == GSS_S_CONTINUE_NEEDED) {
		free(answer.value);
		result = imp_handshake_step(handshake, message.value, message.length, &answer.value,
					    &answer.length);
		gss_release_buffer(&minor, &message);
		if (result < 0)
			FAIL("refused: %d", result);
	}
	free(answer.value);
	SAME(result, 0);
	gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
}

int main(int argc, char **argv)
{
	struct imp_acceptor_options options = {.constrained = true};
	OM_uint32 flags = GSS_C_MUTUAL_FLAG;
	struct imp_acceptor *acceptor;
	struct imp_handshake *handshake;
	struct imp_token *token, *request;

	if (argc < 3)
		FAIL("usage: constrained KEYTAB PRINCIPAL [forward]");
	options.keytab = argv[1];
	if (argc > 3)
		flags |= GSS_C_DELEG_FLAG;
	MUST(imp_acceptor_new(&options, &acceptor, NULL));
	MUST(imp_handshake_new(acceptor, &handshake));
	meet(handshake, argv[2], flags);
	MUST(imp_handshake_token(handshake, NULL, &token));
	MUST(imp_token_at_request(token, IMP_LEVEL_DELEGATION, &request));
	printf("%s %s %s %s\n", imp_token_identity(request)->principal,
	       imp_delegated_name(imp_token_delegated(request)),
	       imp_level_name(imp_token_level(request)),
	       imp_decided_by_name(imp_token_level_decided_by(request)));
	imp_token_unref(request);
	imp_token_unref(token);
	imp_handshake_free(handshake);
	imp_acceptor_unref(acceptor);
	return PASSED;
}
