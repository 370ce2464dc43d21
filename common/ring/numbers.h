/* SPDX-License-Identifier: MIT */
/* The numbers of the broker: one for each identity whose clients are connected. */
#ifndef RING_NUMBERS_H
#define RING_NUMBERS_H

#include "core/identity.h"
#include "ring/broker.h"

/* Reads who the broker is, which is not to change from now on. */
int numbers_begin(const struct broker_setup *setup) IMP_MUST_CHECK;

/*
 * One number for everybody below impersonation, as long as the broker lives; 0 where there is no
 * anonymous account.
 */
int numbers_register_anonymous(uint32_t *number) IMP_MUST_CHECK;

/*
 * A client that has this identity is connected: its number, which is registered where it was not.
 * -ENOSPC, -ENOMEM.  To be disconnected, when the client has gone, and released, when the service
 * does not name it any more.
 */
int number_connect(const struct identity *identity, uint32_t *number) IMP_MUST_CHECK;
void number_disconnect(uint32_t number);
void number_release(uint32_t number);
/* While nobody waits. */
void numbers_prepare(void);

/* Takes all of them back, unless they are to stay, and ends the process. */
_Noreturn void numbers_end_all(int status);

#endif
