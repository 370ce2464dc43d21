/* SPDX-License-Identifier: MIT */
/* Work that hands on work: what flows to the end, and what is lost to the end. */
#include <errno.h>
#include <unistd.h>

#include "stage.h"

struct nest {
	struct imp_pool *pools[2];
	int depth;
	enum person seen[4];
	const char *looked[4];
	enum imp_flow flows[4];
	sem_t done;
};

/* Each hands over to the other pool, and forgets who it is meanwhile. */
static void descend(void *data)
{
	struct nest *nest = data;
	int depth = nest->depth++;
	struct imp_context *context = capture();

	nest->seen[depth] = person_of(0);
	nest->looked[depth] = look_of(gettid());
	nest->flows[depth] = imp_context_flow(context);
	imp_context_unref(context);
	if (depth == 3)
		SYSTEM(sem_post(&nest->done));
	else
		MUST(imp_pool_submit(nest->pools[depth % 2], descend, NULL, nest));
	imp_revert();
}

static void nest(struct nest *nest)
{
	SYSTEM(sem_init(&nest->done, 0, 0));
	for (int i = 0; i < 2; i++)
		MUST(imp_pool_create(2, &nest->pools[i]));
	impersonate(ALICE);
	descend(nest);
	while (sem_wait(&nest->done) < 0)
		;
	imp_pool_destroy(nest->pools[0]);
	imp_pool_destroy(nest->pools[1]);
	SAME(nest->depth, 4);
	imp_revert();
}

static void nested(const char *kind)
{
	struct nest flowing = {.depth = 0};

	set_out(kind);
	nest(&flowing);
	for (int i = 0; i < 4; i++) {
		SAME(flowing.seen[i], ALICE);
		SAME(flowing.flows[i], IMP_FLOW_IDENTITY);
		SAME_TEXT(flowing.looked[i], "consistent");
	}
	SAME(records(IMP_EVENT_FLOW_REFUSED, NULL), 0);
}

/* What was lost at the first hand-off is seen to be lost behind the second and the third. */
static void nested_and_lost(const char *kind)
{
	struct nest lost = {.depth = 0};

	set_out(kind);
	set_policy(true, false);
	nest(&lost);
	for (int i = 0; i < 4; i++) {
		SAME(lost.seen[i], i == 0 ? ALICE : SERVICE);
		SAME(lost.flows[i], IMP_FLOW_LEGACY);
		SAME_TEXT(lost.looked[i], i == 0 ? "consistent" : "lost");
	}
	SAME(records(IMP_EVENT_FLOW_REFUSED, NULL), 2); /* the two places in descend */
}

static int run_nothing(void *nothing)
{
	struct seen seen = {.tid = 0}, again = {.tid = 0};

	SAME_TEXT(look_of(gettid()), "lost");
	MUST(imp_context_run(nothing, see, &seen, NULL));
	SAME(seen.person, SERVICE);
	SAME_TEXT(look_of(gettid()), "lost"); /* still */
	MUST(imp_run(NULL, see, &again, NULL));
	SAME(again.person, SERVICE);
	SAME_TEXT(look_of(gettid()), "lost");
	return 0;
}

static void lost_again(const char *kind)
{
	set_out(kind);
	set_policy(true, false);

	struct imp_context *nothing = capture();

	impersonate(ALICE);

	struct imp_context *lost = capture();

	imp_revert();
	MUST(imp_context_run(lost, run_nothing, nothing, NULL));
	SAME_TEXT(look_of(gettid()), "consistent");
	SAME(entry_of(gettid()).impersonating, 0);
	imp_context_unref(lost);
	imp_context_unref(nothing);
}

const struct check_case nest_cases[] = {
	{"nested", nested},
	{"nested-and-lost", nested_and_lost},
	{"lost-again", lost_again},
	{NULL, NULL},
};
