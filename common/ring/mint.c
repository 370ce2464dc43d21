/* SPDX-License-Identifier: MIT */
/*
 * Makes numbers of identities: io_uring_register(2) takes the credentials of the thread that calls
 * it.  So each identity has a thread of its own, a taker, which takes it for good, and is thrown
 * away after; those that came last are kept, since a client that comes once comes again, and a new
 * one costs more than all else that the broker does for it.
 *
 * A taker's real and saved ids stay the broker's: with the client's uid the client could stop it
 * with a signal, and the broker with it, while tokens of others have to be ended (kill(2) goes by
 * these two), and to who looks from outside it would be a thread that has lost its way back for
 * good.  No operation of a ring goes by them, nor can one change them, and capabilities there are
 * none.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "ring/mint.h"
#include "ring/registry.h"
#include "ring/semaphore.h"

enum { TAKERS = 64, STACK_SIZE = 256 * 1024 };
enum { SOON = 200 }; /* times that who waits lets others go first, before it sleeps */

enum state {
	FREE,
	SPARE, /* waits to be somebody */
	TAKEN,
	LEAVING /* was told to end, and has, or is about to */
};

struct taker {
	enum state state;
	struct identity identity; /* of one that is taken */
	pthread_t thread;
	sem_t called, done; /* the two of them take turns */
	uint32_t number;    /* to be registered; 0: it is let go */
	int error;
	uint64_t called_last;
};

static struct credentials own; /* the broker's */
static struct taker takers[TAKERS];
static uint64_t calls;

/* -------------------------------------------------------------------------- in its thread -- */

static int become(const struct identity *identity)
{
	const struct imp_identity *who = &identity->view;
	const struct credentials want = {
		.real_uid = own.real_uid,
		.effective_uid = who->uid,
		.saved_uid = own.saved_uid,
		.filesystem_uid = who->uid,
		.real_gid = own.real_gid,
		.effective_gid = who->gid,
		.saved_gid = own.saved_gid,
		.filesystem_gid = who->gid,
		.groups = identity->groups,
	};
	/* Groups first: once the uid is the client's they may no longer be set. */
	int error = credentials_set_groups(identity->groups);

	if (error == 0)
		error = credentials_set_gids(IMP_NO_GID, who->gid, IMP_NO_GID);
	if (error == 0)
		error = credentials_set_uids(IMP_NO_UID, who->uid, IMP_NO_UID);
	if (error == 0)
		error = credentials_set_capabilities(0, 0, 0);
	/* By the kernel's word, before it is anybody's token. */
	if (error == 0 && !credentials_match(&want, CREDENTIALS_ALL & ~CREDENTIALS_GROUPS))
		error = -EPROTO;
	return error;
}

/* To be woken takes longer than the taker does. */
static void wait_soon_for(sem_t *semaphore)
{
	for (int i = 0; i < SOON; i++) {
		if (sem_trywait(semaphore) == 0)
			return;
		sched_yield();
	}
	semaphore_wait(semaphore);
}

static void *take(void *data)
{
	struct taker *self = data;
	int error;

	semaphore_wait(&self->called);
	error = become(&self->identity);
	while (self->number != 0) {
		self->error = error < 0 ? error : registry_add(self->number);
		sem_post(&self->done);
		semaphore_wait(&self->called);
	}
	return NULL;
}

/* ------------------------------------------------------------------------------- takers -- */

static void call(struct taker *taker, uint32_t number)
{
	taker->called_last = ++calls;
	taker->number = number;
	sem_post(&taker->called);
}

static void tell_to_leave(struct taker *taker)
{
	call(taker, 0);
	taker->state = LEAVING;
}

static void see_off(struct taker *taker)
{
	pthread_join(taker->thread, NULL);
	sem_destroy(&taker->called);
	sem_destroy(&taker->done);
	identity_clear(&taker->identity);
	taker->state = FREE;
}

static int start_thread(struct taker *taker)
{
	pthread_attr_t attributes;
	int error = pthread_attr_init(&attributes);

	if (error != 0)
		return -ENOMEM;
	error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
	if (error == 0)
		error = pthread_create(&taker->thread, &attributes, take, taker);
	pthread_attr_destroy(&attributes);
	return error == EAGAIN ? -ENOMEM : -error;
}

static int start(struct taker *taker)
{
	int error;

	*taker = (struct taker){.state = FREE};
	if (sem_init(&taker->called, 0, 0) < 0 || sem_init(&taker->done, 0, 0) < 0)
		return -errno;
	error = start_thread(taker);
	if (error == 0)
		taker->state = SPARE;
	return error;
}

/* The one in that state that was called last longest ago; NULL: there is none. */
static struct taker *oldest(enum state state)
{
	struct taker *found = NULL;

	for (size_t i = 0; i < TAKERS; i++)
		if (takers[i].state == state &&
		    (!found || takers[i].called_last < found->called_last))
			found = &takers[i];
	return found;
}

static struct taker *make_room(void)
{
	struct taker *taker = oldest(FREE);

	if (taker)
		return taker;
	taker = oldest(LEAVING);
	if (!taker) {
		taker = oldest(TAKEN);
		tell_to_leave(taker);
	}
	see_off(taker);
	return taker;
}

static int hire(const struct identity *identity, struct taker **hired)
{
	struct taker *taker = oldest(SPARE);
	int error = 0;

	if (!taker) {
		taker = make_room();
		error = start(taker);
	}
	if (error < 0)
		return error;
	identity_copy(&taker->identity, identity);
	taker->state = TAKEN;
	*hired = taker;
	return 0;
}

static struct taker *find_taker(const struct identity *identity)
{
	for (size_t i = 0; i < TAKERS; i++)
		if (takers[i].state == TAKEN && identity_equal(&takers[i].identity, identity))
			return &takers[i];
	return NULL;
}

int mint_begin(void)
{
	return credentials_read(&own);
}

/* Without one it takes longer, and that is all. */
void mint_prepare(void)
{
	if (oldest(SPARE))
		return;
	(void)!start(make_room());
	if (!oldest(FREE) && !oldest(LEAVING))
		tell_to_leave(oldest(TAKEN));
}

int mint_register(const struct identity *identity, uint32_t number)
{
	struct taker *taker = find_taker(identity);
	int error = taker ? 0 : hire(identity, &taker);

	if (error < 0)
		return error;
	call(taker, number);
	wait_soon_for(&taker->done);
	error = taker->error;
	if (error < 0)
		tell_to_leave(taker);
	return error;
}
