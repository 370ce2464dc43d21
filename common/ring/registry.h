/* SPDX-License-Identifier: MIT */
/* What is registered with the rings of the service, by number; for the broker, and its guard. */
#ifndef RING_REGISTRY_H
#define RING_REGISTRY_H

#include "ring/broker.h"

enum {
	REGISTRY_NUMBERS = UINT16_MAX
}; /* from 1 on: io_uring/register.c, io_register_personality */

void registry_begin(const struct broker_setup *setup);

/*
 * Registers what the calling thread is with every ring as NUMBER, which is the one that the kernel
 * takes next.  -ENOMEM before anything was registered.  Any other error, among them -EPROTO for
 * another number than that: nothing of it is left registered, but what number comes next is not
 * known any more.
 */
int registry_add(uint32_t number) IMP_MUST_CHECK;
/* Takes it back from every ring. */
void registry_remove(uint32_t number);
bool registry_has(uint32_t number);

/*
 * Takes back what is registered, and registers nothing any more, whatever other threads are about.
 * Returns when that is so of all rings; of each ring it is as soon as the kernel lets it be.
 */
void registry_end(void);

#endif
