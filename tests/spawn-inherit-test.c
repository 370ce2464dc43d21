/* SPDX-License-Identifier: MIT */
/*
 * Commands of clients: what they inherit of the service, and what becomes of the service where they
 * are started by many threads, waited for by others, or come to nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/command.h"

enum { HIGH = 900 };

static struct who alice, bob;
static struct imp_token *as_alice, *as_bob;
static struct state service;
static struct said said;

static void set_out(const char *kind)
{
	who_is("alice", &alice);
	who_is("bob", &bob);
	as_alice = token_at(&alice, NULL, NULL);
	as_bob = token_at(&bob, NULL, NULL);
	while (waitpid(-1, NULL, 0) > 0) /* the clients, whose connections are closed */
		;
	become_service(kind);
	state_read(0, &service);
}

#define SHELL(script) command_of((const char *const[]){"/bin/sh", "-c", script, NULL})

/* -------------------------------------------------------------------------------- descriptors --
 */

static void descriptors(const char *kind)
{
	/* The fourth is ls's own, of the directory. */
	struct imp_spawn command =
		command_of((const char *const[]){"/bin/ls", "/proc/self/fd", NULL});
	struct rlimit limit;

	set_out(kind);
	int file = (int)SYSTEM(open("/dev/zero", O_RDONLY)); /* none is close-on-exec */

	for (int fd = file + 1; fd < file + 40; fd++)
		SYSTEM(dup2(file, fd));
	SYSTEM(dup2(file, HIGH));
	for (int i = 0; i < 2; i++) {
		MUST(command_heard(as_alice, &command, &said));
		SAME_TEXT(said.text, "0\n1\n2\n3\n");
		command.directory = (int)SYSTEM(open("/", O_RDONLY | O_DIRECTORY));
	}
	/* Nor what is above a limit that was lowered since. */
	SYSTEM(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 600;
	SYSTEM(setrlimit(RLIMIT_NOFILE, &limit));
	MUST(command_heard(as_alice, &command, &said));
	SAME_TEXT(said.text, "0\n1\n2\n3\n");
	SYSTEM(fcntl(HIGH, F_GETFD));
}

static int pipe_end(int *read_end)
{
	int ends[2];

	SYSTEM(pipe2(ends, O_CLOEXEC));
	*read_end = ends[0];
	return ends[1];
}

static void reads(int fd, const char *expected)
{
	char text[64] = "";

	SAME(SYSTEM(read(fd, text, sizeof(text) - 1)), (long)strlen(expected));
	SAME_TEXT(text, expected);
}

/* Each of the three at the place of another one, in every order, and two that are one. */
static void shuffled(const char *kind)
{
	static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0},
					{2, 0, 1}, {2, 1, 0}, {0, 1, 1}, {2, 1, 1}};
	struct imp_spawn command = SHELL("read word; echo out $word; echo error >&2");

	set_out(kind);
	int kept = (int)SYSTEM(fcntl(2, F_DUPFD_CLOEXEC, 100));

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		int in = orders[i][0], out = orders[i][1], error = orders[i][2];
		int ends[2], from_out, from_error, status;
		pid_t pid;

		SYSTEM(pipe2(ends, O_CLOEXEC));
		int to_out = pipe_end(&from_out), to_error = pipe_end(&from_error);

		/* Above the three: whichever of them was free is in use now. */
		SYSTEM(dup2(ends[0], in));
		SYSTEM(dup2(to_error, error));
		SYSTEM(dup2(to_out, out));
		command.stdin_fd = in;
		command.stdout_fd = out;
		command.stderr_fd = error;
		SAME(write(ends[1], "word\n", 5), 5);
		int result = imp_spawn(as_alice, &command, &pid);

		SYSTEM(dup2(kept, 2));
		MUST(result);
		SAME(SYSTEM(waitpid(pid, &status, 0)), pid);
		SAME(status, 0);
		if (out == error) {
			reads(from_out, "out word\nerror\n");
		} else {
			reads(from_out, "out word\n");
			reads(from_error, "error\n");
		}
	}
}

/* A service that has none of the three itself. */
static void none_of_three(const char *kind)
{
	struct imp_spawn command =
		command_of((const char *const[]){"/bin/ls", "/proc/self/fd", NULL});

	set_out(kind);
	int kept = (int)SYSTEM(fcntl(2, F_DUPFD_CLOEXEC, 100));

	close(0);
	close(1);
	close(2);
	int error = command_heard(as_alice, &command, &said);

	SYSTEM(dup2(kept, 2));
	MUST(error);
	SAME_TEXT(said.text, "0\n1\n2\n3\n");
}

static void nowhere(const char *kind)
{
	struct imp_spawn command = SHELL("readlink /proc/$$/fd/0; readlink /proc/$$/fd/2; cat");
	int status;
	pid_t pid;

	set_out(kind);
	MUST(command_heard(as_alice, &command, &said));
	SAME_TEXT(said.text, "/dev/null\n/dev/null\n");
	command.stdout_fd = -1;
	MUST(imp_spawn(as_alice, &command, &pid));
	SAME(SYSTEM(waitpid(pid, &status, 0)), pid);
	SAME(status, 0); /* whoever cannot write says so */
}

/* ------------------------------------------------------------------------------------ signals --
 */

static void handle(int number)
{
	(void)number;
}

/* All that may be is blocked, caught or ignored; the thread is afterwards what it was. */
static void signals(const char *kind)
{
	static const char *const sets[] = {"SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"};
	struct imp_spawn command =
		command_of((const char *const[]){"/bin/cat", "/proc/self/status", NULL});
	sigset_t all, before, after;
	char line[64];

	set_out(kind);
	for (int number = 1; number <= SIGRTMAX; number++)
		if (number != SIGCHLD)
			signal(number, number % 2 ? SIG_IGN : handle);
	sigfillset(&all);
	sigdelset(&all, SIGUSR1);
	SAME(pthread_sigmask(SIG_SETMASK, &all, NULL), 0);
	SAME(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
	SYSTEM(kill(getpid(), SIGUSR2)); /* pending is the service's, too */
	MUST(command_heard(as_alice, &command, &said));
	SAME(said.status, 0);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		snprintf(line, sizeof(line), "%s:\t0000000000000000\n", sets[i]);
		CONTAINS(said.text, line);
	}
	SAME(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	SAME(memcmp(&before, &after, sizeof(before)), 0);
	SAME(signal(SIGUSR2, handle) == handle, 1);
}

/* ----------------------------------------------------------------------------------- the rest --
 */

static void place(const char *kind)
{
	struct imp_spawn command = SHELL("umask; pwd; echo $(cut -d' ' -f5,6 /proc/$$/stat) $$");
	char expected[256];
	int pgrp, session, pid;

	set_out(kind);
	SYSTEM(mkdir(scratch("place"), 0755));
	SYSTEM(chdir("/usr"));
	umask(027);
	MUST(command_heard(as_alice, &command, &said));
	snprintf(expected, sizeof(expected), "0027\n/usr\n%d %d ", getpgrp(), getsid(0));
	CONTAINS(said.text, expected);

	command.new_session = true;
	command.directory = (int)SYSTEM(open(scratch("place"), O_PATH | O_DIRECTORY | O_CLOEXEC));
	MUST(command_heard(as_alice, &command, &said));
	snprintf(expected, sizeof(expected), "0027\n%s\n", scratch("place"));
	CONTAINS(said.text, expected);
	SAME(sscanf(said.text + strlen(expected), "%d %d %d", &pgrp, &session, &pid), 3);
	SAME(session, pid);
	SAME(pgrp, pid);
}

static void environment(const char *kind)
{
	static char word[] = "WORD=a b";
	static char *const words[] = {word, NULL};
	struct imp_spawn command = command_of((const char *const[]){"/usr/bin/env", NULL});

	set_out(kind);
	SYSTEM(setenv("SECRET", "of the service", 1));
	command.environment = words;
	MUST(command_heard(as_alice, &command, &said));
	SAME_TEXT(said.text, "WORD=a b\n");
	command.environment = NULL;
	MUST(command_heard(as_alice, &command, &said));
	SAME_TEXT(said.text, "");
}

/* ------------------------------------------------------------------------------------- threads --
 */

enum { THREADS = 8, ROUNDS = 20 };

struct worker {
	pthread_t thread;
	struct who who;
	struct imp_token *token, *other;
	bool impersonates;
};

static void *spawn_many(void *data)
{
	static _Thread_local struct state seen, expected, own;
	static const char *const missing[] = {"/bin/no-such-program", NULL};
	const struct worker *worker = data;
	struct imp_spawn command = command_of(missing);
	pid_t pid;

	if (worker->impersonates)
		MUST(imp_impersonate(worker->other));
	state_read(0, &own);
	state_for_good(&service, &worker->who, &expected);
	for (int i = 0; i < ROUNDS; i++) {
		command_state(worker->token, &seen);
		check_states(__FILE__, __LINE__, &seen, &expected);
		SAME(imp_spawn(worker->token, &command, &pid), -ENOENT);
		STATE_IS(0, &own);
		MUST(imp_assert(worker->impersonates ? worker->other : NULL));
	}
	imp_revert();
	return NULL;
}

static void threads(const char *kind)
{
	static struct worker workers[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		who_with_groups(3000 + i, i, &workers[i].who);
		workers[i].token = token_at(&workers[i].who, NULL, NULL);
		workers[i].impersonates = i % 2;
	}
	for (unsigned i = 0; i < THREADS; i++)
		workers[i].other = workers[(i + 3) % THREADS].token;
	set_out(kind);
	MUST(imp_prepare());
	for (unsigned i = 0; i < THREADS; i++)
		SAME(pthread_create(&workers[i].thread, NULL, spawn_many, &workers[i]), 0);
	for (unsigned i = 0; i < THREADS; i++)
		SAME(pthread_join(workers[i].thread, NULL), 0);
	no_child_is_left();
	STATE_IS(0, &service);
}

/* --------------------------------------------------------------- whoever waits for its children --
 */

static volatile int reaped, done;

static void *reap_all(void *unused)
{
	while (!done)
		if (waitpid(-1, NULL, 0) > 0)
			reaped++;
		else
			sched_yield();
	return unused;
}

static void fail_often(int times)
{
	struct imp_spawn command = command_of((const char *const[]){"/bin/no-such-program", NULL});
	pid_t pid;

	for (int i = 0; i < times; i++)
		SAME(imp_spawn(as_alice, &command, &pid), -ENOENT);
}

/* A thread that takes every child there is hears of those that run a command, and of no others. */
static void waited_for(const char *kind)
{
	struct imp_spawn command = command_of((const char *const[]){"/bin/true", NULL});
	pthread_t thread;
	pid_t pid;

	set_out(kind);
	SAME(pthread_create(&thread, NULL, reap_all, NULL), 0);
	for (int i = 0; i < 20; i++) {
		fail_often(10);
		MUST(imp_spawn(as_alice, &command, &pid));
	}
	while (reaped < 20)
		sched_yield();
	done = 1;
	SAME(pthread_join(thread, NULL), 0);
	SAME(reaped, 20);
	no_child_is_left();
}

/* SIGCHLD ignored: the kernel keeps no dead child for anybody. */
static void ignored(const char *kind)
{
	struct imp_spawn command = SHELL("trap : CHLD; echo ran");
	int ends[2];
	char text[16] = "";
	pid_t pid;

	set_out(kind);
	signal(SIGCHLD, SIG_IGN);
	fail_often(10);
	no_child_is_left();
	SYSTEM(pipe2(ends, O_CLOEXEC));
	command.stdout_fd = ends[1];
	MUST(imp_spawn(as_alice, &command, &pid));
	close(ends[1]);
	SAME(read(ends[0], text, sizeof(text)), 4);
	SAME(read(ends[0], text, sizeof(text)), 0);
	REFUSED(waitpid(pid, NULL, 0), ECHILD);
}

/* ------------------------------------------------------------------------------------- faults --
 */

/* A call that is refused until strace has it succeed. */
static bool is_traced(void)
{
	return syscall(SYS_getpriority, -1, 0) >= 0;
}

/* One command under faults: it was alice's, or nobody's. */
static _Noreturn void be_service(const char *kind, int ready)
{
	static const char *const arguments[] = {"/bin/cat", "/proc/self/status", NULL};
	static struct state seen, expected, acting;
	struct imp_spawn command = command_of(arguments);

	set_out(kind);
	MUST(imp_impersonate(as_bob));
	state_acting(&service, &bob, &acting);
	command.new_session = true;
	command.directory = (int)SYSTEM(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	SYSTEM(prctl(PR_SET_PDEATHSIG, SIGKILL));
	SAME(write(ready, "", 1), 1);
	while (!is_traced())
		sched_yield();
	make_a_hundred_calls();

	int error = command_heard(as_alice, &command, &said);

	printf("spawn %d\n", error);
	if (error == 0 && said.status == 0) {
		FILE *file = fmemopen(said.text, strlen(said.text), "r");

		state_parse(file, "what the command said", &seen);
		fclose(file);
		state_for_good(&service, &alice, &expected);
		check_states(__FILE__, __LINE__, &seen, &expected);
	}
	no_child_is_left();
	STATE_IS(0, &acting);
	fflush(stdout);
	_exit(PASSED);
}

/*
 * FAULT is for strace, which sees the service only once it is one, and each of its children, and
 * counts the calls of each: the service makes a hundred of each kind first.
 */
static void fault(const char *kind)
{
	const char *inject = getenv("FAULT");
	char target[16], expression[128], byte;
	int ready, says = pipe_end(&ready);
	pid_t child = (pid_t)SYSTEM(fork());

	if (child == 0)
		be_service(kind, says);
	close(says);
	if (read(ready, &byte, 1) != 1)
		wait_for(child);
	snprintf(target, sizeof(target), "%d", (int)child);
	snprintf(expression, sizeof(expression), "inject=%s", inject ? inject : "");

	pid_t tracer = (pid_t)SYSTEM(fork());

	if (tracer == 0) {
		execlp("strace", "strace", "-f", "-qq", "-o", "/dev/null", "-e", "signal=none",
		       "-e", "inject=getpriority:retval=1", "-e", expression, "-p", target,
		       (char *)NULL);
		FAIL("strace: expected to run, saw: %s", strerror(errno));
	}
	wait_for(child);
	wait_for(tracer);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"descriptors", descriptors},
		{"shuffled", shuffled},
		{"none-of-three", none_of_three},
		{"nowhere", nowhere},
		{"signals", signals},
		{"place", place},
		{"environment", environment},
		{"threads", threads},
		{"waited-for", waited_for},
		{"ignored", ignored},
		{"fault", fault},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
