/* SPDX-License-Identifier: MIT */
/*
 * A handshake with the next server, over HTTP (RFC 4559): each message is a header of a request
 * that asks for nothing, and of its answer.  What is in it is the library's to say and to judge.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

#include "backend-handshake.h"
#include "backend-transfer.h"
#include "net/negotiate.h"

/* What the other end says, to one message. */
struct said {
	int error; /* -ENOENT: there is no message */
	void *message;
	size_t size;
};

/* Of the challenges the one that is ours; the others are for other clients. */
static bool take_head(void *data, const struct backend_head *head)
{
	struct said *said = data;
	const char *value;

	said->error = -ENOENT;
	for (size_t i = 0; said->error == -ENOENT; i++) {
		value = transfer_header(head, "WWW-Authenticate", i);
		if (!value)
			break;
		said->error = negotiate_decode(value, &said->message, &said->size);
	}
	return true;
}

/* What a body says is for people. */
static bool pass_over(void *unused, const void *bytes, size_t size)
{
	(void)unused;
	(void)bytes;
	(void)size;
	return true;
}

/* The scheme alone asks for a first message, and brings none. */
static bool has_message(const struct said *said)
{
	return said->error == 0 && said->size > 0;
}

static int judge(const struct transfer *transfer, const struct said *said)
{
	if (said->error < 0 && said->error != -ENOENT)
		return said->error == -ENOMEM ? -ENOMEM : -EPROTO;
	if (transfer->status == 403 || (transfer->status == 401 && !has_message(said)))
		return -EREMOTEIO;
	if (!transfer->is_reusable)
		return -EPROTO;
	if (transfer->status == 401)
		return 0;
	return transfer->status >= 200 && transfer->status < 300 ? 1 : -EPROTO;
}

static int send_and_take(const struct handshake_peer *peer, const char *value, struct said *said)
{
	const struct backend_header header = {"Authorization", value};
	const struct backend_request request = {
		.method = "HEAD", .target = "/whoami", .headers = &header, .n_headers = 1};
	const struct backend_sink sink = {take_head, pass_over, said};
	struct transfer transfer = {
		.easy = curl_easy_init(),
		.fd = peer->fd,
		.request = &request,
		.sink = &sink,
		.timeout_seconds = peer->timeout_seconds,
		.host = peer->host,
	};
	int error = transfer.easy ? transfer_do(&transfer) : -ENOMEM;

	curl_easy_cleanup(transfer.easy);
	return error < 0 ? error : judge(&transfer, said);
}

int handshake_carry(const struct handshake_peer *peer, const void *message, size_t size,
		    void **answer, size_t *answer_size)
{
	struct said said = {.error = -ENOENT};
	char *value = negotiate_encode(message, size);
	int result = value ? send_and_take(peer, value, &said) : -ENOMEM;

	free(value);
	if (result < 0 || !has_message(&said)) {
		free(said.message);
		said = (struct said){.message = NULL};
	}
	*answer = said.message;
	*answer_size = said.size;
	return result;
}
