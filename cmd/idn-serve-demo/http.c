/* SPDX-License-Identifier: MIT */
/* HTTP: a request's headers, its body, its response. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli/message.h"
#include "serve.h"

static struct {
	const struct options *options;
	int idle_fd; /* becomes readable when the last request has ended, once draining */
	atomic_int requests;
	atomic_bool draining;
} server;

/* -------------------------------------------------------------------------- responding -- */

/* Takes the content over. */
static struct MHD_Response *response_of(struct reply *reply)
{
	struct MHD_Response *response = reply->response;

	if (response) {
		reply->response = NULL;
		return response;
	}
	if (reply->stream)
		return stream_response(reply->stream, reply->stream_size);
	if (reply->fd >= 0) {
		response = MHD_create_response_from_fd64(reply->size, reply->fd);
		if (response)
			reply->fd = -1;
		return response;
	}
	response = MHD_create_response_from_buffer(reply->size, reply->body, MHD_RESPMEM_MUST_FREE);
	if (response)
		reply->body = NULL;
	return response;
}

/*
 * Whoever has not said who it is, and could, is asked for that before it is refused.  What another
 * server asks for is passed on only to those who can do something about it.
 */
static unsigned int status_of(const struct exchange *exchange)
{
	const struct reply *reply = &exchange->reply;
	bool passed_on = exchange->errand.kind == WORK_BACKEND && reply->stream;

	if (reply->status == MHD_HTTP_FORBIDDEN && exchange->may_prove && !exchange->proven)
		return MHD_HTTP_UNAUTHORIZED;
	if (reply->status == MHD_HTTP_UNAUTHORIZED && passed_on &&
	    (!exchange->may_prove ||
	     (exchange->proven && imp_token_level(exchange->token) < IMP_LEVEL_IMPERSONATION)))
		return MHD_HTTP_FORBIDDEN;
	return reply->status;
}

static void add_authentication(struct MHD_Response *response, const struct exchange *exchange,
			       unsigned int status)
{
	const char *challenge = exchange->challenge;

	if (!challenge && status == MHD_HTTP_UNAUTHORIZED)
		challenge = "Negotiate";
	if (challenge)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, challenge);
	/* Without it curl proves itself with each request again. */
	if (exchange->challenge && exchange->proven)
		MHD_add_response_header(response, "Persistent-Auth", "true");
}

static enum MHD_Result respond(struct exchange *exchange)
{
	struct reply *reply = &exchange->reply;
	unsigned int status = status_of(exchange);
	struct MHD_Response *response = response_of(reply);
	pid_t tid = reply->tid ? reply->tid : gettid();
	char thread[32];

	if (!response)
		return MHD_NO;
	snprintf(thread, sizeof(thread), "%d/%d", (int)getpid(), (int)tid);
	MHD_add_response_header(response, THREAD_HEADER, thread);
	if (exchange->token)
		MHD_add_response_header(response, LEVEL_HEADER,
					imp_level_name(imp_token_level(exchange->token)));
	if (reply->type[0])
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
	add_authentication(response, exchange, status);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
					reply->allow ? reply->allow : "GET, HEAD");
	if (atomic_load(&server.draining))
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");

	metrics_count_request(&exchange->errand, status);

	enum MHD_Result result = MHD_queue_response(exchange->connection, status, response);

	MHD_destroy_response(response);
	return result;
}

static bool has_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (length && strcmp(length, "0") != 0) ||
	       MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					   MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/*
 * A body is not waited for, which is the end of the connection.  Without one the answer waits for
 * the end of the request, so that the connection lasts: a client that proves who it is needs it.
 */
static enum MHD_Result refuse(struct exchange *exchange, unsigned int status, const char *reason)
{
	reply_text(&exchange->reply, status, "%s\n", reason);
	exchange->refused = true;
	exchange->answered = has_body(exchange->connection);
	return exchange->answered ? respond(exchange) : MHD_YES;
}

/* ------------------------------------------------------------------------------ requests -- */

static bool body_is_too_large(struct MHD_Connection *connection)
{
	const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
						       MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text && strtoull(text, NULL, 10) > (unsigned long long)server.options->max_body;
}

static bool take_via(struct exchange *exchange)
{
	const char *via =
		MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, VIA_HEADER);

	if (!via)
		return true;
	exchange->via = via_is_valid(via) ? strdup(via) : NULL;
	return exchange->via;
}

/* The headers are here, the body not yet: what is refused is refused now. */
static enum MHD_Result begin(struct MHD_Connection *connection, const char *url, const char *method,
			     void **context)
{
	unsigned int status, routed;
	const char *reason, *route_reason;
	struct exchange *exchange = exchange_new(connection, connection_of(connection));

	if (!exchange)
		return MHD_NO;
	*context = exchange;
	atomic_fetch_add(&server.requests, 1);

	/* First, so that it is known what is refused. */
	routed = route(connection, url, method, &exchange->errand, &route_reason);
	status = authenticate(exchange, &reason);
	if (status != MHD_HTTP_OK)
		return refuse(exchange, status, reason);
	exchange->token = connection_token(connection, &status, &reason);
	if (!exchange->token)
		return refuse(exchange, status, reason);
	if (exchange->errand.kind == WORK_EVENTS && exchange->may_prove &&
	    imp_token_level(exchange->token) == IMP_LEVEL_ANONYMOUS)
		return refuse(exchange, MHD_HTTP_FORBIDDEN,
			      "who the clients are is told to those who are somebody themselves");
	if (routed == MHD_HTTP_METHOD_NOT_ALLOWED && exchange->errand.may_change)
		exchange->reply.allow = "GET, HEAD, PUT, DELETE";
	if (routed != MHD_HTTP_OK)
		return refuse(exchange, routed, route_reason);
	if (exchange->errand.kind == WORK_BACKEND && !server.options->backend)
		return refuse(exchange, MHD_HTTP_NOT_FOUND, "this server has no --backend");
	if (exchange->errand.kind == WORK_BACKEND) {
		exchange->backends = connection_backends(exchange->client);
		if (!exchange->backends)
			return refuse(exchange, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
	}
	if (!connection_backend_level(connection, &exchange->backend_level))
		return refuse(exchange, MHD_HTTP_BAD_REQUEST, "malformed " BACKEND_LEVEL_HEADER);
	if (!take_via(exchange))
		return refuse(exchange, MHD_HTTP_BAD_REQUEST, "malformed " VIA_HEADER);
	if (body_is_too_large(connection))
		return refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
	return MHD_YES;
}

/* Kept where it is wanted; counted in any case. */
static void take_body(struct exchange *exchange, const char *data, size_t size)
{
	size_t limit = (size_t)server.options->max_body;

	if (size > limit || exchange->body_size > limit - size) {
		exchange->body_size = limit + 1;
		return;
	}
	if (exchange->errand.method == METHOD_PUT) {
		if (exchange->body_room - exchange->body_size < size) {
			size_t room = (exchange->body_size + size) * 2;
			char *larger = realloc(exchange->body, room);

			if (!larger) {
				exchange->body_size = limit + 1;
				return;
			}
			exchange->body = larger;
			exchange->body_room = room;
		}
		memcpy(exchange->body + exchange->body_size, data, size);
	}
	exchange->body_size += size;
}

enum MHD_Result http_answer(void *unused, struct MHD_Connection *connection, const char *url,
			    const char *method, const char *version, const char *upload,
			    size_t *upload_size, void **context)
{
	struct exchange *exchange = *context;

	(void)unused;
	(void)version;
	if (!exchange)
		return begin(connection, url, method, context);
	if (*upload_size > 0) {
		if (!exchange->refused)
			take_body(exchange, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (exchange->refused)
		return exchange->answered ? MHD_YES : respond(exchange);
	if (exchange->started)
		return atomic_load_explicit(&exchange->ready, memory_order_acquire)
			       ? respond(exchange)
			       : MHD_YES;
	if (exchange->body_size > (size_t)server.options->max_body)
		return refuse(exchange, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
	return exchange_start(exchange) ? respond(exchange) : MHD_YES;
}

static void tell_if_idle(void)
{
	if (atomic_load(&server.draining) && atomic_load(&server.requests) == 0)
		eventfd_write(server.idle_fd, 1);
}

void http_completed(void *unused, struct MHD_Connection *connection, void **context,
		    enum MHD_RequestTerminationCode code)
{
	(void)unused;
	(void)connection;
	(void)code;
	if (!*context)
		return;
	exchange_unref(*context);
	*context = NULL;
	atomic_fetch_sub(&server.requests, 1);
	tell_if_idle();
}

/* ------------------------------------------------------------------------ beginning and end -- */

void http_prepare(const struct options *options)
{
	server.options = options;
	server.idle_fd = eventfd(0, EFD_CLOEXEC);
	if (server.idle_fd < 0)
		die(EXIT_FAILED, "eventfd: %s", strerror(errno));
}

int http_drain(void)
{
	atomic_store(&server.draining, true);
	tell_if_idle();
	return server.idle_fd;
}
