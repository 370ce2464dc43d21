/* SPDX-License-Identifier: MIT */
/* All threads of the system, looked at on as many processors as there are. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "look/scan.h"

enum {
	BATCH = 64,	      /* threads that a worker takes at once, most of one process */
	WORTH_A_WORKER = 256, /* below this many, another worker costs more than it saves */
	WORKERS_MAXIMUM = 16,
	HASTE = 8, /* what is doubtful is not told unless it is certain: no need to wait for it */
};

struct scan {
	enum look_filter filter;
	struct look_item *items;
	size_t count, room;
	atomic_size_t next;
};

struct worker {
	struct scan *scan;
	struct look_list found;
	size_t room;
	int error;
};

/* --------------------------------------------------------------------------------- items -- */

static int make_room(struct scan *scan, size_t count)
{
	if (scan->room - scan->count >= count)
		return 0;

	size_t room = (scan->room + count) * 2;
	struct look_item *larger = reallocarray(scan->items, room, sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	scan->items = larger;
	scan->room = room;
	return 0;
}

static int add_threads(struct scan *scan, pid_t pid)
{
	pid_t *tids;
	size_t count;
	int error = procfs_list_threads(pid, &tids, &count);

	if (error < 0)
		return error == -ENOMEM ? error : 0;
	error = make_room(scan, count);
	for (size_t i = 0; error == 0 && i < count; i++)
		scan->items[scan->count++] = (struct look_item){pid, tids[i]};
	free(tids);
	return error;
}

static int add_item(struct scan *scan, const struct look_item *item)
{
	if (item->tid == 0)
		return add_threads(scan, item->pid);

	int error = make_room(scan, 1);

	if (error == 0)
		scan->items[scan->count++] = *item;
	return error;
}

static int add_all(struct scan *scan)
{
	pid_t *pids;
	size_t count;
	int error = procfs_list_processes(&pids, &count);

	if (error < 0)
		return error;
	for (size_t i = 0; i < count && error == 0; i++)
		error = add_threads(scan, pids[i]);
	free(pids);
	return error;
}

/* ------------------------------------------------------------------------------- workers -- */

static bool is_kept(enum look_filter filter, const struct look_thread *thread)
{
	bool wrong = thread->state == LOOK_LOST || thread->state == LOOK_LEAKED ||
		     thread->state == LOOK_MISMATCHED;

	switch (filter) {
	case LOOK_EVERY:
		return true;
	case LOOK_ACTING:
		return thread->impersonating || wrong;
	case LOOK_DOUBTFUL:
		return wrong || (thread->state == LOOK_UNRECORDED && thread->impersonating) ||
		       look_disbelieves(thread->ledger_error) ||
		       (thread->recorded && thread->entry.channel_mismatches > 0);
	}
	return false;
}

/* With a third of the work? */
static bool is_passed_over(enum look_filter filter, const struct look_process *process, pid_t tid)
{
	if (filter == LOOK_EVERY ||
	    (filter == LOOK_DOUBTFUL && look_disbelieves(process->ledger_error)))
		return false;
	return look_is_plain(process, tid);
}

static int keep(struct worker *worker, const struct look_thread *thread)
{
	struct look_list *found = &worker->found;

	if (found->count == worker->room) {
		size_t room = worker->room ? worker->room * 2 : 256;
		struct look_thread *larger = reallocarray(found->threads, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		found->threads = larger;
		worker->room = room;
	}
	found->threads[found->count++] = *thread;
	return 0;
}

static int look_at_item(struct worker *worker, struct look_process *process, pid_t tid)
{
	struct look_thread thread;

	if (is_passed_over(worker->scan->filter, process, tid))
		return 0;

	int error = look_at(process, tid, &thread);

	if (error < 0)
		return error == -ENOMEM ? error : 0;
	if (is_kept(worker->scan->filter, &thread))
		error = keep(worker, &thread);
	else
		error = 1; /* not kept */
	if (error != 0)
		look_clear(&thread);
	return error < 0 ? error : 0;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct scan *scan = worker->scan;
	struct look_process process;
	bool open = false;
	pid_t pid = 0;

	for (;;) {
		size_t first = atomic_fetch_add(&scan->next, BATCH);

		if (first >= scan->count || worker->error < 0)
			break;
		for (size_t i = first; i < first + BATCH && i < scan->count; i++) {
			if (scan->items[i].pid != pid) {
				if (open)
					look_close(&process);
				pid = scan->items[i].pid;
				open = look_open(pid, &process) == 0;
				if (scan->filter == LOOK_DOUBTFUL)
					process.patience = HASTE;
			}
			if (open && worker->error == 0)
				worker->error = look_at_item(worker, &process, scan->items[i].tid);
		}
	}
	if (open)
		look_close(&process);
	return NULL;
}

static size_t number_of_workers(size_t items)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t most = processors < 1 ? 1 : (size_t)processors;

	if (most > WORKERS_MAXIMUM)
		most = WORKERS_MAXIMUM;
	return items / WORTH_A_WORKER + 1 < most ? items / WORTH_A_WORKER + 1 : most;
}

/* The caller is the first worker; one that cannot be started is done without. */
static void run(struct worker *workers, size_t count)
{
	pthread_t threads[WORKERS_MAXIMUM];
	size_t started = 1;

	while (started < count &&
	       pthread_create(&threads[started], NULL, work, &workers[started]) == 0)
		started++;
	work(&workers[0]);
	for (size_t i = 1; i < started; i++)
		pthread_join(threads[i], NULL);
}

/* ------------------------------------------------------------------------------ together -- */

static int by_id(const void *a, const void *b)
{
	const struct procfs_thread *left = &((const struct look_thread *)a)->kernel;
	const struct procfs_thread *right = &((const struct look_thread *)b)->kernel;

	if (left->pid != right->pid)
		return left->pid < right->pid ? -1 : 1;
	return (left->tid > right->tid) - (left->tid < right->tid);
}

static int merge(struct worker *workers, size_t n_workers, struct look_list *list)
{
	size_t count = 0;
	int error = 0;

	for (size_t i = 0; i < n_workers; i++) {
		count += workers[i].found.count;
		error = error < 0 ? error : workers[i].error;
	}
	list->threads = error < 0 ? NULL : reallocarray(NULL, count + 1, sizeof(*list->threads));
	list->count = 0;
	if (!list->threads) {
		for (size_t i = 0; i < n_workers; i++)
			look_list_clear(&workers[i].found);
		return error < 0 ? error : -ENOMEM;
	}
	for (size_t i = 0; i < n_workers; i++) {
		struct look_list *found = &workers[i].found;

		if (found->count)
			memcpy(list->threads + list->count, found->threads,
			       found->count * sizeof(*found->threads));
		list->count += found->count;
		free(found->threads);
	}
	qsort(list->threads, list->count, sizeof(*list->threads), by_id);
	return 0;
}

static int scan_added(struct scan *scan, struct look_list *list)
{
	struct worker workers[WORKERS_MAXIMUM];
	size_t count = number_of_workers(scan->count);

	for (size_t i = 0; i < count; i++)
		workers[i] = (struct worker){.scan = scan};
	run(workers, count);
	list->looked_at = scan->count;
	return merge(workers, count, list);
}

int look_scan(enum look_filter filter, struct look_list *list)
{
	struct scan scan = {.filter = filter};
	int error = add_all(&scan);

	if (error == 0)
		error = scan_added(&scan, list);
	free(scan.items);
	return error;
}

static int by_item(const void *a, const void *b)
{
	const struct look_item *left = a, *right = b;

	if (left->pid != right->pid)
		return left->pid < right->pid ? -1 : 1;
	return (left->tid > right->tid) - (left->tid < right->tid);
}

/* A process may have been named, and one of its threads, too. */
static void drop_repeated(struct scan *scan)
{
	size_t kept = 0;

	if (scan->count)
		qsort(scan->items, scan->count, sizeof(*scan->items), by_item);
	for (size_t i = 0; i < scan->count; i++)
		if (i == 0 || by_item(&scan->items[kept - 1], &scan->items[i]) != 0)
			scan->items[kept++] = scan->items[i];
	scan->count = kept;
}

int look_scan_items(enum look_filter filter, const struct look_item *items, size_t count,
		    struct look_list *list)
{
	struct scan scan = {.filter = filter};
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++)
		error = add_item(&scan, &items[i]);
	drop_repeated(&scan);
	if (error == 0)
		error = scan_added(&scan, list);
	free(scan.items);
	return error;
}

void look_list_clear(struct look_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		look_clear(&list->threads[i]);
	free(list->threads);
	*list = (struct look_list){.threads = NULL};
}
