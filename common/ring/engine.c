/* SPDX-License-Identifier: MIT */
/* Starts the ring engine, and asks its broker. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/capability.h"
#include "core/credentials.h"
#include "core/impersonate-thread.h"
#include "core/policy.h"
#include "core/switch.h"
#include "ring/confine.h"
#include "ring/guard.h"
#include "ring/handshakes.h"
#include "ring/kin.h"
#include "ring/message.h"
#include "ring/operation.h"
#include "ring/seat.h"

static unsigned int forks_at_start;

/* ------------------------------------------------------------------------- what is asked -- */

static int ask(struct seat *seat, int connection, struct grant *grant)
{
	const struct message_request request = {
		.magic = MESSAGE_MAGIC,
		.kind = MESSAGE_ADMIT,
		.serial = ++seat->serial ? seat->serial : ++seat->serial,
	};
	char bytes[sizeof(struct message_answer) + 1];
	struct message_received received = {.fd = -1};
	int error = message_send(seat->broker, &request, sizeof(request), connection);

	if (error == 0)
		message_expect(seat->broker);
	if (error == 0)
		error = message_receive(seat->broker, bytes, sizeof(bytes), &received);
	if (received.fd >= 0)
		close(received.fd); /* it never sends one */
	if (error < 0 || received.size == 0) {
		seat_tell_of_end(error < 0 ? error : -EPIPE);
		return -EOWNERDEAD;
	}
	return message_read_answer(bytes, received.size, request.serial, grant);
}

static int admit(int connection, struct grant *grant)
{
	struct seat *seat;
	int error;

	/* A child's answers could be its parent's. */
	if (process_forks() != forks_at_start)
		return -EPROTO;
	seat = seat_take();
	error = ask(seat, connection, grant);
	seat_leave(seat);
	return error;
}

/* From any thread, and beside any question: messages are whole, and there is no answer. */
static void release(uint32_t holding)
{
	const struct message_request request = {
		.magic = MESSAGE_MAGIC,
		.kind = MESSAGE_RELEASE,
		.release = holding,
	};

	if (process_forks() == forks_at_start)
		(void)!message_send(seat_at(0)->broker, &request, sizeof(request), -1);
}

static int connect_as(uint32_t number, int fd, const struct sockaddr *address, socklen_t length)
{
	const struct operation operation = {
		.directory = fd,
		.address = address,
		.length = length,
	};

	return ring_run(number, prepare_connect, &operation);
}

/* -------------------------------------------------------------------------------- start -- */

static struct engine ring_engine = {
	.admit = admit,
	.release = release,
	.connect = connect_as,
};

static int connect_seats(struct broker_setup *setup)
{
	for (unsigned int i = 0; i < setup->n_seats; i++) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
			return -errno;
		/* The broker waits for no service that does not read its answers. */
		if (fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0) {
			close(ends[0]);
			close(ends[1]);
			return -errno;
		}
		setup->rings[i] = seat_at(i)->ring.ring_fd;
		seat_at(i)->broker = ends[0];
		setup->sockets[i] = ends[1];
	}
	return 0;
}

/* A stream: a client's message may be longer than a packet. */
static int connect_acceptor(struct acceptor_setup *setup, int *to_acceptor)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	*to_acceptor = ends[0];
	setup->service = ends[1];
	return 0;
}

static void close_ends(const struct broker_setup *setup, const struct acceptor_setup *acceptor)
{
	if (acceptor->service >= 0)
		close(acceptor->service);
	for (unsigned int i = 0; i < setup->n_seats; i++)
		if (setup->sockets[i] >= 0)
			close(setup->sockets[i]);
}

static int hear_greeting(const char **problem)
{
	char bytes[sizeof(struct message_answer) + 1];
	struct message_received received = {.fd = -1};
	struct grant greeting;
	int error = message_receive(seat_at(0)->broker, bytes, sizeof(bytes), &received);

	*problem = "the broker cannot get ready";
	if (error == 0)
		error = received.size == 0 ? -ECHILD
					   : message_read_answer(bytes, received.size,
								 MESSAGE_GREETING, &greeting);
	if (error == 0)
		ring_engine.anonymous = greeting.number;
	return error;
}

static int start(const struct imp_ring_options *options, struct imp_policy *policy,
		 const char **problem)
{
	struct broker_setup setup = {
		.n_seats = options->seats,
		.listen_fd = options->listen_fd,
		.service = getpid(),
		.policy = policy,
		.keep_tokens = options->keep_tokens,
		.connects = !options->without_connect,
		.acceptor = -1,
	};
	struct acceptor_setup acceptor = {
		.options = options->acceptor,
		.uid = options->acceptor_uid,
		.gid = options->acceptor_gid,
		.service = -1,
	};
	int to_acceptor = -1;
	int error = seats_make(options->seats, options->without_connect, problem);

	if (error < 0)
		return error;
	memset(setup.sockets, -1, sizeof(setup.sockets));
	*problem = "the broker cannot be started";
	error = connect_seats(&setup);
	if (error == 0 && options->acceptor)
		error = connect_acceptor(&acceptor, &to_acceptor);
	if (error == 0)
		error = guard_start(&setup, &acceptor);
	close_ends(&setup, &acceptor);
	/* Before the broker: where there is none of it, that goes as well. */
	if (error == 0 && options->acceptor)
		error = handshakes_begin(to_acceptor, problem);
	if (error == 0)
		error = hear_greeting(problem);
	if (error == 0 && setup.connects && !options->children && !kin_is_told()) {
		*problem = "the service cannot be kept from making processes";
		error = confine_service();
	}
	if (error == 0)
		error = credentials_make_undumpable(); /* the rings are not for who traces it */
	if (error < 0) {
		seats_remove();
		handshakes_end(to_acceptor);
	}
	return error;
}

static int check(const struct imp_ring_options *options, const char **problem)
{
	int listens = 0;
	socklen_t size = sizeof(listens);

	*problem = "it was started already";
	if (engine || switch_has_primary())
		return -EBUSY;
	*problem = "seats must be from 1 to 64";
	if (options->seats < 1 || options->seats > BROKER_SEATS_MAXIMUM)
		return -EINVAL;
	*problem = "that is no listening socket";
	if (getsockopt(options->listen_fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
		return -errno;
	if (!listens)
		return -EINVAL;
	*problem = "it takes CAP_SETUID and CAP_SETGID";
	return imp_check_privilege(NULL);
}

int imp_ring_start(const struct imp_ring_options *options, const char **problem)
{
	struct imp_policy *policy;
	const char *unheard;
	int error;

	if (!problem)
		problem = &unheard;
	error = check(options, problem);
	if (error == 0)
		error = policy_resolve(options->policy, &policy);
	if (error < 0)
		return error;
	error = start(options, policy, problem);
	imp_policy_unref(policy);
	if (error < 0)
		return error;
	forks_at_start = process_forks();
	if (options->without_connect)
		ring_engine.connect = NULL;
	engine = &ring_engine;
	return 0;
}
