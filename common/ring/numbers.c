/* SPDX-License-Identifier: MIT */
/* The numbers of the broker: which is whose, which one comes next, and when one ends. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/policy.h"
#include "ring/mint.h"
#include "ring/numbers.h"
#include "ring/registry.h"

/* An identity: registered as long as a client that has it is connected. */
struct number {
	struct identity identity;
	uint32_t connected; /* holdings whose clients are there */
	uint32_t named;	    /* holdings that the service has not released */
	uint32_t next;	    /* in its bucket */
};

enum { BUCKETS = 1024, STEPS_OVER = 64 };

static struct {
	struct imp_policy *policy;
	bool keep_tokens;
	uint32_t last; /* number given */
	struct identity nobody;
	struct number numbers[REGISTRY_NUMBERS + 1];
	uint32_t buckets[BUCKETS]; /* of the registered identities of clients */
} own;

/* ------------------------------------------------------------------------------ numbers -- */

/* All of them: nothing that was made here outlasts who answers for it.  From any thread. */
_Noreturn void numbers_end_all(int status)
{
	static atomic_flag is_ending = ATOMIC_FLAG_INIT;

	while (atomic_flag_test_and_set(&is_ending)) /* another thread is about it, and exits */
		poll(NULL, 0, -1);
	if (!own.keep_tokens)
		registry_end();
	_exit(status);
}

/*
 * The one that the kernel takes next: the first that is free above the last (xa_alloc_cyclic).  0:
 * none is.
 */
static uint32_t next_number(void)
{
	uint32_t number = own.last;

	for (uint32_t i = 0; i < REGISTRY_NUMBERS; i++) {
		number = number == REGISTRY_NUMBERS ? 1 : number + 1;
		if (!registry_has(number))
			return number;
	}
	return 0;
}

static int register_as(const struct identity *identity, uint32_t number)
{
	int error = mint_register(identity, number);

	/* The rings are out of step: no number would mean the same to all of them. */
	if (error < 0 && error != -ENOMEM)
		numbers_end_all(1);
	if (error == 0)
		own.last = number;
	return error;
}

/*
 * A number whose client has gone is nobody's before the service has let it go.  Where the next one
 * is such, the anonymous identity has it for as long as the kernel is to step over it.
 */
static int register_next(const struct identity *identity, uint32_t *number)
{
	uint32_t over[STEPS_OVER];
	int n = 0, error = 0;

	for (;;) {
		*number = next_number();
		if (*number == 0 || (own.numbers[*number].named && n == STEPS_OVER))
			error = -ENOSPC;
		if (error < 0 || own.numbers[*number].named == 0)
			break;
		error = own.nobody.groups ? register_as(&own.nobody, *number) : -ENOSPC;
		if (error < 0)
			break;
		over[n++] = *number;
	}
	if (error == 0)
		error = register_as(identity, *number);
	while (n > 0)
		registry_remove(over[--n]);
	return error;
}

/* --------------------------------------------------------------------------- identities -- */

static uint32_t *bucket_of(uid_t uid)
{
	return &own.buckets[uid % BUCKETS];
}

/* 0: nobody who has it is connected. */
static uint32_t find_number(const struct identity *identity)
{
	uint32_t number = *bucket_of(identity->view.uid);

	while (number && !identity_equal(&own.numbers[number].identity, identity))
		number = own.numbers[number].next;
	return number;
}

/* Of all of its connections the same: who has one of them could do as much with another. */
static int number_of(const struct identity *identity, uint32_t *number)
{
	uint32_t *bucket = bucket_of(identity->view.uid);
	int error;

	*number = find_number(identity);
	if (*number)
		return 0;
	error = register_next(identity, number);
	if (error < 0)
		return error;
	own.numbers[*number] = (struct number){.next = *bucket};
	identity_copy(&own.numbers[*number].identity, identity);
	*bucket = *number;
	return 0;
}

/* Its last client has gone. */
static void end_number(uint32_t number)
{
	struct number *ended = &own.numbers[number];
	uint32_t *at = bucket_of(ended->identity.view.uid);

	registry_remove(number);
	while (*at != number)
		at = &own.numbers[*at].next;
	*at = ended->next;
	identity_clear(&ended->identity);
}

int number_connect(const struct identity *identity, uint32_t *number)
{
	int error = number_of(identity, number);

	if (error < 0)
		return error;
	own.numbers[*number].connected++;
	own.numbers[*number].named++;
	return 0;
}

void number_disconnect(uint32_t number)
{
	if (--own.numbers[number].connected == 0)
		end_number(number);
}

void number_release(uint32_t number)
{
	own.numbers[number].named--;
}

void numbers_prepare(void)
{
	mint_prepare();
}

/* ------------------------------------------------------------------------------ beginning -- */

int numbers_begin(const struct broker_setup *setup)
{
	registry_begin(setup);
	own.policy = setup->policy;
	own.keep_tokens = setup->keep_tokens;
	return mint_begin();
}

int numbers_register_anonymous(uint32_t *number)
{
	int error = policy_anonymous(own.policy, &own.nobody);

	*number = 0;
	if (error == -ESRCH)
		return 0;
	if (error == 0)
		error = register_next(&own.nobody, number);
	return error;
}
