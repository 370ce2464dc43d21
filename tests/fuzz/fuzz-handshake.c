/* SPDX-License-Identifier: MIT */
/*
 * What a client sends to prove who it is, in one message and in several.  The service's key is made
 * anew each time: whoever is known by a message has not proven it.
 */
#include <errno.h>
#include <krb5.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "impersonate.h"

enum { MOST_MESSAGES = 8 };

static struct imp_acceptor *acceptor;
static unsigned told;

/* One line, whatever is in it. */
static void listen(const struct imp_log_record *record, void *unused)
{
	(void)unused;
	told += record->event == IMP_EVENT_NOT_AUTHENTICATED;
	for (const char *at = record->message; *at; at++)
		PROMISED((unsigned char)*at >= ' ' && *at != 127);
}

/* ---------------------------------------------------------------------------------- service -- */

/* Nothing of the machine's, and nobody to be asked; in memory, so that nothing is left behind. */
static void configure(void)
{
	static const char text[] = "[libdefaults]\n"
				   "  default_realm = FUZZ.TEST\n"
				   "  dns_lookup_kdc = false\n"
				   "  dns_lookup_realm = false\n"
				   "  dns_canonicalize_hostname = false\n";
	static char name[64];
	int fd = memfd_create("krb5.conf", 0);

	PROMISED(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	PROMISED(setenv("KRB5_CONFIG", name, 1) == 0);
}

static void make_key(void)
{
	krb5_context context;
	krb5_keytab keytab;
	krb5_keytab_entry entry = {.vno = 1};

	PROMISED(krb5_init_context(&context) == 0);
	PROMISED(krb5_kt_resolve(context, "MEMORY:fuzz", &keytab) == 0);
	PROMISED(krb5_parse_name(context, "HTTP/a.test@IDN.TEST", &entry.principal) == 0);
	PROMISED(krb5_c_make_random_key(context, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &entry.key) == 0);
	PROMISED(krb5_kt_add_entry(context, keytab, &entry) == 0);
	krb5_free_keyblock_contents(context, &entry.key);
	krb5_free_principal(context, entry.principal);

	const struct imp_acceptor_options options = {.keytab = "MEMORY:fuzz",
						     .replay_cache = "none:"};

	PROMISED(imp_acceptor_new(&options, &acceptor, NULL) == 0);
	krb5_kt_close(context, keytab);
	krb5_free_context(context);
}

static void begin(void)
{
	if (acceptor)
		return;
	configure();
	make_key();
	imp_set_log(listen, NULL);
}

/* --------------------------------------------------------------------------------- messages -- */

static int step(struct imp_handshake *handshake, const uint8_t *bytes, size_t size)
{
	/* Of its size, for a read beyond it to be seen. */
	uint8_t *message = malloc(size);
	void *reply = &told;
	size_t reply_size = SIZE_MAX;

	PROMISED(message || size == 0);
	if (size)
		memcpy(message, bytes, size);
	told = 0;
	int result = imp_handshake_step(handshake, message, size, &reply, &reply_size);

	PROMISED(result == 1 || result == -EACCES);
	PROMISED((reply == NULL) == (reply_size == 0));
	/* Who is to go on needs to know how; and what failed is told, once. */
	PROMISED(result != 1 || reply);
	PROMISED(told == (result == -EACCES));
	free(reply);
	free(message);
	return result;
}

static void is_over(struct imp_handshake *handshake)
{
	struct imp_token *token;
	void *reply;
	size_t size;

	PROMISED(imp_handshake_step(handshake, "", 0, &reply, &size) == -EINVAL);
	PROMISED(imp_handshake_token(handshake, NULL, &token) == -EINVAL);
}

static void in_one(const uint8_t *data, size_t size)
{
	struct imp_handshake *handshake;

	PROMISED(imp_handshake_new(acceptor, &handshake) == 0);
	if (step(handshake, data, size) < 0)
		is_over(handshake);
	imp_handshake_free(handshake);
}

/* Each with its length before it, in two bytes; the last one is what is left. */
static void in_several(const uint8_t *data, size_t size)
{
	struct imp_handshake *handshake;
	int result = 1;

	PROMISED(imp_handshake_new(acceptor, &handshake) == 0);
	for (int i = 0; i < MOST_MESSAGES && size >= 2 && result == 1; i++) {
		size_t length = (size_t)data[0] << 8 | data[1];

		data += 2;
		size -= 2;
		length = length < size ? length : size;
		result = step(handshake, data, length);
		data += length;
		size -= length;
	}
	if (result < 0)
		is_over(handshake);
	imp_handshake_free(handshake);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin();
	in_one(data, size);
	in_several(data, size);
	return 0;
}
