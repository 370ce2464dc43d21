/* SPDX-License-Identifier: MIT */
/* What becomes of a channel: the other end goes and comes, threads share it, processes fork. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

static int server = -1;

static void call(void)
{
	server = call_over(server);
}

static void fail_to_call(void)
{
	SAME(begin(), -ESTALE);
}

/* ----------------------------------------------------------------------------- reconnecting -- */

static void call_nobody(void)
{
	SAME(begin(), -ENOENT);
}

static void restart(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	in_thread(as_alice, call);
	peer_is(server, &alice, "impersonation");

	close(server);
	close(listener);
	SYSTEM(unlink(path));
	in_thread(as_bob, call_nobody);
	listener = listen_at("next");
	server = -1;
	in_thread(as_bob, call);
	peer_is(server, &bob, "impersonation");
	SAME(told.count, 0); /* nobody's identity was used for another's call */

	/* And from now on it is bob's. */
	in_thread(as_alice, fail_to_call);
	SAME(told.expected, alice.uid);
	SAME(told.actual, bob.uid);
}

static void closed_each_time(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	const int before = count_descriptors();

	for (int i = 0; i < 6; i++) {
		server = -1;
		in_thread(i % 2 ? as_alice : as_bob, call);
		peer_is(server, i % 2 ? &alice : &bob, "impersonation");
		close(server);
	}
	imp_channel_close(channel);
	SAME(count_descriptors(), before);
	SAME(told.count, 0);
}

/* What it said last was nobody's answer yet, and is not to become bob's. */
static void stray_bytes(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	in_thread(as_alice, call);

	int former = server;

	SAME(send(former, "for alice", 9, MSG_NOSIGNAL), 9);
	server = -1;
	in_thread(as_bob, call); /* hears what was said to bob */
	peer_is(server, &bob, "impersonation");
	/* Closed over what was not read, which the other end is told. */
	char byte;

	REFUSED(read(former, &byte, 1), ECONNRESET);
}

static void break_it(void)
{
	int fd;

	MUST(imp_channel_begin(channel, &fd, NULL));
	imp_channel_end(channel, true);
}

static void broken(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	in_thread(as_alice, call);
	in_thread(as_alice, break_it);
	is_closed(server);
	server = -1;
	in_thread(as_bob, call);
	peer_is(server, &bob, "impersonation");
}

/* ------------------------------------------------------------------------------- refused -- */

static int refusal;

static void be_refused(void)
{
	const int before = count_descriptors();

	for (int i = 0; i < 2; i++) {
		SAME(begin(), refusal);
		SAME(imp_channel_open(channel), refusal);
	}
	SAME(count_descriptors(), before);
}

static void expect_refusal(const char *to, struct imp_token *token, int error)
{
	imp_channel_free(channel);
	MUST(imp_channel_new(to, IMP_LEVEL_IMPERSONATION, &channel));
	refusal = error;
	in_thread(token, be_refused);
}

static void refused(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	expect_refusal(scratch("none"), as_alice, -ENOENT);

	listener = listen_at("gone");
	close(listener);
	expect_refusal(scratch("gone"), as_alice, -ECONNREFUSED);

	/* The service may do both; it is alice who may not. */
	SYSTEM(mkdir(scratch("private"), 0755));
	listener = listen_at("private/socket");
	SYSTEM(chmod(scratch("private"), 0700));
	expect_refusal(scratch("private/socket"), as_alice, -EACCES);
	nobody_came(listener);
	server = -1;
	in_thread(NULL, call);

	SYSTEM(chmod(scratch("private"), 0755));
	SYSTEM(chmod(scratch("private/socket"), 0700));
	expect_refusal(scratch("private/socket"), as_alice, -EACCES);
	nobody_came(listener);
	server = -1;
	in_thread(NULL, call);
}

/* And what only alice may, the service may for her. */
static void allowed(const char *kind)
{
	become_service("root");
	who_is("alice", &alice);
	SYSTEM(mkdir(scratch("hers"), 0755));
	int hers = listen_at("hers/socket");
	SYSTEM(chmod(scratch("hers/socket"), 0700));
	SYSTEM(chown(scratch("hers/socket"), alice.uid, alice.gid));
	SYSTEM(chmod(scratch("hers"), 0700));
	SYSTEM(chown(scratch("hers"), alice.uid, alice.gid));
	set_out(kind, IMP_LEVEL_IMPERSONATION);

	listener = hers;
	expect_refusal(scratch("hers/socket"), as_bob, -EACCES);
	server = -1;
	in_thread(as_alice, call);
	peer_is(server, &alice, "impersonation");
}

static void no_channel(const char *unused)
{
	char text[109];
	struct imp_channel *none = NULL;

	(void)unused;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	SAME(imp_channel_new(text, IMP_LEVEL_IMPERSONATION, &none), -ENAMETOOLONG);
	SAME(imp_channel_new("", IMP_LEVEL_IMPERSONATION, &none), -EINVAL);
	SAME(imp_channel_new("/run/x", (enum imp_level)4, &none), -EINVAL);
	SAME(imp_channel_new("/run/x", (enum imp_level) - 1, &none), -EINVAL);
	SAME(none == NULL, true);
	imp_channel_free(NULL);

	text[107] = '\0';
	MUST(imp_channel_new(text, IMP_LEVEL_IMPERSONATION, &channel));
	SAME(begin(), -ENOENT);
	imp_channel_free(channel);

	/* An empty path is the address of 108 NULs, which is free for anybody to listen on. */
	int anybody = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	struct sockaddr_un zeros = {.sun_family = AF_UNIX};

	SYSTEM(bind(anybody, (struct sockaddr *)&zeros, sizeof(zeros)));
	SYSTEM(listen(anybody, 1));
	SAME(imp_connect_unix("", IMP_LEVEL_IMPERSONATION), -ENOENT);
}

static void do_nothing(int unused)
{
	(void)unused;
}

/* Interrupted all the time. */
static void call_in_vain(void)
{
	const struct sigaction action = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
	const struct itimerval often = {{0, 50000}, {0, 50000}}, never = {{0, 0}, {0, 0}};
	sigset_t alarm;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	SYSTEM(sigaction(SIGALRM, &action, NULL));
	SAME(pthread_sigmask(SIG_UNBLOCK, &alarm, NULL), 0);
	SYSTEM(setitimer(ITIMER_REAL, &often, NULL));
	SAME(begin(), -ETIMEDOUT);
	SYSTEM(setitimer(ITIMER_REAL, &never, NULL));
}

static void call_after_all(void)
{
	struct timeval limit;
	socklen_t size = sizeof(limit);
	int fd;

	MUST(imp_channel_begin(channel, &fd, NULL));
	SYSTEM(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &size));
	SAME(limit.tv_sec, 0);
	SAME(limit.tv_usec, 0);
	imp_channel_end(channel, false);
}

/* A service that accepts nobody, and has as many waiting as it will. */
static void crowded(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	const int before = count_descriptors();
	sigset_t alarm;

	SYSTEM(listen(listener, 0));
	int first = imp_connect_unix(path, IMP_LEVEL_IMPERSONATION);

	SAME(first >= 0, true);
	imp_channel_set_timeout(channel, 1);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	SAME(pthread_sigmask(SIG_BLOCK, &alarm, NULL), 0);
	in_thread(as_alice, call_in_vain);
	SAME(count_descriptors(), before + 1);
	close(accept_one(listener));
	in_thread(as_alice, call_after_all);
	peer_is(accept_one(listener), &alice, "impersonation");
	close(first);
}

/* ------------------------------------------------------------------------------- sharing -- */

static void end_anothers(void)
{
	imp_channel_end(channel, true);
}

static void begin_twice(const char *kind)
{
	int fd, other;

	set_out(kind, IMP_LEVEL_IMPERSONATION);
	MUST(imp_impersonate(as_alice));
	MUST(imp_channel_begin(channel, &fd, NULL));
	server = accept_one(listener);
	SAME(imp_channel_begin(channel, &other, NULL), -EDEADLK);
	SAME(imp_channel_open(channel), -EDEADLK);
	in_thread(NULL, end_anothers); /* which it has not begun */
	SAME(imp_channel_begin(channel, &other, NULL), -EDEADLK);
	exchange(fd, server);
	imp_channel_end(channel, false);
	imp_channel_end(channel, true); /* there is none any more */
	call();
}

enum { THREADS = 8, CALLS = 200 };

static atomic_int in_call;

static void *answer(void *unused)
{
	char byte;

	while (read(server, &byte, 1) == 1)
		SAME(send(server, &byte, 1, MSG_NOSIGNAL), 1);
	return unused;
}

static void *call_often(void *number)
{
	const char own = *(const char *)number;
	char byte = 0;
	int fd;

	MUST(imp_impersonate(as_alice));
	for (int i = 0; i < CALLS; i++) {
		MUST(imp_channel_begin(channel, &fd, NULL));
		SAME(atomic_fetch_add(&in_call, 1), 0);
		SAME(send(fd, &own, 1, MSG_NOSIGNAL), 1);
		SAME(read(fd, &byte, 1), 1);
		SAME(byte, own);
		atomic_fetch_sub(&in_call, 1);
		imp_channel_end(channel, false);
	}
	imp_revert();
	return NULL;
}

static void shared(const char *kind)
{
	pthread_t threads[THREADS], other_end;
	char numbers[THREADS];

	set_out(kind, IMP_LEVEL_IMPERSONATION);
	in_thread(as_alice, call);
	SAME(pthread_create(&other_end, NULL, answer, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = (char)('a' + i);
		SAME(pthread_create(&threads[i], NULL, call_often, &numbers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		SAME(pthread_join(threads[i], NULL), 0);
	nobody_came(listener); /* all over one connection */
	SAME(told.count, 0);
	imp_channel_close(channel);
	SAME(pthread_join(other_end, NULL), 0);
}

static void close_channel(void)
{
	imp_channel_close(channel);
}

static void close_in_call(const char *kind)
{
	int fd;

	set_out(kind, IMP_LEVEL_IMPERSONATION);
	imp_channel_close(channel); /* which is not open */
	MUST(imp_impersonate(as_alice));
	MUST(imp_channel_begin(channel, &fd, NULL));
	server = accept_one(listener);
	in_thread(NULL, close_channel); /* waits for nothing */
	exchange(fd, server);
	imp_channel_end(channel, false);
	is_closed(server);

	server = -1;
	call();
	call();
	close_channel();
	is_closed(server);
}

/* ------------------------------------------------------------------------------- processes -- */

static void be_child(void)
{
	int fd;

	alarm(10); /* what hangs is found out */
	SAME(imp_channel_begin(channel, &fd, NULL), -ECHILD);
	SAME(imp_channel_open(channel), -ECHILD);
	imp_channel_end(channel, true);
	imp_channel_close(channel);

	const int before = count_descriptors();

	imp_channel_free(channel);
	SAME(count_descriptors(), before - 1);
	_exit(PASSED);
}

static void fork_child(void)
{
	pid_t child = (pid_t)SYSTEM(fork());

	if (child == 0)
		be_child();
	wait_for(child);
}

static void forked(const char *kind)
{
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	in_thread(as_alice, call);
	fork_child();
	in_thread(as_alice, call); /* the parent's is what it was */

	/* In the middle of a call, and with another thread waiting for its end. */
	static pthread_t waiting;
	static char number = 'a';
	pthread_t other_end;
	int fd;

	MUST(imp_impersonate(as_alice));
	MUST(imp_channel_begin(channel, &fd, NULL));
	imp_revert();
	SAME(pthread_create(&waiting, NULL, call_often, &number), 0);
	for (int i = 0; i < 20; i++)
		fork_child();
	SAME(pthread_create(&other_end, NULL, answer, NULL), 0);
	imp_channel_end(channel, false);
	SAME(pthread_join(waiting, NULL), 0);
	imp_channel_close(channel);
	SAME(pthread_join(other_end, NULL), 0);
}

static void close_on_exec(const char *kind)
{
	int fd;

	set_out(kind, IMP_LEVEL_IMPERSONATION);
	MUST(imp_channel_begin(channel, &fd, NULL));
	SAME(SYSTEM(fcntl(fd, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
	imp_channel_end(channel, false);
}

/* A process that impersonates nobody is itself, and stays free to become somebody for good. */
static void unprepared(const char *unused)
{
	struct imp_become become = {.uid = SERVICE_ID, .gid = SERVICE_ID};

	(void)unused;
	become_service("root");
	path = scratch("next");
	listener = listen_at("next");
	MUST(imp_channel_new(path, IMP_LEVEL_DELEGATION, &channel));
	call();
	call();
	MUST(imp_become(&become, NULL));
	fail_to_call();
	imp_channel_close(channel);
	server = -1;
	call();
}

const struct check_case life_cases[] = {
	{"restart", restart},
	{"closed-each-time", closed_each_time},
	{"stray-bytes", stray_bytes},
	{"broken", broken},
	{"refused", refused},
	{"allowed", allowed},
	{"crowded", crowded},
	{"no-channel", no_channel},
	{"begin-twice", begin_twice},
	{"shared", shared},
	{"close-in-call", close_in_call},
	{"forked", forked},
	{"close-on-exec", close_on_exec},
	{"unprepared", unprepared},
	{NULL, NULL},
};
