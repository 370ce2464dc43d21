/* SPDX-License-Identifier: MIT */
/* What a client has lent the service: held by its tokens, and gone with the last of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "stage.h"

/* With the message of a client that is another process: what it knows is not in this one. */
static void *message_from_elsewhere(size_t *size)
{
	static char buffer[65536];
	int ends[2];
	ssize_t n;

	SYSTEM(pipe2(ends, O_CLOEXEC));
	pid_t child = (pid_t)SYSTEM(fork());

	if (child == 0) {
		struct initiator initiator = initiator_of("client/alice", "HTTP@a.test", &spnego,
							  GSS_C_MUTUAL_FLAG | GSS_C_DELEG_FLAG);
		void *message = initiator_says(&initiator, NULL, 0, size);

		_exit(write(ends[1], message, *size) == (ssize_t)*size ? PASSED : FAILED);
	}
	close(ends[1]);
	*size = 0;
	while ((n = SYSTEM(read(ends[0], buffer + *size, sizeof(buffer) - *size))) > 0)
		*size += (size_t)n;
	close(ends[0]);
	wait_for(child);
	return buffer;
}

static struct imp_token *delegated_token(void)
{
	struct imp_acceptor *acceptor = acceptor_with("a.keytab");
	struct imp_handshake *handshake;
	struct imp_token *token;
	size_t size, reply_size;
	void *reply = NULL, *message = message_from_elsewhere(&size);

	MUST(imp_handshake_new(acceptor, &handshake));
	MUST(imp_handshake_step(handshake, message, size, &reply, &reply_size));
	free(reply);
	MUST(imp_handshake_token(handshake, NULL, &token));
	SAME(imp_token_delegated(token), IMP_DELEGATED_FORWARDED);
	imp_handshake_free(handshake);
	imp_acceptor_unref(acceptor);
	return token;
}

/* -------------------------------------------------------------------------- memory caches -- */

static void released(const char *kind)
{
	struct imp_token *token, *request;

	set_out(kind);
	SAME(each_memory_cache(NULL), 0);
	token = delegated_token();
	SAME(each_memory_cache(NULL), 1);
	request = at_request(token, IMP_LEVEL_DELEGATION);
	imp_token_unref(token);
	/* A request's token holds it as well. */
	SAME(imp_token_delegated(request), IMP_DELEGATED_FORWARDED);
	MUST(imp_impersonate(request));
	imp_token_unref(request);
	SAME(each_memory_cache(NULL), 1); /* the thread's */
	imp_revert();
	SAME(each_memory_cache(NULL), 0);
}

/* A client that is gone before a token was made of it, or in the middle of its proof. */
static void unfinished(const char *kind)
{
	struct imp_acceptor *acceptor;
	struct imp_handshake *handshake;
	struct initiator initiator;
	size_t size, reply_size;
	void *reply = NULL, *message;

	set_out(kind);
	acceptor = acceptor_with("a.keytab");
	message = message_from_elsewhere(&size);
	MUST(imp_handshake_new(acceptor, &handshake));
	MUST(imp_handshake_step(handshake, message, size, &reply, &reply_size));
	free(reply);
	imp_handshake_free(handshake);
	SAME(each_memory_cache(NULL), 0);

	/* Without a ticket: GSSAPI would lose one in the middle, and keep it for good. */
	initiator = initiator_of("client/alice", "HTTP@a.test", &kerberos,
				 GSS_C_MUTUAL_FLAG | GSS_C_DCE_STYLE);
	message = initiator_says(&initiator, NULL, 0, &size);
	MUST(imp_handshake_new(acceptor, &handshake));
	SAME(imp_handshake_step(handshake, message, size, &reply, &reply_size), 1);
	free(reply);
	imp_handshake_free(handshake);
	SAME(each_memory_cache(NULL), 0);
	MUST(imp_handshake_new(acceptor, &handshake));
	imp_handshake_free(handshake);
}

/* Replaced by another client, on whose thread all of it ends; with a handshake in its middle. */
static void ends_under_another(const char *kind)
{
	struct imp_acceptor *acceptor;
	struct imp_handshake *handshake;
	struct imp_token *first, *token, *other;
	struct initiator initiator;
	size_t size, reply_size;
	void *reply = NULL, *message;

	set_out(kind);
	acceptor = acceptor_with("a.keytab");
	initiator = initiator_of("client/alice", "HTTP@a.test", &kerberos,
				 GSS_C_MUTUAL_FLAG | GSS_C_DCE_STYLE);
	message = initiator_says(&initiator, NULL, 0, &size);
	MUST(imp_handshake_new(acceptor, &handshake));
	SAME(imp_handshake_step(handshake, message, size, &reply, &reply_size), 1);
	first = delegated_token();
	token = at_request(first, IMP_LEVEL_DELEGATION);
	imp_token_unref(first);
	MUST(imp_token_from_user("bob", IMP_LEVEL_IMPERSONATION, NULL, &other));
	MUST(imp_impersonate(token));
	imp_token_unref(token);
	MUST(imp_impersonate(other));
	imp_handshake_free(handshake);
	MUST(imp_assert(other));
	imp_revert();
	SAME(each_memory_cache(NULL), 0);
	SAME(read_as_client, 0);
}

static void lends(struct imp_acceptor *acceptor, const char *cache, size_t held)
{
	struct initiator initiator =
		initiator_of(cache, "HTTP@a.test", &spnego, GSS_C_MUTUAL_FLAG | GSS_C_DELEG_FLAG);
	struct imp_token *token = token_by(acceptor, &initiator);

	initiator_end(&initiator);
	SAME(each_memory_cache(NULL), held);
	SAME(imp_token_delegated(token), held ? IMP_DELEGATED_FORWARDED : IMP_DELEGATED_NONE);
	imp_token_unref(token);
	SAME(each_memory_cache(NULL), 0);
}

/* What a client lends that never comes to delegation, by which alone it could be used. */
static void useless(const char *kind)
{
	struct imp_acceptor *acceptor;

	set_out(kind);
	acceptor = acceptor_with("a.keytab");
	lends(acceptor, "client/alice", 1);
	lends(acceptor, "client/stranger", 0);
	lends(acceptor, "client/mallory", 0);
	lends(acceptor, "client/root", 0);
	set_policy("impersonation", "max_level", "impersonation");
	lends(acceptor, "client/alice", 0);
	imp_acceptor_unref(acceptor);
}

/* A hundred clients one after the other leave nothing behind them. */
static void many(const char *kind)
{
	struct imp_acceptor *acceptor;

	set_out(kind);
	acceptor = acceptor_with("a.keytab");
	for (int i = 0; i < 100; i++)
		imp_token_unref(token_of_alice(acceptor, GSS_C_DELEG_FLAG));
	SAME(each_memory_cache(NULL), 0);
	imp_acceptor_unref(acceptor);
}

/* --------------------------------------------------------------------------------- memory -- */

/* Session keys, kept so that they are not found for being known: each byte turned over. */
static struct {
	unsigned char bytes[64];
	size_t size;
} keys[8];
static size_t n_keys;

static void know(const krb5_keyblock *key)
{
	if (n_keys == sizeof(keys) / sizeof(keys[0]) || key->length > sizeof(keys[0].bytes))
		FAIL("keys: expected few and short ones");
	for (unsigned i = 0; i < key->length; i++)
		keys[n_keys].bytes[i] = key->contents[i] ^ 0xff;
	keys[n_keys++].size = key->length;
}

static void know_keys(krb5_context context, krb5_ccache cache)
{
	krb5_cc_cursor cursor;
	krb5_creds credentials;

	SAME(krb5_cc_start_seq_get(context, cache, &cursor), 0);
	while (krb5_cc_next_cred(context, cache, &cursor, &credentials) == 0) {
		if (credentials.keyblock.length)
			know(&credentials.keyblock);
		krb5_free_cred_contents(context, &credentials);
	}
	SAME(krb5_cc_end_seq_get(context, cache, &cursor), 0);
}

static size_t count_in(const unsigned char *bytes, size_t size)
{
	size_t n = 0;

	for (size_t k = 0; k < n_keys; k++)
		for (size_t at = 0; at + keys[k].size <= size; at++) {
			size_t same = 0;

			while (same < keys[k].size &&
			       (bytes[at + same] ^ 0xff) == keys[k].bytes[same])
				same++;
			n += same == keys[k].size;
		}
	return n;
}

/* In all that the process may write to, but for what is looked through here. */
static size_t copies_in_memory(void)
{
	static unsigned char piece[1 << 20];
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	size_t n = 0;

	if (!maps)
		FAIL("/proc/self/maps: %s", strerror(errno));
	while (fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char mode[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w')
			continue;
		for (unsigned long at = from; at < to; at += sizeof(piece)) {
			size_t want = to - at < sizeof(piece) ? to - at : sizeof(piece);
			struct iovec here = {piece, want}, there = {(void *)at, want};
			ssize_t got;

			if (at < (unsigned long)(piece + sizeof(piece)) &&
			    at + want > (unsigned long)piece)
				continue;
			got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
			n += got > 0 ? count_in(piece, (size_t)got) : 0;
		}
	}
	fclose(maps);
	memset(piece, 0, sizeof(piece));
	return n;
}

static void wiped(const char *kind)
{
	struct imp_token *token;

	set_out(kind);
	token = delegated_token();
	SAME(each_memory_cache(know_keys), 1);
	SAME(n_keys > 0, true);
	if (copies_in_memory() == 0)
		FAIL("memory: expected the key where it is held, saw it nowhere");
	imp_token_unref(token);
	SAME(copies_in_memory(), 0);
}

const struct check_case held_cases[] = {
	{"released", released}, {"unfinished", unfinished},
	{"useless", useless},	{"ends-under-another", ends_under_another},
	{"many", many},		{"wiped", wiped},
	{NULL, NULL},
};
