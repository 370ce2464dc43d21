/* SPDX-License-Identifier: MIT */
/*
 * negotiate-token SERVICE@HOST [mutual] [delegate] - what curl does not do: prints the first
 * message of a Kerberos handshake, in base64, for whatever use is to be made of it, with those
 * flags and no others.  With the caller's own credentials, by libkrb5's defaults.
 */
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const char *what, OM_uint32 status, int type)
{
	OM_uint32 minor, more = 0;
	gss_buffer_desc text;

	if (GSS_ERROR(gss_display_status(&minor, status, type, GSS_C_NO_OID, &more, &text)))
		exit(1);
	fprintf(stderr, "negotiate-token: %s: %.*s\n", what, (int)text.length, (char *)text.value);
	exit(1);
}

static gss_name_t name_of(char *service)
{
	gss_buffer_desc text = {.length = strlen(service), .value = service};
	gss_name_t name;
	OM_uint32 minor;

	if (GSS_ERROR(gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name)))
		fail(service, minor, GSS_C_MECH_CODE);
	return name;
}

static gss_buffer_desc first_message(gss_name_t service, OM_uint32 flags)
{
	static char oid[] = "\x2b\x06\x01\x05\x05\x02";
	gss_OID_desc spnego = {.length = 6, .elements = oid};
	gss_ctx_id_t context = GSS_C_NO_CONTEXT;
	gss_buffer_desc message = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;

	if (GSS_ERROR(gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &context, service, &spnego,
					   flags, 0, GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER,
					   NULL, &message, NULL, NULL)))
		fail("no message", minor, GSS_C_MECH_CODE);
	return message;
}

static void print(const gss_buffer_desc *message)
{
	char *text = malloc(BASE64_ENCODE_RAW_LENGTH(message->length) + 1);

	if (!text)
		exit(1);
	base64_encode_raw(text, message->length, message->value);
	text[BASE64_ENCODE_RAW_LENGTH(message->length)] = '\0';
	puts(text);
	free(text);
}

int main(int argc, char **argv)
{
	OM_uint32 flags = 0;

	if (argc < 2)
		return 2;
	for (int i = 2; i < argc; i++)
		flags |= strcmp(argv[i], "mutual") == 0	    ? GSS_C_MUTUAL_FLAG
			 : strcmp(argv[i], "delegate") == 0 ? GSS_C_DELEG_FLAG
							    : 0;

	gss_buffer_desc message = first_message(name_of(argv[1]), flags);

	print(&message);
	return 0;
}
