/* SPDX-License-Identifier: MIT */
/*
 * The guard is the broker's parent, has no privilege, and waits: when the broker ends, however that
 * came, it ends all tokens, which the service could otherwise go on using.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/credentials.h"
#include "ring/confine.h"
#include "ring/guard.h"
#include "ring/registry.h"

/* Whoever stops a service sends these to all of its processes; these two end with it instead. */
static void ignore_signals(void)
{
	static const int ignored[] = {SIGTERM, SIGINT,	SIGHUP,	 SIGQUIT, SIGPIPE, SIGUSR1,
				      SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU, SIGALRM};
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void run_broker(const struct broker_setup *setup, const int guard[2])
{
	struct broker_setup own = *setup;

	close(guard[1]);
	own.guard = guard[0];
	prctl(PR_SET_NAME, "imp-broker");
	broker_run(&own);
}

/* The broker sees it end by PIPE, whose other end it has. */
static _Noreturn void run_guard(const struct broker_setup *setup, int pipe)
{
	int keep[BROKER_SEATS_MAXIMUM + 1], status;
	unsigned int n = 0;

	prctl(PR_SET_NAME, "imp-guard");
	for (; n < setup->n_seats; n++)
		keep[n] = setup->rings[n];
	keep[n++] = pipe;
	if (confine_descriptors(keep, n) < 0 || confine_user() < 0 ||
	    credentials_make_undumpable() < 0)
		_exit(1); /* the broker goes with it */
	confine_root();
	registry_begin(setup);
	if (confine_capabilities(0) < 0 || confine_guard() < 0)
		_exit(1);
	/* With all of its threads, of which one may be registering somebody. */
	while (waitpid(-1, &status, __WALL) > 0 || errno == EINTR)
		;
	if (!setup->keep_tokens)
		registry_end();
	_exit(0);
}

static atomic_bool *make_registered(void)
{
	void *memory = mmap(NULL, sizeof(atomic_bool) * (REGISTRY_NUMBERS + 1),
			    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static _Noreturn void run_both(const struct broker_setup *given)
{
	struct broker_setup both = *given;
	const struct broker_setup *setup = &both;
	int guard[2];
	pid_t broker;

	setsid();
	ignore_signals();
	imp_set_log(NULL, NULL); /* the service's, and nothing to be had here */
	both.registered = make_registered();
	if (!both.registered || pipe2(guard, O_CLOEXEC) < 0)
		_exit(1);
	broker = fork();
	if (broker == 0)
		run_broker(setup, guard);
	close(guard[0]);
	if (broker < 0)
		_exit(1);
	run_guard(setup, guard[1]);
}

/*
 * Not the guard's child, which waits for all that it has, and is not to wait for who parses what
 * clients send.  *TO_ACCEPTOR, the broker's, stays -1 where there is to be none.
 */
static int fork_acceptor(const struct acceptor_setup *setup, int *to_acceptor)
{
	int ends[2];
	pid_t acceptor;

	if (!setup->options)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ||
	    fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) /* the broker waits for nobody */
		return -errno;
	acceptor = fork();
	if (acceptor == 0) {
		setsid();
		ignore_signals();
		prctl(PR_SET_NAME, "imp-acceptor");
		acceptor_run(setup, ends[1]);
	}
	close(ends[1]);
	*to_acceptor = ends[0];
	return acceptor < 0 ? -errno : 0;
}

static _Noreturn void run_between(const struct broker_setup *setup,
				  const struct acceptor_setup *acceptor)
{
	struct broker_setup own = *setup;
	int error = fork_acceptor(acceptor, &own.acceptor);
	pid_t guard;

	if (error < 0)
		_exit(-error);
	guard = fork();
	if (guard == 0)
		run_both(&own);
	_exit(guard < 0 ? errno : 0);
}

int guard_start(const struct broker_setup *setup, const struct acceptor_setup *acceptor)
{
	pid_t between = fork();
	int status;

	if (between < 0)
		return -errno;
	if (between == 0)
		run_between(setup, acceptor);
	while (waitpid(between, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}
