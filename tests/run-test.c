/* SPDX-License-Identifier: MIT */
/*
 * Which token a thread has: replacing, reverting, scoped runs, what is skipped because it is equal
 * already, and what becomes of it all in a child.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/check.h"

static struct who alice, bob;
static struct imp_token *as_alice, *as_bob;
static struct state service, acting_alice, acting_bob;

static void set_out(const char *kind)
{
	who_is("alice", &alice);
	who_is("bob", &bob);
	as_alice = token_at(&alice, NULL, NULL);
	as_bob = token_at(&bob, NULL, NULL);
	become_service(kind);
	state_read(0, &service);
	state_acting(&service, &alice, &acting_alice);
	state_acting(&service, &bob, &acting_bob);
}

static void current_is(const struct imp_token *expected)
{
	struct imp_token *token = NULL;
	int error = imp_token_current(&token);

	SAME(error, expected ? 0 : -ENOENT);
	SAME(token == expected, 1);
	imp_token_unref(token);
	MUST(imp_assert(expected));
}

/* ------------------------------------------------------------------------ replace and revert -- */

static void replace(const char *kind)
{
	set_out(kind);
	current_is(NULL);
	for (int i = 0; i < 3; i++) {
		MUST(imp_impersonate(as_alice));
		STATE_IS(0, &acting_alice);
		current_is(as_alice);
		MUST(imp_impersonate(as_bob));
		STATE_IS(0, &acting_bob);
		current_is(as_bob);
		SAME(imp_assert(as_alice), -ESTALE);
		SAME(imp_assert(NULL), -ESTALE);
	}
	imp_revert();
	STATE_IS(0, &service);
	current_is(NULL);
	SAME(imp_assert(as_bob), -ESTALE);
}

static void revert(const char *kind)
{
	set_out(kind);
	imp_revert(); /* before anything else, too */
	STATE_IS(0, &service);
	MUST(imp_impersonate(as_alice));
	for (int i = 0; i < 3; i++) {
		imp_revert();
		STATE_IS(0, &service);
		current_is(NULL);
	}
	MUST(imp_impersonate(as_alice));
	imp_revert_from(as_bob);
	STATE_IS(0, &acting_alice);
	current_is(as_alice);
	imp_revert_from(as_alice);
	STATE_IS(0, &service);
	imp_revert_from(as_alice);
	imp_revert_from(NULL);
	STATE_IS(0, &service);
}

static void connection(const char *kind)
{
	who_is("alice", &alice);
	int fd = client_at(&alice, NULL);

	become_service(kind);
	state_read(0, &service);
	state_acting(&service, &alice, &acting_alice);
	MUST(imp_impersonate_connection(fd, NULL));
	close(fd); /* the token is the thread's */
	STATE_IS(0, &acting_alice);
	imp_revert();
	STATE_IS(0, &service);
	SAME(imp_impersonate_connection(fd, NULL), -EBADF);
	STATE_IS(0, &service);
}

/* The thread has a reference of its own. */
static void kept(const char *kind)
{
	struct imp_token *token;

	set_out(kind);
	MUST(imp_impersonate(as_alice));
	imp_token_unref(as_alice);
	MUST(imp_token_current(&token));
	SAME(imp_token_identity(token)->uid, alice.uid);
	MUST(imp_impersonate(token));
	imp_token_unref(token);
	MUST(imp_token_current(&token));
	imp_revert();
	SAME(imp_token_identity(token)->uid, alice.uid);
	imp_token_unref(token);
}

/* ----------------------------------------------------------------------------- scoped runs -- */

static int look(void *expected)
{
	STATE_IS(0, expected);
	return 42;
}

static int revert_inside(void *unused)
{
	(void)unused;
	imp_revert();
	STATE_IS(0, &service);
	return 1;
}

static int impersonate_inside(void *unused)
{
	(void)unused;
	MUST(imp_impersonate(as_bob));
	STATE_IS(0, &acting_bob);
	return 2;
}

static int nest(void *unused)
{
	int result = 0;

	(void)unused;
	STATE_IS(0, &acting_alice);
	MUST(imp_run(as_bob, look, &acting_bob, &result));
	SAME(result, 42);
	STATE_IS(0, &acting_alice);
	MUST(imp_run(as_bob, revert_inside, NULL, NULL));
	STATE_IS(0, &acting_alice);
	MUST(imp_run(as_alice, impersonate_inside, NULL, &result));
	SAME(result, 2);
	STATE_IS(0, &acting_alice);
	current_is(as_alice);
	return 3;
}

static void run(const char *kind)
{
	int result = 0;

	set_out(kind);
	MUST(imp_run(as_alice, look, &acting_alice, &result));
	SAME(result, 42);
	STATE_IS(0, &service);
	MUST(imp_run(as_alice, revert_inside, NULL, &result));
	SAME(result, 1);
	STATE_IS(0, &service);
	MUST(imp_run(as_alice, impersonate_inside, NULL, &result));
	STATE_IS(0, &service);
	current_is(NULL);
	MUST(imp_run(as_alice, nest, NULL, &result));
	SAME(result, 3);
	STATE_IS(0, &service);

	MUST(imp_impersonate(as_bob));
	MUST(imp_run(as_alice, nest, NULL, NULL));
	STATE_IS(0, &acting_bob);
	current_is(as_bob);
	imp_revert();
	STATE_IS(0, &service);
}

/* ------------------------------------------------------------------------------- fast path -- */

/* Between two calls that nothing else makes, for whoever counts the system calls between them. */
static void mark(void)
{
	syscall(SYS_getpriority, -1, 0);
}

static void same_again(const char *kind)
{
	set_out(kind);
	struct imp_token *twin;

	MUST(imp_token_scoped(as_alice, IMP_SCOPE_ALL, &twin)); /* equal, at another address */
	MUST(imp_impersonate(as_alice));
	mark();
	for (int i = 0; i < 10; i++) {
		MUST(imp_impersonate(as_alice));
		MUST(imp_impersonate(twin));
	}
	mark();
	STATE_IS(0, &acting_alice);
	imp_revert();
	mark();
	for (int i = 0; i < 10; i++)
		imp_revert();
	mark();
	STATE_IS(0, &service);
}

/* Two clients with the same groups, in two lists. */
static void equal_groups(const char *kind)
{
	static struct who first, second;

	who_with_groups(3000, 8, &first);
	second = first;
	second.uid = second.gid = 3001;
	struct imp_token *as_first = token_at(&first, NULL, NULL);
	struct imp_token *as_second = token_at(&second, NULL, NULL);

	become_service(kind);
	state_read(0, &service);
	MUST(imp_impersonate(as_first));
	mark();
	MUST(imp_impersonate(as_second));
	MUST(imp_impersonate(as_first));
	MUST(imp_impersonate(as_second));
	mark();
	struct state acting;

	state_acting(&service, &second, &acting);
	STATE_IS(0, &acting);
	imp_revert();
	STATE_IS(0, &service);
}

/* A list at an address where another one was: the content counts. */
static void other_groups(const char *kind)
{
	static struct who who;
	struct state acting;
	int fds[20];

	who_with_groups(3000, 8, &who);
	for (int i = 0; i < 20; i++) {
		who.groups[7] += 1;
		fds[i] = client_at(&who, NULL);
	}
	become_service(kind);
	state_read(0, &service);
	who.groups[7] -= 20;
	for (int i = 0; i < 20; i++) {
		who.groups[7] += 1;
		MUST(imp_impersonate_connection(fds[i], NULL));
		state_acting(&service, &who, &acting);
		STATE_IS(0, &acting);
	}
}

/* -------------------------------------------------------------------------------- children -- */

/* The ledger's entry for the calling thread, as any reader gets it. */
static struct imp_ledger_entry own_entry(void)
{
	struct imp_ledger_entry entry;
	struct imp_ledger *ledger = NULL;

	MUST(imp_ledger_open(getpid(), &ledger));
	MUST(imp_ledger_read(ledger, gettid(), &entry));
	imp_ledger_close(ledger);
	SAME(entry.settled, true);
	return entry;
}

static void be_child(void)
{
	struct imp_ledger *ledger;

	STATE_IS(0, &acting_alice);
	current_is(as_alice);
	SAME(imp_ledger_open(getpid(), &ledger), -ENOENT);
	imp_revert();
	STATE_IS(0, &service);
	current_is(NULL);
	MUST(imp_impersonate(as_bob));
	STATE_IS(0, &acting_bob);
	SAME(own_entry().client_uid, bob.uid);
	SAME(own_entry().impersonations, 1);
	imp_revert();
	SAME(own_entry().impersonating, false);
	exit(PASSED); /* with all that runs then */
}

static void child(const char *kind)
{
	set_out(kind);
	MUST(imp_impersonate(as_alice));

	pid_t pid = (pid_t)SYSTEM(fork());

	if (pid == 0)
		be_child();
	wait_for(pid);

	/* What the child did is nothing to its parent. */
	STATE_IS(0, &acting_alice);
	current_is(as_alice);
	SAME(own_entry().client_uid, alice.uid);
	SAME(own_entry().impersonating, true);
	SAME(own_entry().impersonations, 1);
	imp_revert();
	STATE_IS(0, &service);
	SAME(own_entry().impersonating, false);
}

static void *impersonate_and_stay(void *barrier)
{
	MUST(imp_impersonate(as_bob));
	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	STATE_IS(0, &acting_bob);
	SAME(own_entry().client_uid, bob.uid);
	imp_revert();
	return NULL;
}

/* A thread that forks while another one impersonates: the child is of the forking thread's mind. */
static void child_of_many(const char *kind)
{
	pthread_barrier_t barrier;
	pthread_t thread;

	set_out(kind);
	pthread_barrier_init(&barrier, NULL, 2);
	SAME(pthread_create(&thread, NULL, impersonate_and_stay, &barrier), 0);
	pthread_barrier_wait(&barrier);

	pid_t pid = (pid_t)SYSTEM(fork());

	if (pid == 0) {
		STATE_IS(0, &service);
		current_is(NULL);
		MUST(imp_impersonate(as_alice));
		SAME(own_entry().client_uid, alice.uid);
		imp_revert();
		STATE_IS(0, &service);
		exit(PASSED);
	}
	wait_for(pid);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
}

/* ------------------------------------------------------------------------------ sudden death -- */

static int ledger_of(pid_t pid)
{
	char command[128];

	snprintf(command, sizeof(command), "ls /run/impersonate | grep -c '^%d-' >/dev/null",
		 (int)pid);
	return system(command) == 0;
}

static void killed(const char *kind)
{
	set_out("root");

	pid_t pid = (pid_t)SYSTEM(fork());
	int status;

	if (pid == 0) {
		become_service(kind);
		MUST(imp_impersonate(as_alice));
		raise(SIGKILL);
	}
	SYSTEM(waitpid(pid, &status, 0));
	SAME(WTERMSIG(status), SIGKILL);
	SAME(ledger_of(pid), 1);
	MUST(imp_prepare()); /* the next service */
	SAME(ledger_of(pid), 0);
	SAME(ledger_of(getpid()), 1);
}

/* A service that ends in peace takes its ledger along. */
static void ended(const char *kind)
{
	set_out("root");

	pid_t pid = (pid_t)SYSTEM(fork());

	if (pid == 0) {
		become_service(kind);
		MUST(imp_impersonate(as_alice));
		SAME(own_entry().impersonating, true);
		imp_revert();
		exit(PASSED);
	}
	wait_for(pid);
	SAME(ledger_of(pid), 0);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"replace", replace},
		{"revert", revert},
		{"connection", connection},
		{"kept", kept},
		{"run", run},
		{"same-again", same_again},
		{"equal-groups", equal_groups},
		{"other-groups", other_groups},
		{"child", child},
		{"child-of-many", child_of_many},
		{"killed", killed},
		{"ended", ended},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
