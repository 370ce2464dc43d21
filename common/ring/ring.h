/* SPDX-License-Identifier: MIT */
/* The service's end of the ring engine: one operation at a time, as the identity of a number. */
#ifndef RING_RING_H
#define RING_RING_H

#include "impersonate.h"

struct io_uring_sqe;

/* Fills in one operation; the personality is set by who runs it. */
typedef void ring_prepare_fn(struct io_uring_sqe *sqe, const void *operation);

/*
 * Has the kernel do it as the identity that has this NUMBER, and waits for that; in any thread.
 * What the operation returns, or its negative errno; -EKEYREVOKED when there is no such number any
 * more, -EOWNERDEAD when that is so because the broker has ended.
 */
int ring_run(uint32_t number, ring_prepare_fn *prepare, const void *operation) IMP_MUST_CHECK;

#endif
