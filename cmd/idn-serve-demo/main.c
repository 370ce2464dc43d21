/* SPDX-License-Identifier: MIT */
/* idn-serve-demo - an HTTP file service that does everything as whoever connects. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <syslog.h>
#include <unistd.h>

#include "cli/message.h"
#include "serve.h"

/* ------------------------------------------------------------------------------- options -- */

static mode_t parse_mode(const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (text[0] < '0' || text[0] > '7' || *end != '\0' || mode > 0777)
		die(EXIT_USAGE, "--socket-mode: %s: not an octal mode up to 0777", text);
	return (mode_t)mode;
}

static void check_range(const char *option, int value, int least, int most)
{
	if (value < least || value > most)
		die(EXIT_USAGE, "%s: %d: must be from %d to %d", option, value, least, most);
}

static void parse_options(int argc, const char **argv, struct options *options)
{
	char *mode = NULL;
	int option, quiet = 0;
	const struct poptOption table[] = {
		{"unix", 0, POPT_ARG_STRING, &options->socket_path, 0, "listen on a Unix socket",
		 "PATH"},
		{"root", 0, POPT_ARG_STRING, &options->root, 0,
		 "serve the files below DIR (default /)", "DIR"},
		{"threads", 0, POPT_ARG_INT, &options->threads, 0,
		 "serve by N threads (default: as many as processors)", "N"},
		{"user", 0, POPT_ARG_STRING, &options->user, 0,
		 "as root, go on as NAME (default: idn-demo, or a free uid)", "NAME"},
		{"stay-root", 0, POPT_ARG_NONE, &options->stay_root, 0, "as root, stay root", NULL},
		{"socket-mode", 0, POPT_ARG_STRING, &mode, 0, "the socket's mode (default 0666)",
		 "MODE"},
		{"max-header", 0, POPT_ARG_INT, &options->max_header, 0,
		 "bytes of request line and headers (default 16384)", "BYTES"},
		{"max-body", 0, POPT_ARG_INT, &options->max_body, 0,
		 "bytes of a request's body (default 1048576)", "BYTES"},
		{"max-connections", 0, POPT_ARG_INT, &options->max_connections, 0,
		 "connections at a time (default 1024)", "N"},
		{"max-client-connections", 0, POPT_ARG_INT, &options->max_client_connections, 0,
		 "connections at a time of one user (default 256)", "N"},
		{"timeout", 0, POPT_ARG_INT, &options->timeout, 0,
		 "close a connection after so long without a byte (default 30)", "SECONDS"},
		{"quiet", 'q', POPT_ARG_NONE, &quiet, 0, "leave warnings out", NULL},
		{"verbose", 'v', POPT_ARG_NONE, &options->verbose, 0,
		 "log what the HTTP library says", NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	poptContext context = poptGetContext("idn-serve-demo", argc, argv, table, 0);

	while ((option = poptGetNextOpt(context)) >= 0)
		answer_common_option(context, option);
	end_options(context, option, EXIT_USAGE);
	if (poptPeekArg(context))
		die(EXIT_USAGE, "%s: an argument is not expected", poptPeekArg(context));
	if (!options->socket_path && !getenv("LISTEN_FDS"))
		die(EXIT_USAGE, "nothing to listen on: try --unix PATH");
	if (options->user && options->stay_root)
		die(EXIT_USAGE, "--user and --stay-root exclude each other");
	if (mode)
		options->socket_mode = parse_mode(mode);
	check_range("--threads", options->threads, 1, 1024);
	check_range("--max-header", options->max_header, 1024, 1 << 24);
	check_range("--max-body", options->max_body, 0, 1 << 30);
	check_range("--max-connections", options->max_connections, 1, 1 << 20);
	check_range("--max-client-connections", options->max_client_connections, 1, 1 << 20);
	check_range("--timeout", options->timeout, 1, 86400);
	if (quiet)
		message_be_quiet();
	free(mode);
	poptFreeContext(context);
}

/* -------------------------------------------------------------------------------- service -- */

static void log_library(const struct imp_log_record *record, void *data)
{
	(void)data;
	if (record->priority == LOG_WARNING)
		warn_of("%s", record->message);
	else
		complain_of("%s", record->message);
}

static int open_root(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(EXIT_FAILED, "%s: %s", path, strerror(errno));
	return fd;
}

/* Blocked in every thread, and taken by the one that waits for them: nothing is interrupted. */
static int block_signals(void)
{
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);

	int fd = signalfd(-1, &ends, SFD_CLOEXEC);

	if (fd < 0)
		die(EXIT_FAILED, "signals: %s", strerror(errno));
	return fd;
}

static void wait_for_signal(int signal_fd)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof(info)) < 0 && errno == EINTR)
		;
}

/* Requests that have begun are answered; a second signal ends the wait. */
static int drain(struct MHD_Daemon *daemon, int signal_fd)
{
	int idle_fd = http_drain(daemon);
	struct pollfd events[] = {{.fd = signal_fd, .events = POLLIN},
				  {.fd = idle_fd, .events = POLLIN}};

	hold_drain();
	while (poll(events, 2, -1) < 0 && errno == EINTR)
		;
	if (!(events[1].revents & POLLIN)) {
		warn_of("interrupted before the last request was answered");
		return EXIT_FAILED;
	}
	MHD_stop_daemon(daemon);
	return EXIT_DRAINED;
}

static struct imp_policy *make_policy(void)
{
	struct imp_policy *policy;
	int error = imp_policy_new(&policy);

	if (error < 0)
		die(EXIT_FAILED, "policy: %s", reason_of(error));
	return policy;
}

static void prepare(const struct options *options, const struct imp_policy *policy)
{
	const char *missing;
	int error;

	if (geteuid() == 0) {
		error = imp_prepare_runtime_dir();
		if (error < 0)
			warn_of("the ledger's directory: %s", reason_of(error));
		if (!options->stay_root)
			drop_privilege(options, policy);
	} else if (options->user) {
		die(EXIT_FAILED, "--user: only root can become somebody else");
	}
	error = imp_prepare();
	if (error < 0)
		die(EXIT_FAILED, "cannot get ready to impersonate: %s", reason_of(error));
	if (imp_check_privilege(&missing) < 0)
		warn_of("%s is missing: clients other than this user itself cannot be served",
			missing);
}

int main(int argc, const char **argv)
{
	struct options options = {
		.root = "/",
		.socket_mode = 0666,
		.threads = (int)sysconf(_SC_NPROCESSORS_ONLN),
		.max_header = 16384,
		.max_body = 1 << 20,
		.max_connections = 1024,
		.max_client_connections = 256,
		.timeout = 30,
	};

	message_init("idn-serve-demo");
	parse_options(argc, argv, &options);
	imp_set_log(log_library, NULL);

	int signal_fd = block_signals();
	struct imp_policy *policy = make_policy();
	int root_fd = open_root(options.root);
	int listen_fd = listen_open(&options);

	prepare(&options, policy);

	struct MHD_Daemon *daemon = http_start(&options, policy, root_fd, listen_fd);

	printf("listening on %s\n",
	       options.socket_path ? options.socket_path : "an inherited socket");
	fflush(stdout);
	notify_manager("READY=1");
	wait_for_signal(signal_fd);

	notify_manager("STOPPING=1");
	int status = drain(daemon, signal_fd);

	listen_close(&options, listen_fd);
	imp_policy_unref(policy);
	return status;
}
