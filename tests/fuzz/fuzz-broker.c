/* SPDX-License-Identifier: MIT */
/* What service, broker and acceptor say to each other: the parsers of all ends. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "ring/accept.h"
#include "ring/message.h"

static void check_request(const uint8_t *bytes, size_t size, bool with_fd)
{
	struct message_request request;
	int error = message_read_request(bytes, size, with_fd, &request);

	PROMISED(error == 0 || error == -EPROTO);
	if (error < 0)
		return;
	PROMISED(size == sizeof(request));
	PROMISED(request.kind == MESSAGE_ADMIT || request.kind == MESSAGE_RELEASE);
	/* A descriptor is there where it is needed, and only there. */
	PROMISED(with_fd == (request.kind == MESSAGE_ADMIT));
	if (request.kind == MESSAGE_ADMIT)
		PROMISED(request.serial != MESSAGE_GREETING);
	else
		PROMISED(request.release != 0);
	PROMISED(request.release <= UINT16_MAX);
}

static void check_answer(const uint8_t *bytes, size_t size, uint32_t serial)
{
	const struct grant before = {.number = 70000};
	struct grant grant = before;
	int error = message_read_answer(bytes, size, serial, &grant);

	PROMISED(error <= 0 && error > -4096);
	if (error < 0) {
		PROMISED(memcmp(&grant, &before, sizeof(grant)) == 0); /* left as it was */
		return;
	}
	PROMISED(size == sizeof(struct message_answer));
	PROMISED(grant.number <= UINT16_MAX);
	PROMISED(imp_level_name(grant.level) && imp_decided_by_name(grant.decided_by));
}

static void check_claim(const uint8_t *bytes, size_t size, bool with_fd)
{
	static struct message_claim claim;
	int error = message_read_claim(bytes, size, with_fd, &claim);

	PROMISED(error == 0 || error == -EPROTO);
	if (error < 0)
		return;
	PROMISED(size == sizeof(claim) && with_fd);
	PROMISED(claim.uid != IMP_NO_UID && claim.gid != IMP_NO_GID);
	PROMISED(claim.n_groups <= MESSAGE_GROUPS && claim.ends_ns >= 0);
	PROMISED(claim.serial != MESSAGE_GREETING);
}

/* A connection by which these bytes have come, and no more do. */
static int connection_with(const uint8_t *bytes, size_t size)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	(void)!send(ends[0], bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(ends[0]);
	return ends[1];
}

static void check_step(const uint8_t *bytes, size_t size)
{
	struct accept_request request;
	void *message;
	int fd, from = connection_with(bytes, size);
	int error = accept_receive_request(from, &request, &fd, &message);

	close(from);
	PROMISED(error == 0 || error == -EPIPE || error == -EPROTO || error == -ENOMEM);
	if (error < 0)
		return;
	PROMISED(fd == -1 && request.handshake != 0 && request.size <= ACCEPT_MESSAGE);
	PROMISED(request.size == 0 || message);
	free(message);
}

static void check_result(const uint8_t *bytes, size_t size, uint32_t serial)
{
	struct accept_result result = {.result = 0};
	int from = connection_with(bytes, size);
	int error = accept_receive_answer(from, serial, &result);

	close(from);
	PROMISED(error == 0 || error == -EPIPE || error == -EPROTO || error == -ENOMEM);
	if (error == 0) {
		PROMISED(result.result <= 1 && result.result > -4096);
		PROMISED(result.outcome.grant.number <= UINT16_MAX);
		PROMISED(imp_level_name(result.outcome.grant.level));
	}
	accept_clear(&result);
}

/* The first byte says what comes along and what is waited for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;

	const uint8_t *bytes = data + 1;
	uint32_t serial = data[0] >> 1;

	size--;
	check_request(bytes, size, data[0] & 1);
	check_answer(bytes, size, serial);
	check_claim(bytes, size, data[0] & 1);
	check_step(bytes, size);
	/* The answer that is waited for, whatever it says. */
	if (size >= 2 * sizeof(serial)) {
		memcpy(&serial, bytes + sizeof(serial), sizeof(serial));
		check_answer(bytes, size, serial);
		check_result(bytes, size, serial);
	}
	return 0;
}
