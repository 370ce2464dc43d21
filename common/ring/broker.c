/* SPDX-License-Identifier: MIT */
/*
 * The broker: holds the privilege that the service has given up, and makes of each of its clients
 * what the kernel says it is: a number, which the service can use and cannot forge.  Reads nothing
 * of clients, and of the service one message of fixed size at a time.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/capability.h"
#include "core/peer.h"
#include "core/policy.h"
#include "core/token.h"
#include "ring/broker.h"
#include "ring/confine.h"
#include "ring/listener.h"
#include "ring/message.h"
#include "ring/mint.h"

enum {
	FREE = 0,   /* what is not: the client's connection, plus one */
	ENDED = -1, /* the client has gone, and the service may still name it */
};

enum { EVENT_GUARD = MINT_NUMBERS + 1, EVENT_SEAT };
enum { STEPS_OVER = 64 };

static struct {
	const struct broker_setup *setup;
	struct mint mint;
	struct listener listener;
	int epoll;
	uint32_t last; /* number given */
	uint32_t anonymous;
	struct identity nobody;
	int *held;
} broker;

/* ------------------------------------------------------------------------------ numbers -- */

/* All of them: nothing that was made here outlasts who answers for it. */
static _Noreturn void end_all(int status)
{
	for (uint32_t number = 1; number <= MINT_NUMBERS && !broker.setup->keep_tokens; number++)
		if (broker.held[number] > 0 || number == broker.anonymous)
			mint_unregister(&broker.mint, number);
	_exit(status);
}

static bool is_registered(uint32_t number)
{
	return broker.held[number] > 0 || number == broker.anonymous;
}

/*
 * The one that the kernel takes next: the first that is free above the last (xa_alloc_cyclic).  0:
 * none is.
 */
static uint32_t next_number(void)
{
	uint32_t number = broker.last;

	for (uint32_t i = 0; i < MINT_NUMBERS; i++) {
		number = number == MINT_NUMBERS ? 1 : number + 1;
		if (!is_registered(number))
			return number;
	}
	return 0;
}

static int register_as(const struct identity *identity, uint32_t number)
{
	int error = mint_register(&broker.mint, identity, number);

	/* The rings are out of step: no number would mean the same to all of them. */
	if (error < 0 && error != -ENOMEM)
		end_all(1);
	if (error == 0)
		broker.last = number;
	return error;
}

/*
 * A number whose client has gone is nobody's before the service has let it go.  Where the next one
 * is such, the anonymous identity has it for as long as the kernel is to step over it.
 */
static int register_next(const struct identity *identity, uint32_t *number)
{
	uint32_t over[STEPS_OVER];
	int n = 0, error = 0;

	for (;;) {
		*number = next_number();
		if (*number == 0 || (broker.held[*number] == ENDED && n == STEPS_OVER))
			error = -ENOSPC;
		if (error < 0 || broker.held[*number] == FREE)
			break;
		error = broker.nobody.groups ? register_as(&broker.nobody, *number) : -ENOSPC;
		if (error < 0)
			break;
		over[n++] = *number;
	}
	if (error == 0)
		error = register_as(identity, *number);
	while (n > 0)
		mint_unregister(&broker.mint, over[--n]);
	return error;
}

static void forget_connection(uint32_t number)
{
	const int fd = broker.held[number] - 1;

	/* The service has another descriptor of the same socket: closing this one ends no interest.
	 */
	epoll_ctl(broker.epoll, EPOLL_CTL_DEL, fd, NULL);
	close(fd);
}

static void end_number(uint32_t number, int then)
{
	if (broker.held[number] > 0) {
		mint_unregister(&broker.mint, number);
		forget_connection(number);
	}
	broker.held[number] = then;
}

/* ------------------------------------------------------------------------------ clients -- */

/* The client's identity; its connection is kept to see it end. */
static int hold(int fd, const struct imp_token *token, uint32_t *number)
{
	struct epoll_event event = {.events = 0}; /* that it is hung up is told always */
	int error = register_next(token_access(token), number);

	if (error < 0)
		return error;
	event.data.u64 = *number;
	broker.held[*number] = fd + 1;
	if (epoll_ctl(broker.epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	error = -errno;
	mint_unregister(&broker.mint, *number);
	broker.held[*number] = FREE;
	return error;
}

/* Takes over FD. */
static int admit(int fd, struct message_answer *answer)
{
	struct imp_token *token;
	int error = listener_check(&broker.listener, fd);

	if (error == 0)
		error = imp_token_from_connection(fd, broker.setup->policy, &token);
	if (error < 0) {
		close(fd);
		return error;
	}
	answer->level = token->level;
	answer->decided_by = token->decided_by;
	if (token->level >= IMP_LEVEL_IMPERSONATION)
		error = hold(fd, token, &answer->number);
	if (error < 0 || answer->number == 0)
		close(fd);
	imp_token_unref(token);
	return error;
}

/* ------------------------------------------------------------------------------ service -- */

static void answer(int socket, const struct message_request *request, int fd)
{
	struct message_answer answer = {.magic = MESSAGE_MAGIC, .serial = request->serial};

	answer.error = admit(fd, &answer);
	if (answer.error < 0)
		answer.number = answer.level = answer.decided_by = 0;
	if (message_send(socket, &answer, sizeof(answer), -1) < 0)
		end_all(0);
}

/* What makes no sense is no service's that is still itself. */
static void listen_to(int socket)
{
	char bytes[sizeof(struct message_request) + 1];
	struct message_received received;
	struct message_request request;
	int error = message_receive(socket, bytes, sizeof(bytes), &received);

	if (error == 0 && received.size == 0)
		end_all(0); /* the service is gone */
	if (error == 0)
		error = message_read_request(bytes, received.size, received.fd >= 0, &request);
	if (error < 0)
		end_all(1);
	if (request.kind == MESSAGE_ADMIT)
		answer(socket, &request, received.fd);
	else if (request.number != broker.anonymous)
		end_number(request.number, FREE);
}

/* --------------------------------------------------------------------------------- life -- */

static int watch(int fd, uint64_t event)
{
	struct epoll_event on = {.events = EPOLLIN, .data.u64 = event};

	return epoll_ctl(broker.epoll, EPOLL_CTL_ADD, fd, &on) < 0 ? -errno : 0;
}

static int watch_all(const struct broker_setup *setup)
{
	int error;

	broker.epoll = epoll_create1(EPOLL_CLOEXEC);
	error = broker.epoll < 0 ? -errno : watch(setup->guard, EVENT_GUARD);
	for (unsigned int i = 0; i < setup->n_seats && error == 0; i++)
		error = watch(setup->sockets[i], EVENT_SEAT + i);
	return error;
}

static int close_others(const struct broker_setup *setup)
{
	int keep[2 * BROKER_SEATS_MAXIMUM + 3];
	unsigned int n = 0;

	for (unsigned int i = 0; i < setup->n_seats; i++) {
		keep[n++] = setup->rings[i];
		keep[n++] = setup->sockets[i];
	}
	keep[n++] = setup->listen_fd;
	keep[n++] = setup->guard;
	keep[n++] = broker.epoll;
	return confine_descriptors(keep, n);
}

/* The capability to ask for a socket's file, where that is what tells connections apart. */
static uint64_t capabilities(void)
{
	return CAPABILITIES_TO_SWITCH |
	       (broker.listener.by_file ? CAPABILITY(CAP_NET_ADMIN) : UINT64_C(0));
}

static int raise_capabilities(void)
{
	uint64_t permitted;
	int error = capability_permitted(&permitted);

	return error < 0 ? error : credentials_set_capabilities(permitted, permitted, 0);
}

static int prepare(const struct broker_setup *setup)
{
	int error = raise_capabilities();

	broker.setup = setup;
	broker.held = setup->held;
	broker.mint.rings = setup->rings;
	broker.mint.n_rings = setup->n_seats;
	peer_prepare();
	if (error == 0)
		error = listener_describe(setup->listen_fd, &broker.listener);
	if (error == 0)
		error = watch_all(setup);
	if (error == 0)
		error = close_others(setup);
	if (error == 0)
		error = credentials_leave_keyring();
	if (error == 0)
		error = credentials_make_undumpable();
	confine_root();
	if (error == 0)
		error = confine_capabilities(capabilities());
	if (error == 0)
		error = credentials_read(&broker.mint.own);
	return error < 0 ? error : confine_broker();
}

/* One number for everybody below impersonation, as long as the broker lives. */
static int register_anonymous(void)
{
	uint32_t number;
	int error = policy_anonymous(broker.setup->policy, &broker.nobody);

	if (error == -ESRCH)
		return 0;
	if (error == 0)
		error = register_next(&broker.nobody, &number);
	if (error == 0)
		broker.anonymous = number;
	return error;
}

static int greet(int error)
{
	const struct message_answer greeting = {
		.magic = MESSAGE_MAGIC,
		.serial = MESSAGE_GREETING,
		.error = error,
		.number = broker.anonymous,
	};

	return message_send(broker.setup->sockets[0], &greeting, sizeof(greeting), -1);
}

static void handle(uint64_t event)
{
	if (event >= EVENT_SEAT)
		listen_to(broker.setup->sockets[event - EVENT_SEAT]);
	else if (event == EVENT_GUARD)
		end_all(1);
	else if (broker.held[event] > 0)
		end_number((uint32_t)event, ENDED);
}

_Noreturn void broker_run(const struct broker_setup *setup)
{
	int error = prepare(setup);

	if (error == 0)
		error = register_anonymous();
	if (greet(error) < 0 || error < 0)
		_exit(1);
	for (;;) {
		struct epoll_event events[16];
		int n = epoll_wait(broker.epoll, events, 16, -1);

		if (n < 0 && errno != EINTR)
			end_all(1);
		for (int i = 0; i < n; i++)
			handle(events[i].data.u64);
	}
}
