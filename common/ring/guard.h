/* SPDX-License-Identifier: MIT */
/* The processes that the ring engine has beside the service. */
#ifndef RING_GUARD_H
#define RING_GUARD_H

#include "ring/broker.h"

/*
 * Forks the guard, and by it the broker, which never return; neither is a child of the caller
 * afterwards, nor of its session.  What fork(2) and pipe(2) report.
 */
int guard_start(const struct broker_setup *setup) IMP_MUST_CHECK;

#endif
