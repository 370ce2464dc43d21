/* SPDX-License-Identifier: MIT */
/*
 * What the service hands over can take as long to close as somebody else likes (SO_LINGER; a file
 * of FUSE), and so can its rings (registry.c), where no signal would get through.  So a thread
 * looks after the one that serves.  It is woken once for many rounds, since waking it takes longer
 * than most of them; it looks at the one that it finds.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "core/credentials.h"
#include "ring/watch.h"

enum { LONGEST_MS = 5000 };

static struct {
	sem_t ready, called;
	int error; /* before it is ready */
	void (*overdue)(void);
	atomic_bool is_awake, busy;
	_Atomic int64_t since_ms; /* when the round began */
} watch;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0) /* interrupted */
		;
}

static int64_t left_ms(void)
{
	const int64_t left = atomic_load(&watch.since_ms) + LONGEST_MS - now_ms();

	return left < 0 ? 0 : left;
}

/* Until there is nothing to look after. */
static void look(void)
{
	int64_t left = LONGEST_MS;

	while (left > 0) {
		poll(NULL, 0, (int)left);
		if (atomic_load(&watch.busy)) {
			left = left_ms();
			if (left == 0)
				watch.overdue();
			continue;
		}
		atomic_store(&watch.is_awake, false);
		left = atomic_load(&watch.busy) && !atomic_exchange(&watch.is_awake, true)
			       ? LONGEST_MS
			       : 0;
	}
}

static void *watch_over(void *unused)
{
	watch.error = credentials_set_capabilities(0, 0, 0);
	sem_post(&watch.ready);
	for (;;) {
		wait_for(&watch.called);
		look();
	}
	return unused;
}

int watch_start(void (*overdue)(void))
{
	pthread_t thread;

	watch.overdue = overdue;
	if (sem_init(&watch.ready, 0, 0) < 0 || sem_init(&watch.called, 0, 0) < 0)
		return -errno;
	if (pthread_create(&thread, NULL, watch_over, NULL) != 0)
		return -ENOMEM;
	pthread_detach(thread);
	wait_for(&watch.ready);
	return watch.error;
}

void watch_begin(void)
{
	atomic_store(&watch.since_ms, now_ms());
	atomic_store(&watch.busy, true);
	if (!atomic_exchange(&watch.is_awake, true))
		sem_post(&watch.called);
}

void watch_end(void)
{
	atomic_store(&watch.busy, false);
}
