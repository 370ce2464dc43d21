/* SPDX-License-Identifier: MIT */
/* Work that leaves its thread as somebody else, in every way that there is. */
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "stage.h"

static void all_capabilities(void)
{
	raw_capabilities(acting[SERVICE].permitted, acting[SERVICE].permitted);
}

/* --------------------------------------------------------------------- what can be taken back */

static void revert(void)
{
	imp_revert();
}

static void become_another(void)
{
	impersonate(BOB);
}

static void become_another_raw(void)
{
	impersonate_raw(BOB);
}

static void revert_raw(void)
{
	impersonate_raw(SERVICE);
}

static void revert_and_become_another_raw(void)
{
	imp_revert();
	impersonate_raw(BOB);
}

static void effective_uid(void)
{
	all_capabilities();
	raw_uids(IMP_NO_UID, persons[BOB].uid, IMP_NO_UID);
}

static void effective_gid(void)
{
	all_capabilities();
	raw_gids(IMP_NO_GID, persons[BOB].gid, IMP_NO_GID);
}

static void filesystem_uid(void)
{
	all_capabilities();
	raw_filesystem_uid(persons[BOB].uid);
	raw_capabilities(0, acting[SERVICE].permitted);
}

static void filesystem_gid(void)
{
	all_capabilities();
	raw_filesystem_gid(persons[BOB].gid);
	raw_capabilities(0, acting[SERVICE].permitted);
}

static void groups(void)
{
	all_capabilities();
	raw_groups(persons[BOB].n_groups, persons[BOB].groups);
	raw_capabilities(0, acting[SERVICE].permitted);
}

static void assert_and_see(void)
{
	impersonate_raw(BOB);
	SAME(imp_assert(tokens[ALICE]), -ESTALE);
}

/* What each leaves, and what running it, as ALICE, is said to have come to. */
static const struct wild {
	const char *name;
	void (*leave)(void);
	int as_alice, as_service;
} wilds[] = {
	{"revert", revert, 0, 0},
	{"become another", become_another, 0, 0},
	{"become another, raw", become_another_raw, -ESTALE, -ESTALE},
	{"revert, raw", revert_raw, -ESTALE, 0},
	{"revert, become another, raw", revert_and_become_another_raw, -ESTALE, -ESTALE},
	{"effective uid", effective_uid, -ESTALE, -ESTALE},
	{"effective gid", effective_gid, -ESTALE, -ESTALE},
	{"capabilities", all_capabilities, -ESTALE, -ESTALE},
	/* The way back sets these in any case, and only where there is none are they looked at. */
	{"filesystem uid", filesystem_uid, 0, -ESTALE},
	{"filesystem gid", filesystem_gid, 0, -ESTALE},
	{"groups", groups, 0, -ESTALE},
	{"assert", assert_and_see, -ESTALE, -ESTALE},
};

static int go_wild(void *wild)
{
	((const struct wild *)wild)->leave();
	return 7;
}

/* A root service has its capabilities on already, so that all of them are no change there. */
static int expected(const struct wild *wild, enum person person)
{
	if (person != SERVICE)
		return wild->as_alice;
	if (wild->leave == all_capabilities &&
	    acting[SERVICE].effective == acting[SERVICE].permitted)
		return 0;
	if (wild->leave == filesystem_uid && acting[SERVICE].effective == 0)
		return -ESTALE;
	return wild->as_service;
}

static void run_wild(const struct wild *wild, enum person person, enum person before)
{
	struct imp_context *context;
	int result = 0;

	impersonate(person);
	MUST(imp_context_capture(&context));
	impersonate(before);

	uint64_t mismatches = entry_of(gettid()).mismatches;
	int error = imp_context_run(context, go_wild, (void *)wild, &result);

	if (person_of(0) != before || error != expected(wild, person))
		FAIL("%s, work of %s, before %s: expected %d and %s, saw %d and %s", wild->name,
		     person_name(person), person_name(before), expected(wild, person),
		     person_name(before), error, person_name(person_of(0)));
	SAME(result, 7);
	MUST(imp_assert(tokens[before]));
	SAME_TEXT(look_of(gettid()), "consistent");
	SAME(entry_of(gettid()).mismatches > mismatches, error < 0);
	imp_context_unref(context);
}

/* Back is back, wherever the thread was. */
static void taken_back(const char *kind)
{
	set_out(kind);
	for (size_t i = 0; i < sizeof(wilds) / sizeof(wilds[0]); i++) {
		run_wild(&wilds[i], ALICE, SERVICE);
		run_wild(&wilds[i], ALICE, CAROL);
		run_wild(&wilds[i], SERVICE, SERVICE);
		forget_records();
	}
}

static void go_wild_in_pool(void *wild)
{
	(void)go_wild(wild);
}

/* The next piece finds the worker as if nothing had been. */
static void next_piece(const char *kind)
{
	struct imp_pool *pool;

	set_out(kind);
	MUST(imp_pool_create(1, &pool));
	for (size_t i = 0; i < sizeof(wilds) / sizeof(wilds[0]); i++)
		for (enum person person = SERVICE; person <= ALICE; person++) {
			struct seen nobodys = {.tid = 0}, carols = {.tid = 0};

			impersonate(person);
			MUST(imp_pool_submit(pool, go_wild_in_pool, NULL, (void *)&wilds[i]));
			imp_revert();
			MUST(imp_pool_submit(pool, see_in_pool, note_given_up, &nobodys));
			impersonate(CAROL);
			MUST(imp_pool_submit(pool, see_in_pool, note_given_up, &carols));
			MUST(imp_pool_drain(pool));
			SAME(nobodys.person, SERVICE);
			SAME(carols.person, CAROL);
			SAME(person_of(carols.tid), SERVICE);
			forget_records();
		}
	imp_pool_destroy(pool);
}

/* Either the switch sets it right, or the work is not done, or the process ends. */
static void changed_before_alices(void *change)
{
	struct imp_context *context;
	struct seen seen = {.tid = 0};

	impersonate(ALICE);
	MUST(imp_context_capture(&context));
	imp_revert();
	(*(void (*const *)(void))change)();

	int error = imp_context_run(context, see, &seen, NULL);

	SAME(seen.done, error == 0);
	SAME(seen.person, error == 0 ? ALICE : SERVICE);
	STATE_IS(0, &acting[SERVICE]);
}

/* Nobody's work is switched nowhere: there it is always found. */
static void changed_before_nobodys(void *change)
{
	struct imp_context *context;
	struct seen seen = {.tid = 0};

	impersonate(ALICE); /* so that the library takes it for known */
	imp_revert();
	MUST(imp_context_capture(&context));
	(*(void (*const *)(void))change)();
	SAME(imp_context_run(context, see, &seen, NULL), -ESTALE);
	SAME(seen.done, 0);
	STATE_IS(0, &acting[SERVICE]);
}

/* Work is never begun as somebody else, by a thread that something has changed meanwhile. */
static void before_work(const char *kind)
{
	static void (*const changes[])(void) = {effective_uid,	effective_gid, filesystem_uid,
						filesystem_gid, groups,	       become_another_raw};

	set_out(kind);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		SURVIVES_OR_DIES(changed_before_alices, (void *)&changes[i]);
		in_thread(changed_before_nobodys, (void *)&changes[i]);
	}
}

/* ------------------------------------------------------------------- what cannot be taken back */

static void real_uid(void)
{
	all_capabilities();
	raw_uids(persons[ALICE].uid, IMP_NO_UID, IMP_NO_UID);
}

static void saved_uid(void)
{
	all_capabilities();
	raw_uids(IMP_NO_UID, IMP_NO_UID, persons[BOB].uid);
}

static void real_gid(void)
{
	all_capabilities();
	raw_gids(persons[ALICE].gid, IMP_NO_GID, IMP_NO_GID);
}

static void saved_gid(void)
{
	all_capabilities();
	raw_gids(IMP_NO_GID, IMP_NO_GID, persons[BOB].gid);
}

static void all_uids(void)
{
	all_capabilities();
	raw_uids(persons[ALICE].uid, persons[ALICE].uid, persons[ALICE].uid);
}

static void drop_permitted(void)
{
	raw_capabilities(0, acting[SERVICE].permitted & ~(1ull << CAP_SETGID));
}

static void drop_all_permitted(void)
{
	raw_capabilities(0, 0);
}

static void (*const deadly[])(void) = {
	real_uid, saved_uid, real_gid, saved_gid, all_uids, drop_permitted, drop_all_permitted,
};

struct deadly {
	void (*leave)(void);
	enum person person;
	bool in_pool;
};

static int leave_deadly(void *data)
{
	((const struct deadly *)data)->leave();
	return 0;
}

static void leave_deadly_in_pool(void *data)
{
	(void)leave_deadly(data);
}

static void play_deadly(void *data)
{
	const struct deadly *deadly_one = data;
	struct imp_context *context;
	struct imp_pool *pool;

	impersonate(deadly_one->person);
	if (deadly_one->in_pool) {
		MUST(imp_pool_create(1, &pool));
		MUST(imp_pool_submit(pool, leave_deadly_in_pool, NULL, data));
		MUST(imp_pool_drain(pool));
		imp_pool_destroy(pool);
		return;
	}
	MUST(imp_context_capture(&context));
	imp_revert();
	(void)!imp_context_run(context, leave_deadly, data, NULL);
}

/* A thread that cannot be brought back ends the process, and never takes another piece. */
static void cannot_be_taken_back(const char *kind)
{
	set_out(kind);
	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		for (enum person person = SERVICE; person <= ALICE; person++)
			for (int in_pool = 0; in_pool <= 1; in_pool++) {
				struct deadly each = {deadly[i], person, in_pool};

				DIES(play_deadly, &each, "identity");
			}
}

const struct check_case work_cases[] = {
	{"taken-back", taken_back},
	{"next-piece", next_piece},
	{"before-work", before_work},
	{"cannot-be-taken-back", cannot_be_taken_back},
	{NULL, NULL},
};
