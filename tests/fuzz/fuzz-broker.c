/* SPDX-License-Identifier: MIT */
/* What service and broker say to each other: both ends' parsers. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
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
		PROMISED(grant.number == before.number || grant.number <= UINT16_MAX);
		return;
	}
	PROMISED(size == sizeof(struct message_answer));
	PROMISED(grant.number <= UINT16_MAX);
	PROMISED(imp_level_name(grant.level) && imp_decided_by_name(grant.decided_by));
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
	/* The answer that is waited for, whatever it says. */
	if (size >= 2 * sizeof(serial)) {
		memcpy(&serial, bytes + sizeof(serial), sizeof(serial));
		check_answer(bytes, size, serial);
	}
	return 0;
}
