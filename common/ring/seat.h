/* SPDX-License-Identifier: MIT */
/* Seats: a ring and a connection to the broker, for one thread at a time. */
#ifndef RING_SEAT_H
#define RING_SEAT_H

#include <liburing.h>

#include "ring/ring.h"

struct seat {
	struct io_uring ring;
	int broker; /* a socket */
	uint32_t serial;
	bool taken;
};

/*
 * Makes COUNT of them, whose rings do nothing but what ring.h is for, be it without connect(2).
 * -ENOTSUP, and *PROBLEM, where the kernel has not what it takes; what it reports.
 */
int seats_make(unsigned int count, bool without_connect, const char **problem) IMP_MUST_CHECK;
struct seat *seat_at(unsigned int number);
/* Takes all of them away again, before they are used. */
void seats_remove(void);

/* Says, once, that the broker has ended, by what ERROR. */
void seat_tell_of_end(int error);
/* 0: the broker is there; -EOWNERDEAD, and that is told: it has ended, and every number with it. */
int seat_check_broker(const struct seat *seat) IMP_MUST_CHECK;

/* One for the calling thread alone, until it leaves it; waits for one to be free. */
struct seat *seat_take(void);
void seat_leave(struct seat *seat);

#endif
