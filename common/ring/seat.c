/* SPDX-License-Identifier: MIT */
/* Seats: a ring and a connection to the broker, for one thread at a time. */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include "core/log.h"
#include "ring/seat.h"
#include "ring/semaphore.h"

static struct seat *seats;
static unsigned int n_seats;
static sem_t free_seats;

/* Where the thread sat last: its ring is warm. */
static _Thread_local unsigned int usual;

/* ---------------------------------------------------------------------------------- making -- */

/* Each thread waits for its own, and who has taken over the service has no more begun than that. */
enum { ENTRIES = 1 };

static const int operations[] = {
	IORING_OP_NOP,	    IORING_OP_OPENAT2,	 IORING_OP_STATX,    IORING_OP_MKDIRAT,
	IORING_OP_UNLINKAT, IORING_OP_RENAMEAT,	 IORING_OP_LINKAT,   IORING_OP_SYMLINKAT,
	IORING_OP_GETXATTR, IORING_OP_FGETXATTR, IORING_OP_SETXATTR, IORING_OP_FSETXATTR,
	IORING_OP_CONNECT, /* the last, for those that do without */
};
enum { N_OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

static bool has_operations(struct io_uring *ring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
	bool all = probe != NULL;

	for (int i = 0; i < N_OPERATIONS && all; i++)
		all = io_uring_opcode_supported(probe, operations[i]);
	io_uring_free_probe(probe);
	return all;
}

/* Not by the library: its shared object lacks two calls that its header has, up to version 2.3. */
static int enter(const struct io_uring *ring, unsigned int operation, const void *argument,
		 unsigned int count)
{
	return syscall(SYS_io_uring_register, ring->ring_fd, operation, argument, count) < 0
		       ? -errno
		       : 0;
}

/* For good, also for who has taken over the service: no other operation can be had as a client. */
static int restrict_ring(struct io_uring *ring, bool without_connect)
{
	const int n = N_OPERATIONS - without_connect;
	struct io_uring_restriction rules[N_OPERATIONS + 2] = {
		{.opcode = IORING_RESTRICTION_REGISTER_OP,
		 .register_op = IORING_REGISTER_PERSONALITY},
		{.opcode = IORING_RESTRICTION_REGISTER_OP,
		 .register_op = IORING_UNREGISTER_PERSONALITY},
	};
	int error;

	for (int i = 0; i < n; i++) {
		rules[2 + i].opcode = IORING_RESTRICTION_SQE_OP;
		rules[2 + i].sqe_op = (uint8_t)operations[i];
	}
	error = enter(ring, IORING_REGISTER_RESTRICTIONS, rules, (unsigned int)n + 2);
	return error < 0 ? error : enter(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

/* Nobody is interrupted for what it waits for itself; a kernel that does not know that goes
 * without. */
static int make_ring(struct io_uring *ring)
{
	int error = io_uring_queue_init(ENTRIES, ring,
					IORING_SETUP_R_DISABLED | IORING_SETUP_COOP_TASKRUN);

	return error == -EINVAL ? io_uring_queue_init(ENTRIES, ring, IORING_SETUP_R_DISABLED)
				: error;
}

static int make_seat(struct seat *seat, bool without_connect, const char **problem)
{
	int error = make_ring(&seat->ring);

	seat->broker = -1;
	if (error < 0) {
		seat->ring.ring_fd = -1;
		*problem = error == -EPERM ? "io_uring is disabled (kernel.io_uring_disabled), or "
					     "a filter forbids it"
			   : error == -ENOSYS ? "this kernel has no io_uring, or a filter hides it"
					      : "a ring cannot be made";
		return error == -EPERM || error == -ENOSYS ? -ENOTSUP : error;
	}
	if (!has_operations(&seat->ring)) {
		*problem = "this kernel's io_uring cannot do all that it takes (Linux 5.19)";
		return -ENOTSUP;
	}
	*problem = "a ring cannot be restricted";
	return restrict_ring(&seat->ring, without_connect);
}

int seats_make(unsigned int count, bool without_connect, const char **problem)
{
	int error = 0;

	seats = calloc(count, sizeof(*seats));
	if (!seats) {
		*problem = "out of memory";
		return -ENOMEM;
	}
	while (n_seats < count && error == 0)
		error = make_seat(&seats[n_seats++], without_connect, problem);
	if (error == 0 && sem_init(&free_seats, 0, count) < 0)
		error = -errno;
	if (error < 0)
		seats_remove();
	return error;
}

struct seat *seat_at(unsigned int number)
{
	return &seats[number];
}

void seats_remove(void)
{
	while (n_seats > 0) {
		struct seat *seat = &seats[--n_seats];

		if (seat->broker >= 0)
			close(seat->broker);
		if (seat->ring.ring_fd >= 0)
			io_uring_queue_exit(&seat->ring);
	}
	free(seats);
	seats = NULL;
}

/* -------------------------------------------------------------------------------- broker -- */

void seat_tell_of_end(int error)
{
	static atomic_flag told = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&told))
		log_line(LOG_CRIT, "the broker has ended: no client can be served any more: %s",
			 log_error_text(-error));
}

int seat_check_broker(const struct seat *seat)
{
	struct pollfd broker = {.fd = seat->broker}; /* that it is hung up is told always */

	if (poll(&broker, 1, 0) <= 0)
		return 0;
	seat_tell_of_end(-EPIPE);
	return -EOWNERDEAD;
}

/* ---------------------------------------------------------------------------------- taking -- */

static bool try_to_take(struct seat *seat)
{
	return !__atomic_exchange_n(&seat->taken, true, __ATOMIC_ACQUIRE);
}

struct seat *seat_take(void)
{
	semaphore_wait(&free_seats);
	/* One is free, perhaps not the same one for all of this. */
	while (!try_to_take(&seats[usual]))
		usual = usual + 1 == n_seats ? 0 : usual + 1;
	return &seats[usual];
}

void seat_leave(struct seat *seat)
{
	__atomic_store_n(&seat->taken, false, __ATOMIC_RELEASE);
	sem_post(&free_seats);
}
