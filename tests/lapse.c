/* SPDX-License-Identifier: MIT */
/*
 * lapse WHAT [ARGUMENT...] - makes, on demand, each defect that idn-check threads is to find, and
 * what looks like one and is none; prints the thread, "PID/TID", once it is so, and stays so until
 * it is killed.  To be run as root.
 */
#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/capability.h"
#include "core/credentials.h"
#include "core/impersonate-thread.h"
#include "lapse.h"
#include "lib/check.h"

struct passwd account_of(const char *user)
{
	const struct passwd *account = getpwnam(user);

	if (!account)
		FAIL("%s: expected an account, saw none", user);
	return *account;
}

struct imp_token *token_of(const char *user)
{
	struct imp_token *token;

	MUST(imp_token_from_user(user, IMP_LEVEL_IMPERSONATION, NULL, &token));
	return token;
}

static void say(pid_t tid)
{
	printf("%d/%d\n", (int)getpid(), (int)tid);
	fflush(stdout);
}

void say_thread(void)
{
	say(gettid());
}

_Noreturn void stay(void)
{
	for (;;)
		pause();
}

_Noreturn void say_and_stay(void)
{
	say_thread();
	stay();
}

/* In a thread of its own, for the main one to stay what it is. */
static void in_thread(void *(*start)(void *argument), void *argument)
{
	pthread_t thread;

	SAME(pthread_create(&thread, NULL, start, argument), 0);
	pthread_join(thread, NULL);
}

/* What code behind the library's back does; for this thread alone. */
static void act_behind(const char *user)
{
	struct passwd account = account_of(user);

	MUST(credentials_set_uids(IMP_NO_UID, 0, IMP_NO_UID));
	MUST(credentials_set_gids(IMP_NO_GID, account.pw_gid, IMP_NO_GID));
	MUST(credentials_set_uids(IMP_NO_UID, account.pw_uid, IMP_NO_UID));
}

/* -------------------------------------------------------------------- with the library -- */

static int work_and_stay(void *unused)
{
	(void)unused;
	say_and_stay();
}

static void *run_context(void *context)
{
	MUST(imp_context_run(context, work_and_stay, NULL, NULL));
	return NULL;
}

/* lost USER: work of USER's that the policy hands over without its identity. */
static void lost(char **arguments)
{
	struct imp_policy *policy;
	struct imp_context *context;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "runtime", "legacy_impersonation_policy", "on"));
	imp_policy_install(policy);
	MUST(imp_impersonate(token_of(arguments[0])));
	MUST(imp_context_capture(&context));
	imp_revert();
	in_thread(run_context, context);
}

static void *leak(void *user)
{
	MUST(imp_impersonate(token_of(user)));
	imp_revert();
	act_behind(user);
	say_and_stay();
}

/* leaked USER: a thread that has come back, and is USER again behind the library. */
static void leaked(char **arguments)
{
	in_thread(leak, arguments[0]);
}

static void *mismatch(void *argument)
{
	char **users = argument;

	MUST(imp_impersonate(token_of(users[0])));
	act_behind(users[1]);
	say_and_stay();
}

/* mismatched USER OTHER: a thread that the library made USER, and something else OTHER. */
static void mismatched(char **arguments)
{
	in_thread(mismatch, arguments);
}

/* A failed assertion leaves in the ledger who the thread should be. */
static int lapse_and_assert(void *user)
{
	act_behind(user);
	SAME(imp_assert(NULL), -ESTALE);
	say_and_stay();
}

static void *assert_in_run(void *user)
{
	MUST(imp_run(NULL, lapse_and_assert, user, NULL));
	return NULL;
}

/* asserted USER: a thread that is found to be USER where it should be the service. */
static void asserted(char **arguments)
{
	MUST(imp_prepare());
	in_thread(assert_in_run, arguments[0]);
}

static void *be_born(void *unused)
{
	(void)unused;
	say_and_stay();
}

/* born USER: a thread made by one that acts as USER. */
static void born(char **arguments)
{
	pthread_t thread;

	MUST(imp_impersonate(token_of(arguments[0])));
	SAME(pthread_create(&thread, NULL, be_born, NULL), 0);
	imp_revert();
	pthread_join(thread, NULL);
}

static pthread_barrier_t ready;

static pid_t acting;

static void *act_for_good(void *user)
{
	MUST(imp_impersonate(token_of(user)));
	acting = gettid();
	pthread_barrier_wait(&ready);
	stay();
}

/* glibc USER: another thread calls the C library's seteuid, which changes every thread. */
static void glibc(char **arguments)
{
	pthread_t thread;

	SAME(pthread_barrier_init(&ready, NULL, 2), 0);
	SAME(pthread_create(&thread, NULL, act_for_good, arguments[0]), 0);
	pthread_barrier_wait(&ready);
	SYSTEM(seteuid(0));
	say(acting);
	stay();
}

/* channel USER OTHER: of OTHER's, used for USER; once more with each SIGUSR1. */
static void channel(char **arguments)
{
	sigset_t signals;
	int number;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	SAME(pthread_sigmask(SIG_BLOCK, &signals, NULL), 0);
	MUST(imp_impersonate(token_of(arguments[0])));
	for (;;) {
		ledger_count_channel_mismatch(thread_slot(), account_of(arguments[0]).pw_uid,
					      account_of(arguments[1]).pw_uid);
		say_thread();
		SAME(sigwait(&signals, &number), 0);
	}
}

/* among USER...: and a ninth, as in leaked. */
static void among(char **arguments)
{
	start_switching(arguments);
	in_thread(leak, arguments[0]);
}

/* ----------------------------------------------------------------------- without it -- */

static void *become_and_make_thread(void *user)
{
	struct passwd account = account_of(user);

	MUST(credentials_set_gids(account.pw_gid, account.pw_gid, account.pw_gid));
	MUST(credentials_set_uids(account.pw_uid, account.pw_uid, account.pw_uid));
	in_thread(be_born, NULL);
	return NULL;
}

/* foreign-born USER: a thread made by one that has become USER for good. */
static void foreign_born(char **arguments)
{
	in_thread(become_and_make_thread, arguments[0]);
}

static void *act_and_stay(void *user)
{
	act_behind(user);
	say_and_stay();
}

/* foreign-acting USER: a thread that acts as USER and can come back, as file servers have them. */
static void foreign_acting(char **arguments)
{
	in_thread(act_and_stay, arguments[0]);
}

/* ---------------------------------------------------------------------------- and others -- */

/* ordinary: a service with the two capabilities, as which it stays and has impersonated USER. */
static void ordinary(char **arguments)
{
	struct imp_token *token = token_of(arguments[0]);

	become_service("ordinary");
	MUST(imp_impersonate(token));
	imp_revert();
	if (strcmp(arguments[1], "dumpable") == 0)
		SYSTEM(prctl(PR_SET_DUMPABLE, 1));
	say_and_stay();
}

/* worker USER: one of the kernel's own, that was made while its process acted as USER. */
static void worker(char **arguments)
{
	MUST(imp_impersonate(token_of(arguments[0])));
	ring_make_worker();
	imp_revert();
	say_and_stay();
}

/* foreign-worker USER: the same without the library. */
static void foreign_worker(char **arguments)
{
	act_behind(arguments[0]);
	ring_make_worker();
	MUST(credentials_set_uids(IMP_NO_UID, 0, IMP_NO_UID));
	MUST(credentials_set_gids(IMP_NO_GID, 0, IMP_NO_GID));
	say_and_stay();
}

/* keeping USER: a thread that acts as USER with a capability in effect. */
static void keeping(char **arguments)
{
	struct credentials now;

	MUST(imp_impersonate(token_of(arguments[0])));
	MUST(credentials_read(&now));
	MUST(credentials_set_capabilities(CAPABILITY(CAP_CHOWN), now.permitted, now.inheritable));
	say_and_stay();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		void (*make)(char **arguments);
	} lapses[] = {
		{"lost", 1, lost},
		{"leaked", 1, leaked},
		{"mismatched", 2, mismatched},
		{"asserted", 1, asserted},
		{"born", 1, born},
		{"glibc", 1, glibc},
		{"channel", 2, channel},
		{"keeping", 1, keeping},
		{"foreign-born", 1, foreign_born},
		{"foreign-acting", 1, foreign_acting},
		{"switching", USERS, switching},
		{"among", USERS, among},
		{"brief", USERS, brief},
		{"becoming", 1, becoming},
		{"worker", 1, worker},
		{"foreign-worker", 1, foreign_worker},
		{"ordinary", 2, ordinary},
	};

	for (size_t i = 0; i < sizeof(lapses) / sizeof(lapses[0]); i++)
		if (argc == lapses[i].arguments + 2 && strcmp(argv[1], lapses[i].name) == 0)
			lapses[i].make(argv + 2);
	fprintf(stderr, "usage: lapse WHAT [ARGUMENT...]\n");
	return 2;
}
