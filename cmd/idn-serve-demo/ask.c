/* SPDX-License-Identifier: MIT */
/* /backend: a request is passed on to the next server, which sees the client and never this one. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "next.h"

static struct {
	const struct options *options;
	struct backend *shared; /* where the mistake is made on purpose: for everybody */
} ask;

/* An answer on its way through. */
struct passing {
	struct exchange *exchange;
	struct stream *stream; /* once the head is there */
};

/* ------------------------------------------------------------------------------- answers -- */

static bool pass_head(void *data, const struct backend_head *head)
{
	struct passing *passing = data;
	struct reply *reply = &passing->exchange->reply;
	bool empty = head->status == MHD_HTTP_NO_CONTENT || head->status == MHD_HTTP_NOT_MODIFIED;
	const char *allow = backend_header(head, MHD_HTTP_HEADER_ALLOW);

	passing->stream = stream_new(passing->exchange->connection);
	if (!passing->stream)
		return false;
	reply->status = head->status;
	reply->tid = gettid();
	reply->stream = stream_ref(passing->stream);
	reply->stream_size = empty		 ? 0
			     : head->length >= 0 ? (uint64_t)head->length
						 : MHD_SIZE_UNKNOWN;
	if (head->type)
		reply_type(reply, head->type);
	if (allow && strstr(allow, MHD_HTTP_METHOD_PUT))
		reply->allow = "GET, HEAD, PUT, DELETE";
	exchange_announce(passing->exchange);
	return true;
}

static bool pass_data(void *data, const void *bytes, size_t size)
{
	struct passing *passing = data;

	return stream_write(passing->stream, bytes, size);
}

/* At which step a call over the network was refused. */
static const struct refusal {
	int error;
	unsigned int status;
	const char *reason;
} refusals[] = {
	{-EACCES, MHD_HTTP_FORBIDDEN, "this service may not call it for a client"},
	{-ENOKEY, MHD_HTTP_FORBIDDEN, "there are no credentials of the client to call it with"},
	{-EKEYEXPIRED, MHD_HTTP_UNAUTHORIZED, "the client's credentials have expired"},
	{-EKEYREJECTED, MHD_HTTP_FORBIDDEN, "delegation was asked for, and not granted"},
	{-EREMOTEIO, MHD_HTTP_FORBIDDEN, "it has not accepted the client"},
	{-EBADMSG, MHD_HTTP_BAD_GATEWAY, "it has not proven who it is"},
	{-EPROTO, MHD_HTTP_BAD_GATEWAY, "it cannot be called as the client"},
	{-ENOTSUP, MHD_HTTP_NOT_IMPLEMENTED,
	 "the ring engine calls nobody over the network for a client: with --engine thread it is "
	 "done"},
};

/* Why the level does not suffice. */
static const char *reason_of_level(const struct imp_token *token)
{
	return imp_token_transport(token) == IMP_TRANSPORT_UNIX
		       ? "the policy allows no hop at level impersonation: delegation is needed"
		       : "no second hop at level impersonation: delegation is needed";
}

/* False: it was none of these. */
static bool reply_refused(struct reply *reply, const struct imp_token *token, int error)
{
	if (error == -EPERM) {
		reply_text(reply, MHD_HTTP_FORBIDDEN, "backend: %s\n", reason_of_level(token));
		return true;
	}
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].error == error) {
			reply_text(reply, refusals[i].status, "backend: %s\n", refusals[i].reason);
			return true;
		}
	return false;
}

/* What the client may know of why there is no answer: nothing of what Kerberos has to say. */
static void reply_no_answer(struct reply *reply, const struct imp_token *token, int error)
{
	unsigned int status;

	if (next_is_remote() && reply_refused(reply, token, error))
		return;
	switch (error) {
	case -EACCES:
	case -EPERM:
		status = MHD_HTTP_FORBIDDEN; /* the client's own right to connect */
		break;
	case -EKEYREVOKED:
	case -EOWNERDEAD:
		reply_not_impersonated(reply, error);
		return;
	case -ESTALE:
		reply_text(reply, MHD_HTTP_INTERNAL_SERVER_ERROR,
			   "the connection to the backend is another's\n");
		return;
	case -ETIMEDOUT:
		status = MHD_HTTP_GATEWAY_TIMEOUT;
		break;
	case -ENOMEM:
	case -EMFILE:
	case -EAGAIN:
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
		break;
	case -EINVAL:
		status = MHD_HTTP_BAD_REQUEST;
		break;
	default:
		status = MHD_HTTP_BAD_GATEWAY;
	}
	reply_text(reply, status, "backend: %s\n", reason_of(error));
}

/* -------------------------------------------------------------------------------- asking -- */

/* As far as the service and the client let the next server go. */
static enum imp_level level_asked(const struct exchange *exchange)
{
	return exchange->backend_level < ask.options->backend_level ? exchange->backend_level
								    : ask.options->backend_level;
}

/* One for the connection and levels: it is opened here, by the client that it is for. */
static int backend_for(struct exchange *exchange, struct backend **backend)
{
	const enum imp_level level = level_asked(exchange);
	struct backend **own =
		backends_at(exchange->backends, imp_token_level(exchange->token), level);
	int error = 0;

	if (ask.options->defect == DEFECT_LAZY_CHANNEL) {
		*backend = ask.shared;
		return 0;
	}
	if (!*own)
		error = next_backend(level, ask.options->timeout, own);
	*backend = *own;
	return error;
}

static int call(struct passing *passing)
{
	struct exchange *exchange = passing->exchange;
	const char *service = listen_name();
	char *via = via_with(exchange->via, service ? service : "idn-serve-demo", exchange->token,
			     level_asked(exchange));
	const struct backend_header header = {VIA_HEADER, via};
	const struct backend_request request = {
		.method = method_name(exchange->errand.method),
		.target = exchange->errand.path,
		.body = exchange->body,
		.size = exchange->body_size,
		.headers = &header,
		.n_headers = 1,
	};
	const struct backend_sink sink = {pass_head, pass_data, passing};
	struct backend *backend;
	int error = via ? backend_for(exchange, &backend) : -ENOMEM;

	if (error == 0)
		error = backend_call(backend, &request, &sink);
	free(via);
	return error;
}

void ask_backend(struct exchange *exchange)
{
	struct passing passing = {.exchange = exchange};
	int error = call(&passing);

	if (!passing.stream) {
		reply_no_answer(&exchange->reply, exchange->token,
				error == -ECANCELED ? -ENOMEM : error);
		return;
	}
	stream_end(passing.stream, error == 0 && imp_assert(exchange->token) == 0);
	stream_release(passing.stream);
}

void ask_prepare(const struct options *options)
{
	int error = 0;

	ask.options = options;
	next_prepare(options);
	if (options->backend && options->defect == DEFECT_LAZY_CHANNEL)
		error = next_backend(options->backend_level, options->timeout, &ask.shared);
	if (error < 0)
		die(EXIT_FAILED, "--backend: %s", reason_of(error));
}

void ask_forget(struct backend *backend)
{
	if (backend)
		backend_free(backend);
}
