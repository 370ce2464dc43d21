/* SPDX-License-Identifier: MIT */
/* What service and acceptor say to each other: neither believes a number that it has not looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ring/accept.h"
#include "ring/message.h"

void accept_clear(struct accept_result *result)
{
	free(result->reply);
	free(result->reason);
	outcome_clear(&result->outcome);
	*result = (struct accept_result){.result = 0};
}

/* ---------------------------------------------------------------------------- on the wire -- */

static int send_all(int to, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0) {
		ssize_t n = send(to, at, size, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

static int receive_all(int from, void *bytes, size_t size)
{
	char *at = bytes;

	while (size > 0) {
		ssize_t n = recv(from, at, size, 0);

		if (n == 0)
			return -EPIPE;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/* With a NUL behind it, so that it may be a string; NULL and 0 for no bytes. */
static int receive_part(int from, size_t size, void **part)
{
	int error;

	*part = NULL;
	if (size == 0)
		return 0;
	*part = calloc(1, size + 1);
	if (!*part)
		return -ENOMEM;
	error = receive_all(from, *part, size);
	if (error < 0) {
		free(*part);
		*part = NULL;
	}
	return error;
}

/* -------------------------------------------------------------------------------- requests -- */

int accept_send_request(int to, const struct accept_request *request, int fd, const void *message)
{
	int error = message_send(to, request, sizeof(*request), fd);

	return error < 0 ? error : send_all(to, message, request->size);
}

static bool makes_sense(const struct accept_request *request, bool with_fd)
{
	if (request->magic != ACCEPT_MAGIC || request->size > ACCEPT_MESSAGE)
		return false;
	if (request->kind == ACCEPT_STEP)
		return request->serial != 0 && with_fd == (request->handshake == 0);
	return request->kind == ACCEPT_FORGET && request->handshake && !with_fd &&
	       request->size == 0;
}

int accept_receive_request(int from, struct accept_request *request, int *fd, void **message)
{
	struct message_received received = {.fd = -1};
	int error = message_receive(from, request, sizeof(*request), &received);

	*message = NULL;
	if (error < 0 && error != -EMFILE)
		return error;
	if (error == -EMFILE)
		received.fd = error;
	error = 0;
	if (received.size == 0)
		error = -EPIPE;
	/* Who sends it sends it whole. */
	else if (received.size != sizeof(*request) || !makes_sense(request, received.fd != -1))
		error = -EPROTO;
	if (error == 0)
		error = receive_part(from, request->size, message);
	*fd = received.fd;
	if (error < 0 && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return error;
}

/* --------------------------------------------------------------------------------- answers -- */

static uint32_t length(const char *text)
{
	return text ? (uint32_t)strlen(text) : 0;
}

int accept_send_answer(int to, uint32_t serial, const struct accept_result *result)
{
	const struct outcome *outcome = &result->outcome;
	const struct groups *groups = outcome->has_identity ? outcome->identity.groups : NULL;
	struct accept_answer answer = {
		.magic = ACCEPT_MAGIC,
		.serial = serial,
		.result = result->result,
		.handshake = result->handshake,
		.sizes = {(uint32_t)result->reply_size, length(result->reason),
			  length(outcome->principal),
			  groups ? (uint32_t)(groups->count * sizeof(gid_t)) : 0,
			  (uint32_t)outcome->lent_size},
		.error = outcome->error,
		.has_identity = outcome->has_identity,
		.uid = outcome->has_identity ? outcome->identity.view.uid : IMP_NO_UID,
		.gid = outcome->has_identity ? outcome->identity.view.gid : IMP_NO_GID,
		.delegated = outcome->delegated,
		.number = outcome->grant.number,
		.holding = outcome->grant.holding,
		.level = outcome->grant.level,
		.decided_by = outcome->grant.decided_by,
		.expires_ns = outcome->expires_ns,
	};
	const void *parts[N_PARTS] = {result->reply, result->reason, outcome->principal,
				      groups ? groups->gids : NULL, outcome->lent};
	int error = send_all(to, &answer, sizeof(answer));

	for (int i = 0; i < N_PARTS && error == 0; i++)
		error = send_all(to, parts[i], answer.sizes[i]);
	return error;
}

static bool is_answer(const struct accept_answer *answer, uint32_t serial)
{
	const struct grant grant = {
		.level = (enum imp_level)answer->level,
		.decided_by = (enum imp_decided_by)answer->decided_by,
	};

	for (int i = 0; i < N_PARTS; i++)
		if (answer->sizes[i] > ACCEPT_PART)
			return false;
	return answer->magic == ACCEPT_MAGIC && answer->serial == serial && answer->result <= 1 &&
	       answer->result > -4096 && answer->error <= 0 && answer->error > -4096 &&
	       answer->delegated <= IMP_DELEGATED_CONSTRAINED && answer->number <= UINT16_MAX &&
	       answer->holding <= UINT16_MAX && imp_level_name(grant.level) &&
	       imp_decided_by_name(grant.decided_by) &&
	       answer->sizes[PART_GROUPS] % sizeof(gid_t) == 0;
}

static int take_identity(const struct accept_answer *answer, const gid_t *gids,
			 struct outcome *outcome)
{
	struct groups *groups;
	int error = groups_new(gids, answer->sizes[PART_GROUPS] / sizeof(gid_t), &groups);

	if (error < 0)
		return error;
	identity_init(&outcome->identity, answer->uid, answer->gid, groups);
	outcome->has_identity = true;
	return 0;
}

/* The parts become the result's, or are freed. */
static int take_answer(const struct accept_answer *answer, void *parts[N_PARTS],
		       struct accept_result *result)
{
	int error = 0;

	*result = (struct accept_result){
		.result = answer->result,
		.handshake = answer->handshake,
		.reply = parts[PART_REPLY],
		.reply_size = answer->sizes[PART_REPLY],
		.reason = parts[PART_REASON],
		.outcome =
			{
				.error = answer->error,
				.principal = parts[PART_PRINCIPAL],
				.delegated = (enum imp_delegated)answer->delegated,
				.lent = parts[PART_LENT],
				.lent_size = answer->sizes[PART_LENT],
				.expires_ns = answer->expires_ns,
				.grant =
					{
						.number = answer->number,
						.holding = answer->holding,
						.level = (enum imp_level)answer->level,
						.decided_by =
							(enum imp_decided_by)answer->decided_by,
					},
			},
	};
	if (answer->has_identity)
		error = take_identity(answer, parts[PART_GROUPS], &result->outcome);
	free(parts[PART_GROUPS]);
	return error;
}

int accept_receive_answer(int from, uint32_t serial, struct accept_result *result)
{
	struct accept_answer answer;
	void *parts[N_PARTS] = {NULL};
	int error = receive_all(from, &answer, sizeof(answer));

	if (error == 0 && !is_answer(&answer, serial))
		error = -EPROTO;
	for (int i = 0; i < N_PARTS && error == 0; i++)
		error = receive_part(from, answer.sizes[i], &parts[i]);
	if (error == 0) {
		error = take_answer(&answer, parts, result);
		if (error < 0)
			accept_clear(result);
		return error;
	}
	for (int i = 0; i < N_PARTS; i++)
		free(parts[i]);
	return error;
}
