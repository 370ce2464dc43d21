/* SPDX-License-Identifier: MIT */
/*
 * The truth table: both switches of the policy, how the identity was set, and whether the thread
 * lets it flow.  Each of the 16 cells is played with a thread, a pool and two places of its own,
 * and printed as it was seen; tests/expected/flow-table has what is to be seen.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "stage.h"

struct cell {
	bool legacy, always, raw, suppressed;
	char sites[2][64]; /* two places that hand over */

	struct imp_pool *pool;
	enum imp_flow captured;
	bool has_token;
	struct seen seen;
	const char *looked; /* at the worker, while the work runs */
	const char *looked_after;
	enum person after;
	uint64_t flows, refused; /* what worker and thread have counted in the end */
	struct imp_ledger_entry worker;
};

static void submit(struct cell *cell, const char *site, struct seen *seen)
{
	MUST(imp_pool_submit_at(site, cell->pool, see_in_pool, note_given_up, seen));
}

/* The work that is looked at from outside while it runs. */
static void hand_over(struct cell *cell)
{
	struct gate gate;

	gate_init(&gate);
	cell->seen = (struct seen){.gate = &gate};
	submit(cell, cell->sites[0], &cell->seen);
	gate_reach(&gate);
	cell->looked = look_of(cell->seen.tid);
	cell->worker = entry_of(cell->seen.tid);
	gate_open(&gate);
	MUST(imp_pool_drain(cell->pool));
	SAME(cell->seen.done, 1);
	cell->after = person_of(cell->seen.tid);
	cell->looked_after = look_of(cell->seen.tid);
	SAME(entry_of(cell->seen.tid).impersonating, 0);
}

/* Twice more at that place, and twice at another: work that finds the same. */
static void hand_over_again(struct cell *cell)
{
	struct seen more[4] = {{.tid = 0}};

	for (int i = 0; i < 4; i++)
		submit(cell, cell->sites[i / 2], &more[i]);
	MUST(imp_pool_drain(cell->pool));
	for (int i = 0; i < 4; i++) {
		SAME(more[i].done, 1);
		SAME(more[i].person, cell->seen.person);
	}
}

static void play(void *data)
{
	struct cell *cell = data;
	struct imp_context *context;

	if (cell->raw)
		impersonate_raw(ALICE);
	else
		impersonate(ALICE);

	bool before = cell->suppressed ? imp_flow_suppress() : false;

	MUST(imp_context_capture_at(cell->sites[0], &context));
	cell->captured = imp_context_flow(context);
	cell->has_token = imp_context_token(context) != NULL;
	imp_context_unref(context);
	hand_over(cell);
	hand_over_again(cell);
	cell->flows = entry_of(cell->seen.tid).flows;
	cell->refused = entry_of(gettid()).flows_refused;
	I_AM(ALICE); /* all the while */
	if (cell->suppressed)
		imp_flow_restore(before);
}

/* Of one capture and five pieces of work.  Each refusal is a warning, but for the service's own
 * choice, and is told once a place. */
static const char *told(const struct cell *cell)
{
	int total = records(IMP_EVENT_FLOW_REFUSED, NULL);

	SAME(records(IMP_EVENT_NOTE, NULL) + records(IMP_EVENT_MISMATCH, NULL) +
		     records(IMP_EVENT_SWITCH_FAILED, NULL),
	     0);
	if (total == 0)
		return "no";
	for (int i = 0; i < 2; i++) {
		const struct imp_log_record refused =
			record(IMP_EVENT_FLOW_REFUSED, cell->sites[i]);

		SAME(records(IMP_EVENT_FLOW_REFUSED, cell->sites[i]), 1);
		SAME(refused.expected_uid, persons[ALICE].uid);
		SAME(refused.actual_uid, persons[SERVICE].uid);
		SAME(refused.priority,
		     cell->captured == IMP_FLOW_SUPPRESSED ? LOG_NOTICE : LOG_WARNING);
		CONTAINS(refused.message, cell->sites[i]);
	}
	SAME(total, 2);
	return "once a place";
}

static void print(const struct cell *cell)
{
	printf("%-7s%-8s%-9s%-12s%-12s%-9s%-12s%-9s%7d%9d  %s\n", cell->legacy ? "on" : "off",
	       cell->always ? "on" : "off", cell->raw ? "raw" : "library",
	       cell->suppressed ? "suppressed" : "free", imp_flow_name(cell->captured),
	       person_name(cell->seen.person), cell->looked, person_name(cell->after),
	       (int)cell->flows, (int)cell->refused, told(cell));
}

static void check(const struct cell *cell)
{
	const bool flows = cell->captured == IMP_FLOW_IDENTITY;
	const bool lost = !flows && cell->captured != IMP_FLOW_SUPPRESSED;

	SAME(cell->has_token, flows);
	SAME(cell->seen.suppressed, 0);
	SAME_TEXT(cell->looked_after, "consistent");
	SAME(cell->worker.impersonating, flows || lost);
	/* What was only to be is no impersonation. */
	SAME(cell->worker.impersonations, flows);
	SAME(cell->worker.mismatches, 0);
	if (flows || lost)
		SAME(cell->worker.access_uid, persons[ALICE].uid);
}

static void table(const char *kind)
{
	static struct cell cells[16];

	set_out(kind);
	printf("legacy always  set by   flow        captured    work is  seen as     then       "
	       "flows  refused  told\n");
	for (unsigned i = 0; i < 16; i++) {
		struct cell *cell = &cells[i];

		cell->legacy = i & 8;
		cell->always = i & 4;
		cell->raw = i & 2;
		cell->suppressed = i & 1;
		snprintf(cell->sites[0], sizeof(cell->sites[0]), "table.c:%u", i);
		snprintf(cell->sites[1], sizeof(cell->sites[1]), "table.c:%u0", i);
		set_policy(cell->legacy, cell->always);
		forget_records();
		MUST(imp_pool_create(1, &cell->pool));
		in_thread(play, cell);
		imp_pool_destroy(cell->pool);
		print(cell);
		check(cell);
	}
}

const struct check_case table_cases[] = {{"table", table}, {NULL, NULL}};
