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
#include <unistd.h>

#include "cli/journal.h"
#include "cli/message.h"
#include "next.h"

#define DEFAULT_POLICY "/etc/impersonate/idn-serve-demo.conf"

/* ------------------------------------------------------------------------------- options -- */

static mode_t parse_mode(const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (text[0] < '0' || text[0] > '7' || *end != '\0' || mode > 0777)
		die(EXIT_USAGE, "--socket-mode: %s: not an octal mode up to 0777", text);
	return (mode_t)mode;
}

static enum imp_level parse_level(const char *option, const char *text)
{
	enum imp_level level;

	if (imp_level_parse(text, &level) < 0)
		die(EXIT_USAGE, "%s: %s: no such level", option, text);
	return level;
}

static enum defect parse_defect(const char *text)
{
	enum defect defect = defect_by_name(text);

	if (defect == DEFECT_NONE)
		die(EXIT_USAGE, "--demo-defect: %s: no such defect", text);
	return defect;
}

static void check_range(const char *option, int value, int least, int most)
{
	if (value < least || value > most)
		die(EXIT_USAGE, "%s: %d: must be from %d to %d", option, value, least, most);
}

static void check_listening(const struct options *options)
{
	if (!options->socket_path && !options->tcp_address && !getenv("LISTEN_FDS"))
		die(EXIT_USAGE, "nothing to listen on: try --unix PATH or --tcp ADDR:PORT");
	if (options->socket_path && options->tcp_address)
		die(EXIT_USAGE, "--unix and --tcp exclude each other");
	if (options->socket_path && options->keytab)
		die(EXIT_USAGE,
		    "--keytab is for --tcp: of a Unix socket the kernel knows the client");
	if (!options->keytab && options->accept_principal)
		die(EXIT_USAGE, "--accept-principal needs --keytab");
	if (!options->keytab && options->replay_cache)
		die(EXIT_USAGE, "--replay-cache needs --keytab");
}

static void parse_options(int argc, const char **argv, struct options *options)
{
	char *mode = NULL, *defect = NULL, *log = NULL, *backend_level = NULL, *engine = NULL;
	int option, quiet = 0;
	const struct poptOption table[] = {
		{"unix", 0, POPT_ARG_STRING, &options->socket_path, 0, "listen on a Unix socket",
		 "PATH"},
		{"tcp", 0, POPT_ARG_STRING, &options->tcp_address, 0,
		 "listen on a TCP port, any for 0", "ADDR:PORT"},
		{"keytab", 0, POPT_ARG_STRING, &options->keytab, 0,
		 "with --tcp: authenticate clients by Kerberos, with these keys", "FILE"},
		{"accept-principal", 0, POPT_ARG_STRING, &options->accept_principal, 0,
		 "accept only tickets for NAME (default: for any in the keytab)", "NAME"},
		{"replay-cache", 0, POPT_ARG_STRING, &options->replay_cache, 0,
		 "where used tickets are noted (default: libkrb5's)", "NAME"},
		{"root", 0, POPT_ARG_STRING, &options->root, 0,
		 "serve the files below DIR (default /)", "DIR"},
		{"policy", 0, POPT_ARG_STRING, &options->policy_path, 0,
		 "the policy (default /etc/impersonate/idn-serve-demo.conf, if it is there)",
		 "FILE"},
		{"backend", 0, POPT_ARG_STRING, &options->backend, 0,
		 "the server that /backend/ leads to", "unix:PATH|http://HOST:PORT"},
		{"backend-principal", 0, POPT_ARG_STRING, &options->backend_principal, 0,
		 "who it has to be (default HTTP/HOST)", "SERVICE/HOST[@REALM]"},
		{"backend-level", 0, POPT_ARG_STRING, &backend_level, 0,
		 "ask it for no more than this level (default delegation)", "LEVEL"},
		{"threads", 0, POPT_ARG_INT, &options->threads, 0,
		 "serve by N threads (default: as many as processors)", "N"},
		{"workers", 0, POPT_ARG_INT, &options->workers, 0,
		 "do what may take long in N further ones (default 16)", "N"},
		{"user", 0, POPT_ARG_STRING, &options->user, 0,
		 "as root, go on as NAME (default: idn-demo, or a free uid)", "NAME"},
		{"engine", 0, POPT_ARG_STRING, &engine, 0,
		 "serve clients by ring, thread or auto: ring, where it can be (default auto)",
		 "NAME"},
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
		 "connections at a time of one user, or from one address (default 256)", "N"},
		{"timeout", 0, POPT_ARG_INT, &options->timeout, 0,
		 "close a connection after so long without a byte (default 30)", "SECONDS"},
		{"demo-defect", 0, POPT_ARG_STRING, &defect, 0,
		 "make a mistake on purpose: no-flow, forgotten-revert, born-impersonating, "
		 "raw-setresuid, glibc-seteuid or lazy-channel",
		 "NAME"},
		{"log", 0, POPT_ARG_STRING, &log, 0,
		 "log to the journal, syslog or stderr (default auto)", "WHERE"},
		{"quiet", 'q', POPT_ARG_NONE, &quiet, 0, "leave warnings out on stderr", NULL},
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
	check_listening(options);
	if (options->user && options->stay_root)
		die(EXIT_USAGE, "--user and --stay-root exclude each other");
	if (mode)
		options->socket_mode = parse_mode(mode);
	if (backend_level)
		options->backend_level = parse_level("--backend-level", backend_level);
	next_parse(options);
	if (defect)
		options->defect = parse_defect(defect);
	if (engine)
		engine_parse(engine, options);
	check_range("--threads", options->threads, 1, 1024);
	check_range("--workers", options->workers, 1, 1024);
	check_range("--max-header", options->max_header, 1024, 1 << 24);
	check_range("--max-body", options->max_body, 0, 1 << 30);
	check_range("--max-connections", options->max_connections, 1, 1 << 20);
	check_range("--max-client-connections", options->max_client_connections, 1, 1 << 20);
	check_range("--timeout", options->timeout, 1, 86400);
	if (log && !journal_parse(log, &options->log))
		die(EXIT_USAGE, "--log: %s: must be auto, journal, syslog or stderr", log);
	if (quiet)
		message_be_quiet();
	free(backend_level);
	free(log);
	free(mode);
	free(defect);
	free(engine);
	poptFreeContext(context);
}

/* -------------------------------------------------------------------------------- service -- */

static void open_log(const struct options *options)
{
	int error = journal_open("idn-serve-demo", options->log);

	if (error < 0)
		die(EXIT_FAILED, "--log: %s",
		    error == -ENOTSUP ? "built without the journal" : "there is none here");
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
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may grow no more is an answer, and not the end */

	int fd = signalfd(-1, &signals, SFD_CLOEXEC);

	if (fd < 0)
		die(EXIT_FAILED, "signals: %s", strerror(errno));
	return fd;
}

/* The one that came; 0: none that is known. */
static int take_signal(int signal_fd)
{
	struct signalfd_siginfo info;
	ssize_t n;

	do
		n = read(signal_fd, &info, sizeof(info));
	while (n < 0 && errno == EINTR);
	return n == sizeof(info) ? (int)info.ssi_signo : 0;
}

/* Requests that have begun are answered; a second signal ends the wait. */
static int drain(int signal_fd)
{
	loop_quiesce();
	exchange_stop();

	int idle_fd = http_drain();
	struct pollfd events[] = {{.fd = signal_fd, .events = POLLIN},
				  {.fd = idle_fd, .events = POLLIN}};

	do {
		while (poll(events, 2, -1) < 0 && errno == EINTR)
			;
	} while ((events[0].revents & POLLIN) && take_signal(signal_fd) == SIGHUP);
	if (!(events[1].revents & POLLIN)) {
		warn_of("interrupted before the last request was answered");
		return EXIT_FAILED;
	}
	loop_stop();
	exchange_end();
	return EXIT_DRAINED;
}

/* ---------------------------------------------------------------------------------- policy -- */

/* NULL, where there is none and none was asked for: the defaults.  False: it has been said why. */
static bool load_policy(const struct options *options, struct imp_policy **policy)
{
	const char *path = options->policy_path ? options->policy_path : DEFAULT_POLICY;
	struct imp_policy_problem problem = {.line = 0};
	int error = imp_policy_load(path, policy, &problem);

	if (error == 0)
		return true;
	*policy = NULL;
	if (error == -ENOENT && !options->policy_path)
		return true;
	if (problem.line)
		complain_of("%s: %u:%u: %s", path, problem.line, problem.column, problem.text);
	else
		complain_of("%s: %s", path, problem.text[0] ? problem.text : reason_of(error));
	return false;
}

static struct imp_policy *first_policy(const struct options *options)
{
	struct imp_policy *policy;

	if (!load_policy(options, &policy))
		exit(EXIT_FAILED);
	if (!policy && imp_policy_new(&policy) < 0)
		die(EXIT_FAILED, "out of memory");
	return policy;
}

/* As a whole, or not at all. */
static void reload_policy(const struct options *options)
{
	struct imp_policy *policy;

	notify_reloading();
	if (load_policy(options, &policy)) {
		imp_policy_install(policy);
		imp_policy_unref(policy);
		printf("the policy was read again\n");
		fflush(stdout);
	} else {
		complain_of("the policy stays as it was");
	}
	notify_manager("READY=1");
}

static void prepare(const struct options *options, struct imp_policy *policy, int listen_fd)
{
	const char *missing;
	enum imp_engine engine;
	int error;

	keys_prepare();
	if (geteuid() == 0) {
		error = imp_prepare_runtime_dir();
		if (error < 0)
			warn_of("the ledger's directory: %s", reason_of(error));
	} else if (options->user) {
		die(EXIT_FAILED, "--user: only root can become somebody else");
	}
	engine = engine_start(options, policy, listen_fd);
	/* The keytab may be one that only root can read. */
	authenticate_prepare(options, engine);
	drop_privilege(options, policy, engine);
	engine_tell();
	error = imp_prepare();
	if (error < 0)
		die(EXIT_FAILED, "cannot get ready to impersonate: %s", reason_of(error));
	if (engine == IMP_ENGINE_THREAD && imp_check_privilege(&missing) < 0)
		warn_of("%s is missing: clients other than this user itself cannot be served",
			missing);
	error = journal_start();
	if (error < 0)
		die(EXIT_FAILED, "log: %s", reason_of(error));
}

int main(int argc, const char **argv)
{
	/* In a place that lasts as long as the process, as the strings do that it points to. */
	static struct options options;
	int signal_number;

	options = (struct options){
		.root = "/",
		.socket_mode = 0666,
		.backend_level = IMP_LEVEL_DELEGATION,
		.threads = (int)sysconf(_SC_NPROCESSORS_ONLN),
		.workers = 16,
		.max_header = 16384,
		.max_body = 1 << 20,
		.max_connections = 1024,
		.max_client_connections = 256,
		.timeout = 30,
	};
	message_init("idn-serve-demo");
	parse_options(argc, argv, &options);
	open_log(&options);

	int signal_fd = block_signals();
	struct imp_policy *policy = first_policy(&options);
	int root_fd = open_root(options.root);
	int listen_fd = listen_passed(&options);

	ask_prepare(&options);

	/* What can fail has not: clients find a name only now. */
	if (listen_fd < 0)
		listen_fd = listen_open(&options);
	prepare(&options, policy, listen_fd);
	imp_policy_install(policy);
	imp_policy_unref(policy);
	connection_prepare(&options);
	http_prepare(&options);
	exchange_prepare(&options, root_fd);
	loop_start(&options, listen_fd);

	printf("listening on %s\n", listen_name() ? listen_name() : "an inherited socket");
	fflush(stdout);
	notify_manager("READY=1");
	while ((signal_number = take_signal(signal_fd)) == SIGHUP)
		reload_policy(&options);

	notify_manager("STOPPING=1");
	int status = drain(signal_fd);

	listen_close(&options, listen_fd);
	journal_close();
	return status;
}
