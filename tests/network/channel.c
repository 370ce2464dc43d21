/* SPDX-License-Identifier: MIT */
/* Channels over the network: who the other end takes the caller for, and what it is lent. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "other.h"

static const char *const service = "HTTP/b.test@IDN.TEST";

/* Alice of the network, who has lent what FLAGS say, at the level that she states. */
static struct imp_token *remote(OM_uint32 flags, enum imp_level level)
{
	struct imp_token *token = token_of_alice(acceptor_with("a.keytab"), flags);
	struct imp_token *stated = at_request(token, level);

	imp_token_unref(token);
	return stated;
}

/* The other end is told this level, and knows alice, who has lent it that. */
static void saw_alice(struct outcome outcome, enum imp_level level, enum imp_delegated delegated)
{
	MUST(outcome.error);
	SAME_TEXT(imp_level_name(outcome.level), imp_level_name(level));
	SAME(outcome.answer, 'A');
	is_who(other_saw, &alice, "alice@IDN.TEST");
	SAME_TEXT(imp_delegated_name(imp_token_delegated(other_saw)),
		  imp_delegated_name(delegated));
}

/* What alice's client forwarded goes on, to where it can go on again. */
static void forwarded(const char *kind)
{
	struct imp_token *token;

	set_out(kind);
	other_start("b.keytab", HONEST);
	token = remote(GSS_C_DELEG_FLAG, IMP_LEVEL_DELEGATION);
	saw_alice(call_as(token, service, IMP_LEVEL_DELEGATION), IMP_LEVEL_DELEGATION,
		  IMP_DELEGATED_FORWARDED);
	/* And once more, with what the other end has been lent: the next hop. */
	struct imp_token *next = at_request(other_saw, IMP_LEVEL_DELEGATION);

	is_level(next, IMP_LEVEL_DELEGATION, IMP_DECIDED_BY_REQUEST);
	saw_alice(call_as(next, service, IMP_LEVEL_DELEGATION), IMP_LEVEL_DELEGATION,
		  IMP_DELEGATED_FORWARDED);
	SAME(not_authenticated, 0);
}

static void lowered(const char *kind)
{
	set_out(kind);
	other_start("b.keytab", HONEST);
	saw_alice(call_as(remote(GSS_C_DELEG_FLAG, IMP_LEVEL_DELEGATION), service,
			  IMP_LEVEL_IMPERSONATION),
		  IMP_LEVEL_IMPERSONATION, IMP_DELEGATED_NONE);
	is_level(at_request(other_saw, IMP_LEVEL_DELEGATION), IMP_LEVEL_IMPERSONATION,
		 IMP_DECIDED_BY_TICKET);
}

/* A client of this machine: the tickets in its own cache. */
static void local_delegation(const char *kind)
{
	struct imp_token *token;

	become_service("root");
	who_is("alice", &alice);
	token = token_at(&alice, "delegation", NULL);
	set_out(kind);
	other_start("b.keytab", HONEST);
	saw_alice(call_as(token, service, IMP_LEVEL_DELEGATION), IMP_LEVEL_DELEGATION,
		  IMP_DELEGATED_FORWARDED);
	saw_alice(call_as(token, service, IMP_LEVEL_IMPERSONATION), IMP_LEVEL_IMPERSONATION,
		  IMP_DELEGATED_NONE);
}

/* One hop and no more: nothing is lent, however much is asked for. */
static void one_hop(const char *kind)
{
	struct imp_token *token;

	become_service("root");
	who_is("alice", &alice);
	token = token_at(&alice, NULL, NULL);
	set_out(kind);
	other_start("b.keytab", HONEST);
	saw_alice(call_as(token, service, IMP_LEVEL_DELEGATION), IMP_LEVEL_IMPERSONATION,
		  IMP_DELEGATED_NONE);
	saw_alice(call_as(token, service, IMP_LEVEL_IMPERSONATION), IMP_LEVEL_IMPERSONATION,
		  IMP_DELEGATED_NONE);
	set_policy("delegation", "one_hop", "off");
	SAME(call_as(token, service, IMP_LEVEL_DELEGATION).error, -EPERM);
	SAME(other_connections, 2);
}

/* Below impersonation the other end is asked by nobody, and knows nobody. */
static void nobody(const char *kind)
{
	static const enum imp_level levels[] = {IMP_LEVEL_IDENTIFICATION, IMP_LEVEL_ANONYMOUS};

	set_out(kind);
	other_start("b.keytab", HONEST);
	for (int i = 0; i < 2; i++) {
		struct outcome outcome =
			call_as(remote(GSS_C_DELEG_FLAG, levels[i]), service, IMP_LEVEL_DELEGATION);

		MUST(outcome.error);
		SAME(outcome.answer, 'N');
		SAME(outcome.level, IMP_LEVEL_ANONYMOUS);
	}
	/* The same where it is the channel that asks for no more. */
	struct outcome outcome = call_as(remote(GSS_C_DELEG_FLAG, IMP_LEVEL_DELEGATION), service,
					 IMP_LEVEL_IDENTIFICATION);

	MUST(outcome.error);
	SAME(outcome.answer, 'N');
}

/* The service itself, with what libkrb5 finds: here, of all tickets, alice's. */
static void as_the_service(const char *kind)
{
	char name[300];
	struct outcome outcome;

	set_out(kind);
	snprintf(name, sizeof(name), "FILE:%s", in_realm("client/alice"));
	setenv("KRB5CCNAME", name, 1);
	other_start("b.keytab", HONEST);
	outcome = call_as(NULL, service, IMP_LEVEL_IMPERSONATION);
	saw_alice(outcome, outcome.level, IMP_DELEGATED_NONE);
}

/* A channel is whose it was opened as. */
static void belongs(const char *kind)
{
	struct imp_target *target;
	struct imp_channel *channel;
	struct imp_token *token, *other;
	int fd;

	set_out(kind);
	other_start("b.keytab", HONEST);
	token = remote(GSS_C_DELEG_FLAG, IMP_LEVEL_DELEGATION);
	MUST(imp_token_from_user("bob", IMP_LEVEL_IMPERSONATION, NULL, &other));
	MUST(imp_target_new("127.0.0.1", other_port, service, &target, NULL));
	MUST(imp_channel_new_network(target, IMP_LEVEL_DELEGATION, 10, carry, NULL, &channel));
	MUST(imp_impersonate(token));
	MUST(imp_channel_open(channel));
	MUST(imp_channel_open(channel));
	MUST(imp_impersonate(other));
	SAME(imp_channel_begin(channel, &fd, NULL), -ESTALE);
	imp_revert();
	SAME(imp_channel_begin(channel, &fd, NULL), -ESTALE);
	MUST(imp_impersonate(token));
	MUST(imp_channel_begin(channel, &fd, NULL));
	SAME(other_answers(fd), 'A');
	imp_channel_end(channel, false);
	imp_revert();
	SAME(other_connections, 1);
	imp_channel_free(channel);
	imp_target_unref(target);
}

/* Of what a channel was opened with nothing is left, nor of what the other end was lent. */
static void leaves_nothing(const char *kind)
{
	struct imp_token *token;

	set_out(kind);
	other_start("b.keytab", HONEST);
	token = remote(GSS_C_DELEG_FLAG, IMP_LEVEL_DELEGATION);
	saw_alice(call_as(token, service, IMP_LEVEL_DELEGATION), IMP_LEVEL_DELEGATION,
		  IMP_DELEGATED_FORWARDED);
	imp_token_unref(token);
	imp_token_unref(other_saw);
	other_saw = NULL;
	SAME(each_memory_cache(NULL), 0);
}

const struct check_case channel_cases[] = {
	{"forwarded", forwarded},
	{"lowered", lowered},
	{"local-delegation", local_delegation},
	{"one-hop", one_hop},
	{"nobody", nobody},
	{"as-the-service", as_the_service},
	{"belongs", belongs},
	{"leaves-nothing", leaves_nothing},
	{NULL, NULL},
};
