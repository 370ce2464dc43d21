/* SPDX-License-Identifier: MIT */
/* The processes that the ring engine has beside the service. */
#ifndef RING_GUARD_H
#define RING_GUARD_H

#include "ring/acceptor.h"
#include "ring/broker.h"

/*
 * Forks the guard, and by it the broker, and the acceptor where there is to be one, which never
 * return; none is a child of the caller afterwards, nor of its session.  What fork(2) and pipe(2)
 * report.
 */
int guard_start(const struct broker_setup *setup,
		const struct acceptor_setup *acceptor) IMP_MUST_CHECK;

#endif
