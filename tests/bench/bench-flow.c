/* SPDX-License-Identifier: MIT */
/*
 * What it costs that identity goes along with work: a hand-off to another thread that captures and
 * runs, against the same hand-off, by the same queue, that takes no identity along, and whose work
 * impersonates and reverts by itself.  And a pool's piece of work against that.
 */
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "impersonate.h"

#define NOT_HERE 77 /* exit status: cannot be measured here */

struct queue;

struct piece {
	struct piece *next;
	struct imp_context *context; /* NULL: by hand */
	struct queue *queue;
};

/* One worker; what pool.c has, less the identity. */
struct queue {
	pthread_mutex_t lock;
	pthread_cond_t handed_in, done;
	struct piece *first, **last;
	size_t outstanding;
	struct imp_token *token; /* of whoever hands over */
	uid_t expected;		 /* whom work is to find that it is, where it looks */
	bool looks;
	pthread_t worker;
};

struct scene {
	struct queue *queue;
	struct imp_pool *pool;
	struct imp_token *token;
};

static void must(const char *what, int error)
{
	if (error < 0)
		bench_die(what, error);
}

/* ---------------------------------------------------------------------------------- work -- */

static int do_work(void *data)
{
	const struct queue *queue = data;

	if (queue->looks && geteuid() != queue->expected)
		bench_die("work is done as somebody else", 0);
	return 0;
}

static void do_work_of_pool(void *data)
{
	(void)do_work(data);
}

static void do_piece(struct piece *piece)
{
	struct queue *queue = piece->queue;

	if (piece->context) {
		must("cannot run", imp_context_run(piece->context, do_work, queue, NULL));
		imp_context_unref(piece->context);
		return;
	}
	if (queue->token)
		must("cannot impersonate", imp_impersonate(queue->token));
	(void)do_work(queue);
	if (queue->token)
		imp_revert();
}

/* --------------------------------------------------------------------------------- queue -- */

static void *serve(void *data)
{
	struct queue *queue = data;

	pthread_mutex_lock(&queue->lock);
	for (;;) {
		while (!queue->first)
			pthread_cond_wait(&queue->handed_in, &queue->lock);

		struct piece *piece = queue->first;

		queue->first = piece->next;
		if (!queue->first)
			queue->last = &queue->first;
		pthread_mutex_unlock(&queue->lock);
		do_piece(piece);
		free(piece);
		pthread_mutex_lock(&queue->lock);
		if (--queue->outstanding == 0)
			pthread_cond_broadcast(&queue->done);
	}
	return NULL;
}

static void start(struct queue *queue)
{
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->handed_in, NULL);
	pthread_cond_init(&queue->done, NULL);
	queue->last = &queue->first;
	must("cannot start a thread", -pthread_create(&queue->worker, NULL, serve, queue));
}

static void hand_in(struct queue *queue, struct imp_context *context)
{
	struct piece *piece = malloc(sizeof(*piece));

	if (!piece)
		bench_die("cannot hand in work", ENOMEM);
	*piece = (struct piece){.context = context, .queue = queue};
	pthread_mutex_lock(&queue->lock);
	*queue->last = piece;
	queue->last = &piece->next;
	queue->outstanding++;
	pthread_cond_signal(&queue->handed_in);
	pthread_mutex_unlock(&queue->lock);
}

static void await(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	while (queue->outstanding > 0)
		pthread_cond_wait(&queue->done, &queue->lock);
	pthread_mutex_unlock(&queue->lock);
}

/* ------------------------------------------------------------------------------ hand-offs -- */

static void capture_and_run(void *context, unsigned long times)
{
	const struct scene *scene = context;

	while (times--) {
		struct imp_context *captured;

		must("cannot capture", imp_context_capture(&captured));
		hand_in(scene->queue, captured);
		await(scene->queue);
	}
}

static void plain_and_pair(void *context, unsigned long times)
{
	const struct scene *scene = context;

	while (times--) {
		hand_in(scene->queue, NULL);
		await(scene->queue);
	}
}

static void through_pool(void *context, unsigned long times)
{
	const struct scene *scene = context;

	while (times--) {
		must("cannot submit",
		     imp_pool_submit(scene->pool, do_work_of_pool, NULL, scene->queue));
		must("cannot drain", imp_pool_drain(scene->pool));
	}
}

/* Nothing would be faster than a hand-off that loses the identity, or work that is not done. */
static void check_hand_offs(struct scene *scene)
{
	scene->queue->looks = true;
	scene->queue->expected = imp_token_access(scene->token)->uid;
	capture_and_run(scene, 1);
	plain_and_pair(scene, 1);
	through_pool(scene, 1);
	scene->queue->looks = false;
}

/* The first two that there are; the one, if there is one. */
static void choose_processors(int processors[2])
{
	cpu_set_t set;
	int n = 0;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		bench_die("cannot find processors", errno);
	for (int i = 0; i < CPU_SETSIZE && n < 2; i++)
		if (CPU_ISSET((size_t)i, &set))
			processors[n++] = i;
	if (n == 1)
		processors[1] = processors[0];
}

/* On a processor of their own, so that what a wake-up takes does not depend on where it leads. */
static void stay_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)processor, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		bench_die("cannot stay on a processor", errno);
}

/* Threads that work on WORKERS, while the caller hands over on OWN. */
static void compare(const char *where, struct imp_token *token, int workers, int own, double goal)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	struct scene scene = {.queue = queue, .token = token};
	struct bench_side captured = {"capture, run", capture_and_run, &scene, 0};
	struct bench_side pool = {"imp_pool_submit", through_pool, &scene, 0};
	struct bench_side rival = {"a plain hand-off, one pair", plain_and_pair, &scene, goal};
	char name[80];

	if (!queue)
		bench_die("cannot make a queue", ENOMEM);
	queue->token = token;
	/* A thread begins where its maker is. */
	stay_on(workers);
	must("cannot make a pool", imp_pool_create(1, &scene.pool));
	start(queue);
	stay_on(own);
	must("cannot impersonate", imp_impersonate(token));
	check_hand_offs(&scene);
	snprintf(name, sizeof(name), "capture + run on another thread%s", where);
	bench_compare(name, &captured, &rival, 1);
	rival.goal = 1.1;
	snprintf(name, sizeof(name), "a pool's piece of work%s", where);
	bench_compare(name, &pool, &rival, 1);
	imp_revert();
	imp_pool_destroy(scene.pool);
}

int main(void)
{
	static const gid_t groups[] = {20001, 20002, 20003, 20004, 20005, 20006, 20007, 20008};
	struct imp_token *token;
	int processors[2];

	if (geteuid() != 0) {
		fprintf(stderr, "bench-flow: only root can act as somebody else\n");
		return NOT_HERE;
	}
	choose_processors(processors);
	if (setgroups(sizeof(groups) / sizeof(groups[0]), groups) < 0)
		bench_die("cannot set the groups", errno);
	must("cannot prepare", imp_prepare());
	must("cannot make a token",
	     imp_token_from_user("20001", IMP_LEVEL_IMPERSONATION, NULL, &token));
	compare("", token, processors[1], processors[0], 1.05);
	/* Where a hand-off costs least, and the little that is read weighs most. */
	compare(", same processor", token, processors[0], processors[0], 1.1);
	return 0;
}
