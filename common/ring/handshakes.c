/* SPDX-License-Identifier: MIT */
/*
 * The service's end of the acceptor.  There is one connection, and one step at a time: the acceptor
 * makes no two at once.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "core/impersonate-thread.h"
#include "core/log.h"
#include "ring/accept.h"
#include "ring/handshakes.h"

static struct {
	pthread_mutex_t lock;
	int socket; /* -1: there is no acceptor, or none any more */
	bool started;
	uint32_t serial;
	unsigned int forks; /* of the process that it answers */
} acceptor = {.lock = PTHREAD_MUTEX_INITIALIZER, .socket = -1};

/* What was half read cannot be gone on with. */
static int end(int error)
{
	log_line(LOG_CRIT, "the acceptor has ended: no client can be authenticated any more: %s",
		 log_error_text(-error));
	close(acceptor.socket);
	acceptor.socket = -1;
	return -EOWNERDEAD;
}

static int ask(struct accept_request *request, int connection, const void *message,
	       struct accept_result *result)
{
	int error;

	/* A child's answers could be its parent's. */
	if (process_forks() != acceptor.forks)
		return -EPROTO;
	if (acceptor.socket < 0)
		return -EOWNERDEAD;
	request->serial = ++acceptor.serial ? acceptor.serial : ++acceptor.serial;
	error = accept_send_request(acceptor.socket, request, connection, message);
	if (error == 0 && request->kind == ACCEPT_STEP)
		error = accept_receive_answer(acceptor.socket, request->serial, result);
	return error < 0 ? end(error) : 0;
}

static int ask_in_turn(struct accept_request *request, int connection, const void *message,
		       struct accept_result *result)
{
	int error;

	request->magic = ACCEPT_MAGIC;
	pthread_mutex_lock(&acceptor.lock);
	error = ask(request, connection, message, result);
	pthread_mutex_unlock(&acceptor.lock);
	return error;
}

static void tell_of_refusal(const struct accept_result *result)
{
	const struct imp_log_record facts = {
		.priority = LOG_WARNING,
		.event = IMP_EVENT_NOT_AUTHENTICATED,
		.expected_uid = IMP_NO_UID,
		.actual_uid = IMP_NO_UID,
		.error = result->result,
	};

	if (result->reason)
		log_event(&facts, "%s", result->reason);
}

static int step(uint32_t *id, int connection, const void *message, size_t size, void **reply,
		size_t *reply_size, struct outcome *outcome)
{
	struct accept_request request = {
		.kind = ACCEPT_STEP,
		.handshake = *id,
		.size = (uint32_t)size,
	};
	struct accept_result result = {.result = 0};
	int error = ask_in_turn(&request, *id ? -1 : connection, message, &result);

	*id = 0;
	if (error < 0)
		return error;
	tell_of_refusal(&result);
	*id = result.handshake;
	*reply = result.reply;
	*reply_size = result.reply_size;
	result.reply = NULL;
	if (result.result == 0) {
		*outcome = result.outcome;
		result.outcome = (struct outcome){.error = 0};
	}
	error = result.result;
	accept_clear(&result);
	return error;
}

static void forget(uint32_t id)
{
	struct accept_request request = {.kind = ACCEPT_FORGET, .handshake = id};

	(void)!ask_in_turn(&request, -1, NULL, NULL);
}

int imp_ring_acceptor(struct imp_acceptor **out)
{
	static const struct remote remote = {.step = step, .forget = forget};

	return acceptor.started ? acceptor_of_remote(&remote, out) : -ENOENT;
}

int handshakes_begin(int socket, const char **problem)
{
	static char line[256];
	struct accept_result greeting = {.result = 0};
	int error = accept_receive_answer(socket, 0, &greeting);

	*problem = "the acceptor cannot get ready";
	if (error == 0)
		error = greeting.result;
	if (greeting.reason) {
		snprintf(line, sizeof(line), "%s", greeting.reason);
		*problem = line;
	}
	accept_clear(&greeting);
	if (error < 0)
		return error == -EPIPE ? -ECHILD : error;
	acceptor.socket = socket;
	acceptor.started = true;
	acceptor.forks = process_forks();
	return 0;
}

void handshakes_end(int socket)
{
	if (socket >= 0)
		close(socket);
	acceptor.socket = -1;
	acceptor.started = false;
}
