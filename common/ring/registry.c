/* SPDX-License-Identifier: MIT */
/*
 * What is registered with the rings of the service.  A ring can be held by the service: the kernel
 * reads an operation's path with the ring's lock taken, and waits for the memory that it is in,
 * which may be a file of somebody's file system (FUSE); who registers there waits as well, and no
 * signal ends that.  So where all comes to its end, each ring has a thread of its own for that.
 */
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ring/registry.h"

struct ring_state {
	pthread_mutex_t lock; /* of what follows, while something is registered */
	bool ended;
};

static struct {
	const struct broker_setup *setup;
	struct ring_state rings[BROKER_SEATS_MAXIMUM];
} own;

void registry_begin(const struct broker_setup *setup)
{
	own.setup = setup;
	for (unsigned int i = 0; i < setup->n_seats; i++)
		pthread_mutex_init(&own.rings[i].lock, NULL);
}

/* -------------------------------------------------------------------------------- numbers -- */

static int enter(unsigned int ring, unsigned int operation, uint32_t number)
{
	long result =
		syscall(SYS_io_uring_register, own.setup->rings[ring], operation, NULL, number);

	return result < 0 ? -errno : (int)result;
}

static int add_to(unsigned int ring)
{
	struct ring_state *state = &own.rings[ring];
	int got;

	pthread_mutex_lock(&state->lock);
	got = state->ended ? -ESHUTDOWN : enter(ring, IORING_REGISTER_PERSONALITY, 0);
	pthread_mutex_unlock(&state->lock);
	return got;
}

static void remove_from(unsigned int rings, uint32_t number)
{
	for (unsigned int i = 0; i < rings; i++)
		(void)enter(i, IORING_UNREGISTER_PERSONALITY, number);
}

/* The same number everywhere, or none. */
static int add_to_all(uint32_t number)
{
	for (unsigned int i = 0; i < own.setup->n_seats; i++) {
		int got = add_to(i);

		if (got == (int)number)
			continue;
		if (got > 0)
			(void)enter(i, IORING_UNREGISTER_PERSONALITY, (uint32_t)got);
		remove_from(i, number);
		/* A failure alone takes no number: only that of the first leaves all as they were.
		 */
		return i == 0 && got < 0 ? got : -EPROTO;
	}
	return 0;
}

int registry_add(uint32_t number)
{
	int error;

	atomic_store(&own.setup->registered[number], true); /* before: nobody must miss one */
	error = add_to_all(number);
	if (error < 0)
		atomic_store(&own.setup->registered[number], false);
	return error;
}

void registry_remove(uint32_t number)
{
	remove_from(own.setup->n_seats, number);
	atomic_store(&own.setup->registered[number], false);
}

bool registry_has(uint32_t number)
{
	return atomic_load_explicit(&own.setup->registered[number], memory_order_relaxed);
}

/* ------------------------------------------------------------------------------------ end -- */

static void *end(void *data)
{
	struct ring_state *state = data;
	const unsigned int ring = (unsigned int)(state - own.rings);

	pthread_mutex_lock(&state->lock);
	state->ended = true;
	pthread_mutex_unlock(&state->lock);
	for (uint32_t number = 1; number <= REGISTRY_NUMBERS; number++)
		if (atomic_load(&own.setup->registered[number]))
			(void)enter(ring, IORING_UNREGISTER_PERSONALITY, number);
	return NULL;
}

void registry_end(void)
{
	pthread_t threads[BROKER_SEATS_MAXIMUM];
	bool started[BROKER_SEATS_MAXIMUM];

	for (unsigned int i = 0; i < own.setup->n_seats; i++)
		started[i] = pthread_create(&threads[i], NULL, end, &own.rings[i]) == 0;
	for (unsigned int i = 0; i < own.setup->n_seats; i++)
		if (!started[i])
			end(&own.rings[i]);
	for (unsigned int i = 0; i < own.setup->n_seats; i++)
		if (started[i])
			pthread_join(threads[i], NULL);
}
