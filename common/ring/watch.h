/* SPDX-License-Identifier: MIT */
/* Sees to it that the broker does not take longer for anything than it may. */
#ifndef RING_WATCH_H
#define RING_WATCH_H

#include "impersonate.h"

/* Calls OVERDUE, which does not return, in a thread without any capability; -ENOMEM. */
int watch_start(void (*overdue)(void)) IMP_MUST_CHECK;
/* A round, which is not to take longer than 5 seconds. */
void watch_begin(void);
void watch_end(void);

#endif
