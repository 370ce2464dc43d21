/* SPDX-License-Identifier: MIT */
/* Connections: how many, whose, and at which level. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "connection.h"

enum { N_LEVELS = IMP_LEVEL_DELEGATION + 1 };

static const struct options *options;

struct backends {
	atomic_int
		references; /* the connection's, and those of requests that are being worked for */
	struct backend *at[N_LEVELS][N_LEVELS];
};

void connection_prepare(const struct options *given)
{
	options = given;
}

/* ----------------------------------------------------------------------- connections -- */

/* How many connections each has: a list, as long as there are different clients. */
static struct {
	pthread_mutex_t lock;
	struct {
		struct origin origin;
		int connections;
	} * users;
	size_t count, room;
	unsigned int open;
	uint64_t accepted;
} clients = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_same(const struct origin *a, const struct origin *b)
{
	return a->network == b->network && a->uid == b->uid &&
	       memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
}

static bool count_client(const struct origin *origin)
{
	bool fits = false;
	size_t i = 0;

	pthread_mutex_lock(&clients.lock);
	while (i < clients.count && !is_same(&clients.users[i].origin, origin))
		i++;
	if (i == clients.count && i == clients.room) {
		size_t room = clients.room ? clients.room * 2 : 16;
		void *users = reallocarray(clients.users, room, sizeof(clients.users[0]));

		if (users) {
			clients.users = users;
			clients.room = room;
		}
	}
	if (i < clients.room) {
		if (i == clients.count) {
			clients.users[i].origin = *origin;
			clients.users[i].connections = 0;
			clients.count++;
		}
		fits = clients.users[i].connections < options->max_client_connections;
		clients.users[i].connections += fits;
	}
	pthread_mutex_unlock(&clients.lock);
	return fits;
}

static void uncount_client(const struct origin *origin)
{
	pthread_mutex_lock(&clients.lock);
	for (size_t i = 0; i < clients.count; i++)
		if (is_same(&clients.users[i].origin, origin) &&
		    --clients.users[i].connections == 0) {
			clients.users[i] = clients.users[--clients.count];
			break;
		}
	pthread_mutex_unlock(&clients.lock);
}

static void count_connection(bool opened)
{
	pthread_mutex_lock(&clients.lock);
	clients.accepted += opened;
	if (opened)
		clients.open++;
	else
		clients.open--;
	pthread_mutex_unlock(&clients.lock);
}

void connection_count(struct connection_numbers *numbers)
{
	pthread_mutex_lock(&clients.lock);
	*numbers = (struct connection_numbers){
		.open = clients.open,
		.users = (unsigned int)clients.count,
		.accepted = clients.accepted,
	};
	pthread_mutex_unlock(&clients.lock);
}

/* -------------------------------------------------------------------------- whose they are -- */

static uid_t peer_uid(int fd)
{
	struct ucred peer = {.uid = IMP_NO_UID};
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid : IMP_NO_UID;
}

/* Whoever has one IPv6 address has as many as it likes that differ in the second half. */
static void take_ipv6(const struct in6_addr *from, struct in6_addr *address)
{
	*address = *from;
	if (!IN6_IS_ADDR_V4MAPPED(from) && !IN6_IS_ADDR_LINKLOCAL(from))
		memset(address->s6_addr + 8, 0, 8);
}

static void take_ipv4(const struct in_addr *from, struct in6_addr *address)
{
	address->s6_addr[10] = address->s6_addr[11] = 0xff; /* as IPv6 has it, RFC 4291 */
	memcpy(address->s6_addr + 12, from, sizeof(*from));
}

static struct origin origin_of(int fd)
{
	struct origin origin = {.uid = IMP_NO_UID};
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
		struct sockaddr_storage room;
	} peer = {.any.sa_family = AF_UNSPEC};
	socklen_t size = sizeof(peer);

	if (getpeername(fd, &peer.any, &size) < 0)
		return origin;
	origin.network = peer.any.sa_family == AF_INET || peer.any.sa_family == AF_INET6;
	if (!origin.network)
		origin.uid = peer_uid(fd);
	else if (peer.any.sa_family == AF_INET)
		take_ipv4(&peer.ipv4.sin_addr, &origin.address);
	else
		take_ipv6(&peer.ipv6.sin6_addr, &origin.address);
	return origin;
}

/* ----------------------------------------------------------------------------- life of one -- */

static void open_connection(struct MHD_Connection *connection, void **context)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct client_connection *new = calloc(1, sizeof(*new));

	*context = new;
	if (!new)
		return;
	atomic_init(&new->references, 1);
	new->error = -ENOTCONN;
	if (!info)
		return;
	new->origin = origin_of(info->connect_fd);
	new->counted = count_client(&new->origin);
	new->error = new->counted ? imp_token_from_connection(info->connect_fd, NULL, &new->token)
				  : -EUSERS;
}

struct client_connection *connection_ref(struct client_connection *client)
{
	atomic_fetch_add_explicit(&client->references, 1, memory_order_relaxed);
	return client;
}

void connection_unref(struct client_connection *client)
{
	if (!client || atomic_fetch_sub_explicit(&client->references, 1, memory_order_acq_rel) != 1)
		return;
	backends_unref(client->backends);
	imp_handshake_free(client->handshake);
	imp_token_unref(client->token);
	if (client->counted)
		uncount_client(&client->origin);
	free(client);
}

void connection_become(struct client_connection *client, struct imp_token *token)
{
	backends_unref(client->backends);
	client->backends = NULL;
	imp_token_unref(client->token);
	client->token = token;
	client->proof = token ? PROOF_DONE : PROOF_OVER;
}

struct backends *connection_backends(struct client_connection *client)
{
	if (!client->backends) {
		client->backends = calloc(1, sizeof(*client->backends));
		if (!client->backends)
			return NULL;
		atomic_init(&client->backends->references, 1);
	}
	atomic_fetch_add_explicit(&client->backends->references, 1, memory_order_relaxed);
	return client->backends;
}

void backends_unref(struct backends *backends)
{
	if (!backends ||
	    atomic_fetch_sub_explicit(&backends->references, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < N_LEVELS * N_LEVELS; i++)
		ask_forget(backends->at[i / N_LEVELS][i % N_LEVELS]);
	free(backends);
}

struct backend **backends_at(struct backends *backends, enum imp_level level, enum imp_level asked)
{
	return &backends->at[level][asked];
}

void connection_notify(void *unused, struct MHD_Connection *connection, void **context,
		       enum MHD_ConnectionNotificationCode code)
{
	(void)unused;
	count_connection(code == MHD_CONNECTION_NOTIFY_STARTED);
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		open_connection(connection, context);
	else
		connection_unref(*context);
}

struct client_connection *connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* -------------------------------------------------------------------------------- levels -- */

struct found {
	const char *name;
	const char *value;
	int count;
	bool is_broken;
};

/*
 * libmicrohttpd may take what stands on a folded line (RFC 9112, 5.2) for more of the header's
 * name, or blanks behind that: what begins as the name does, and is longer, is not passed over.
 */
static enum MHD_Result collect(void *data, enum MHD_ValueKind kind, const char *key,
			       const char *value)
{
	struct found *found = data;
	const size_t length = strlen(found->name);

	(void)kind;
	if (strncasecmp(key, found->name, length) != 0)
		return MHD_YES;
	found->value = value;
	found->count++;
	found->is_broken |= key[length] != '\0' || !value;
	return MHD_YES;
}

int connection_header(struct MHD_Connection *connection, const char *name, const char **value)
{
	struct found found = {.name = name};

	MHD_get_connection_values(connection, MHD_HEADER_KIND, collect, &found);
	*value = found.value;
	if (found.count == 0)
		return -ENOENT;
	return found.count > 1 || found.is_broken ? -EINVAL : 0;
}

/* -ENOENT: it says nothing of it; -EINVAL: it is malformed. */
static int level_in_header(struct MHD_Connection *connection, const char *header,
			   enum imp_level *level)
{
	const char *value;
	int error = connection_header(connection, header, &value);

	return error < 0 ? error : imp_level_parse(value, level);
}

bool connection_backend_level(struct MHD_Connection *connection, enum imp_level *level)
{
	*level = IMP_LEVEL_DELEGATION;
	return level_in_header(connection, BACKEND_LEVEL_HEADER, level) != -EINVAL;
}

struct imp_token *connection_token(struct MHD_Connection *connection, unsigned int *status,
				   const char **reason)
{
	struct client_connection *context = connection_of(connection);
	struct imp_token *token;
	enum imp_level level;
	int error = context ? context->error : -ENOMEM;

	if (error == -EPROTO) {
		*status = MHD_HTTP_BAD_REQUEST;
		*reason = "the client's socket is bound to a malformed impersonation level";
		return NULL;
	}
	if (error == -EUSERS) {
		*status = MHD_HTTP_SERVICE_UNAVAILABLE;
		*reason = "too many connections of this client";
		return NULL;
	}
	if (error == -EOWNERDEAD) {
		*status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		*reason = "the service's broker has ended: nobody can be served any more";
		return NULL;
	}
	if (error < 0) {
		*status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		*reason =
			error == -ESRCH ? "the anonymous account does not exist" : reason_of(error);
		return NULL;
	}

	error = level_in_header(connection, LEVEL_HEADER, &level);
	if (error == -ENOENT)
		return imp_token_ref(context->token);
	if (error < 0) {
		*status = MHD_HTTP_BAD_REQUEST;
		*reason = "malformed " LEVEL_HEADER;
		return NULL;
	}
	error = imp_token_at_request(context->token, level, &token);
	if (error < 0) {
		*status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		*reason =
			error == -ESRCH ? "the anonymous account does not exist" : reason_of(error);
		return NULL;
	}
	return token;
}
