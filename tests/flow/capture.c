/* SPDX-License-Identifier: MIT */
/* What is captured, and of whom; suppression. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

static enum imp_flow captured(const char *site)
{
	struct imp_context *context;

	MUST(imp_context_capture_at(site, &context));

	enum imp_flow flow = imp_context_flow(context);

	imp_context_unref(context);
	return flow;
}

/* ------------------------------------------------------------------------- threads of all kinds */

static void capture_first(void *unused)
{
	(void)unused;
	SAME(captured("first"), IMP_FLOW_NOTHING);
	SAME(entry_of(gettid()).tid, 0); /* and is not in the ledger for that */
	impersonate_raw(ALICE);
	SAME(captured("first"), IMP_FLOW_UNRECORDED);
	SAME(entry_of(gettid()).flows_refused, 1);
	I_AM(ALICE);
}

/* A thread that has never used the library. */
static void new_thread(const char *kind)
{
	set_out(kind);
	in_thread(capture_first, NULL);
	SAME(records(IMP_EVENT_FLOW_REFUSED, "first"), 1);
}

/* The first that a process does with the library. */
static void first_of_all(const char *kind)
{
	become_service(kind);
	SAME(captured("first"), IMP_FLOW_NOTHING);
	MUST(imp_assert(NULL));
}

static void names(const char *kind)
{
	(void)kind;
	SAME_TEXT(imp_flow_name(IMP_FLOW_NOTHING), "nothing");
	SAME_TEXT(imp_flow_name(IMP_FLOW_IDENTITY), "identity");
	SAME_TEXT(imp_flow_name(IMP_FLOW_LEGACY), "legacy");
	SAME_TEXT(imp_flow_name(IMP_FLOW_SUPPRESSED), "suppressed");
	SAME_TEXT(imp_flow_name(IMP_FLOW_UNRECORDED), "unrecorded");
	SAME(imp_flow_name((enum imp_flow)5) == NULL, 1);
	SAME(imp_flow_name((enum imp_flow) - 1) == NULL, 1);
}

/* ------------------------------------------------------------------- behind the library's back */

static void change_uid(void)
{
	raw_capabilities(acting[SERVICE].permitted, acting[SERVICE].permitted);
	raw_uids(IMP_NO_UID, persons[BOB].uid, IMP_NO_UID);
	raw_capabilities(0, acting[SERVICE].permitted);
}

static void change_gid(void)
{
	raw_gids(IMP_NO_GID, acting[SERVICE].saved_gid, IMP_NO_GID);
}

static void change_groups(void)
{
	raw_capabilities(acting[SERVICE].permitted, acting[SERVICE].permitted);
	raw_groups(0, NULL);
	raw_capabilities(0, acting[SERVICE].permitted);
}

static void change_filesystem_uid(void)
{
	raw_filesystem_uid(acting[SERVICE].saved_uid);
	raw_capabilities(0, acting[SERVICE].permitted);
}

static void change_filesystem_gid(void)
{
	raw_filesystem_gid(acting[SERVICE].saved_gid);
}

static void change_to_primary(void)
{
	impersonate_raw(SERVICE);
}

static void (*const changes[])(void) = {
	change_uid,	   change_gid, change_groups, change_filesystem_uid, change_filesystem_gid,
	change_to_primary,
};

static void capture_changed(void *data)
{
	struct imp_context *context = NULL;

	impersonate(ALICE);
	(*(void (*const *)(void))data)();
	SAME(imp_context_capture(&context), -ESTALE);
	SAME(context == NULL, 1);
	SAME(records(IMP_EVENT_MISMATCH, NULL), 1);
	SAME(entry_of(gettid()).mismatches, 1);
	SAME(entry_of(gettid()).flows_refused, 0);
	SAME(strcmp(look_of(gettid()), "consistent") != 0, 1);
	imp_revert();
	STATE_IS(0, &acting[SERVICE]);
	SAME_TEXT(look_of(gettid()), "consistent");
}

/* One that impersonates, and is somebody else: its work is nobody's that could be told. */
static void changed(const char *kind)
{
	set_out(kind);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		forget_records();
		in_thread(capture_changed, (void *)&changes[i]);
	}
}

static void capture_what_the_kernel_has(void *data)
{
	struct imp_context *context;
	struct seen seen = {.tid = 0};

	(void)data;
	impersonate(ALICE);
	impersonate_raw(BOB);
	MUST(imp_context_capture(&context));
	SAME(imp_context_flow(context), IMP_FLOW_IDENTITY);
	SAME(imp_token_access(imp_context_token(context))->uid, persons[BOB].uid);
	imp_revert();
	MUST(imp_context_run(context, see, &seen, NULL));
	SAME(seen.person, BOB);
	imp_context_unref(context);
}

/* With always_flow_impersonation_policy it is the kernel's word that counts, not the record. */
static void changed_and_always(const char *kind)
{
	set_out(kind);
	set_policy(false, true);
	in_thread(capture_what_the_kernel_has, NULL);
}

static void capture_two_in_one(void *data)
{
	const bool always = *(const bool *)data;
	struct imp_context *context = NULL;

	impersonate_raw(ALICE);
	raw_capabilities(acting[SERVICE].permitted, acting[SERVICE].permitted);
	raw_filesystem_uid(persons[BOB].uid);
	raw_capabilities(0, acting[SERVICE].permitted);
	if (!always) {
		SAME(captured("two"), IMP_FLOW_UNRECORDED);
		return;
	}
	SAME(imp_context_capture(&context), -ENOTSUP);
	SAME(context == NULL, 1);
	/* Where it is not to flow it is none of our business. */
	imp_flow_suppress();
	SAME(captured("two"), IMP_FLOW_SUPPRESSED);
}

/* An effective id of one and a filesystem id of another is nobody that a worker could become. */
static void two_in_one(const char *kind)
{
	bool always = false;

	set_out(kind);
	in_thread(capture_two_in_one, &always);
	always = true;
	set_policy(false, always);
	in_thread(capture_two_in_one, &always);
}

static struct state on_files;

static void capture_files(void *data)
{
	raw_capabilities(acting[SERVICE].permitted, acting[SERVICE].permitted);
	raw_groups(persons[ALICE].n_groups, persons[ALICE].groups);
	raw_filesystem_gid(persons[ALICE].gid);
	raw_filesystem_uid(persons[ALICE].uid);
	raw_capabilities(on_files.effective, on_files.permitted);
	STATE_IS(0, &on_files);
	MUST(imp_context_capture((struct imp_context **)data));
}

static int look_at_files(void *unused)
{
	(void)unused;
	STATE_IS(0, &on_files);
	return 0;
}

/* Only the filesystem ids set raw: they flow as scope files. */
static void raw_files(const char *kind)
{
	struct imp_context *context;

	set_out(kind);
	set_policy(false, true);
	state_acting_on_files(&acting[SERVICE], &persons[ALICE], &on_files);
	in_thread(capture_files, &context);
	SAME(imp_token_scope(imp_context_token(context)), IMP_SCOPE_FILES);
	MUST(imp_context_run(context, look_at_files, NULL, NULL));
	STATE_IS(0, &acting[SERVICE]);
	imp_context_unref(context);
}

/* ------------------------------------------------------------------------------- suppression */

static void suppression(const char *kind)
{
	set_out(kind);
	impersonate(ALICE);
	SAME(imp_flow_is_suppressed(), 0);
	SAME(captured("a"), IMP_FLOW_IDENTITY);

	bool outer = imp_flow_suppress();

	SAME(outer, 0);
	SAME(captured("a"), IMP_FLOW_SUPPRESSED);

	bool inner = imp_flow_suppress();

	SAME(inner, 1);
	imp_flow_restore(inner);
	SAME(imp_flow_is_suppressed(), 1); /* not before the outer one is */
	SAME(captured("a"), IMP_FLOW_SUPPRESSED);
	imp_flow_restore(outer);
	SAME(imp_flow_is_suppressed(), 0);
	SAME(captured("a"), IMP_FLOW_IDENTITY);
	SAME(entry_of(gettid()).flows_refused, 2);
	SAME(records(IMP_EVENT_FLOW_REFUSED, "a"), 1);

	/* Nobody, suppressed, is nobody still. */
	imp_revert();
	imp_flow_suppress();
	SAME(captured("b"), IMP_FLOW_NOTHING);
	SAME(records(IMP_EVENT_FLOW_REFUSED, "b"), 0);
}

static void look_at_suppression(void *suppressed)
{
	*(bool *)suppressed = imp_flow_is_suppressed();
}

static void suppression_is_the_threads(const char *kind)
{
	bool elsewhere = true;

	set_out(kind);
	imp_flow_suppress();
	in_thread(look_at_suppression, &elsewhere);
	SAME(elsewhere, 0);
	SAME(imp_flow_is_suppressed(), 1);
}

/* ---------------------------------------------------------------------------------- places */

static void places(const char *kind)
{
	set_out(kind);
	set_policy(true, false);
	impersonate(ALICE);
	for (int i = 0; i < 3; i++)
		SAME(captured("place.c:1"), IMP_FLOW_LEGACY);
	SAME(captured("place.c:2"), IMP_FLOW_LEGACY);
	SAME(records(IMP_EVENT_FLOW_REFUSED, "place.c:1"), 1);
	SAME(records(IMP_EVENT_FLOW_REFUSED, "place.c:2"), 1);
	SAME(entry_of(gettid()).flows_refused, 4);

	/* The macro says where it stands. */
	struct imp_context *context;
	char here[64];

	snprintf(here, sizeof(here), "%s:%d", __FILE__, __LINE__ + 1);
	MUST(imp_context_capture(&context));
	imp_context_unref(context);
	SAME(records(IMP_EVENT_FLOW_REFUSED, here), 1);
}

/* More places than are remembered are told of too often, never too seldom. */
static void many_places(const char *kind)
{
	enum { MANY = 600 };
	static char sites[MANY][16];
	int told = 0;

	set_out(kind);
	set_policy(true, false);
	impersonate(ALICE);
	for (int i = 0; i < MANY; i++) {
		snprintf(sites[i], sizeof(sites[i]), "many.c:%d", i);
		forget_records();
		SAME(captured(sites[i]), IMP_FLOW_LEGACY);
		told += records(IMP_EVENT_FLOW_REFUSED, sites[i]);
	}
	SAME(told, MANY);
	SAME(entry_of(gettid()).flows_refused, MANY);
}

const struct check_case capture_cases[] = {
	{"new-thread", new_thread},
	{"first-of-all", first_of_all},
	{"names", names},
	{"changed", changed},
	{"changed-and-always", changed_and_always},
	{"two-in-one", two_in_one},
	{"raw-files", raw_files},
	{"suppression", suppression},
	{"suppression-is-the-threads", suppression_is_the_threads},
	{"places", places},
	{"many-places", many_places},
	{NULL, NULL},
};
