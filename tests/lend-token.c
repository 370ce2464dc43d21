/* SPDX-License-Identifier: MIT */
/*
 * lend-token SERVICE CACHE - the first message of a handshake, in base64, by which the owner of the
 * default cache proves itself and forwards a ticket of somebody else's, that of CACHE: no GSSAPI
 * makes one (RFC 4121, 4.1.1).
 */
#include <krb5/krb5.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MUTUAL_AND_DELEGATE = 1 | 2, BINDINGS = 16, HEAD = 28, CHECKSUM_TYPE = 0x8003 };

struct lent {
	krb5_ccache cache;
	krb5_principal owner, service;
};

static void must(krb5_error_code code, const char *what)
{
	if (code == 0)
		return;
	fprintf(stderr, "lend-token: %s: %d\n", what, (int)code);
	exit(1);
}

/* No channel bindings, the flags, and the ticket. */
static krb5_error_code make_checksum(krb5_context context, krb5_auth_context authentication,
				     void *data, krb5_data **checksum)
{
	static krb5_data result;
	struct lent *lent = data;
	krb5_data message;

	must(krb5_fwd_tgt_creds(context, authentication, NULL, lent->owner, lent->service,
				lent->cache, 1, &message),
	     "no ticket to forward");

	unsigned char *bytes = calloc(1, HEAD + message.length);

	if (!bytes)
		return KRB5_CC_NOMEM;
	bytes[0] = BINDINGS;
	bytes[20] = MUTUAL_AND_DELEGATE;
	bytes[24] = 1;
	bytes[26] = message.length & 0xff;
	bytes[27] = (unsigned char)(message.length >> 8);
	memcpy(bytes + HEAD, message.data, message.length);
	result.data = (char *)bytes;
	result.length = HEAD + message.length;
	*checksum = &result;
	return 0;
}

/* As GSSAPI frames it: Kerberos' object identifier, and what kind of message it is. */
static void print(const krb5_data *request)
{
	static const unsigned char kind[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
					     0x12, 0x01, 0x02, 0x02, 0x01, 0x00};
	const size_t inner = sizeof(kind) + request->length;
	unsigned char *bytes = malloc(inner + 4);
	char *text = malloc(BASE64_ENCODE_RAW_LENGTH(inner + 4) + 1);

	if (!bytes || !text)
		exit(1);
	bytes[0] = 0x60;
	bytes[1] = 0x82;
	bytes[2] = (unsigned char)(inner >> 8);
	bytes[3] = inner & 0xff;
	memcpy(bytes + 4, kind, sizeof(kind));
	memcpy(bytes + 4 + sizeof(kind), request->data, request->length);
	base64_encode_raw(text, inner + 4, bytes);
	printf("%.*s\n", (int)BASE64_ENCODE_RAW_LENGTH(inner + 4), text);
	free(bytes);
	free(text);
}

int main(int argc, char **argv)
{
	krb5_auth_context authentication = NULL;
	krb5_creds wanted = {0}, *ticket;
	krb5_context context;
	krb5_ccache own;
	krb5_data request;
	struct lent lent;

	if (argc != 3)
		return 2;
	must(krb5_init_context(&context), "libkrb5");
	must(krb5_cc_default(context, &own), "the default cache");
	must(krb5_cc_get_principal(context, own, &wanted.client), "the default cache");
	must(krb5_parse_name(context, argv[1], &wanted.server), argv[1]);
	must(krb5_get_credentials(context, 0, own, &wanted, &ticket), argv[1]);
	lent.service = wanted.server;
	must(krb5_cc_resolve(context, argv[2], &lent.cache), argv[2]);
	must(krb5_cc_get_principal(context, lent.cache, &lent.owner), argv[2]);
	must(krb5_auth_con_init(context, &authentication), "libkrb5");
	must(krb5_auth_con_set_req_cksumtype(context, authentication, CHECKSUM_TYPE), "libkrb5");
	must(krb5_auth_con_set_checksum_func(context, authentication, make_checksum, &lent),
	     "libkrb5");
	must(krb5_mk_req_extended(context, &authentication, AP_OPTS_MUTUAL_REQUIRED, NULL, ticket,
				  &request),
	     "no message");
	print(&request);
	return 0;
}
