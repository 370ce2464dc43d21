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
#include "ring/claim.h"
#include "ring/confine.h"
#include "ring/kin.h"
#include "ring/listener.h"
#include "ring/message.h"
#include "ring/numbers.h"
#include "ring/registry.h"
#include "ring/watch.h"

/* A connection of a client, held so that its end is seen. */
struct holding {
	int fd;		 /* -1: the client has gone, and the service may still name its number */
	uint32_t number; /* 0: this is no holding */
	int64_t ends_ns; /* its client's proof; 0: it does not */
};

enum { EVENT_GUARD = REGISTRY_NUMBERS + 1, EVENT_ACCEPTOR, EVENT_SEAT };
enum { HOLDINGS = UINT16_MAX };

static struct {
	const struct broker_setup *setup;
	struct listener listener;
	struct kin kin;
	int epoll;
	uint32_t anonymous;
	struct holding holdings[HOLDINGS + 1];
	uint32_t last_holding;
	int64_t first_end_ns; /* of a holding, at the earliest; 0: none ends by itself */
} broker;

/* ----------------------------------------------------------------------------- holdings -- */

static uint32_t free_holding(void)
{
	for (uint32_t i = 0; i < HOLDINGS; i++) {
		broker.last_holding = broker.last_holding == HOLDINGS ? 1 : broker.last_holding + 1;
		if (broker.holdings[broker.last_holding].number == 0)
			return broker.last_holding;
	}
	return 0;
}

/* The client has gone, or the service lets it go. */
static void end_connection(struct holding *holding)
{
	/* The service has another descriptor of the same socket: closing this one ends no interest.
	 */
	epoll_ctl(broker.epoll, EPOLL_CTL_DEL, holding->fd, NULL);
	close(holding->fd);
	holding->fd = -1;
	number_disconnect(holding->number);
}

static void release(uint32_t which)
{
	struct holding *holding = &broker.holdings[which];

	if (holding->number == 0)
		return;
	if (holding->fd >= 0)
		end_connection(holding);
	number_release(holding->number);
	holding->number = 0;
}

/* Those whose time is over; the others are looked at for when that is. */
static void end_late(void)
{
	if (broker.first_end_ns == 0 || !token_time_is_over(broker.first_end_ns))
		return;
	broker.first_end_ns = 0;
	for (uint32_t which = 1; which <= HOLDINGS; which++) {
		struct holding *holding = &broker.holdings[which];

		if (holding->number == 0 || holding->fd < 0 || holding->ends_ns == 0)
			continue;
		if (token_time_is_over(holding->ends_ns))
			end_connection(holding);
		else if (broker.first_end_ns == 0 || holding->ends_ns < broker.first_end_ns)
			broker.first_end_ns = holding->ends_ns;
	}
}

/* ------------------------------------------------------------------------------ clients -- */

/*
 * A client's identity, as long as its connection is there, and its proof has not ended.  EVENTS:
 * what tells that the connection is not there, besides that it is hung up, which is told always.
 */
static int hold(int fd, const struct identity *identity, uint32_t events, int64_t ends_ns,
		struct message_answer *answer)
{
	struct epoll_event event = {.events = events, .data.u64 = free_holding()};
	uint32_t number;
	int error = event.data.u64 ? 0 : -ENOSPC;

	if (error == 0 && epoll_ctl(broker.epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		error = -errno;
	if (error < 0)
		return error;
	error = number_connect(identity, &number);
	if (error < 0) {
		epoll_ctl(broker.epoll, EPOLL_CTL_DEL, fd, NULL);
		return error;
	}
	broker.holdings[event.data.u64] =
		(struct holding){.fd = fd, .number = number, .ends_ns = ends_ns};
	if (ends_ns && (broker.first_end_ns == 0 || ends_ns < broker.first_end_ns))
		broker.first_end_ns = ends_ns;
	answer->number = number;
	answer->holding = (uint32_t)event.data.u64;
	return 0;
}

/* Takes over FD, or is told the error by which there is none. */
static int admit(int fd, struct message_answer *answer)
{
	struct imp_token *token;
	int error;

	if (fd < 0)
		return fd;
	error = listener_check(&broker.listener, fd);
	if (error == 0)
		error = imp_token_from_connection(fd, broker.setup->policy, &token);
	if (error < 0) {
		close(fd);
		return error;
	}
	answer->level = token->level;
	answer->decided_by = token->decided_by;
	error = kin_check(&broker.kin, fd, token);
	if (error == 0 && token->level >= IMP_LEVEL_IMPERSONATION)
		error = hold(fd, token_access(token), 0, 0, answer);
	if (answer->number == 0)
		close(fd);
	imp_token_unref(token);
	return error;
}

/*
 * The same of a client of the network, which the acceptor has named.  Of a network's client it is
 * not told apart whether it has gone, or has but nothing more to say: either is its end.
 */
static int admit_claimed(int fd, const struct message_claim *claim, struct message_answer *answer)
{
	struct imp_token *token;
	int error;

	if (fd < 0)
		return fd;
	error = listener_check_network(&broker.listener, fd);
	if (error == 0)
		error = claim_judge(claim, broker.setup->policy, &token);
	if (error < 0) {
		close(fd);
		return error;
	}
	answer->level = token->client->limit;
	answer->decided_by = token->client->limit_by;
	if (token->client->limit >= IMP_LEVEL_IMPERSONATION)
		error = hold(fd, &token->client->identity, EPOLLRDHUP, claim->ends_ns, answer);
	if (answer->number == 0)
		close(fd);
	imp_token_unref(token);
	return error;
}

/* ------------------------------------------------------------------------------ service -- */

static int send_answer(int socket, struct message_answer *answer, int error)
{
	answer->error = error;
	if (error < 0)
		answer->level = answer->decided_by = 0;
	return message_send(socket, answer, sizeof(*answer), -1);
}

static void answer(int socket, const struct message_request *request, int fd)
{
	struct message_answer answer = {.magic = MESSAGE_MAGIC, .serial = request->serial};

	if (send_answer(socket, &answer, admit(fd, &answer)) < 0)
		numbers_end_all(0);
}

/* What makes no sense is no service's that is still itself. */
static void listen_to(int socket)
{
	char bytes[sizeof(struct message_request) + 1];
	struct message_received received;
	struct message_request request;
	int error = message_receive(socket, bytes, sizeof(bytes), &received);

	if (error == -EAGAIN)
		return;
	/* The service is gone: another one may be waiting for its address. */
	if (error == 0 && received.size == 0) {
		close(broker.setup->listen_fd);
		numbers_end_all(0);
	}
	/* Too many clients are no reason to end those that are there. */
	if (error == -EMFILE)
		received.fd = error;
	if (error == 0 || error == -EMFILE)
		error = message_read_request(bytes, received.size, received.fd != -1, &request);
	if (error < 0)
		numbers_end_all(1);
	if (request.kind == MESSAGE_ADMIT)
		answer(socket, &request, received.fd);
	if (request.release)
		release(request.release);
}

/* ----------------------------------------------------------------------------- acceptor -- */

/* What makes no sense, or nothing: nobody is believed there any more.  Those that were stay. */
static void listen_to_acceptor(int socket)
{
	static char bytes[sizeof(struct message_claim) + 1];
	static struct message_claim claim;
	struct message_answer answer = {.magic = MESSAGE_MAGIC};
	struct message_received received = {.fd = -1};
	int error = message_receive(socket, bytes, sizeof(bytes), &received);

	if (error == -EAGAIN)
		return;
	if (error == -EMFILE)
		received.fd = error;
	if (error == 0 || error == -EMFILE)
		error = message_read_claim(bytes, received.size, received.fd != -1, &claim);
	if (error == 0) {
		answer.serial = claim.serial;
		error = send_answer(socket, &answer, admit_claimed(received.fd, &claim, &answer));
	} else if (received.fd >= 0) {
		close(received.fd);
	}
	if (error < 0) {
		epoll_ctl(broker.epoll, EPOLL_CTL_DEL, socket, NULL);
		close(socket);
	}
}

/* --------------------------------------------------------------------------------- life -- */

static int listen_on(int fd, uint64_t event)
{
	struct epoll_event on = {.events = EPOLLIN, .data.u64 = event};

	return epoll_ctl(broker.epoll, EPOLL_CTL_ADD, fd, &on) < 0 ? -errno : 0;
}

static int listen_on_all(const struct broker_setup *setup)
{
	int error;

	broker.epoll = epoll_create1(EPOLL_CLOEXEC);
	error = broker.epoll < 0 ? -errno : listen_on(setup->guard, EVENT_GUARD);
	if (error == 0 && setup->acceptor >= 0)
		error = listen_on(setup->acceptor, EVENT_ACCEPTOR);
	for (unsigned int i = 0; i < setup->n_seats && error == 0; i++)
		error = listen_on(setup->sockets[i], EVENT_SEAT + i);
	return error;
}

static int close_others(const struct broker_setup *setup)
{
	int keep[2 * BROKER_SEATS_MAXIMUM + 5];
	unsigned int n = 0;

	for (unsigned int i = 0; i < setup->n_seats; i++) {
		keep[n++] = setup->rings[i];
		keep[n++] = setup->sockets[i];
	}
	keep[n++] = setup->listen_fd;
	keep[n++] = setup->guard;
	if (setup->acceptor >= 0)
		keep[n++] = setup->acceptor;
	keep[n++] = broker.epoll;
	if (broker.kin.pidfd >= 0)
		keep[n++] = broker.kin.pidfd;
	return confine_descriptors(keep, n);
}

/* The capability to ask for a socket's file, where that is what tells connections apart. */
static uint64_t capabilities(void)
{
	return CAPABILITIES_TO_SWITCH |
	       (broker.listener.by_file ? CAPABILITY(CAP_NET_ADMIN) : UINT64_C(0));
}

static void end_overdue(void)
{
	numbers_end_all(1);
}

static int prepare(const struct broker_setup *setup)
{
	int error = confine_user();

	confine_raise_limit();
	broker.setup = setup;
	peer_prepare();
	kin_prepare(setup->service, setup->connects, &broker.kin);
	if (error == 0)
		error = listener_describe(setup->listen_fd, &broker.listener);
	if (error == 0)
		error = listen_on_all(setup);
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
		error = numbers_begin(setup);
	if (error == 0)
		error = confine_broker();
	return error < 0 ? error : watch_start(end_overdue);
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
		numbers_end_all(1);
	else if (event == EVENT_ACCEPTOR)
		listen_to_acceptor(broker.setup->acceptor);
	else if (broker.holdings[event].number && broker.holdings[event].fd >= 0)
		end_connection(&broker.holdings[event]);
}

_Noreturn void broker_run(const struct broker_setup *setup)
{
	bool served = false;
	int error = prepare(setup);

	if (error == 0)
		error = numbers_register_anonymous(&broker.anonymous);
	if (greet(error) < 0 || error < 0)
		_exit(1);
	for (;;) {
		struct epoll_event events[16];
		int n;

		if (served)
			message_expect(broker.epoll);
		/* Clocks are set: when a time is over is not known by waiting for it. */
		n = epoll_wait(broker.epoll, events, 16, broker.first_end_ns ? 1000 : -1);
		served = n > 0;

		if (n < 0 && errno != EINTR)
			numbers_end_all(1);
		watch_begin();
		for (int i = 0; i < n; i++)
			handle(events[i].data.u64);
		end_late();
		numbers_prepare();
		watch_end();
	}
}
