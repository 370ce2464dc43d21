/* SPDX-License-Identifier: MIT */
/*
 * A walk from the service's identity to alice's, to bob's and back, to be run under strace(1),
 * which makes one system call in it fail.  It says where it is, and checks after each failure that
 * the thread is, to the kernel, what it was before.
 *
 * The walk takes place in a thread of its own, which makes a hundred calls of each kind that change
 * nothing first: "when=100+N" is the N-th call of the walk, whatever the setting out took.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/check.h"

static struct who first, second;
static struct imp_token *as_first, *as_second;
static struct state service, acting_first, acting_second;

static void set_out(const char *kind, const char *user, enum imp_scope scope)
{
	struct imp_policy *policy;

	log_to_stderr();
	become_service("root");
	who_is(user, &first);
	who_is("bob", &second);
	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "impersonation", "privileged_clients", "allow"));
	MUST(imp_token_scoped(token_at(&first, NULL, policy), scope, &as_first));
	MUST(imp_token_scoped(token_at(&second, NULL, policy), scope, &as_second));
	become_service(kind);
	state_read(0, &service);
	if (scope == IMP_SCOPE_ALL) {
		state_acting(&service, &first, &acting_first);
		state_acting(&service, &second, &acting_second);
	} else {
		state_acting_on_files(&service, &first, &acting_first);
		state_acting_on_files(&service, &second, &acting_second);
	}
}

static void go(const char *stage, struct imp_token *token, const struct state *before,
	       const struct state *after)
{
	printf("%s\n", stage);

	int error = imp_impersonate(token);

	if (error < 0) {
		STATE_IS(0, before);
		printf("failed %d, whole\n", error);
		error = imp_impersonate(token);
		printf("again %d\n", error);
	}
	STATE_IS(0, error < 0 ? before : after);
	if (error < 0)
		_exit(PASSED);
}

static void *walk(void *unused)
{
	make_a_hundred_calls();
	STATE_IS(0, &service);
	go("impersonate", as_first, &service, &acting_first);
	go("replace", as_second, &acting_first, &acting_second);
	printf("revert\n");
	imp_revert();
	STATE_IS(0, &service);
	printf("done\n");
	return unused;
}

static void walk_in_thread(void)
{
	pthread_t thread;

	setvbuf(stdout, NULL, _IONBF, 0);
	SAME(pthread_create(&thread, NULL, walk, NULL), 0);
	SAME(pthread_join(thread, NULL), 0);
}

static void all(const char *kind)
{
	set_out(kind, "alice", IMP_SCOPE_ALL);
	MUST(imp_prepare());
	walk_in_thread();
}

static void files(const char *kind)
{
	set_out(kind, "alice", IMP_SCOPE_FILES);
	MUST(imp_prepare());
	walk_in_thread();
}

/* By way of root: there the permitted set is at stake. */
static void root(const char *kind)
{
	set_out(kind, "root", IMP_SCOPE_ALL);
	MUST(imp_prepare());
	walk_in_thread();
}

/* Nothing is known yet of the process's identity. */
static void unprepared(const char *kind)
{
	set_out(kind, "alice", IMP_SCOPE_ALL);
	walk_in_thread();
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"all", all}, {"files", files}, {"root", root}, {"unprepared", unprepared},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
