/* SPDX-License-Identifier: MIT */
/* sem_wait(3), whatever signals come meanwhile. */
#ifndef RING_SEMAPHORE_H
#define RING_SEMAPHORE_H

#include <semaphore.h>

static inline void semaphore_wait(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0) /* interrupted */
		;
}

#endif
