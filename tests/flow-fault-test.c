/* SPDX-License-Identifier: MIT */
/*
 * Walks of work from one thread to another, to be run under strace(1), which makes one system call
 * of one of the two fail.  That thread makes a hundred calls of each kind first, and then one of
 * getpriority(2), which nothing else does: from there the calls of the walk are counted.
 *
 * What was done is said, and as whom it was by /proc, which no fault concerns.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "flow/stage.h"

static void set_off(const char *kind)
{
	set_out(kind);
	log_to_stderr();
	setvbuf(stdout, NULL, _IONBF, 0);
}

static void mark(void)
{
	SAME(getpriority(PRIO_PROCESS, 0), 0);
}

static pid_t worker;

struct piece {
	enum person person;
	bool done, given_up;
};

static void do_work(void *data)
{
	struct piece *piece = data;

	SAME(piece->done || piece->given_up, 0);
	SAME(person_of(0), piece->person);
	worker = gettid();
	printf("%s's work is done\n", person_name(piece->person));
	piece->done = true;
}

static void give_up(void *data, int error)
{
	struct piece *piece = data;

	SAME(piece->done || piece->given_up, 0);
	SAME(person_of(0), SERVICE);
	SAME(error < 0, 1);
	printf("%s's work is given up\n", person_name(piece->person));
	piece->given_up = true;
}

/* ------------------------------------------------------------------------------------- pool -- */

static void set_off_worker(void *unused)
{
	(void)unused;
	make_a_hundred_calls();
	mark();
}

/* The worker's calls: two clients' work, and the service's own. */
static void pool(const char *kind)
{
	static const enum person order[] = {ALICE, BOB, SERVICE, ALICE};
	struct imp_pool *workers;

	set_off(kind);
	MUST(imp_pool_create(1, &workers));
	MUST(imp_pool_submit(workers, set_off_worker, NULL, NULL));
	MUST(imp_pool_drain(workers));
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct piece piece = {.person = order[i]};

		impersonate(order[i]);
		MUST(imp_pool_submit(workers, do_work, give_up, &piece));
		imp_revert();
		MUST(imp_pool_drain(workers));
		SAME(piece.done + piece.given_up, 1);
		if (worker)
			SAME(person_of(worker), SERVICE);
	}
	imp_pool_destroy(workers);
	printf("done\n");
}

static void submit_all(void *workers)
{
	make_a_hundred_calls();
	impersonate(ALICE);
	mark();
	for (int i = 0; i < 2; i++) {
		struct piece piece = {.person = ALICE};
		int error = imp_pool_submit(workers, do_work, give_up, &piece);

		if (error == 0)
			MUST(imp_pool_drain(workers));
		else
			printf("alice's work is not taken\n");
		SAME(piece.done, error == 0);
		SAME(person_of(0), ALICE);
	}
	printf("done\n");
}

/* The calls of the thread that hands in work. */
static void submit(const char *kind)
{
	struct imp_pool *workers;

	set_off(kind);
	MUST(imp_pool_create(1, &workers));
	in_thread(submit_all, workers);
	imp_pool_destroy(workers);
}

static void submit_always(const char *kind)
{
	struct imp_pool *workers;

	set_off(kind);
	set_policy(false, true);
	MUST(imp_pool_create(1, &workers));
	in_thread(submit_all, workers);
	imp_pool_destroy(workers);
}

/* ---------------------------------------------------------------------------------- threads -- */

static bool mark_at_birth;

struct birth {
	void *(*start)(void *argument);
	void *argument;
};

static void *set_off_at_birth(void *data)
{
	struct birth birth = *(struct birth *)data;

	free(data);
	make_a_hundred_calls();
	mark();
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

	if (!mark_at_birth)
		return __real_pthread_create(thread, attributes, start, argument);
	birth = malloc(sizeof(*birth));
	if (!birth)
		return ENOMEM;
	*birth = (struct birth){start, argument};
	return __real_pthread_create(thread, attributes, set_off_at_birth, birth);
}

static void *do_work_of_thread(void *piece)
{
	do_work(piece);
	return NULL;
}

static void make_thread(void)
{
	struct piece piece = {.person = ALICE};
	pthread_t thread;
	int error = imp_thread_create(&thread, NULL, do_work_of_thread, &piece);

	if (error < 0)
		printf("alice's work is not taken\n");
	else
		SAME(pthread_join(thread, NULL), 0);
	SAME(piece.done, error == 0);
	SAME(person_of(0), ALICE);
	printf("done\n");
}

static void create_there(void *unused)
{
	(void)unused;
	make_a_hundred_calls();
	impersonate(ALICE);
	mark();
	make_thread();
}

/* The calls of the thread that makes another. */
static void create(const char *kind)
{
	set_off(kind);
	in_thread(create_there, NULL);
}

/* The calls of the one that is made. */
static void born(const char *kind)
{
	set_off(kind);
	impersonate(ALICE);
	mark_at_birth = true;
	make_thread();
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"pool", pool},	    {"submit", submit}, {"submit-always", submit_always},
		{"create", create}, {"born", born},	{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
