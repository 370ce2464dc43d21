/* SPDX-License-Identifier: MIT */
/* A service of the network, and its clients; see stage.h. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stage.h"

struct who alice, bob, anonymous;
int not_authenticated;
gss_OID_desc spnego = {6, (void *)"\x2b\x06\x01\x05\x05\x02"};
gss_OID_desc kerberos = {9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};

static char last_told[1024];

static void note(const struct imp_log_record *record, void *unused)
{
	(void)unused;
	if (record->event != IMP_EVENT_NOT_AUTHENTICATED)
		return;
	__atomic_add_fetch(&not_authenticated, 1, __ATOMIC_SEQ_CST);
	snprintf(last_told, sizeof(last_told), "%s", record->message);
}

void set_out(const char *kind)
{
	imp_set_log(note, NULL);
	become_service("root");
	who_is("alice", &alice);
	who_is("bob", &bob);
	who_is("nobody", &anonymous);
	anonymous.n_groups = 0;
	become_service(kind);
	MUST(imp_prepare());
}

void told_once(const char *part)
{
	SAME(not_authenticated, 1);
	CONTAINS(last_told, part);
	for (const char *at = last_told; *at; at++)
		if ((unsigned char)*at < ' ')
			FAIL("a message: expected one line, saw \"%s\"", last_told);
	not_authenticated = 0;
}

const char *in_realm(const char *name)
{
	static _Thread_local char paths[4][256];
	static _Thread_local unsigned next;
	char *path = paths[next++ % 4];
	const char *realm = getenv("REALM");

	if (!realm)
		SKIP("needs a realm");
	snprintf(path, sizeof(paths[0]), "%s/%s", realm, name);
	return path;
}

struct imp_acceptor *acceptor_with(const char *keytab)
{
	const struct imp_acceptor_options options = {.keytab = in_realm(keytab)};
	struct imp_acceptor *acceptor = NULL;
	const char *problem = NULL;
	int error = imp_acceptor_new(&options, &acceptor, &problem);

	if (error < 0)
		FAIL("imp_acceptor_new: expected 0, saw %s: %s", strerror(-error),
		     problem ? problem : "no word");
	return acceptor;
}

/* ------------------------------------------------------------------------------- initiator -- */

/* Ends the test where GSSAPI has something to say. */
static void good(const char *step, OM_uint32 major, OM_uint32 minor)
{
	OM_uint32 more = 0, ignored;
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;

	if (!GSS_ERROR(major))
		return;
	gss_display_status(&ignored, minor, GSS_C_MECH_CODE, &kerberos, &more, &text);
	FAIL("%s: expected success, saw %x: %.*s", step, major, (int)text.length,
	     (char *)text.value);
}

struct initiator initiator_of(const char *cache, const char *service, gss_OID mechanism,
			      OM_uint32 flags)
{
	struct initiator initiator = {.mechanism = mechanism, .flags = flags};
	gss_key_value_element_desc element = {"ccache", in_realm(cache)};
	const gss_key_value_set_desc store = {1, &element};
	gss_OID_set_desc mechanisms = {1, mechanism};
	gss_buffer_desc name = {strlen(service), (void *)service};
	OM_uint32 major, minor;

	major = gss_import_name(&minor, &name, GSS_C_NT_HOSTBASED_SERVICE, &initiator.target);
	good("a name", major, minor);
	major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanisms,
				      GSS_C_INITIATE, &store, &initiator.credentials, NULL, NULL);
	good(cache, major, minor);
	return initiator;
}

void *initiator_says(struct initiator *initiator, const void *answer, size_t answer_size,
		     size_t *size)
{
	gss_buffer_desc heard = {answer_size, (void *)answer}, said = GSS_C_EMPTY_BUFFER;
	OM_uint32 major, minor, ignored;
	void *message = NULL;

	major = gss_init_sec_context(&minor, initiator->credentials, &initiator->context,
				     initiator->target, initiator->mechanism, initiator->flags, 0,
				     NULL, &heard, NULL, &said, NULL, NULL);
	good("the client", major, minor);
	initiator->complete = major == GSS_S_COMPLETE;
	*size = said.length;
	if (said.length) {
		message = malloc(said.length);
		memcpy(message, said.value, said.length);
	}
	gss_release_buffer(&ignored, &said);
	return message;
}

void initiator_end(struct initiator *initiator)
{
	OM_uint32 ignored;

	gss_delete_sec_context(&ignored, &initiator->context, NULL);
	gss_release_cred(&ignored, &initiator->credentials);
	gss_release_name(&ignored, &initiator->target);
}

/* ------------------------------------------------------------------------------- handshake -- */

struct imp_handshake *proven_by(struct imp_acceptor *acceptor, struct initiator *initiator)
{
	struct imp_handshake *handshake;
	void *reply = NULL, *message;
	size_t reply_size = 0, size;
	int error = 1;

	MUST(imp_handshake_new(acceptor, &handshake));
	while ((message = initiator_says(initiator, reply, reply_size, &size))) {
		SAME(error, 1); /* it does not go on behind the end */
		free(reply);
		reply = NULL;
		error = imp_handshake_step(handshake, message, size, &reply, &reply_size);
		free(message);
		if (error < 0)
			FAIL("imp_handshake_step: expected success, saw %s: %s", strerror(-error),
			     last_told);
		if (!reply)
			break;
	}
	free(reply);
	SAME(error, 0);
	SAME(initiator->complete, true);
	return handshake;
}

struct imp_token *token_by(struct imp_acceptor *acceptor, struct initiator *initiator)
{
	struct imp_handshake *handshake = proven_by(acceptor, initiator);
	struct imp_token *token;

	MUST(imp_handshake_token(handshake, NULL, &token));
	imp_handshake_free(handshake);
	return token;
}

struct imp_token *token_of_alice(struct imp_acceptor *acceptor, OM_uint32 flags)
{
	struct initiator initiator =
		initiator_of("client/alice", "HTTP@a.test", &spnego, GSS_C_MUTUAL_FLAG | flags);
	struct imp_token *token = token_by(acceptor, &initiator);

	initiator_end(&initiator);
	return token;
}

void is_refused(struct imp_acceptor *acceptor, const void *message, size_t size)
{
	struct imp_handshake *handshake;
	struct imp_token *token = NULL;
	void *reply = NULL;
	size_t reply_size = 0;
	int step;

	MUST(imp_handshake_new(acceptor, &handshake));
	if ((step = imp_handshake_step(handshake, message, size, &reply, &reply_size)) != -EACCES)
		FAIL("a message of %zu bytes: expected that it is refused, saw %d", size, step);
	free(reply);
	/* It has come to its end, and nobody came of it. */
	SAME(imp_handshake_step(handshake, message, size, &reply, &reply_size), -EINVAL);
	SAME(imp_handshake_token(handshake, NULL, &token), -EINVAL);
	imp_handshake_free(handshake);
}

void is_level(const struct imp_token *token, enum imp_level level, enum imp_decided_by by)
{
	SAME_TEXT(imp_level_name(imp_token_level(token)), imp_level_name(level));
	SAME_TEXT(imp_decided_by_name(imp_token_level_decided_by(token)), imp_decided_by_name(by));
}

void is_who(const struct imp_token *token, const struct who *who, const char *principal)
{
	const struct imp_identity *identity = imp_token_identity(token);

	SAME(identity->uid, who->uid);
	SAME(identity->gid, who->gid);
	SAME(identity->n_groups, who->n_groups);
	SAME(memcmp(identity->groups, who->groups, who->n_groups * sizeof(gid_t)), 0);
	SAME_TEXT(identity->principal ? identity->principal : "none",
		  principal ? principal : "none");
}

struct imp_token *at_request(struct imp_token *token, enum imp_level level)
{
	struct imp_token *out;

	MUST(imp_token_at_request(token, level, &out));
	return out;
}

void set_policy(const char *section, const char *key, const char *value)
{
	struct imp_policy *policy;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, section, key, value));
	imp_policy_install(policy);
	imp_policy_unref(policy);
}

/* -------------------------------------------------------------------------- memory caches -- */

int read_as_client;

/* In the place of libkrb5's, for GSSAPI too. */
krb5_error_code krb5_init_context(krb5_context *context)
{
	krb5_error_code (*make)(krb5_context *) = dlsym(RTLD_NEXT, "krb5_init_context");
	const uid_t uid = geteuid();

	if (uid != 0 && (uid == alice.uid || uid == bob.uid))
		__atomic_add_fetch(&read_as_client, 1, __ATOMIC_SEQ_CST);
	return make(context);
}

/* The names of all that were made in this process: libkrb5 does not list them. */
static char *made[1024];
static size_t n_made;

/* In the place of libkrb5's, for GSSAPI too. */
krb5_error_code krb5_cc_new_unique(krb5_context context, const char *type, const char *hint,
				   krb5_ccache *cache)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	krb5_error_code (*make)(krb5_context, const char *, const char *, krb5_ccache *) =
		dlsym(RTLD_NEXT, "krb5_cc_new_unique");
	krb5_error_code code = make(context, type, hint, cache);

	if (code || strcmp(type, "MEMORY") != 0)
		return code;
	pthread_mutex_lock(&lock);
	if (n_made == sizeof(made) / sizeof(made[0]))
		FAIL("memory caches: expected fewer");
	SAME(krb5_cc_get_full_name(context, *cache, &made[n_made]), 0);
	n_made++;
	pthread_mutex_unlock(&lock);
	return 0;
}

size_t each_memory_cache(void (*look)(krb5_context context, krb5_ccache cache))
{
	krb5_context context;
	size_t n = 0;

	SAME(krb5_init_context(&context), 0);
	for (size_t i = 0; i < n_made; i++) {
		krb5_ccache cache;
		krb5_principal principal;

		SAME(krb5_cc_resolve(context, made[i], &cache), 0);
		if (krb5_cc_get_principal(context, cache, &principal) != 0) {
			/* There is none: it has been made by asking. */
			krb5_cc_destroy(context, cache);
			continue;
		}
		n++;
		krb5_free_principal(context, principal);
		if (look)
			look(context, cache);
		krb5_cc_close(context, cache);
	}
	krb5_free_context(context);
	return n;
}
