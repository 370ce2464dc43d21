/* SPDX-License-Identifier: MIT */
/*
 * Threads that the library makes: born at the primary identity, whoever makes them, and then whose
 * work they are for.  The linker puts __wrap_pthread_create in the place of pthread_create(3), so
 * that this is looked at before the library's own first step in the new thread.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stage.h"

/* ------------------------------------------------------------------------------------ birth -- */

static bool fails;		  /* pthread_create is to */
static bool may_be_born;	  /* as whoever made it */
static _Atomic(enum person) born; /* whom the last one was born as */

struct birth {
	void *(*start)(void *argument);
	void *argument;
};

static void *look_first(void *data)
{
	struct birth birth = *(struct birth *)data;

	free(data);
	if (!may_be_born)
		I_AM(SERVICE);
	born = person_of(0);
	return birth.start(birth.argument);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *argument), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *argument), void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*start)(void *argument), void *argument)
{
	struct birth *birth;

	if (fails)
		return EAGAIN;
	if (!tokens[ALICE]) /* before the play */
		return __real_pthread_create(thread, attributes, start, argument);
	birth = malloc(sizeof(*birth));
	if (!birth)
		return ENOMEM;
	*birth = (struct birth){start, argument};
	return __real_pthread_create(thread, attributes, look_first, birth);
}

/* ----------------------------------------------------------------------------------- threads -- */

static void *see_in_thread(void *seen)
{
	(void)see(seen);
	return seen;
}

static void *made(struct seen *seen)
{
	pthread_t thread;
	void *result;

	born = N_PERSONS;
	MUST(imp_thread_create(&thread, NULL, see_in_thread, seen));
	SAME(pthread_join(thread, &result), 0);
	SAME(result == seen, 1);
	SAME(seen->done, 1);
	return result;
}

static void flows(const char *kind)
{
	set_out(kind);
	for (enum person person = SERVICE; person < N_PERSONS; person++) {
		struct seen seen = {.tid = 0};

		impersonate(person);
		made(&seen);
		SAME(born, SERVICE);
		SAME(seen.person, person);
		SAME(seen.suppressed, 0);
		I_AM(person); /* the caller stays who it is */
		MUST(imp_assert(tokens[person]));
	}
}

static void suppressed(const char *kind)
{
	struct seen seen = {.tid = 0};

	set_out(kind);
	impersonate(ALICE);
	imp_flow_suppress();
	made(&seen);
	SAME(seen.person, SERVICE);
	SAME(seen.suppressed, 0);
	SAME(imp_flow_is_suppressed(), 1);
}

/* Seen from outside while it lives, and gone from the ledger with its end. */
static void recorded(const char *kind)
{
	struct gate gate;
	struct seen seen = {.gate = &gate};
	pthread_t thread;

	set_out(kind);
	gate_init(&gate);
	impersonate(ALICE);
	MUST(imp_thread_create(&thread, NULL, see_in_thread, &seen));
	imp_revert();
	gate_reach(&gate);
	SAME_TEXT(look_of(seen.tid), "consistent");
	SAME(entry_of(seen.tid).impersonating, 1);
	SAME(entry_of(seen.tid).flows, 1);
	SAME(person_of(seen.tid), ALICE);
	gate_open(&gate);
	SAME(pthread_join(thread, NULL), 0);
	SAME(entry_of(seen.tid).tid, 0);
}

static void *lost_thread(void *looked)
{
	*(const char **)looked = look_of(gettid());
	I_AM(SERVICE);
	return NULL;
}

static void legacy(const char *kind)
{
	const char *looked = NULL;
	pthread_t thread;

	set_out(kind);
	set_policy(true, true);
	impersonate(ALICE);
	MUST(imp_thread_create(&thread, NULL, lost_thread, &looked));
	SAME(pthread_join(thread, NULL), 0);
	SAME_TEXT(looked, "lost");
	SAME(records(IMP_EVENT_FLOW_REFUSED, NULL), 1);
	SAME(entry_of(gettid()).flows_refused, 1);
}

/* ----------------------------------------------------------------- behind the library's back */

struct raw {
	bool always;
	struct seen seen;
};

static void make_while_raw(void *data)
{
	struct raw *raw = data;

	impersonate_raw(ALICE);
	may_be_born = true;
	made(&raw->seen);
	may_be_born = false;
	I_AM(ALICE);
	SAME(raw->seen.person, raw->always ? ALICE : SERVICE);
}

/* What pthread_create gives it is gone before START is called. */
static void made_raw(const char *kind)
{
	struct raw raw = {.always = false};

	set_out(kind);
	in_thread(make_while_raw, &raw);
	SAME(records(IMP_EVENT_FLOW_REFUSED, NULL), 1);
	raw = (struct raw){.always = true};
	set_policy(false, true);
	in_thread(make_while_raw, &raw);
}

static void make_while_another(void *data)
{
	struct seen seen = {.tid = 0};

	(void)data;
	impersonate(ALICE);
	impersonate_raw(BOB);
	may_be_born = true;
	made(&seen);
	may_be_born = false;
	SAME(seen.person, BOB);
	I_AM(BOB); /* and not the one that the record has */
}

static void made_while_another(const char *kind)
{
	set_out(kind);
	set_policy(false, true);
	in_thread(make_while_another, NULL);
}

static void make_with_no_way_back(void *unused)
{
	const uid_t uid = persons[ALICE].uid;
	struct seen seen = {.tid = 0};
	pthread_t thread;

	(void)unused;
	may_be_born = true;
	tokens[ALICE] = NULL; /* look_first may not look: it is nobody whom we know */
	raw_capabilities(acting[SERVICE].permitted, acting[SERVICE].permitted);
	raw_uids(uid, uid, uid);
	raw_capabilities(0, 0);
	if (imp_thread_create(&thread, NULL, see_in_thread, &seen) == 0)
		pthread_join(thread, NULL);
}

static void no_way_back(const char *kind)
{
	set_out(kind);
	DIES(make_with_no_way_back, NULL, "identity");
}

/* ------------------------------------------------------------------------------------ ends -- */

static pthread_key_t at_end;
static enum person ended;

static void look_at_end(void *unused)
{
	(void)unused;
	ended = person_of(0);
}

static void *end_early(void *result)
{
	I_AM(ALICE);
	SAME(pthread_setspecific(at_end, result), 0);
	pthread_exit(result);
}

/* One that ends itself has reverted before its destructors are called. */
static void ends_early(const char *kind)
{
	pthread_t thread;
	int value = 0;
	void *result;

	set_out(kind);
	SAME(pthread_key_create(&at_end, look_at_end), 0);
	impersonate(ALICE);
	ended = N_PERSONS;
	MUST(imp_thread_create(&thread, NULL, end_early, &value));
	SAME(pthread_join(thread, &result), 0);
	SAME(result == &value, 1);
	SAME(ended, SERVICE);
}

static void capture_at_end(void *unused)
{
	struct imp_context *context;

	(void)unused;
	I_AM(SERVICE);
	SAME(imp_flow_is_suppressed(), 0);
	MUST(imp_context_capture(&context));
	SAME(imp_context_flow(context), IMP_FLOW_NOTHING);
	imp_context_unref(context);
}

static void *end_lost(void *unused)
{
	SAME_TEXT(look_of(gettid()), "lost");
	imp_flow_suppress();
	SAME(pthread_setspecific(at_end, &at_end), 0);
	pthread_exit(unused);
}

/* Nor is what its destructors hand over the work that it has left. */
static void ends_lost(const char *kind)
{
	pthread_t thread;

	set_out(kind);
	set_policy(true, false);
	SAME(pthread_key_create(&at_end, capture_at_end), 0);
	impersonate(ALICE);
	MUST(imp_thread_create(&thread, NULL, end_lost, NULL));
	SAME(pthread_join(thread, NULL), 0);
	SAME(records(IMP_EVENT_FLOW_REFUSED, NULL), 1);
}

static void *wait_for_ever(void *gate)
{
	I_AM(ALICE);
	gate_pass(gate); /* which nobody opens */
	return NULL;
}

static void cancelled(const char *kind)
{
	struct gate gate;
	pthread_t thread;
	void *result;

	set_out(kind);
	gate_init(&gate);
	impersonate(ALICE);
	MUST(imp_thread_create(&thread, NULL, wait_for_ever, &gate));
	gate_reach(&gate);
	SAME(pthread_cancel(thread), 0);
	SAME(pthread_join(thread, &result), 0);
	SAME(result == PTHREAD_CANCELED, 1);
}

/* A thread that cannot be made leaves the caller who it was. */
static void not_made(const char *kind)
{
	struct seen seen = {.tid = 0};
	struct imp_pool *pool = NULL;
	pthread_t thread;

	set_out(kind);
	fails = true;
	for (enum person person = SERVICE; person < N_PERSONS; person++) {
		impersonate(person);
		SAME(imp_thread_create(&thread, NULL, see_in_thread, &seen), -EAGAIN);
		I_AM(person);
		SAME(imp_pool_create(2, &pool), -EAGAIN);
		I_AM(person);
	}
	SAME(pool == NULL, 1);
	SAME(seen.done, 0);
}

const struct check_case thread_cases[] = {
	{"thread-flows", flows},
	{"thread-suppressed", suppressed},
	{"thread-recorded", recorded},
	{"thread-legacy", legacy},
	{"thread-made-raw", made_raw},
	{"thread-made-while-another", made_while_another},
	{"thread-no-way-back", no_way_back},
	{"thread-ends-early", ends_early},
	{"thread-ends-lost", ends_lost},
	{"thread-cancelled", cancelled},
	{"thread-not-made", not_made},
	{NULL, NULL},
};
