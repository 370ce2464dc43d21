/* SPDX-License-Identifier: MIT */
/* HTTP: connections and their tokens, requests and their levels, and the way to the work. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli/message.h"
#include "serve.h"

#define LEVEL_HEADER "Impersonation-Level"
#define THREAD_HEADER "Impersonation-Thread"

enum { HOLD_MAXIMUM_MS = 600000 };

static struct {
	const struct options *options;
	struct imp_policy *policy;
	int root_fd;
	int idle_fd; /* becomes readable when the last request has ended, once draining */
	atomic_int requests;
	atomic_bool draining;
} server;

/* One for each connection, from accept to close. */
struct connection {
	struct imp_token *token; /* NULL: error says why */
	int error;
	uid_t uid; /* counted against max_client_connections */
	bool counted;
};

/* One for each request. */
struct request {
	struct imp_token *token; /* at the level that the request asks for */
	struct hold *hold;
	uint64_t body; /* bytes of it so far, which nobody wants */
};

/* ----------------------------------------------------------------------- connections -- */

/* How many connections each uid has: a list, as long as there are different clients. */
static struct {
	pthread_mutex_t lock;
	struct {
		uid_t uid;
		int connections;
	} * users;
	size_t count, room;
} clients = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool count_client(uid_t uid)
{
	bool fits = false;
	size_t i = 0;

	pthread_mutex_lock(&clients.lock);
	while (i < clients.count && clients.users[i].uid != uid)
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
			clients.users[i].uid = uid;
			clients.users[i].connections = 0;
			clients.count++;
		}
		fits = clients.users[i].connections < server.options->max_client_connections;
		clients.users[i].connections += fits;
	}
	pthread_mutex_unlock(&clients.lock);
	return fits;
}

static void uncount_client(uid_t uid)
{
	pthread_mutex_lock(&clients.lock);
	for (size_t i = 0; i < clients.count; i++)
		if (clients.users[i].uid == uid && --clients.users[i].connections == 0) {
			clients.users[i] = clients.users[--clients.count];
			break;
		}
	pthread_mutex_unlock(&clients.lock);
}

static uid_t peer_uid(int fd)
{
	struct ucred peer = {.uid = IMP_NO_UID};
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid : IMP_NO_UID;
}

static void open_connection(struct MHD_Connection *connection, void **context)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *new = calloc(1, sizeof(*new));

	*context = new;
	if (!new || !info)
		return;
	new->uid = peer_uid(info->connect_fd);
	new->counted = count_client(new->uid);
	new->error = new->counted ? imp_token_from_connection(info->connect_fd, server.policy,
							      &new->token)
				  : -EUSERS;
}

static void close_connection(struct connection *connection)
{
	if (!connection)
		return;
	imp_token_unref(connection->token);
	if (connection->counted)
		uncount_client(connection->uid);
	free(connection);
}

static void notify_connection(void *unused, struct MHD_Connection *connection, void **context,
			      enum MHD_ConnectionNotificationCode code)
{
	(void)unused;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		open_connection(connection, context);
	else
		close_connection(*context);
}

static struct connection *context_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* -------------------------------------------------------------------------- responding -- */

static enum MHD_Result respond(struct MHD_Connection *connection, const struct imp_token *token,
			       pid_t tid, unsigned int status, struct MHD_Response *response)
{
	char thread[32];
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	snprintf(thread, sizeof(thread), "%d/%d", (int)getpid(), (int)(tid ? tid : gettid()));
	MHD_add_response_header(response, THREAD_HEADER, thread);
	if (token)
		MHD_add_response_header(response, LEVEL_HEADER,
					imp_level_name(imp_token_level(token)));
	if (atomic_load(&server.draining))
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* Takes over what is in REPLY. */
static enum MHD_Result respond_with(struct MHD_Connection *connection,
				    const struct imp_token *token, struct reply *reply)
{
	struct MHD_Response *response;
	pid_t tid = reply->tid;
	unsigned int status = reply->status;

	if (reply->fd >= 0)
		response = MHD_create_response_from_fd64(reply->size, reply->fd);
	else
		response = MHD_create_response_from_buffer(reply->size, reply->body,
							   MHD_RESPMEM_MUST_FREE);
	if (!response) {
		reply_clear(reply);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	return respond(connection, token, tid, status, response);
}

static enum MHD_Result respond_text(struct MHD_Connection *connection,
				    const struct imp_token *token, unsigned int status,
				    const char *text)
{
	struct reply reply = {.fd = -1};

	reply_text(&reply, status, "%s\n", text);
	return respond_with(connection, token, &reply);
}

/* -------------------------------------------------------------------------------- levels -- */

struct levels {
	const char *value;
	int count;
};

static enum MHD_Result collect_level(void *data, enum MHD_ValueKind kind, const char *key,
				     const char *value)
{
	struct levels *levels = data;

	(void)kind;
	if (strcasecmp(key, LEVEL_HEADER) == 0) {
		levels->value = value;
		levels->count++;
	}
	return MHD_YES;
}

/* The connection's token, at the level of this request; NULL and the reason where there is none. */
static struct imp_token *token_of(struct MHD_Connection *connection, unsigned int *status,
				  const char **reason)
{
	struct connection *context = context_of(connection);
	struct levels levels = {.count = 0};
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
		*reason = "too many connections of this user";
		return NULL;
	}
	if (error < 0) {
		*status = MHD_HTTP_INTERNAL_SERVER_ERROR;
		*reason =
			error == -ESRCH ? "the anonymous account does not exist" : reason_of(error);
		return NULL;
	}

	MHD_get_connection_values(connection, MHD_HEADER_KIND, collect_level, &levels);
	if (levels.count == 0)
		return imp_token_ref(context->token);
	if (levels.count > 1 || !levels.value || imp_level_parse(levels.value, &level) < 0) {
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

/* ------------------------------------------------------------------------------- routing -- */

/* Undoes %XX in place; false for what is malformed, and for %00, which would end the path early. */
static bool unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		unsigned int byte;

		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		if (strspn(text + 1, "0123456789abcdefABCDEF") < 2 ||
		    sscanf(text + 1, "%2x", &byte) != 1 || byte == 0)
			return false;
		*out++ = (char)byte;
		text += 2;
	}
	*out = '\0';
	return true;
}

/* Leaves the query's values alone too: they are read digit by digit. */
static size_t leave_escaped(void *unused, struct MHD_Connection *connection, char *text)
{
	(void)unused;
	(void)connection;
	return strlen(text);
}

static bool parse_milliseconds(const char *text, unsigned int *milliseconds)
{
	if (!text || !text[0] || strlen(text) > 6 || text[strspn(text, "0123456789")] != '\0')
		return false;
	*milliseconds = (unsigned int)strtoul(text, NULL, 10);
	return *milliseconds <= HOLD_MAXIMUM_MS;
}

static enum MHD_Result begin_hold(struct MHD_Connection *connection, struct request *request)
{
	const char *text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "ms");
	unsigned int milliseconds;

	if (!parse_milliseconds(text, &milliseconds))
		return respond_text(connection, request->token, MHD_HTTP_BAD_REQUEST,
				    "/hold?ms=N: N must be a number up to 600000");
	MHD_suspend_connection(connection);
	request->hold = hold_start(connection, request->token, milliseconds);
	if (request->hold)
		return MHD_YES;
	MHD_resume_connection(connection);
	return respond_text(connection, request->token, MHD_HTTP_SERVICE_UNAVAILABLE,
			    "too many threads are held");
}

static enum MHD_Result answer_hold(struct MHD_Connection *connection, struct request *request)
{
	struct MHD_Response *response;
	struct reply reply = {.fd = -1};

	if (hold_response(request->hold, &response, &reply) < 0) {
		if (!reply.body)
			return MHD_NO;
		return respond_with(connection, request->token, &reply);
	}
	return respond(connection, request->token, hold_thread(request->hold), MHD_HTTP_OK,
		       response);
}

static enum MHD_Result route(struct MHD_Connection *connection, struct request *request,
			     const char *url)
{
	static const struct {
		const char *prefix;
		enum work_kind kind;
	} kinds[] = {{"/files/", WORK_FILE}, {"/list/", WORK_LIST}};
	struct reply reply = {.fd = -1};

	if (strcmp(url, "/hold") == 0)
		return begin_hold(connection, request);
	if (strcmp(url, "/whoami") == 0) {
		work_do(WORK_WHOAMI, request->token, server.root_fd, "", &reply);
		return respond_with(connection, request->token, &reply);
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i].prefix);

		if (strncmp(url, kinds[i].prefix, length) != 0)
			continue;
		char *path = strdup(url + length + strspn(url + length, "/"));

		if (!path)
			return MHD_NO;
		if (unescape(path))
			work_do(kinds[i].kind, request->token, server.root_fd, path, &reply);
		else
			reply_text(&reply, MHD_HTTP_BAD_REQUEST, "malformed path\n");
		free(path);
		return respond_with(connection, request->token, &reply);
	}
	return respond_text(connection, request->token, MHD_HTTP_NOT_FOUND,
			    "nothing here by that name");
}

/* ------------------------------------------------------------------------------ requests -- */

static bool body_is_too_large(struct MHD_Connection *connection)
{
	const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
						       MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text && strtoull(text, NULL, 10) > (unsigned long long)server.options->max_body;
}

/* The headers are here, the body not yet: what is refused is refused now. */
static enum MHD_Result begin(struct MHD_Connection *connection, const char *method, void **context)
{
	unsigned int status;
	const char *reason;
	struct request *request = calloc(1, sizeof(*request));

	if (!request)
		return MHD_NO;
	*context = request;
	atomic_fetch_add(&server.requests, 1);

	request->token = token_of(connection, &status, &reason);
	if (!request->token)
		return respond_text(connection, NULL, status, reason);
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return respond_text(connection, request->token, MHD_HTTP_METHOD_NOT_ALLOWED,
				    "only GET and HEAD are served");
	if (body_is_too_large(connection))
		return respond_text(connection, request->token, MHD_HTTP_CONTENT_TOO_LARGE,
				    "the body is too large");
	return MHD_YES;
}

static enum MHD_Result answer(void *unused, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **context)
{
	struct request *request = *context;

	(void)unused;
	(void)version;
	(void)upload;
	if (!request)
		return begin(connection, method, context);
	if (*upload_size > 0) {
		request->body += *upload_size;
		*upload_size = 0;
		return MHD_YES;
	}
	if (request->hold)
		return answer_hold(connection, request);
	if (request->body > (uint64_t)server.options->max_body)
		return respond_text(connection, request->token, MHD_HTTP_CONTENT_TOO_LARGE,
				    "the body is too large");
	return route(connection, request, url);
}

static void tell_if_idle(void)
{
	if (atomic_load(&server.draining) && atomic_load(&server.requests) == 0)
		eventfd_write(server.idle_fd, 1);
}

static void completed(void *unused, struct MHD_Connection *connection, void **context,
		      enum MHD_RequestTerminationCode code)
{
	struct request *request = *context;

	(void)unused;
	(void)connection;
	(void)code;
	if (!request)
		return;
	imp_token_unref(request->token);
	if (request->hold)
		hold_unref(request->hold);
	free(request);
	*context = NULL;
	atomic_fetch_sub(&server.requests, 1);
	tell_if_idle();
}

/* -------------------------------------------------------------------------------- daemon -- */

static void log_http(void *unused, const char *format, va_list arguments) IMP_PRINTF(2, 0);

static void log_http(void *unused, const char *format, va_list arguments)
{
	char line[512];

	(void)unused;
	if (!server.options->verbose)
		return;
	vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\n")] = '\0';
	warn_of("http: %s", line);
}

struct MHD_Daemon *http_start(const struct options *options, struct imp_policy *policy, int root_fd,
			      int listen_fd)
{
	server.options = options;
	server.policy = policy;
	server.root_fd = root_fd;
	server.idle_fd = eventfd(0, EFD_CLOEXEC);
	if (server.idle_fd < 0)
		die(EXIT_FAILED, "eventfd: %s", strerror(errno));

	struct MHD_OptionItem pool[] = {
		{MHD_OPTION_THREAD_POOL_SIZE, options->threads, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0,
		NULL, NULL, answer, NULL, MHD_OPTION_EXTERNAL_LOGGER, log_http, NULL,
		MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_NOTIFY_CONNECTION,
		notify_connection, NULL, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)options->max_header,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)options->max_connections, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)options->timeout, MHD_OPTION_ARRAY,
		options->threads > 1 ? pool : pool + 1, MHD_OPTION_END);

	if (!daemon)
		die(EXIT_FAILED, "cannot start the HTTP server");
	return daemon;
}

int http_drain(struct MHD_Daemon *daemon)
{
	atomic_store(&server.draining, true);
	MHD_quiesce_daemon(daemon);
	tell_if_idle();
	return server.idle_fd;
}
