/* SPDX-License-Identifier: MIT */
/* A pool of threads that do each piece of work as whoever handed it in, and come back. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/impersonate-thread.h"
#include "core/log.h"
#include "flow/context.h"
#include "flow/thread.h"

struct piece {
	struct piece *next;
	struct imp_context context;
	void (*work)(void *argument);
	void (*give_up)(void *argument, int error);
	void *argument;
	int error;   /* for which it is given up */
	bool called; /* one of the two */
};

struct imp_pool {
	pthread_mutex_t lock;
	pthread_cond_t handed_in; /* or the end */
	pthread_cond_t done;	  /* nothing is outstanding */
	struct piece *first, **last;
	size_t outstanding; /* waiting, or being done */
	bool ending;
	unsigned int forks; /* of the process that has the workers */
	unsigned int n_workers;
	pthread_t workers[];
};

/* The pool that the calling thread works for. */
static _Thread_local const struct imp_pool *employer;

/* -------------------------------------------------------------------------------- workers -- */

static void free_piece(struct piece *piece)
{
	context_clear(&piece->context);
	free(piece);
}

static int call_work(void *data)
{
	struct piece *piece = data;

	piece->called = true;
	piece->work(piece->argument);
	return 0;
}

static int call_give_up(void *data)
{
	struct piece *piece = data;

	piece->called = true;
	piece->give_up(piece->argument, piece->error);
	return 0;
}

/* At the primary identity, whoever the calling thread is; and what it leaves behind is nothing. */
static void give_up_piece(struct piece *piece, int error)
{
	struct imp_context nobodys = {.flow = IMP_FLOW_NOTHING};

	if (!piece->give_up)
		return;
	piece->error = error;
	error = imp_context_run(&nobodys, call_give_up, piece, NULL);
	if (!piece->called)
		log_die("giving up work", "the thread is not at the primary identity", error);
}

/* What the work leaves behind has been told, and taken back, or the process has ended. */
static void do_piece(struct piece *piece)
{
	int error = imp_context_run(&piece->context, call_work, piece, NULL);

	if (!piece->called)
		give_up_piece(piece, error);
	free_piece(piece);
}

/* With the lock held; NULL: it is time to go. */
static struct piece *next_piece(struct imp_pool *pool)
{
	while (!pool->first && !pool->ending)
		pthread_cond_wait(&pool->handed_in, &pool->lock);

	struct piece *piece = pool->first;

	if (piece) {
		pool->first = piece->next;
		if (!pool->first)
			pool->last = &pool->first;
	}
	return piece;
}

static void finish_one(struct imp_pool *pool)
{
	if (--pool->outstanding == 0)
		pthread_cond_broadcast(&pool->done);
}

static void *work(void *data)
{
	struct imp_pool *pool = data;

	employer = pool;
	imp_revert();
	pthread_mutex_lock(&pool->lock);
	for (struct piece *piece; (piece = next_piece(pool));) {
		pthread_mutex_unlock(&pool->lock);
		do_piece(piece);
		pthread_mutex_lock(&pool->lock);
		finish_one(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* --------------------------------------------------------------------------- begin and end -- */

/* A child of fork has no workers, and the lock may be held by one that it has not. */
static bool is_the_parents(const struct imp_pool *pool)
{
	return pool->forks != process_forks();
}

/* Ends the workers: those that work are waited for. */
static void dismiss(struct imp_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_cond_broadcast(&pool->handed_in);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned int i = 0; i < pool->n_workers; i++)
		pthread_join(pool->workers[i], NULL);
}

static void free_pool(struct imp_pool *pool)
{
	pthread_cond_destroy(&pool->handed_in);
	pthread_cond_destroy(&pool->done);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

int imp_pool_create(unsigned int threads, struct imp_pool **pool)
{
	int error = threads == 0 ? -EINVAL : imp_prepare();
	struct imp_pool *new;
	size_t size;

	if (error < 0)
		return error;
	if (__builtin_mul_overflow(threads, sizeof(new->workers[0]), &size) ||
	    __builtin_add_overflow(size, sizeof(*new), &size))
		return -ENOMEM;
	new = calloc(1, size);
	if (!new)
		return -ENOMEM;
	new->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	new->handed_in = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	new->done = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	new->last = &new->first;
	new->forks = process_forks();
	while (error == 0 && new->n_workers < threads) {
		error = thread_create_at_primary(&new->workers[new->n_workers], NULL, work, new);
		if (error == 0)
			new->n_workers++;
	}
	if (error < 0) {
		dismiss(new);
		free_pool(new);
		return error;
	}
	*pool = new;
	return 0;
}

/* What has not begun, one after the other: giving up may hand in more, which is refused by now. */
static void give_up_rest(struct imp_pool *pool)
{
	pthread_mutex_lock(&pool->lock);

	struct piece *rest = pool->first;

	pool->first = NULL;
	pool->last = &pool->first;
	pool->ending = true;
	pthread_mutex_unlock(&pool->lock);

	const struct imp_pool *employer_before = employer;

	employer = pool; /* nor may they wait for themselves */
	while (rest) {
		struct piece *piece = rest;

		rest = piece->next;
		give_up_piece(piece, -ECANCELED);
		free_piece(piece);
		pthread_mutex_lock(&pool->lock);
		finish_one(pool);
		pthread_mutex_unlock(&pool->lock);
	}
	employer = employer_before;
}

void imp_pool_destroy(struct imp_pool *pool)
{
	if (!pool || is_the_parents(pool))
		return;
	give_up_rest(pool);
	dismiss(pool);
	free_pool(pool);
}

/* -------------------------------------------------------------------------------- handing in -- */

int imp_pool_submit_at(const char *site, struct imp_pool *pool, void (*work_fn)(void *argument),
		       void (*give_up)(void *argument, int error), void *argument)
{
	struct piece *piece;

	if (is_the_parents(pool))
		return -ECANCELED;
	piece = malloc(sizeof(*piece));
	if (!piece)
		return -ENOMEM;
	*piece = (struct piece){.work = work_fn, .give_up = give_up, .argument = argument};

	int error = context_capture(site, &piece->context);

	if (error < 0) {
		free(piece);
		return error;
	}
	pthread_mutex_lock(&pool->lock);
	if (pool->ending) {
		error = -ECANCELED;
	} else {
		*pool->last = piece;
		pool->last = &piece->next;
		pool->outstanding++;
		pthread_cond_signal(&pool->handed_in);
	}
	pthread_mutex_unlock(&pool->lock);
	if (error < 0)
		free_piece(piece);
	return error;
}

int imp_pool_drain(struct imp_pool *pool)
{
	if (is_the_parents(pool))
		return -ECANCELED;
	if (employer == pool)
		return -EDEADLK;
	pthread_mutex_lock(&pool->lock);
	while (pool->outstanding > 0)
		pthread_cond_wait(&pool->done, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
	return 0;
}
