/* SPDX-License-Identifier: MIT */
/* The thread that writes the log; see journal-writer.h. */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "cli/journal-writer.h"

enum { SLOTS = 64, PATIENCE_SECONDS = 2 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* on the monotonic clock */
	pthread_t thread;
	void (*write)(const struct journal_entry *entry);
	bool stopping;
	uint64_t put, written; /* the slots between are full; below SLOTS of them */
	struct journal_entry slots[SLOTS];
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *write_all(void *unused)
{
	pthread_mutex_lock(&writer.lock);
	for (;;) {
		while (writer.put == writer.written && !writer.stopping)
			pthread_cond_wait(&writer.changed, &writer.lock);
		if (writer.put == writer.written)
			break;
		/* The slot is this thread's until it counts as written. */
		const struct journal_entry *entry = &writer.slots[writer.written % SLOTS];

		pthread_mutex_unlock(&writer.lock);
		writer.write(entry);
		pthread_mutex_lock(&writer.lock);
		writer.written++;
		pthread_cond_broadcast(&writer.changed);
	}
	pthread_mutex_unlock(&writer.lock);
	return unused;
}

int journal_writer_start(void (*write)(const struct journal_entry *entry))
{
	pthread_condattr_t attributes;
	sigset_t all, before;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&writer.changed, &attributes);
	pthread_condattr_destroy(&attributes);
	writer.write = write;

	/* Signals are for the others. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&writer.thread, NULL, write_all, NULL);

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		pthread_setname_np(writer.thread, "log");
	return -error;
}

static struct timespec patience(void)
{
	struct timespec deadline;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += PATIENCE_SECONDS;
	return deadline;
}

/* With the lock held; false when it takes too long. */
static bool wait_until(bool (*is_so)(uint64_t number), uint64_t number,
		       const struct timespec *deadline)
{
	while (!is_so(number))
		if (pthread_cond_timedwait(&writer.changed, &writer.lock, deadline) != 0)
			return is_so(number);
	return true;
}

static bool is_written(uint64_t number)
{
	return writer.written >= number;
}

static bool has_room(uint64_t unused)
{
	(void)unused;
	return writer.put - writer.written < SLOTS;
}

bool journal_writer_put(const struct journal_entry *entry, bool wait)
{
	const struct timespec deadline = patience();

	pthread_mutex_lock(&writer.lock);
	bool done = wait ? wait_until(has_room, 0, &deadline) : has_room(0);

	if (done) {
		writer.slots[writer.put++ % SLOTS] = *entry;
		pthread_cond_broadcast(&writer.changed);
		if (wait)
			done = wait_until(is_written, writer.put, &deadline);
	}
	pthread_mutex_unlock(&writer.lock);
	return done;
}

void journal_writer_stop(void)
{
	const struct timespec deadline = patience();

	pthread_mutex_lock(&writer.lock);
	writer.stopping = true;
	pthread_cond_broadcast(&writer.changed);
	bool done = wait_until(is_written, writer.put, &deadline);

	pthread_mutex_unlock(&writer.lock);
	if (done)
		pthread_join(writer.thread, NULL);
}
