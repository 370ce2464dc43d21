/* SPDX-License-Identifier: MIT */
/* Walking trees: the workers' pool, and what they found put together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "access/tree-walker.h"

enum { WORKERS_MAXIMUM = 64, PROGRESS_NS = 200000000 };

static int check_tree(const struct tree *tree)
{
	if (tree->n_subjects == 0 || tree->n_subjects > TREE_SUBJECTS)
		return -EINVAL;
	return 0;
}

static size_t number_of_workers(const struct tree *tree)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t count = tree->workers ? tree->workers : processors < 1 ? 1 : (size_t)processors;

	return count < WORKERS_MAXIMUM ? count : WORKERS_MAXIMUM;
}

/* Each level of a tree takes one.  False where the limit was high enough, or cannot be moved. */
static bool raise_descriptor_limit(struct rlimit *before)
{
	struct rlimit raised;

	if (getrlimit(RLIMIT_NOFILE, before) < 0 || before->rlim_cur == before->rlim_max)
		return false;
	raised = *before;
	raised.rlim_cur = raised.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &raised) == 0;
}

/* ---------------------------------------------------------------------------- the threads -- */

static int open_pool(struct pool *pool)
{
	pthread_condattr_t monotonic;
	int error = pthread_mutex_init(&pool->lock, NULL);

	if (error == 0)
		error = pthread_mutex_init(&pool->output_lock, NULL);
	if (error == 0)
		error = pthread_condattr_init(&monotonic);
	if (error)
		return -error;
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	error = pthread_cond_init(&pool->work, NULL);
	if (error == 0)
		error = pthread_cond_init(&pool->end, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return -error;
}

static void close_pool(struct pool *pool)
{
	while (pool->jobs) { /* where it was stopped */
		struct job *job = pool->jobs;

		pool->jobs = job->next;
		job_free(job);
	}
	pthread_mutex_destroy(&pool->lock);
	pthread_mutex_destroy(&pool->output_lock);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->end);
}

static struct timespec soon(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	now.tv_nsec += PROGRESS_NS;
	now.tv_sec += now.tv_nsec / 1000000000;
	now.tv_nsec %= 1000000000;
	return now;
}

static void wait_for_workers(struct pool *pool)
{
	const struct tree *tree = pool->tree;
	struct timespec next = soon();

	pthread_mutex_lock(&pool->lock);
	while (pool->running > 0) {
		if (!tree->progress) {
			pthread_cond_wait(&pool->end, &pool->lock);
		} else if (pthread_cond_timedwait(&pool->end, &pool->lock, &next) == ETIMEDOUT) {
			uint64_t entries = pool->entries;

			pthread_mutex_unlock(&pool->lock);
			tree->progress(tree->context, entries);
			next = soon();
			pthread_mutex_lock(&pool->lock);
		}
	}
	pthread_mutex_unlock(&pool->lock);
}

/*
 * The caller is none of the workers: those become somebody else, the only one for good.  With one
 * worker that could be started the walk goes on, if slower.
 */
static int run_workers(struct pool *pool)
{
	pthread_t threads[WORKERS_MAXIMUM];
	size_t started = 0;
	int error = 0;

	pthread_mutex_lock(&pool->lock);
	while (started < pool->n_workers && error == 0) {
		error = pthread_create(&threads[started], NULL, worker_run, pool);
		if (error == 0)
			started++;
	}
	/* Those that wait are counted against how many there are. */
	pool->n_workers = pool->running = started;
	pthread_mutex_unlock(&pool->lock);
	if (started == 0)
		return -error;
	wait_for_workers(pool);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return pool->error;
}

int tree_walk(const struct tree *tree, struct tree_counts *counts, struct tree_failure *failure)
{
	struct pool pool = {
		.tree = tree,
		.counts = counts,
		.switching = tree->n_subjects > 1 || tree->list_as_caller,
		.n_workers = number_of_workers(tree),
	};
	struct rlimit limit;
	int error = check_tree(tree);

	*failure = (struct tree_failure){.step = NULL};
	memset(counts, 0, tree->n_starts * tree->n_subjects * sizeof(*counts));
	if (error == 0)
		error = probe_asking(&pool);
	if (error == 0)
		error = open_pool(&pool);
	if (error < 0)
		return error;

	bool raised = raise_descriptor_limit(&limit);

	error = run_workers(&pool);
	if (raised)
		setrlimit(RLIMIT_NOFILE, &limit);
	*failure = pool.failure;
	close_pool(&pool);
	return error;
}

/* ------------------------------------------------------------------ what the workers share -- */

static void count_hungry(struct pool *pool)
{
	size_t hungry = pool->waiting > pool->n_jobs ? pool->waiting - pool->n_jobs : 0;

	atomic_store_explicit(&pool->hungry, hungry, memory_order_relaxed);
}

/* Under the lock. */
static bool is_work(const struct pool *pool)
{
	return pool->jobs || pool->next_start < pool->tree->n_starts;
}

/*
 * The next job, or, where *JOB is NULL, the next start path.  False when there is nothing more to
 * be done: all wait, so that nobody is left who could give anything.
 */
bool pool_take(struct pool *pool, struct job **job, size_t *start)
{
	pthread_mutex_lock(&pool->lock);
	pool->waiting++;
	count_hungry(pool);
	while (!is_work(pool) && pool->waiting < pool->n_workers && !pool->stopped)
		pthread_cond_wait(&pool->work, &pool->lock);

	bool found = is_work(pool) && !pool->stopped;

	if (found) {
		pool->waiting--;
		*job = pool->jobs;
		if (*job) {
			pool->jobs = (*job)->next;
			pool->n_jobs--;
		} else {
			*start = pool->next_start++;
		}
		count_hungry(pool);
	} else {
		pthread_cond_broadcast(&pool->work);
		if (--pool->running == 0)
			pthread_cond_signal(&pool->end);
	}
	pthread_mutex_unlock(&pool->lock);
	return found;
}

void pool_give(struct pool *pool, struct job *job)
{
	pthread_mutex_lock(&pool->lock);
	job->next = pool->jobs;
	pool->jobs = job;
	pool->n_jobs++;
	count_hungry(pool);
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

void pool_stop(struct pool *pool, int error)
{
	pthread_mutex_lock(&pool->lock);
	if (pool->error == 0)
		pool->error = error;
	atomic_store(&pool->stopped, true);
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

void pool_fail_to_become(struct pool *pool, size_t subject, const char *step, int error)
{
	pthread_mutex_lock(&pool->lock);
	if (pool->error == 0)
		pool->failure = (struct tree_failure){.step = step, .subject = subject};
	pthread_mutex_unlock(&pool->lock);
	pool_stop(pool, error);
}

/* What a worker has counted for its start path so far. */
void pool_add(struct worker *worker)
{
	struct pool *pool = worker->pool;
	size_t n_subjects = pool->tree->n_subjects;
	struct tree_counts *counts = pool->counts + worker->start * n_subjects;

	pthread_mutex_lock(&pool->lock);
	for (size_t i = 0; i < n_subjects; i++) {
		const struct tree_counts *tally = &worker->tally[i];

		counts[i].allowed += tally->allowed;
		counts[i].denied += tally->denied;
		counts[i].unknown += tally->unknown;
		counts[i].unlisted += tally->unlisted;
		counts[i].not_walked += tally->not_walked;
		if (tally->start_error)
			counts[i].start_error = tally->start_error;
		if (tally->walk_error)
			counts[i].walk_error = tally->walk_error;
	}
	pool->entries += worker->entries;
	pthread_mutex_unlock(&pool->lock);
	memset(worker->tally, 0, n_subjects * sizeof(*worker->tally));
	worker->entries = 0;
}

/* ------------------------------------------------------------------------------- output -- */

void tree_put(struct tree_output *output, const void *bytes, size_t count)
{
	if (output->room - output->used < count) {
		size_t room = (output->room + count) * 2;
		char *larger;

		if (room < OUTPUT_SIZE + BUFFER_SIZE)
			room = OUTPUT_SIZE + BUFFER_SIZE;
		larger = realloc(output->bytes, room);
		if (!larger) {
			output->failed = true;
			return;
		}
		output->bytes = larger;
		output->room = room;
	}
	memcpy(output->bytes + output->used, bytes, count);
	output->used += count;
}

/* Whole entries, so that those of several workers do not mix. */
int pool_write(struct worker *worker)
{
	struct pool *pool = worker->pool;
	struct tree_output *output = &worker->output;
	size_t written = 0;
	int error = output->failed ? -ENOMEM : 0;

	pthread_mutex_lock(&pool->output_lock);
	while (written < output->used && error == 0) {
		ssize_t n =
			write(pool->tree->output, output->bytes + written, output->used - written);

		if (n >= 0)
			written += (size_t)n;
		else if (errno != EINTR)
			error = -errno;
	}
	pthread_mutex_unlock(&pool->output_lock);
	output->used = 0;
	if (error < 0) {
		pthread_mutex_lock(&pool->lock);
		if (pool->error == 0 && !output->failed)
			pool->failure.writing = true;
		pthread_mutex_unlock(&pool->lock);
	}
	return error;
}
