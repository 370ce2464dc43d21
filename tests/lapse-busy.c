/* SPDX-License-Identifier: MIT */
/* Threads with which nothing is wrong, however it may look at a glance; see lapse.c. */
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lapse.h"
#include "lib/check.h"

enum { SWITCHERS = 8 };

static pthread_barrier_t ready;

static struct imp_token *tokens[USERS];

static void make_tokens(char **users)
{
	for (int i = 0; i < USERS; i++)
		tokens[i] = token_of(users[i]);
}

static int do_nothing(void *unused)
{
	(void)unused;
	return 0;
}

static _Noreturn void switch_from(unsigned i)
{
	for (;; i++) {
		if (i % 3 == 0)
			MUST(imp_run(tokens[i % USERS], do_nothing, NULL, NULL));
		else
			MUST(imp_impersonate(tokens[i % USERS]));
		if (i % 5 == 0)
			imp_revert();
	}
}

static void *switch_for_ever(void *number)
{
	pthread_barrier_wait(&ready);
	switch_from((unsigned)(uintptr_t)number);
}

void start_switching(char **arguments)
{
	pthread_t thread;

	make_tokens(arguments);
	MUST(imp_prepare());
	SAME(pthread_barrier_init(&ready, NULL, SWITCHERS + 1), 0);
	for (uintptr_t i = 0; i < SWITCHERS; i++)
		SAME(pthread_create(&thread, NULL, switch_for_ever, (void *)i), 0);
	pthread_barrier_wait(&ready);
}

/* switching USER...: eight threads that switch among four users as fast as they can. */
void switching(char **arguments)
{
	start_switching(arguments);
	say_and_stay();
}

static void *impersonate_and_end(void *number)
{
	MUST(imp_impersonate(tokens[(uintptr_t)number % USERS]));
	return NULL;
}

/* brief USER...: threads that each begin, act as a user, and end without coming back. */
void brief(char **arguments)
{
	pthread_t threads[SWITCHERS];

	make_tokens(arguments);
	MUST(imp_prepare());
	say_thread();
	for (;;) {
		for (uintptr_t i = 0; i < SWITCHERS; i++)
			SAME(pthread_create(&threads[i], NULL, impersonate_and_end, (void *)i), 0);
		for (int i = 0; i < SWITCHERS; i++)
			pthread_join(threads[i], NULL);
	}
}

static void *be_there(void *unused)
{
	pthread_barrier_wait(&ready);
	(void)unused;
	stay();
}

/* A process that becomes another as a whole, which takes the C library one thread at a time. */
static _Noreturn void become_as_a_whole(const struct passwd *account)
{
	pthread_t thread;

	SYSTEM(prctl(PR_SET_PDEATHSIG, SIGKILL));
	SAME(pthread_barrier_init(&ready, NULL, SWITCHERS + 1), 0);
	for (int i = 0; i < SWITCHERS; i++)
		SAME(pthread_create(&thread, NULL, be_there, NULL), 0);
	pthread_barrier_wait(&ready);
	SYSTEM(setresgid(account->pw_gid, account->pw_gid, account->pw_gid));
	SYSTEM(setresuid(account->pw_uid, account->pw_uid, account->pw_uid));
	_exit(0);
}

/* becoming USER: processes of many threads that each become USER and end. */
void becoming(char **arguments)
{
	struct passwd account = account_of(arguments[0]);

	say_thread();
	for (;;) {
		pid_t child = (pid_t)SYSTEM(fork());

		if (child == 0)
			become_as_a_whole(&account);
		wait_for(child);
	}
}
