/* SPDX-License-Identifier: MIT */
/* Registers an identity with every ring of the service, under one number. */
#ifndef RING_MINT_H
#define RING_MINT_H

#include "core/credentials.h"

/* Reads who the process is, which is not to change from now on. */
int mint_begin(void) IMP_MUST_CHECK;

/*
 * Registers IDENTITY, without capabilities, as NUMBER, which is the one that the kernel takes next.
 * Errors as registry_add; besides, before anything was registered, -ENOMEM.
 */
int mint_register(const struct identity *identity, uint32_t number) IMP_MUST_CHECK;

/* While nobody waits: has a thread ready for the next identity that is new. */
void mint_prepare(void);

#endif
