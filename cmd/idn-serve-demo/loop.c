/* SPDX-License-Identifier: MIT */
/*
 * The threads that serve connections.  One that has been a client stays it for half a millisecond
 * more, since the next request may well be of the same one; before it waits any longer, it reverts.
 */
#include <errno.h>
#include <poll.h>
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

struct loop {
	struct MHD_Daemon *daemon;
	pthread_t thread;
	int wake_fd; /* readable: a connection was resumed, or it is over */
};

static struct {
	const struct options *options;
	struct loop *loops;
	int count;
	atomic_bool stopping;
} server;

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

/* Leaves the query's values alone too: they are read digit by digit, or handed on. */
static size_t leave_escaped(void *unused, struct MHD_Connection *connection, char *text)
{
	(void)unused;
	(void)connection;
	return strlen(text);
}

/* ------------------------------------------------------------------------------- serving -- */

/* How long a thread that has been a client waits as that: a revert and a switch take some of it. */
enum { LINGER_NS = 500000 };

static int wait_for_events(struct pollfd events[2], const struct timespec *timeout)
{
	int n = ppoll(events, 2, timeout, NULL);

	if (n < 0 && errno != EINTR)
		die(EXIT_FAILED, "poll: %s", strerror(errno));
	return n;
}

/* Until something happens, or the library has something to do; as the service, if that takes long.
 */
static void wait_for_more(struct pollfd events[2], struct MHD_Daemon *daemon)
{
	const struct timespec linger = {.tv_nsec = LINGER_NS}, none = {.tv_nsec = 0};
	MHD_UNSIGNED_LONG_LONG limit;
	bool limited = MHD_get_timeout(daemon, &limit) == MHD_YES;
	struct timespec timeout;

	if (wait_for_events(events, limited && limit == 0 ? &none : &linger) > 0)
		return;
	imp_revert();
	if (!limited) {
		wait_for_events(events, NULL);
		return;
	}
	if (limit > 60000)
		limit = 60000;
	timeout = (struct timespec){.tv_sec = (time_t)(limit / 1000),
				    .tv_nsec = (long)(limit % 1000) * 1000000};
	wait_for_events(events, &timeout);
}

static void *serve(void *data)
{
	struct loop *loop = data;
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd events[] = {{.fd = info->epoll_fd, .events = POLLIN},
				  {.fd = loop->wake_fd, .events = POLLIN}};
	eventfd_t wakes;

	pthread_setname_np(pthread_self(), "serve");
	while (!atomic_load(&server.stopping)) {
		wait_for_more(events, loop->daemon);
		if (events[1].revents & POLLIN)
			eventfd_read(loop->wake_fd, &wakes);
		MHD_run(loop->daemon);
	}
	imp_revert();
	return NULL;
}

/* The library would wake only a thread of its own making. */
void loop_resume(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_DAEMON);
	const struct MHD_Daemon *daemon = info->daemon;

	MHD_resume_connection(connection);
	for (int i = 0; i < server.count; i++)
		if (server.loops[i].daemon == daemon)
			eventfd_write(server.loops[i].wake_fd, 1);
}

/* ------------------------------------------------------------------------ beginning and end -- */

static struct MHD_Daemon *make_daemon(const struct options *options, int listen_fd)
{
	/* Each has its part of what is allowed, and one more where that does not come out even. */
	unsigned int connections =
		(unsigned int)((options->max_connections + options->threads - 1) /
			       options->threads);
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		http_answer, NULL, MHD_OPTION_EXTERNAL_LOGGER, log_http, NULL,
		MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_NOTIFY_CONNECTION,
		connection_notify, NULL, MHD_OPTION_NOTIFY_COMPLETED, http_completed, NULL,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)options->max_header,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT, connections,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)options->timeout, MHD_OPTION_END);

	if (!daemon)
		die(EXIT_FAILED, "cannot start the HTTP server");
	return daemon;
}

void loop_start(const struct options *options, int listen_fd)
{
	server.options = options;
	server.count = options->threads;
	server.loops = calloc((size_t)server.count, sizeof(*server.loops));
	if (!server.loops)
		die(EXIT_FAILED, "out of memory");
	for (int i = 0; i < server.count; i++) {
		server.loops[i].wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (server.loops[i].wake_fd < 0)
			die(EXIT_FAILED, "eventfd: %s", strerror(errno));
		server.loops[i].daemon = make_daemon(options, listen_fd);
	}
	for (int i = 0; i < server.count; i++) {
		int error =
			imp_thread_create(&server.loops[i].thread, NULL, serve, &server.loops[i]);

		if (error < 0)
			die(EXIT_FAILED, "cannot start %d threads: %s", server.count,
			    reason_of(error));
	}
}

void loop_quiesce(void)
{
	for (int i = 0; i < server.count; i++)
		MHD_quiesce_daemon(server.loops[i].daemon);
}

void loop_stop(void)
{
	atomic_store(&server.stopping, true);
	for (int i = 0; i < server.count; i++)
		eventfd_write(server.loops[i].wake_fd, 1);
	for (int i = 0; i < server.count; i++) {
		pthread_join(server.loops[i].thread, NULL);
		MHD_stop_daemon(server.loops[i].daemon);
		close(server.loops[i].wake_fd);
	}
	free(server.loops);
}
