/* SPDX-License-Identifier: MIT */
/*
 * handshakes KEYTAB - measures a handshake, both ends of it in this process, by the library and by
 * GSSAPI alone.  handshakes tokens COUNT - prints so many messages that begin one, a line each, as
 * HTTP has them.  As whoever the default credential cache is of, for the service HTTP@a.test.
 */
#include <errno.h>
#include <gssapi/gssapi_ext.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "impersonate.h"
#include "net/negotiate.h"

static gss_OID_desc spnego = {6, (void *)"\x2b\x06\x01\x05\x05\x02"};

/* What both ends have, whatever they are made of. */
struct ends {
	gss_name_t service;
	gss_cred_id_t client, acceptor;
	struct imp_acceptor *library;
};

static void good(const char *what, OM_uint32 major)
{
	if (GSS_ERROR(major))
		bench_die(what, EPROTO);
}

/* ---------------------------------------------------------------------------------- client -- */

static gss_name_t name_of(const char *service)
{
	gss_buffer_desc text = {strlen(service), (void *)service};
	gss_name_t name;
	OM_uint32 minor;

	good("a name", gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name));
	return name;
}

static void make_client(struct ends *ends)
{
	gss_OID_set_desc mechanisms = {1, &spnego};
	OM_uint32 minor;

	ends->service = name_of("HTTP@a.test");
	good("the client's credentials",
	     gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms, GSS_C_INITIATE,
			      &ends->client, NULL, NULL));
}

static gss_buffer_desc say(const struct ends *ends, gss_ctx_id_t *context, gss_buffer_t answer)
{
	gss_buffer_desc message = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;

	good("the client",
	     gss_init_sec_context(&minor, ends->client, context, ends->service, &spnego,
				  GSS_C_MUTUAL_FLAG, 0, NULL, answer, NULL, &message, NULL, NULL));
	return message;
}

static int print_tokens(const struct ends *ends, long count)
{
	while (count-- > 0) {
		gss_ctx_id_t context = GSS_C_NO_CONTEXT;
		gss_buffer_desc message = say(ends, &context, GSS_C_NO_BUFFER);
		char *value = negotiate_encode(message.value, message.length);
		OM_uint32 minor;

		if (!value)
			bench_die("a message", ENOMEM);
		puts(value);
		free(value);
		gss_release_buffer(&minor, &message);
		gss_delete_sec_context(&minor, &context, NULL);
	}
	return 0;
}

/* --------------------------------------------------------------------------------- service -- */

/* With the same keys and replay cache for both. */
static void make_service(struct ends *ends, const char *keytab)
{
	const struct imp_acceptor_options options = {.keytab = keytab, .replay_cache = "none:"};
	gss_key_value_element_desc elements[] = {{"keytab", keytab}, {"rcache", "none:"}};
	const gss_key_value_set_desc store = {2, elements};
	gss_OID_set_desc mechanisms = {1, &spnego};
	OM_uint32 minor;
	int error = imp_acceptor_new(&options, &ends->library, NULL);

	if (error < 0)
		bench_die(keytab, error);
	good("the service's credentials",
	     gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms,
				   GSS_C_ACCEPT, &store, &ends->acceptor, NULL, NULL));
}

/* From the first message to the end of both; ACCEPT is what the service does with it. */
static void shake(const struct ends *ends,
		  void accept(const struct ends *ends, gss_buffer_t message, gss_buffer_t reply))
{
	gss_ctx_id_t context = GSS_C_NO_CONTEXT;
	gss_buffer_desc message = say(ends, &context, GSS_C_NO_BUFFER);
	gss_buffer_desc reply = GSS_C_EMPTY_BUFFER, rest;
	OM_uint32 minor;

	accept(ends, &message, &reply);
	rest = say(ends, &context, &reply);
	if (rest.length)
		bench_die("a handshake is longer than two messages", 0);
	free(reply.value);
	gss_release_buffer(&minor, &message);
	gss_delete_sec_context(&minor, &context, NULL);
}

static void accept_by_library(const struct ends *ends, gss_buffer_t message, gss_buffer_t reply)
{
	struct imp_handshake *handshake;
	int error = imp_handshake_new(ends->library, &handshake);

	if (error == 0)
		error = imp_handshake_step(handshake, message->value, message->length,
					   &reply->value, &reply->length);
	if (error != 0)
		bench_die("a handshake", error);
	imp_handshake_free(handshake);
}

/* As far as a name, which is what a service does it for. */
static void accept_by_gssapi(const struct ends *ends, gss_buffer_t message, gss_buffer_t reply)
{
	gss_ctx_id_t context = GSS_C_NO_CONTEXT;
	gss_name_t client = GSS_C_NO_NAME;
	gss_buffer_desc name;
	OM_uint32 minor;

	good("the service", gss_accept_sec_context(&minor, &context, ends->acceptor, message,
						   GSS_C_NO_CHANNEL_BINDINGS, &client, NULL, reply,
						   NULL, NULL, NULL));
	good("the client's name", gss_display_name(&minor, client, &name, NULL));
	gss_release_buffer(&minor, &name);
	gss_release_name(&minor, &client);
	gss_delete_sec_context(&minor, &context, NULL);
}

static void by_library(void *context, unsigned long times)
{
	while (times-- > 0)
		shake(context, accept_by_library);
}

static void by_gssapi(void *context, unsigned long times)
{
	while (times-- > 0)
		shake(context, accept_by_gssapi);
}

int main(int argc, char **argv)
{
	struct ends ends = {.library = NULL};

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: handshakes KEYTAB | tokens COUNT\n");
		return 2;
	}
	make_client(&ends);
	if (argc == 3)
		return print_tokens(&ends, strtol(argv[2], NULL, 10));
	make_service(&ends, argv[1]);

	const struct bench_side ours = {.what = "library", .repeat = by_library, .context = &ends};
	const struct bench_side rival = {
		.what = "GSSAPI alone", .repeat = by_gssapi, .context = &ends, .goal = 1.3};

	bench_compare("handshake, both ends", &ours, &rival, 1);
	return 0;
}
