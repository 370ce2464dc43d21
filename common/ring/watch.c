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
#include <stdatomic.h>

#include "core/credentials.h"
#include "ring/semaphore.h"
#include "ring/watch.h"

/* Seconds in which it runs itself: to be stopped or frozen, for however long, is one of them. */
enum { LONGEST = 5 };

static struct {
	sem_t ready, called;
	int error; /* before it is ready */
	void (*overdue)(void);
	atomic_bool is_awake;
	atomic_uint turns; /* beginnings and ends of rounds: odd while one is under way */
} watch;

static bool is_busy(unsigned int turn)
{
	return turn % 2 != 0;
}

/* False: there is something to look after by now. */
static bool goes_to_sleep(void)
{
	atomic_store(&watch.is_awake, false);
	return !is_busy(atomic_load(&watch.turns)) || atomic_exchange(&watch.is_awake, true);
}

static void look(void)
{
	unsigned int seconds = 0, before = atomic_load(&watch.turns);

	do {
		while (poll(NULL, 0, 1000) < 0) /* interrupted */
			;
		unsigned int turn = atomic_load(&watch.turns);

		seconds = turn == before ? seconds + 1 : 0;
		before = turn;
		if (seconds == LONGEST && is_busy(turn))
			watch.overdue();
	} while (is_busy(before) || !goes_to_sleep());
}

static void *watch_over(void *unused)
{
	watch.error = credentials_set_capabilities(0, 0, 0);
	sem_post(&watch.ready);
	for (;;) {
		semaphore_wait(&watch.called);
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
	semaphore_wait(&watch.ready);
	return watch.error;
}

void watch_begin(void)
{
	atomic_fetch_add(&watch.turns, 1);
	if (!atomic_exchange(&watch.is_awake, true))
		sem_post(&watch.called);
}

void watch_end(void)
{
	atomic_fetch_add(&watch.turns, 1);
}
