/* SPDX-License-Identifier: MIT */
/*
 * Requests to the next server.  The connection lives from call to call, and is the channel's, which
 * knows whose it is.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend-handshake.h"
#include "backend-transfer.h"

struct backend {
	struct imp_channel *channel;
	const char *host; /* NULL: over a Unix socket */
	CURL *easy; /* NULL, or for the channel's connection; used in its calls alone: by one thread
		       at a time */
	long timeout_seconds;
};

/* ---------------------------------------------------------------------------------- call -- */

#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define NAME_CHARACTERS CAPITALS "abcdefghijklmnopqrstuvwxyz0123456789-"

static bool is_made_of(const char *text, const char *characters)
{
	return text[0] && text[strspn(text, characters)] == '\0';
}

/* Without control characters, nor what is below LEAST. */
static bool is_plain(const char *text, unsigned char least)
{
	for (; *text; text++)
		if ((unsigned char)*text < least || *text == 127)
			return false;
	return true;
}

/* Nothing that would end a line, or a word of the first one, early. */
static bool is_sendable(const struct backend_request *request)
{
	if (!is_made_of(request->method, CAPITALS) || request->target[0] != '/' ||
	    !is_plain(request->target, ' ' + 1))
		return false;
	for (size_t i = 0; i < request->n_headers; i++)
		if (!is_made_of(request->headers[i].name, NAME_CHARACTERS) ||
		    !is_plain(request->headers[i].value, ' '))
			return false;
	return true;
}

/* Where repeating it can do no harm. */
static bool is_repeatable(const struct transfer *transfer, int error, bool fresh)
{
	return error == -ECONNRESET && !fresh && transfer->is_unheard &&
	       (transfer->is_unsent || strcmp(transfer->request->method, "GET") == 0 ||
		strcmp(transfer->request->method, "HEAD") == 0);
}

/* The client is no longer known at the other end: the next call has it prove itself anew. */
static bool is_disowned(const struct transfer *transfer)
{
	return transfer->host && transfer->status == 401;
}

/* What libcurl keeps of a connection keeps that open. */
static void forget_connection(struct backend *backend)
{
	curl_easy_cleanup(backend->easy);
	backend->easy = NULL;
}

/* Of a connection that nobody has proven anything on, whatever it would be allowed to ask for. */
static const char *level_told(const struct imp_channel *channel)
{
	const enum imp_level level = imp_channel_level(channel);

	return imp_level_name(level < IMP_LEVEL_IMPERSONATION ? IMP_LEVEL_ANONYMOUS : level);
}

static int attempt(struct backend *backend, bool fresh, struct transfer *transfer)
{
	int error = -ENOMEM;

	if (backend->host)
		transfer->level = level_told(backend->channel);
	if (fresh)
		forget_connection(backend);
	if (!backend->easy)
		backend->easy = curl_easy_init();
	transfer->easy = backend->easy;
	if (transfer->easy)
		error = transfer_do(transfer);
	if (!transfer->is_reusable)
		forget_connection(backend);
	return error;
}

int backend_call(struct backend *backend, const struct backend_request *request,
		 const struct backend_sink *sink)
{
	if (!is_sendable(request))
		return -EINVAL;
	for (int attempts = 1;; attempts++) {
		struct transfer transfer = {.request = request,
					    .sink = sink,
					    .timeout_seconds = backend->timeout_seconds,
					    .host = backend->host};
		bool fresh;
		int error = imp_channel_begin(backend->channel, &transfer.fd, &fresh);

		if (error < 0)
			return error;
		error = attempt(backend, fresh, &transfer);
		imp_channel_end(backend->channel, !transfer.is_reusable || is_disowned(&transfer));
		if (attempts > 1 || !is_repeatable(&transfer, error, fresh))
			return error;
	}
}

/* -------------------------------------------------------------------------- begin and end -- */

static struct backend *new_backend(const char *host, long timeout_seconds)
{
	struct backend *new = calloc(1, sizeof(*new));

	if (new) {
		new->host = host;
		new->timeout_seconds = timeout_seconds;
	}
	return new;
}

/* With its channel, or, where that could not be made, not at all. */
static int finish(struct backend *new, int error, struct backend **backend)
{
	if (error < 0)
		free(new);
	else
		*backend = new;
	return error;
}

int backend_new(const char *socket_path, enum imp_level level, long timeout_seconds,
		struct backend **backend)
{
	struct backend *new = new_backend(NULL, timeout_seconds);
	int error = new ? imp_channel_new(socket_path, level, &new->channel) : -ENOMEM;

	if (error == 0)
		imp_channel_set_timeout(new->channel, (unsigned int)timeout_seconds);
	return finish(new, error, backend);
}

/* imp_carry_fn, of a channel that is about to be open: nobody else makes a call over it. */
static int carry(void *data, int fd, const void *message, size_t size, void **answer,
		 size_t *answer_size)
{
	const struct backend *backend = data;
	const struct handshake_peer peer = {fd, backend->host, backend->timeout_seconds};

	return handshake_carry(&peer, message, size, answer, answer_size);
}

int backend_new_network(struct imp_target *target, const char *host, enum imp_level level,
			long timeout_seconds, struct backend **backend)
{
	struct backend *new = new_backend(host, timeout_seconds);

	return finish(new,
		      new ? imp_channel_new_network(target, level, (unsigned int)timeout_seconds,
						    carry, new, &new->channel)
			  : -ENOMEM,
		      backend);
}

void backend_free(struct backend *backend)
{
	if (!backend)
		return;
	curl_easy_cleanup(backend->easy);
	imp_channel_free(backend->channel);
	free(backend);
}

static bool ignore_head(void *unused, const struct backend_head *head)
{
	(void)unused;
	return head->status == 204;
}

static bool ignore_data(void *unused, const void *bytes, size_t size)
{
	(void)unused;
	(void)bytes;
	return size == 0;
}

/* A request to oneself, answered beforehand. */
static int try_out(CURL *easy)
{
	static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
	const struct backend_request request = {.method = "GET", .target = "/"};
	const struct backend_sink sink = {ignore_head, ignore_data, NULL};
	struct transfer transfer = {
		.easy = easy, .request = &request, .sink = &sink, .timeout_seconds = 1};
	int ends[2], error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	transfer.fd = ends[0];
	if (send(ends[1], answer, strlen(answer), MSG_NOSIGNAL) == (ssize_t)strlen(answer))
		error = transfer_do(&transfer);
	else
		error = -errno;
	close(ends[0]);
	close(ends[1]);
	return error;
}

int backend_prepare(void)
{
	CURL *easy;
	int error;

	if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_UNIX_SOCKETS))
		return -ENOTSUP;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	easy = curl_easy_init();
	error = easy ? try_out(easy) : -ENOMEM;
	curl_easy_cleanup(easy);
	return error;
}
