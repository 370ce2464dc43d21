/* SPDX-License-Identifier: MIT */
/* Handshakes: who comes of one, and at which level; and of which nobody does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stage.h"

/* One of each principal, and what the realm and the policy make of it. */
static struct imp_token *token_from(struct imp_acceptor *acceptor, const char *cache)
{
	struct initiator initiator = initiator_of(cache, "HTTP@a.test", &spnego, GSS_C_MUTUAL_FLAG);
	struct imp_token *token = token_by(acceptor, &initiator);

	initiator_end(&initiator);
	return token;
}

static void succeeds(const char *kind)
{
	static gss_OID const mechanisms[] = {&spnego, &kerberos};
	/* The last one takes a message more. */
	static const OM_uint32 flags[] = {0, GSS_C_MUTUAL_FLAG,
					  GSS_C_MUTUAL_FLAG | GSS_C_DCE_STYLE};
	struct imp_acceptor *acceptor;

	set_out(kind);
	acceptor = acceptor_with("a.keytab");
	for (size_t i = 0; i < 2 * 3; i++) {
		struct initiator initiator = initiator_of("client/alice", "HTTP@a.test",
							  mechanisms[i % 2], flags[i / 2]);
		struct imp_token *token = token_by(acceptor, &initiator);

		is_who(token, &alice, "alice@IDN.TEST");
		is_level(token, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_DEFAULT);
		SAME(imp_token_transport(token), IMP_TRANSPORT_TCP);
		SAME(imp_token_delegated(token), IMP_DELEGATED_NONE);
		SAME(imp_token_client_pid(token), 0);
		imp_token_unref(token);
		initiator_end(&initiator);
	}
	SAME(not_authenticated, 0);
	imp_acceptor_unref(acceptor);
}

static void levels(const char *kind)
{
	struct imp_token *token;

	set_out(kind);
	token = token_of_alice(acceptor_with("a.keytab"), 0);
	is_level(at_request(token, IMP_LEVEL_ANONYMOUS), IMP_LEVEL_ANONYMOUS,
		 IMP_DECIDED_BY_REQUEST);
	is_who(at_request(token, IMP_LEVEL_ANONYMOUS), &anonymous, NULL);
	is_level(at_request(token, IMP_LEVEL_IMPERSONATION), IMP_LEVEL_IMPERSONATION,
		 IMP_DECIDED_BY_REQUEST);
	is_level(at_request(token, IMP_LEVEL_DELEGATION), IMP_LEVEL_IMPERSONATION,
		 IMP_DECIDED_BY_TICKET);

	token = token_of_alice(acceptor_with("a.keytab"), GSS_C_DELEG_FLAG);
	is_level(token, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_DEFAULT);
	SAME(imp_token_delegated(token), IMP_DELEGATED_FORWARDED);
	SAME(imp_token_delegated(at_request(token, IMP_LEVEL_ANONYMOUS)), IMP_DELEGATED_NONE);
	is_level(at_request(token, IMP_LEVEL_DELEGATION), IMP_LEVEL_DELEGATION,
		 IMP_DECIDED_BY_REQUEST);

	set_policy("impersonation", "default_level_network", "delegation");
	is_level(token_of_alice(acceptor_with("a.keytab"), GSS_C_DELEG_FLAG), IMP_LEVEL_DELEGATION,
		 IMP_DECIDED_BY_DEFAULT);
	is_level(token_of_alice(acceptor_with("a.keytab"), 0), IMP_LEVEL_IMPERSONATION,
		 IMP_DECIDED_BY_TICKET);
	set_policy("impersonation", "max_level", "identification");
	token = token_of_alice(acceptor_with("a.keytab"), GSS_C_DELEG_FLAG);
	is_level(at_request(token, IMP_LEVEL_DELEGATION), IMP_LEVEL_IDENTIFICATION,
		 IMP_DECIDED_BY_POLICY);
}

/* The thread is alice, and what she lent makes no difference to that. */
static void impersonates(const char *kind)
{
	static struct state service, acting;
	struct imp_token *token;

	set_out(kind);
	state_read(0, &service);
	state_acting(&service, &alice, &acting);
	token = at_request(token_of_alice(acceptor_with("a.keytab"), GSS_C_DELEG_FLAG),
			   IMP_LEVEL_DELEGATION);
	MUST(imp_impersonate(token));
	STATE_IS(0, &acting);
	MUST(imp_assert(token));
	imp_revert();
	STATE_IS(0, &service);
}

/* Those whom no account is for, of this realm and of another; and root, who is one. */
static void accounts(const char *kind)
{
	static const char *const without[] = {"client/stranger", "client/mallory"};
	struct imp_acceptor *acceptor;
	struct imp_token *token;
	struct who root;

	set_out(kind);
	who_is("root", &root);
	acceptor = acceptor_with("a.keytab");
	for (int i = 0; i < 2; i++) {
		token = token_from(acceptor, without[i]);
		is_level(token, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_UNMAPPED_CLIENT);
		is_who(token, &anonymous, NULL);
		is_level(at_request(token, IMP_LEVEL_DELEGATION), IMP_LEVEL_ANONYMOUS,
			 IMP_DECIDED_BY_UNMAPPED_CLIENT);
	}
	token = at_request(token_from(acceptor, "client/root"), IMP_LEVEL_IMPERSONATION);
	is_level(token, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_PRIVILEGED_CLIENT);
	is_who(token, &root, "root@IDN.TEST");
}

/* ------------------------------------------------------------------------------- refusals -- */

/* A client's first message, whoever it was meant for. */
static void *message_for(const char *service, gss_OID mechanism, size_t *size)
{
	struct initiator initiator =
		initiator_of("client/alice", service, mechanism, GSS_C_MUTUAL_FLAG);
	void *message = initiator_says(&initiator, NULL, 0, size);

	initiator_end(&initiator);
	return message;
}

/* The realm has given the service another key meanwhile. */
static void wrong_version(const char *kind)
{
	size_t size;
	void *message;

	set_out(kind);
	message = message_for("HTTP@stale.test", &spnego, &size);
	is_refused(acceptor_with("stale.keytab"), message, size);
	told_once("kvno");
	free(message);
}

/* Whoever might be here: the client has lent it a ticket, and has not asked who it is. */
static void lent_to_nobody(const char *kind)
{
	struct initiator initiator;
	struct imp_acceptor *acceptor;
	void *message;
	size_t size;

	set_out(kind);
	acceptor = acceptor_with("a.keytab");
	initiator = initiator_of("client/alice", "HTTP@a.test", &kerberos, GSS_C_DELEG_FLAG);
	message = initiator_says(&initiator, NULL, 0, &size);
	is_refused(acceptor, message, size);
	told_once("mutual");
	SAME(each_memory_cache(NULL), 0);
	free(message);
}

/* Of that version, but another. */
static void wrong_key(const char *kind)
{
	size_t size;
	void *message;

	set_out(kind);
	message = message_for("HTTP@a.test", &spnego, &size);
	is_refused(acceptor_with("forged.keytab"), message, size);
	told_once("");
	free(message);
}

static void wrong_service(const char *kind)
{
	struct imp_acceptor_options options = {.keytab = in_realm("both.keytab"),
					       .principal = "HTTP/a.test"};
	struct imp_acceptor *acceptor;
	size_t size;
	void *message;

	set_out(kind);
	MUST(imp_acceptor_new(&options, &acceptor, NULL));
	message = message_for("HTTP@b.test", &spnego, &size);
	is_refused(acceptor, message, size);
	told_once("");
	free(message);
	/* The keytab has the key: without a name asked for it would do. */
	message = message_for("HTTP@b.test", &spnego, &size);
	struct imp_handshake *handshake;
	void *reply = NULL;
	size_t reply_size;

	MUST(imp_handshake_new(acceptor_with("both.keytab"), &handshake));
	MUST(imp_handshake_step(handshake, message, size, &reply, &reply_size));
	free(reply);
	free(message);
	imp_handshake_free(handshake);
}

static void replayed(const char *kind)
{
	static gss_OID const mechanisms[] = {&spnego, &kerberos};

	set_out(kind);
	for (int i = 0; i < 2; i++) {
		struct imp_acceptor *acceptor = acceptor_with("a.keytab");
		struct imp_handshake *handshake;
		size_t size, reply_size;
		void *reply = NULL, *message = message_for("HTTP@a.test", mechanisms[i], &size);

		MUST(imp_handshake_new(acceptor, &handshake));
		MUST(imp_handshake_step(handshake, message, size, &reply, &reply_size));
		free(reply);
		is_refused(acceptor, message, size);
		told_once("replay");
		/* Nor by another acceptor, as after a restart. */
		is_refused(acceptor_with("a.keytab"), message, size);
		told_once("replay");
		imp_handshake_free(handshake);
		free(message);
	}
}

static void garbage(const char *kind)
{
	static gss_OID const mechanisms[] = {&spnego, &kerberos};
	struct imp_acceptor *acceptor;
	const size_t much = 1 << 20;
	char *zeros = calloc(1, much);

	set_out(kind);
	acceptor = acceptor_with("a.keytab");
	is_refused(acceptor, "garbage", 7);
	told_once("");
	is_refused(acceptor, zeros, much);
	told_once("");
	for (int i = 0; i < 2; i++) {
		size_t size;
		char *message = message_for("HTTP@a.test", mechanisms[i], &size);

		for (size_t cut = 1; cut < size; cut += size / 16) {
			is_refused(acceptor, message, size - cut);
			told_once("");
		}
		/* What comes before is not sealed: a name, a list of what else would do. */
		for (size_t at = size / 2; at < size; at += size / 32) {
			message[at] ^= 0x15;
			is_refused(acceptor, message, size);
			told_once("");
			message[at] ^= 0x15;
		}
		free(message);
	}
	free(zeros);
}

/* Who says nothing is told what is spoken here (RFC 4178, 4.2.2), and can go on with that. */
static void nothing(const char *kind)
{
	struct imp_acceptor *acceptor;
	struct imp_handshake *handshake;
	size_t size, reply_size;
	void *reply = NULL, *message;

	set_out(kind);
	acceptor = acceptor_with("a.keytab");
	message = message_for("HTTP@a.test", &spnego, &size);
	MUST(imp_handshake_new(acceptor, &handshake));
	SAME(imp_handshake_step(handshake, NULL, 0, &reply, &reply_size), 1);
	SAME(reply != NULL, true);
	free(reply);
	MUST(imp_handshake_step(handshake, message, size, &reply, &reply_size));
	free(reply);
	imp_handshake_free(handshake);

	MUST(imp_handshake_new(acceptor, &handshake));
	SAME(imp_handshake_step(handshake, "", 0, &reply, &reply_size), 1);
	free(reply);
	SAME(imp_handshake_step(handshake, "", 0, &reply, &reply_size), -EACCES);
	free(reply);
	SAME(imp_handshake_step(handshake, message, size, &reply, &reply_size), -EINVAL);
	told_once("");
	imp_handshake_free(handshake);
}

/* The keytab and the replay cache would be opened as the client, names looked up so. */
static void busy(const char *kind)
{
	struct imp_token *other, *token;
	struct imp_handshake *handshake;
	size_t size, reply_size;
	void *reply = NULL, *message;

	set_out(kind);
	MUST(imp_token_from_user("bob", IMP_LEVEL_IMPERSONATION, NULL, &other));
	message = message_for("HTTP@a.test", &spnego, &size);
	MUST(imp_handshake_new(acceptor_with("a.keytab"), &handshake));
	MUST(imp_impersonate(other));
	SAME(imp_handshake_step(handshake, message, size, &reply, &reply_size), -EBUSY);
	imp_revert();
	SAME(imp_handshake_token(handshake, NULL, &token), -EINVAL);
	MUST(imp_handshake_step(handshake, message, size, &reply, &reply_size));
	MUST(imp_impersonate(other));
	SAME(imp_handshake_token(handshake, NULL, &token), -EBUSY);
	imp_revert();
	MUST(imp_handshake_token(handshake, NULL, &token));
	is_who(token, &alice, "alice@IDN.TEST");
	/* It has come to its end, and has said what it had to. */
	SAME(imp_handshake_step(handshake, message, size, &reply, &reply_size), -EINVAL);
	SAME(not_authenticated, 0);
	imp_handshake_free(handshake);
	imp_handshake_free(NULL);
}

/* ------------------------------------------------------------------------------- expiring -- */

static void wait_until(int64_t ns)
{
	const struct timespec at = {ns / 1000000000, ns % 1000000000};

	while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

/* Alice's ticket has some seconds to go yet. */
static void expires(const char *kind)
{
	struct imp_acceptor *acceptor;
	struct initiator initiator;
	struct imp_handshake *early, *late;
	struct imp_token *token;
	struct timespec now;

	set_out(kind);
	acceptor = acceptor_with("a.keytab");
	initiator = initiator_of("client/brief", "HTTP@a.test", &spnego, GSS_C_MUTUAL_FLAG);
	early = proven_by(acceptor, &initiator);
	initiator_end(&initiator);
	initiator = initiator_of("client/brief", "HTTP@a.test", &spnego, GSS_C_MUTUAL_FLAG);
	late = proven_by(acceptor, &initiator);
	MUST(imp_handshake_token(early, NULL, &token));
	token = at_request(token, IMP_LEVEL_IMPERSONATION);
	clock_gettime(CLOCK_REALTIME, &now);
	SAME(imp_token_expires(token) > now.tv_sec * 1000000000, true);
	SAME(imp_token_expires(token) < (now.tv_sec + 60) * 1000000000, true);

	MUST(imp_impersonate(token));
	wait_until(imp_token_expires(token));
	/* A thread that does already goes on until it reverts. */
	MUST(imp_assert(token));
	imp_revert();
	SAME(imp_impersonate(token), -EKEYEXPIRED);
	SAME(imp_handshake_token(late, NULL, &token), -EKEYEXPIRED);
}

const struct check_case handshake_cases[] = {
	{"success", succeeds},
	{"levels", levels},
	{"impersonates", impersonates},
	{"accounts", accounts},
	{"wrong-version", wrong_version},
	{"lent-to-nobody", lent_to_nobody},
	{"wrong-key", wrong_key},
	{"wrong-service", wrong_service},
	{"replayed", replayed},
	{"garbage", garbage},
	{"nothing", nothing},
	{"handshake-busy", busy},
	{"expires", expires},
	{NULL, NULL},
};
