/* SPDX-License-Identifier: MIT */
/* What is captured, run elsewhere: levels, scopes, clients that are gone, children. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

struct run {
	struct imp_context *context;
	struct seen seen;
};

static void run_elsewhere(void *data)
{
	struct run *run = data;

	I_AM(SERVICE);
	MUST(imp_context_run(run->context, see, &run->seen, NULL));
	I_AM(SERVICE);
	SAME(entry_of(gettid()).impersonating, 0);
}

/* As whom what the caller captures now is done in another thread. */
static enum person done_elsewhere(struct imp_context *context)
{
	struct run run = {.context = context};

	in_thread(run_elsewhere, &run);
	SAME(run.seen.done, 1);
	return run.seen.person;
}

/* -------------------------------------------------------------------------------- the client */

/* Nothing is left of it: the connection is closed, its process gone, the token given back. */
static void outlived(const char *kind)
{
	struct who alice;
	struct imp_token *token;

	who_is("alice", &alice);

	int fd = client_at(&alice, "impersonation");

	MUST(imp_token_from_connection(fd, NULL, &token));

	pid_t client = imp_token_client_pid(token);

	set_out(kind);
	MUST(imp_impersonate(token));
	imp_token_unref(token);

	struct imp_context *context = capture();

	imp_revert();
	close(fd);
	SAME(waitpid(client, NULL, 0), client);
	SAME(done_elsewhere(context), ALICE);
	SAME(imp_token_client_pid(imp_context_token(context)), client);
	imp_context_unref(context);
}

static int look_at_level(void *level)
{
	struct imp_token *token;

	MUST(imp_token_current(&token));
	SAME(imp_token_level(token), *(const enum imp_level *)level);
	if (imp_token_level(token) == IMP_LEVEL_IDENTIFICATION)
		SAME(imp_token_identity(token)->uid, persons[ALICE].uid);
	else
		SAME(imp_token_identity(token)->uid, persons[CAROL].uid);
	MUST(imp_assert(token));
	SAME(imp_token_access(token)->uid, geteuid());
	SAME(geteuid(), persons[CAROL].uid);
	SAME_TEXT(look_of(gettid()), "consistent");
	imp_token_unref(token);
	return 0;
}

struct level_run {
	struct imp_context *context;
	enum imp_level level;
};

static void run_at_level(void *data)
{
	struct level_run *run = data;

	MUST(imp_context_run(run->context, look_at_level, &run->level, NULL));
	I_AM(SERVICE);
}

/* What flows is the token: who the client is may be read as before, its files not opened. */
static void levels(const char *kind)
{
	static const struct {
		enum imp_level level;
		const char *name;
	} all[] = {{IMP_LEVEL_ANONYMOUS, "anonymous"},
		   {IMP_LEVEL_IDENTIFICATION, "identification"}};
	struct imp_policy *policy;
	struct imp_token *low[2];
	struct who alice;

	who_is("alice", &alice);
	MUST(imp_policy_new(&policy));
	/* An account of the test's own, to tell it from others'. */
	MUST(imp_policy_set(policy, "impersonation", "anonymous_user", "carol"));
	for (int i = 0; i < 2; i++)
		low[i] = token_at(&alice, all[i].name, policy);
	set_out(kind);
	for (int i = 0; i < 2; i++) {
		struct level_run run = {.level = all[i].level};

		MUST(imp_impersonate(low[i]));
		run.context = capture();
		SAME(imp_context_flow(run.context), IMP_FLOW_IDENTITY);
		SAME(imp_context_token(run.context) == low[i], 1);
		imp_revert();
		in_thread(run_at_level, &run);
		imp_context_unref(run.context);
	}
}

static int look_at_files(void *files)
{
	STATE_IS(0, files);
	SAME_TEXT(look_of(gettid()), "consistent");
	return 0;
}

static void run_on_files(void *data)
{
	struct state *files = malloc(sizeof(*files));

	state_acting_on_files(&acting[SERVICE], &persons[ALICE], files);
	STATE_IS(0, &acting[SERVICE]);
	MUST(imp_context_run(data, look_at_files, files, NULL));
	STATE_IS(0, &acting[SERVICE]);
	free(files);
}

static void scope_files(const char *kind)
{
	struct imp_token *token;

	set_out(kind);
	MUST(imp_token_scoped(tokens[ALICE], IMP_SCOPE_FILES, &token));
	MUST(imp_impersonate(token));

	struct imp_context *context = capture();

	imp_revert();
	in_thread(run_on_files, context);
	imp_context_unref(context);
	imp_token_unref(token);
}

/* ---------------------------------------------------------------------------- there and back */

static int come_by(void *data)
{
	const enum person *way = data;

	I_AM(BOB);
	impersonate(way[0]);
	impersonate(way[1]);
	return 42;
}

/* Wherever the thread was, and whatever the work did with the library. */
static void back_to_before(const char *kind)
{
	set_out(kind);
	impersonate(BOB);

	struct imp_context *context = capture();

	for (enum person before = SERVICE; before < N_PERSONS; before++)
		for (int i = 0; i < N_PERSONS * N_PERSONS; i++) {
			enum person way[] = {(enum person)(i / N_PERSONS),
					     (enum person)(i % N_PERSONS)};
			int result = 0;

			impersonate(before);
			MUST(imp_context_run(context, come_by, way, &result));
			SAME(result, 42);
			SAME(person_of(0), before);
			MUST(imp_assert(tokens[before]));
		}
	SAME(records(IMP_EVENT_MISMATCH, NULL), 0);
	imp_context_unref(context);
}

static int suppress_and_forget(void *unused)
{
	(void)unused;
	SAME(imp_flow_is_suppressed(), 0);
	imp_flow_suppress();
	return 0;
}

/* Work begins unsuppressed, and what it leaves is not the thread's. */
static void suppression_in_work(const char *kind)
{
	set_out(kind);

	struct imp_context *context = capture();

	MUST(imp_context_run(context, suppress_and_forget, NULL, NULL));
	SAME(imp_flow_is_suppressed(), 0);
	imp_flow_suppress();
	MUST(imp_context_run(context, suppress_and_forget, NULL, NULL));
	SAME(imp_flow_is_suppressed(), 1);
	imp_context_unref(context);
}

static void *run_often(void *context)
{
	for (int i = 0; i < 200; i++) {
		struct seen seen = {.tid = 0};

		MUST(imp_context_run(context, see, &seen, NULL));
		SAME(seen.person, ALICE);
	}
	imp_context_unref(context);
	return NULL;
}

static void shared(const char *kind)
{
	pthread_t threads[4];

	set_out(kind);
	impersonate(ALICE);

	struct imp_context *context = capture();

	imp_revert();
	for (int i = 0; i < 4; i++)
		SAME(pthread_create(&threads[i], NULL, run_often, imp_context_ref(context)), 0);
	imp_context_unref(context);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

/* -------------------------------------------------------------------------------- children */

static void in_child(struct imp_context *context, struct imp_pool *pool)
{
	struct seen seen = {.tid = 0}, never = {.tid = 0};

	/* A context is memory, and memory is the child's too. */
	imp_revert();
	MUST(imp_context_run(context, see, &seen, NULL));
	SAME(seen.person, ALICE);
	SAME(person_of(0), SERVICE);

	/* A pool is threads, and they are not. */
	SAME(imp_pool_submit(pool, see_in_pool, note_given_up, &never), -ECANCELED);
	SAME(imp_pool_drain(pool), -ECANCELED);
	imp_pool_destroy(pool);
	SAME(never.done || never.given_up, 0);
#ifdef WITH_THREAD_SANITIZER /* does not support threads in such a child */
	_exit(PASSED);
#endif
	MUST(imp_pool_create(1, &pool));
	impersonate(BOB);
	MUST(imp_pool_submit(pool, see_in_pool, note_given_up, &never));
	MUST(imp_pool_drain(pool));
	SAME(never.person, BOB);
	imp_pool_destroy(pool);
	_exit(PASSED);
}

/* Both workers wait for work: one in the middle of an allocation is more than a sanitizer can bear.
 */
static struct imp_pool *pool_at_rest(void)
{
	struct imp_pool *pool;
	struct gate gates[2];
	struct seen seen[2];

	MUST(imp_pool_create(2, &pool));
	for (int i = 0; i < 2; i++) {
		gate_init(&gates[i]);
		seen[i] = (struct seen){.gate = &gates[i]};
		MUST(imp_pool_submit(pool, see_in_pool, note_given_up, &seen[i]));
	}
	for (int i = 0; i < 2; i++)
		gate_reach(&gates[i]);
	for (int i = 0; i < 2; i++)
		gate_open(&gates[i]);
	MUST(imp_pool_drain(pool));
	return pool;
}

static void forked(const char *kind)
{
	struct seen seen = {.tid = 0};

	set_out(kind);

	struct imp_pool *pool = pool_at_rest();

	impersonate(ALICE);

	struct imp_context *context = capture();
	pid_t child = (pid_t)SYSTEM(fork());

	if (child == 0)
		in_child(context, pool);
	wait_for(child);
	MUST(imp_pool_submit(pool, see_in_pool, note_given_up, &seen));
	MUST(imp_pool_drain(pool));
	SAME(seen.person, ALICE);
	imp_pool_destroy(pool);
	imp_context_unref(context);
}

const struct check_case context_cases[] = {
	{"outlived", outlived},
	{"levels", levels},
	{"scope-files", scope_files},
	{"back-to-before", back_to_before},
	{"suppression-in-work", suppression_in_work},
	{"shared", shared},
	{"forked", forked},
	{NULL, NULL},
};
