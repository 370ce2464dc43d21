/* SPDX-License-Identifier: MIT */
/*
 * Who is at the other end of a network connection: proven by the Authorization headers of its
 * requests (RFC 4559), for the connection and all that comes after.  Whoever has begun to prove
 * something is nobody until that has succeeded, and neither who it was before nor Anonymous.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "connection.h"
#include "core/token.h"
#include "net/negotiate.h"

static struct imp_acceptor *acceptor; /* NULL: nobody can prove anything */

/* ------------------------------------------------------------------------------- messages -- */

static unsigned int answer(unsigned int status, const char *text, const char **reason)
{
	*reason = text;
	return status;
}

static unsigned int malformed(int error, const char **reason)
{
	switch (error) {
	case -ENOENT:
		return answer(MHD_HTTP_UNAUTHORIZED, "only Negotiate is accepted", reason);
	case -EMSGSIZE:
		return answer(MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "the message is too large",
			      reason);
	case -ENOMEM:
		return answer(MHD_HTTP_SERVICE_UNAVAILABLE, reason_of(error), reason);
	default:
		return answer(MHD_HTTP_BAD_REQUEST, "malformed " MHD_HTTP_HEADER_AUTHORIZATION,
			      reason);
	}
}

/* The log has the rest of it: of clients from the library, of what is the service's from here. */
static unsigned int failed(int error, const char **reason)
{
	if (error != -EACCES && error != -EKEYEXPIRED)
		complain_of("a client cannot be authenticated: %s", reason_of(error));
	switch (error) {
	case -EACCES:
	case -EKEYEXPIRED:
		return answer(MHD_HTTP_UNAUTHORIZED, "authentication failed", reason);
	case -ENOMEM:
		return answer(MHD_HTTP_SERVICE_UNAVAILABLE, reason_of(error), reason);
	case -ESRCH:
		return answer(MHD_HTTP_INTERNAL_SERVER_ERROR,
			      "the anonymous account does not exist", reason);
	default:
		return answer(MHD_HTTP_INTERNAL_SERVER_ERROR,
			      "the service cannot authenticate clients", reason);
	}
}

static void end_handshake(struct client_connection *client)
{
	imp_handshake_free(client->handshake);
	client->handshake = NULL;
}

/* 1: there is more to come. */
static int begin(struct client_connection *client, int fd)
{
	int error = imp_handshake_new(acceptor, &client->handshake);

	if (error == 0)
		imp_handshake_set_connection(client->handshake, fd);
	return error;
}

static int step(struct client_connection *client, int fd, const void *message, size_t size,
		char **challenge)
{
	void *reply = NULL;
	size_t reply_size = 0;
	int error = client->handshake ? 0 : begin(client, fd);

	if (error < 0)
		return error;
	error = imp_handshake_step(client->handshake, message, size, &reply, &reply_size);
	if (reply) {
		*challenge = negotiate_encode(reply, reply_size);
		free(reply);
		if (!*challenge)
			return -ENOMEM;
	}
	return error;
}

static unsigned int take_message(struct client_connection *client, int fd, const void *message,
				 size_t size, char **challenge, const char **reason)
{
	struct imp_token *token;
	int error = step(client, fd, message, size, challenge);

	if (error == 1)
		return answer(MHD_HTTP_UNAUTHORIZED, "the authentication goes on", reason);
	if (error == 0)
		error = imp_handshake_token(client->handshake, NULL, &token);
	end_handshake(client);
	if (error < 0) {
		unsigned int status = failed(error, reason);

		if (status != MHD_HTTP_UNAUTHORIZED) {
			free(*challenge);
			*challenge = NULL;
		}
		return status;
	}
	connection_become(client, token);
	return MHD_HTTP_OK;
}

/* ------------------------------------------------------------------------------- requests -- */

/* A request that says nothing is of who the connection is already, while that lasts. */
static unsigned int without_proof(struct client_connection *client, const char **reason)
{
	end_handshake(client);
	if (client->proof == PROOF_DONE && token_is_current(client->token) < 0)
		connection_become(client, NULL);
	if (client->proof == PROOF_OVER)
		return answer(MHD_HTTP_UNAUTHORIZED, "the authentication is over", reason);
	return MHD_HTTP_OK;
}

/* VALUE: NULL where it is none. */
static unsigned int with_proof(struct client_connection *client, int fd, const char *value,
			       char **challenge, const char **reason)
{
	void *message;
	size_t size;
	unsigned int status;
	int error = value ? negotiate_decode(value, &message, &size) : -EPROTO;

	/* Keytab, replay cache and name service are the service's to open. */
	imp_revert();
	/* Before anything else: what fails from here on leaves nobody, where the client may think
	 * it is. */
	connection_become(client, NULL);
	if (error < 0) {
		end_handshake(client);
		return malformed(error, reason);
	}
	status = take_message(client, fd, message, size, challenge, reason);
	free(message);
	return status;
}

static int descriptor_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

unsigned int authenticate(struct exchange *exchange, const char **reason)
{
	struct client_connection *client = exchange->client;
	const char *value;
	unsigned int status;
	int found;

	/* Of a local client the kernel has told all. */
	if (!client || client->error < 0 || !client->origin.network)
		return MHD_HTTP_OK;
	found = connection_header(exchange->connection, MHD_HTTP_HEADER_AUTHORIZATION, &value);
	if (found != -ENOENT && !acceptor)
		return answer(MHD_HTTP_FORBIDDEN, "this server has no --keytab: it knows nobody",
			      reason);
	status = found == -ENOENT
			 ? without_proof(client, reason)
			 : with_proof(client, descriptor_of(exchange->connection),
				      found == 0 ? value : NULL, &exchange->challenge, reason);
	exchange->may_prove = acceptor;
	exchange->proven = client->proof == PROOF_DONE;
	return status;
}

/* ------------------------------------------------------------------------------ beginning -- */

struct imp_acceptor_options authenticate_options(const struct options *options)
{
	return (struct imp_acceptor_options){
		.keytab = options->keytab,
		.principal = options->accept_principal,
		.replay_cache = options->replay_cache,
	};
}

void authenticate_prepare(const struct options *options, enum imp_engine engine)
{
	const struct imp_acceptor_options wanted = authenticate_options(options);
	const char *problem = "out of memory";

	if (!options->keytab)
		return;

	int error = engine == IMP_ENGINE_RING ? imp_ring_acceptor(&acceptor)
					      : imp_acceptor_new(&wanted, &acceptor, &problem);

	if (error == -ENOTSUP)
		die(EXIT_FAILED, "--keytab: %s", problem);
	if (error < 0)
		die(EXIT_FAILED, "%s", problem);
}
