/* SPDX-License-Identifier: MIT */
/* Registers an identity with every ring of the service, under one number. */
#ifndef RING_MINT_H
#define RING_MINT_H

#include "core/credentials.h"

enum { MINT_NUMBERS = UINT16_MAX }; /* from 1 on: io_uring/register.c, io_register_personality */

struct mint {
	const int *rings;
	unsigned int n_rings;
	struct credentials own; /* of the process that mints */
};

/*
 * Registers IDENTITY, without capabilities, as NUMBER, which is the one that the kernel takes next.
 * -ENOMEM before anything was registered.  Any other error, among them -EPROTO for another number
 * than that: nothing of it is left registered, but what number comes next is not known any more.
 */
int mint_register(const struct mint *mint, const struct identity *identity,
		  uint32_t number) IMP_MUST_CHECK;

/* While nobody waits: has a thread ready for the next identity that is new. */
void mint_prepare(const struct mint *mint);

/* Whatever it is, in every ring. */
void mint_unregister(const struct mint *mint, uint32_t number);

#endif
