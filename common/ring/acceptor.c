/* SPDX-License-Identifier: MIT */
/*
 * The acceptor: reads the keytab, gives up all privilege, and makes the handshakes of the service's
 * clients.  What they send is read by libkrb5, here and nowhere else; whom it has proven the broker
 * is told, which believes that, and decides what becomes of it.
 *
 * It has files, for it needs krb5.conf(5), the replay cache and the name service; and so it should
 * be somebody of its own: as root without capabilities it would still own what is root's, and as
 * the service's user it could be stopped by the service, though, not being dumpable, not be read.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/capability.h"
#include "core/credentials.h"
#include "ring/accept.h"
#include "ring/acceptor.h"
#include "ring/confine.h"
#include "ring/message.h"

enum { HANDSHAKES = 4096 };

/* A handshake that goes on. */
struct unfinished {
	struct imp_handshake *handshake; /* NULL: none */
	int connection;
};

static struct {
	struct imp_acceptor *acceptor;
	int service, broker;
	uint32_t serial;
	char reason[512]; /* what was logged last, for the service to log */
	struct unfinished unfinished[HANDSHAKES + 1]; /* by number, of which 0 is the next one's */
} own;

static void keep_reason(const struct imp_log_record *record, void *unused)
{
	(void)unused;
	if (record->event == IMP_EVENT_NOT_AUTHENTICATED)
		snprintf(own.reason, sizeof(own.reason), "%s", record->message);
}

/* --------------------------------------------------------------------------------- broker -- */

static int make_claim(const struct outcome *outcome, struct message_claim *claim)
{
	const struct identity *identity = &outcome->identity;

	if (identity->groups->count > MESSAGE_GROUPS)
		return -E2BIG;
	*claim = (struct message_claim){
		.magic = MESSAGE_MAGIC,
		.serial = ++own.serial ? own.serial : ++own.serial,
		.uid = identity->view.uid,
		.gid = identity->view.gid,
		.ends_ns = outcome->expires_ns,
		.n_groups = (uint32_t)identity->groups->count,
	};
	memcpy(claim->groups, identity->groups->gids, identity->groups->count * sizeof(gid_t));
	return 0;
}

/* Without the broker nobody is anybody. */
static int ask_broker(int connection, struct outcome *outcome)
{
	char bytes[sizeof(struct message_answer) + 1];
	struct message_received received = {.fd = -1};
	struct message_claim claim;
	int error = make_claim(outcome, &claim);

	if (error < 0)
		return error;
	if (message_send(own.broker, &claim, sizeof(claim), connection) < 0 ||
	    message_receive(own.broker, bytes, sizeof(bytes), &received) < 0 || received.size == 0)
		_exit(1);
	return message_read_answer(bytes, received.size, claim.serial, &outcome->grant);
}

/* ------------------------------------------------------------------------------ handshakes -- */

static void end_handshake(struct unfinished *unfinished)
{
	imp_handshake_free(unfinished->handshake);
	if (unfinished->connection >= 0)
		close(unfinished->connection);
	*unfinished = (struct unfinished){.connection = -1};
}

static uint32_t free_number(void)
{
	for (uint32_t i = 1; i <= HANDSHAKES; i++)
		if (!own.unfinished[i].handshake)
			return i;
	return 0;
}

/* Takes over FD, or is told the error by which there is none. */
static int begin(int fd, uint32_t *number)
{
	struct unfinished *new;

	if (fd < 0)
		return fd;
	*number = free_number();
	new = &own.unfinished[*number];
	if (*number == 0 || imp_handshake_new(own.acceptor, &new->handshake) < 0) {
		close(fd);
		return *number == 0 ? -ENFILE : -ENOMEM;
	}
	new->connection = fd;
	return 0;
}

static int conclude(const struct unfinished *unfinished, struct outcome *outcome)
{
	int error = handshake_outcome(unfinished->handshake, outcome);

	if (error < 0 || !outcome->has_identity)
		return error;
	error = ask_broker(unfinished->connection, outcome);
	if (error < 0) {
		outcome_clear(outcome);
		outcome->error = error;
	}
	return 0;
}

static void make_step(uint32_t number, const void *message, size_t size,
		      struct accept_result *result)
{
	struct unfinished *unfinished = &own.unfinished[number];

	own.reason[0] = '\0';
	result->result = imp_handshake_step(unfinished->handshake, message, size, &result->reply,
					    &result->reply_size);
	if (result->result == 0)
		result->result = conclude(unfinished, &result->outcome);
	if (own.reason[0])
		result->reason = strdup(own.reason);
	if (result->result == 1)
		result->handshake = number;
	else
		end_handshake(unfinished);
}

/* --------------------------------------------------------------------------------- service -- */

/* What makes no sense is no service's that is still itself. */
static void listen_to_service(void)
{
	struct accept_request request;
	struct accept_result result = {.result = 0};
	void *message;
	uint32_t number;
	int fd, error = accept_receive_request(own.service, &request, &fd, &message);

	if (error < 0)
		_exit(error == -EPIPE ? 0 : 1);
	number = request.handshake;
	if (number > HANDSHAKES || (number && !own.unfinished[number].handshake))
		_exit(1);
	if (request.kind == ACCEPT_FORGET) {
		end_handshake(&own.unfinished[number]);
		return;
	}
	if (number == 0)
		result.result = begin(fd, &number);
	if (result.result == 0)
		make_step(number, message, request.size, &result);
	free(message);
	if (accept_send_answer(own.service, request.serial, &result) < 0)
		_exit(0);
	accept_clear(&result);
}

/* ----------------------------------------------------------------------------------- life -- */

static int drop_privilege(const struct acceptor_setup *setup)
{
	struct credentials now;
	const char *step;
	struct imp_become become;
	int error = credentials_read(&now);

	if (error < 0)
		return error;
	become = (struct imp_become){
		.uid = setup->uid ? setup->uid : now.effective_uid,
		.gid = setup->uid ? setup->gid : now.effective_gid,
		.n_groups = setup->uid ? 0 : now.groups->count,
		.groups = setup->uid ? NULL : now.groups->gids,
		.limit_bounding = now.permitted & CAPABILITY(CAP_SETPCAP),
		.sealed = true,
	};

	error = imp_become(&become, &step);
	groups_unref(now.groups);
	if (error == 0)
		error = credentials_make_undumpable();
	return error;
}

static int prepare(const struct acceptor_setup *setup, int broker, const char **problem)
{
	int keep[] = {setup->service, broker};
	int error = confine_descriptors(keep, 2);

	own.service = setup->service;
	own.broker = broker;
	for (size_t i = 0; i <= HANDSHAKES; i++)
		own.unfinished[i].connection = -1;
	imp_set_log(keep_reason, NULL);
	confine_raise_limit();
	if (error == 0)
		error = credentials_make_undumpable();
	if (error == 0)
		error = credentials_leave_keyring();
	if (error == 0)
		error = imp_acceptor_new(setup->options, &own.acceptor, problem);
	if (error < 0)
		return error;
	*problem = "the acceptor cannot give up its privilege";
	error = drop_privilege(setup);
	return error < 0 ? error : confine_acceptor();
}

static int greet(int error, const char *problem)
{
	struct accept_result greeting = {.result = error};

	if (error < 0 && problem)
		greeting.reason = strdup(problem);
	return accept_send_answer(own.service, 0, &greeting);
}

_Noreturn void acceptor_run(const struct acceptor_setup *setup, int broker)
{
	const char *problem = NULL;
	int error = prepare(setup, broker, &problem);

	if (greet(error, problem) < 0 || error < 0)
		_exit(1);
	for (;;) {
		struct pollfd both[] = {{.fd = own.service, .events = POLLIN},
					{.fd = own.broker, .events = POLLIN}};

		if (poll(both, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		if (both[1].revents)
			_exit(0); /* it says nothing unasked: it has ended */
		if (both[0].revents)
			listen_to_service();
	}
}
