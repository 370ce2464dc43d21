/* SPDX-License-Identifier: MIT */
/* One operation at a time, as the identity of a number: given to a ring, and waited for. */
#include <errno.h>
#include <sched.h>

#include "core/log.h"
#include "ring/operation.h"
#include "ring/seat.h"

/* The kernel has taken it, or it was never given: nothing may be left for who sits here next. */
static void submit(struct io_uring *ring)
{
	for (;;) {
		int taken = io_uring_submit(ring);

		if (taken > 0)
			return;
		/* Out of memory for the moment, or interrupted: it is taken if none is left. */
		if (taken < 0 && taken != -EAGAIN && taken != -EINTR && taken != -EBUSY)
			log_die("an operation as a client", "the ring cannot be entered", taken);
		if (io_uring_sq_ready(ring) == 0)
			return;
		sched_yield();
	}
}

static int wait_for_it(struct io_uring *ring, uint32_t serial)
{
	struct io_uring_cqe *cqe;
	int error, result;

	do
		error = io_uring_wait_cqe(ring, &cqe);
	while (error == -EINTR || error == -EAGAIN);
	if (error < 0 || cqe->user_data != serial)
		log_die("an operation as a client", "its result is not the ring's", error);
	result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return result;
}

static int run(struct seat *seat, uint32_t number, ring_prepare_fn *prepare, const void *operation)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&seat->ring);
	const uint32_t serial = ++seat->serial;

	if (!sqe)
		log_die("an operation as a client", "the ring is not empty", 0);
	prepare(sqe, operation);
	sqe->user_data = serial;
	sqe->personality = (uint16_t)number;
	submit(&seat->ring);
	return wait_for_it(&seat->ring, serial);
}

int ring_run(uint32_t number, ring_prepare_fn *prepare, const void *operation)
{
	struct seat *seat;
	int result;

	/* To a ring 0 is the service itself. */
	if (number == 0 || number > UINT16_MAX)
		return -EKEYREVOKED;
	seat = seat_take();
	result = run(seat, number, prepare, operation);
	/* No such personality is EINVAL as well; one that does nothing finds nothing else wrong. */
	if (result == -EINVAL && run(seat, number, prepare_nothing, NULL) == -EINVAL)
		result = seat_check_broker(seat) < 0 ? -EOWNERDEAD : -EKEYREVOKED;
	seat_leave(seat);
	return result;
}
