/* SPDX-License-Identifier: MIT */
/* Whose a channel is, whose each call is, and that these are the same. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "stage.h"

static int server = -1;

static void open_channel(void)
{
	MUST(imp_channel_open(channel));
}

static void fail_to_open(void)
{
	SAME(imp_channel_open(channel), -ESTALE);
}

static void call(void)
{
	server = call_over(server);
}

static void fail_to_call(void)
{
	SAME(begin(), -ESTALE);
}

/* ------------------------------------------------------------------------------- opening -- */

static void explicit_open(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	in_thread(as_alice, open_channel);
	server = accept_one(listener);
	peer_is(server, &alice, "impersonation");
	in_thread(as_alice, open_channel); /* once more, which is nothing to do */
	nobody_came(listener);

	int fd;
	bool fresh = false;

	MUST(imp_impersonate(as_alice));
	MUST(imp_channel_begin(channel, &fd, &fresh));
	SAME(fresh, true);
	exchange(fd, server);
	imp_channel_end(channel, false);
	call();
	imp_revert();
	in_thread(as_alice, call);
	SAME(told.count, 0);
}

static void first_use(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	nobody_came(listener);
	in_thread(as_bob, call);
	peer_is(server, &bob, "impersonation");
	in_thread(as_bob, call);
}

static void opened_as_another(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	in_thread(as_alice, open_channel);
	server = accept_one(listener);
	in_thread(as_bob, fail_to_open);
	in_thread(NULL, fail_to_open);
	SAME(told.count, 2);
	nobody_came(listener);

	/* Nor where calls would go on: it cannot be what was asked for. */
	let_mismatches_warn();
	in_thread(as_bob, fail_to_open);
	SAME(told.priority, LOG_ERR);
}

/* ---------------------------------------------------------------------------- the defect -- */

static void read_ledger(struct imp_ledger_entry *entry)
{
	struct imp_ledger *ledger;

	MUST(imp_ledger_open(getpid(), &ledger));
	MUST(imp_ledger_read(ledger, gettid(), entry));
	imp_ledger_close(ledger);
}

static void be_refused_alices(void)
{
	struct imp_ledger_entry entry;

	read_ledger(&entry);
	SAME(entry.channel_mismatches, 0);
	for (unsigned i = 1; i <= 2; i++) {
		SAME(begin(), -ESTALE);
		SAME(told.count, i);
		SAME(told.expected, bob.uid);
		SAME(told.actual, alice.uid);
		SAME(told.priority, LOG_ERR);
		SAME(told.error, -ESTALE);

		/* Read as bob: what is the service's own is opened as the service. */
		imp_revert();
		read_ledger(&entry);
		SAME(entry.channel_mismatches, i);
		SAME(entry.mismatches, i);
		SAME(entry.channel_expected_uid, bob.uid);
		SAME(entry.channel_actual_uid, alice.uid);
		SAME(entry.channel_ns > 0, true);
		MUST(imp_impersonate(as_bob));
	}
	CONTAINS(told.message, path);
	CONTAINS(told.message, "the call is of uid 2002 at impersonation");
	CONTAINS(told.message, "the connection of uid 2001 at impersonation");
	CONTAINS(told.message, "differ");
}

static void defect(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	in_thread(as_alice, call);
	peer_is(server, &alice, "impersonation");
	in_thread(as_bob, be_refused_alices);
	nobody_came(listener);
	in_thread(as_alice, call); /* hers is as good as before */
}

static void call_as_alice(void)
{
	struct imp_ledger_entry entry;

	for (unsigned i = 1; i <= 3; i++) {
		call();
		SAME(told.count, i);
		SAME(told.expected, bob.uid);
		SAME(told.actual, alice.uid);
		SAME(told.priority, LOG_WARNING);
		SAME(told.error, 0);
	}
	imp_revert();
	read_ledger(&entry);
	SAME(entry.channel_mismatches, 3);
}

static void defect_warns(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	let_mismatches_warn();
	in_thread(as_alice, call);
	SAME(told.count, 0);
	in_thread(as_bob, call_as_alice);
	peer_is(server, &alice, "impersonation");
}

static void primary(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	in_thread(NULL, call);
	peer_is(server, &service, "impersonation");
	in_thread(as_alice, fail_to_call);
	SAME(told.expected, alice.uid);
	SAME(told.actual, service.uid);
	in_thread(NULL, call);

	imp_channel_close(channel);
	server = -1;
	in_thread(as_alice, call);
	peer_is(server, &alice, "impersonation");
	in_thread(NULL, fail_to_call);
	SAME(told.expected, service.uid);
	SAME(told.actual, alice.uid);
}

/* The same uid and gid are not yet the same identity. */
static void other_groups(const char *kind)
{
	struct who fewer;

	become_service("root");
	who_is("alice", &fewer);
	fewer.n_groups = 1;
	struct imp_token *as_fewer = token_at(&fewer, NULL, NULL);

	set_out(kind, IMP_LEVEL_IMPERSONATION);
	in_thread(as_alice, call);
	in_thread(as_fewer, fail_to_call);
	SAME(told.expected, told.actual);
	CONTAINS(told.message, "supplementary groups differ");
	imp_channel_close(channel);
	server = -1;
	in_thread(as_fewer, call);
	peer_is(server, &fewer, "impersonation");
	in_thread(as_alice, fail_to_call);
}

/* -------------------------------------------------------------------------------- levels -- */

static void levels(const char *kind)
{
	static const struct {
		enum imp_level channel, client;
		const char *told;
		const struct who *seen;
	} cases[] = {
		{IMP_LEVEL_DELEGATION, IMP_LEVEL_DELEGATION, "delegation", &alice},
		{IMP_LEVEL_DELEGATION, IMP_LEVEL_IMPERSONATION, "impersonation", &alice},
		{IMP_LEVEL_DELEGATION, IMP_LEVEL_IDENTIFICATION, "anonymous", &anonymous},
		{IMP_LEVEL_DELEGATION, IMP_LEVEL_ANONYMOUS, "anonymous", &anonymous},
		{IMP_LEVEL_IMPERSONATION, IMP_LEVEL_DELEGATION, "impersonation", &alice},
		{IMP_LEVEL_IMPERSONATION, IMP_LEVEL_IMPERSONATION, "impersonation", &alice},
		{IMP_LEVEL_IDENTIFICATION, IMP_LEVEL_DELEGATION, "identification", &alice},
		{IMP_LEVEL_IDENTIFICATION, IMP_LEVEL_IDENTIFICATION, "anonymous", &anonymous},
		{IMP_LEVEL_ANONYMOUS, IMP_LEVEL_DELEGATION, "anonymous", &alice},
		{IMP_LEVEL_ANONYMOUS, IMP_LEVEL_ANONYMOUS, "anonymous", &anonymous},
	};
	struct imp_token *tokens[IMP_LEVEL_DELEGATION + 1];

	become_service("root");
	who_is("alice", &alice);
	for (int level = 0; level <= IMP_LEVEL_DELEGATION; level++)
		tokens[level] = token_at(&alice, imp_level_name((enum imp_level)level), NULL);
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		imp_channel_free(channel);
		MUST(imp_channel_new(path, cases[i].channel, &channel));
		server = -1;
		in_thread(tokens[cases[i].client], call);
		peer_is(server, cases[i].seen, cases[i].told);
		in_thread(tokens[cases[i].client], call);
	}
	SAME(told.count, 0);

	/* The service's own calls are at the channel's level. */
	imp_channel_free(channel);
	MUST(imp_channel_new(path, IMP_LEVEL_DELEGATION, &channel));
	server = -1;
	in_thread(NULL, call);
	peer_is(server, &service, "delegation");
}

static void other_level(const char *kind)
{
	struct imp_token *delegating, *identifying;

	become_service("root");
	who_is("alice", &alice);
	delegating = token_at(&alice, "delegation", NULL);
	identifying = token_at(&alice, "identification", NULL);
	set_out(kind, IMP_LEVEL_DELEGATION);

	in_thread(as_alice, call);
	peer_is(server, &alice, "impersonation");
	in_thread(identifying, fail_to_call);
	SAME(told.expected, anonymous.uid);
	SAME(told.actual, alice.uid);
	in_thread(delegating, fail_to_call);
	SAME(told.expected, told.actual);
	CONTAINS(told.message, "levels differ");

	/* Least of all may a call use more than its client has allowed. */
	imp_channel_close(channel);
	server = -1;
	in_thread(delegating, call);
	peer_is(server, &alice, "delegation");
	in_thread(as_alice, fail_to_call);
	CONTAINS(told.message, "levels differ");
	SAME(told.count, 3);
}

/* ---------------------------------------------------------------- what is not quite somebody -- */

static void scope_files(const char *kind)
{
	struct imp_token *files;
	struct who seen;

	set_out(kind, IMP_LEVEL_IMPERSONATION);
	MUST(imp_token_scoped(as_alice, IMP_SCOPE_FILES, &files));
	in_thread(files, fail_to_open);
	in_thread(files, fail_to_call);
	nobody_came(listener);
	SAME(told.count, 2);
	SAME(told.expected, alice.uid);
	SAME(told.actual, service.uid);
	CONTAINS(told.message, "filesystem and effective ids differ");

	in_thread(NULL, call); /* the service's connection is no better for it */
	in_thread(files, fail_to_call);
	imp_channel_close(channel);
	server = -1;

	let_mismatches_warn();
	seen = alice;
	seen.uid = service.uid;
	seen.gid = service.gid;
	in_thread(files, call);
	peer_is(server, &seen, "impersonation");
	in_thread(files, call);
	SAME(told.count, 5); /* every time */
	in_thread(files, fail_to_open);
}

/* Born of a thread that impersonates: nobody has told the library. */
static void behind_the_back(const char *kind)
{
	set_out(kind, IMP_LEVEL_DELEGATION);
	MUST(imp_impersonate(as_alice));
	in_thread(NULL, call);
	peer_is(server, &alice, "impersonation"); /* not as far as the service would go itself */
	call();
	imp_revert();
	SAME(told.count, 0);
	fail_to_call();
}

/* The library's record says alice; the kernel, that this is the service. */
static void get_lost(void)
{
	SYSTEM(syscall(SYS_setresuid, -1, service.uid, -1));
	fail_to_open();
	fail_to_call();
}

static void lost(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	in_thread(as_alice, get_lost);
	nobody_came(listener);
	SAME(told.expected, alice.uid);
	SAME(told.actual, service.uid);

	/* Nor does a connection of the service's let it through. */
	in_thread(NULL, call);
	in_thread(as_alice, get_lost);
}

const struct check_case identity_cases[] = {
	{"explicit-open", explicit_open},
	{"first-use", first_use},
	{"opened-as-another", opened_as_another},
	{"defect", defect},
	{"defect-warns", defect_warns},
	{"primary", primary},
	{"other-groups", other_groups},
	{"levels", levels},
	{"other-level", other_level},
	{"scope-files", scope_files},
	{"behind-the-back", behind_the_back},
	{"lost", lost},
	{NULL, NULL},
};
