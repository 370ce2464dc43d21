/* SPDX-License-Identifier: MIT */
/* Pools: who does what is handed in, when, and what becomes of what is not done. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "stage.h"

static void submit(struct imp_pool *pool, struct seen *seen)
{
	MUST(imp_pool_submit(pool, see_in_pool, note_given_up, seen));
}

/* Hands in work that keeps a worker busy until the gate is opened. */
static void keep_busy(struct imp_pool *pool, struct seen *seen, struct gate *gate)
{
	gate_init(gate);
	*seen = (struct seen){.gate = gate};
	submit(pool, seen);
	gate_reach(gate);
}

/* ---------------------------------------------------------------------------- whose work it is */

/* The identity is that of the moment: what becomes of the thread while work waits is all the same.
 */
static void queued(const char *kind)
{
	struct imp_pool *pool;
	struct gate gate;
	struct seen busy, pieces[N_PERSONS] = {{.tid = 0}};

	set_out(kind);
	MUST(imp_pool_create(1, &pool));
	keep_busy(pool, &busy, &gate);
	for (enum person person = SERVICE; person < N_PERSONS; person++) {
		impersonate(person);
		submit(pool, &pieces[person]);
	}
	imp_revert();
	/* Not the policy's either, which is another by now. */
	set_policy(true, false);
	gate_open(&gate);
	MUST(imp_pool_drain(pool));
	for (enum person person = SERVICE; person < N_PERSONS; person++) {
		SAME(pieces[person].person, person);
		SAME(pieces[person].tid, busy.tid);
	}
	SAME(person_of(busy.tid), SERVICE);
	SAME(entry_of(busy.tid).flows, N_PERSONS - 1);
	SAME(entry_of(busy.tid).impersonations, N_PERSONS - 1);
	imp_pool_destroy(pool);
}

/* Several workers, each somebody else at the same time. */
static void side_by_side(const char *kind)
{
	struct imp_pool *pool;
	struct gate gates[N_PERSONS];
	struct seen pieces[N_PERSONS];

	set_out(kind);
	MUST(imp_pool_create(N_PERSONS, &pool));
	for (enum person person = SERVICE; person < N_PERSONS; person++) {
		impersonate(person);
		keep_busy(pool, &pieces[person], &gates[person]);
	}
	imp_revert();
	for (enum person person = SERVICE; person < N_PERSONS; person++) {
		SAME(person_of(pieces[person].tid), person);
		SAME_TEXT(look_of(pieces[person].tid), "consistent");
		SAME(entry_of(pieces[person].tid).impersonating, person != SERVICE);
	}
	for (enum person person = SERVICE; person < N_PERSONS; person++)
		gate_open(&gates[person]);
	MUST(imp_pool_drain(pool));
	for (enum person person = SERVICE; person < N_PERSONS; person++)
		SAME(person_of(pieces[person].tid), SERVICE);
	imp_pool_destroy(pool);
}

/* Workers are born at the primary identity, whoever makes the pool. */
static void made_while_impersonating(const char *kind)
{
	struct imp_pool *pool;
	struct seen seen = {.tid = 0};

	set_out(kind);
	impersonate(ALICE);
	imp_flow_suppress();
	MUST(imp_pool_create(1, &pool));
	I_AM(ALICE);
	submit(pool, &seen);
	MUST(imp_pool_drain(pool));
	SAME(seen.person, SERVICE);
	SAME(seen.suppressed, 0);
	imp_pool_destroy(pool);
	I_AM(ALICE);
}

static void leave_suppressed(void *unused)
{
	(void)unused;
	imp_flow_suppress();
}

static void begins_unsuppressed(const char *kind)
{
	struct imp_pool *pool;
	struct seen seen = {.tid = 0};

	set_out(kind);
	MUST(imp_pool_create(1, &pool));
	MUST(imp_pool_submit(pool, leave_suppressed, NULL, NULL));
	submit(pool, &seen);
	MUST(imp_pool_drain(pool));
	SAME(seen.suppressed, 0);
	imp_pool_destroy(pool);
}

/* --------------------------------------------------------------------------------- more work */

struct chain {
	struct imp_pool *pool;
	int left;
};

static void hand_in_one_more(void *data)
{
	struct chain *chain = data;

	I_AM(BOB);
	if (--chain->left > 0)
		MUST(imp_pool_submit(chain->pool, hand_in_one_more, NULL, chain));
}

/* What work hands in is waited for, too, however long the chain is. */
static void chained(const char *kind)
{
	struct chain chain = {.left = 500};

	set_out(kind);
	MUST(imp_pool_create(2, &chain.pool));
	impersonate(BOB);
	MUST(imp_pool_submit(chain.pool, hand_in_one_more, NULL, &chain));
	MUST(imp_pool_drain(chain.pool));
	SAME(chain.left, 0);
	imp_pool_destroy(chain.pool);
}

static void drain_own(void *pool)
{
	SAME(imp_pool_drain(pool), -EDEADLK);
}

static void drained_by_a_worker(const char *kind)
{
	struct imp_pool *pool;

	set_out(kind);
	MUST(imp_pool_create(1, &pool));
	MUST(imp_pool_submit(pool, drain_own, NULL, pool));
	MUST(imp_pool_drain(pool));
	imp_pool_destroy(pool);
}

/* ---------------------------------------------------------------------------------- the end */

struct last {
	struct imp_pool *pool;
	struct gate gate;
	struct seen seen;
	int submit_error;
	bool busy_done;
};

/* Still at work while the pool is being destroyed: what it hands in is refused. */
static void outlast(void *data)
{
	struct last *last = data;

	gate_pass(&last->gate);
	last->submit_error = imp_pool_submit(last->pool, see_in_pool, note_given_up, &last->seen);
	I_AM(ALICE);
	last->busy_done = true;
}

static void give_up_and_try(void *data, int error)
{
	struct last *last = data;

	I_AM(SERVICE);
	SAME(error, -ECANCELED);
	SAME(imp_pool_submit(last->pool, see_in_pool, note_given_up, &last->seen), -ECANCELED);
	SAME(imp_pool_drain(last->pool), -EDEADLK);
	impersonate(BOB); /* and stays */
	gate_open(&last->gate);
}

static void never_done(void *unused)
{
	(void)unused;
	FAIL("work was done that had not begun when its pool was destroyed");
}

static void destroyed(const char *kind)
{
	struct last last = {.pool = NULL};
	struct seen waiting[10] = {{.tid = 0}};

	set_out(kind);
	MUST(imp_pool_create(1, &last.pool));
	gate_init(&last.gate);
	impersonate(ALICE);
	MUST(imp_pool_submit(last.pool, outlast, NULL, &last));
	gate_reach(&last.gate);
	for (int i = 0; i < 10; i++)
		MUST(imp_pool_submit(last.pool, never_done, note_given_up, &waiting[i]));
	MUST(imp_pool_submit(last.pool, never_done, NULL, NULL)); /* nobody is told of it */
	MUST(imp_pool_submit(last.pool, never_done, give_up_and_try, &last));
	impersonate(CAROL);
	imp_pool_destroy(last.pool);
	I_AM(CAROL);
	SAME(last.busy_done, 1);
	SAME(last.submit_error, -ECANCELED);
	for (int i = 0; i < 10; i++) {
		SAME(waiting[i].given_up, 1);
		SAME(waiting[i].error, -ECANCELED);
		SAME(waiting[i].tid, gettid());
	}
}

static void destroyed_with_nothing_to_do(const char *kind)
{
	struct imp_pool *pool;

	set_out(kind);
	for (int i = 0; i < 20; i++) {
		MUST(imp_pool_create(3, &pool));
		imp_pool_destroy(pool);
	}
	imp_pool_destroy(NULL);
	MUST(imp_assert(NULL));
}

static void refused(const char *kind)
{
	struct imp_pool *pool = NULL;

	set_out(kind);
	SAME(imp_pool_create(0, &pool), -EINVAL);
	SAME(pool == NULL, 1);
}

const struct check_case pool_cases[] = {
	{"queued", queued},
	{"side-by-side", side_by_side},
	{"made-while-impersonating", made_while_impersonating},
	{"begins-unsuppressed", begins_unsuppressed},
	{"chained", chained},
	{"drained-by-a-worker", drained_by_a_worker},
	{"destroyed", destroyed},
	{"destroyed-with-nothing-to-do", destroyed_with_nothing_to_do},
	{"pool-refused", refused},
	{NULL, NULL},
};
