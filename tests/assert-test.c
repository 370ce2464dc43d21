/* SPDX-License-Identifier: MIT */
/* What changes credentials behind the library's back, and that it is found. */
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/check.h"

static struct who alice, bob;
static struct imp_token *as_alice, *as_bob;
static struct state service, acting_alice;

static void set_out(const char *kind)
{
	become_service("root");
	who_is("alice", &alice);
	who_is("bob", &bob);
	as_alice = token_at(&alice, NULL, NULL);
	as_bob = token_at(&bob, NULL, NULL);
	become_service(kind);
	state_read(0, &service);
	state_acting(&service, &alice, &acting_alice);
}

/* ------------------------------------------------------------------------------ raw calls -- */

static void set_capabilities(unsigned long long effective)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = (unsigned)effective, .permitted = (unsigned)service.permitted},
		{.effective = (unsigned)(effective >> 32),
		 .permitted = (unsigned)(service.permitted >> 32)},
	};

	SYSTEM(syscall(SYS_capset, &header, data));
}

static void raw_uid(void)
{
	SYSTEM(syscall(SYS_setresuid, -1, bob.uid, -1));
}

static void raw_gid(void)
{
	SYSTEM(syscall(SYS_setresgid, -1, bob.gid, -1));
}

static void raw_filesystem_uid(void)
{
	syscall(SYS_setfsuid, bob.uid);
	SAME(syscall(SYS_setfsuid, -1), bob.uid);
}

static void raw_filesystem_gid(void)
{
	syscall(SYS_setfsgid, bob.gid);
	SAME(syscall(SYS_setfsgid, -1), bob.gid);
}

static void raw_groups(void)
{
	SYSTEM(syscall(SYS_setgroups, bob.n_groups, bob.groups));
}

/* The two capabilities are effective already. */
static void raw_capabilities(void)
{
}

static const struct {
	const char *differs;
	void (*change)(void);
} changes[] = {
	{"effective uid differ", raw_uid},
	{"effective gid differ", raw_gid},
	{"filesystem uid differ", raw_filesystem_uid},
	{"filesystem gid differ", raw_filesystem_gid},
	{"supplementary groups differ", raw_groups},
	{"effective capabilities differ", raw_capabilities},
};

enum { N_CHANGES = sizeof(changes) / sizeof(changes[0]) };

/* One change each, in a thread of its own, after the thread was seen to be as it should. */
static void *change_acting(void *index)
{
	int i = *(int *)index;

	MUST(imp_impersonate(as_alice));
	MUST(imp_assert(as_alice));
	STATE_IS(0, &acting_alice);
	log_forget();
	set_capabilities(1u << CAP_SETUID | 1u << CAP_SETGID);
	changes[i].change();
	if (changes[i].change != raw_capabilities)
		set_capabilities(0);
	SAME(imp_assert(as_alice), -ESTALE);
	CONTAINS(logged(), changes[i].differs);
	return NULL;
}

static void *change_primary(void *index)
{
	int i = *(int *)index;

	MUST(imp_assert(NULL));
	STATE_IS(0, &service);
	log_forget();
	set_capabilities(1u << CAP_SETUID | 1u << CAP_SETGID);
	changes[i].change();
	if (changes[i].change != raw_capabilities)
		set_capabilities(service.effective);
	SAME(imp_assert(NULL), -ESTALE);
	CONTAINS(logged(), changes[i].differs);

	/* A thread that nobody has impersonated in is looked at before anybody does. */
	SAME(imp_impersonate(as_alice), -ESTALE);
	return NULL;
}

static void in_thread(void *(*start)(void *), void *argument)
{
	pthread_t thread;

	SAME(pthread_create(&thread, NULL, start, argument), 0);
	SAME(pthread_join(thread, NULL), 0);
	STATE_IS(0, &service);
}

static void raw(const char *kind)
{
	set_out(kind);
	MUST(imp_prepare());
	for (int i = 0; i < N_CHANGES; i++) {
		in_thread(change_acting, &i);
		in_thread(change_primary, &i);
	}
}

/* --------------------------------------------------------------------------- work that does -- */

static int become_bob(void *unused)
{
	(void)unused;
	set_capabilities(1u << CAP_SETUID | 1u << CAP_SETGID);
	raw_groups();
	raw_gid();
	raw_uid();
	return 0;
}

/* A scoped run says that its work left somebody else behind, and still comes back. */
static void run_changed(const char *kind)
{
	set_out(kind);
	SAME(imp_run(as_alice, become_bob, NULL, NULL), -ESTALE);
	STATE_IS(0, &service);
	MUST(imp_run(as_alice, (int (*)(void *))imp_assert, as_alice, NULL));
	STATE_IS(0, &service);
}

static int take_bobs_groups(void *unused)
{
	(void)unused;
	set_capabilities(1u << CAP_SETUID | 1u << CAP_SETGID);
	raw_groups();
	set_capabilities(0);
	return 0;
}

/* Also what a way back from the token itself would not have touched. */
static void run_changed_same(const char *kind)
{
	static struct who same;

	become_service("root");
	who_is("bob", &bob);
	who_with_groups(strcmp(kind, "root") == 0 ? 0 : SERVICE_ID, 0, &same);
	same.gid = same.uid;

	struct imp_policy *policy;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "impersonation", "privileged_clients", "allow"));
	struct imp_token *token = token_at(&same, NULL, policy);

	become_service(kind);
	state_read(0, &service);
	if (service.who.n_groups != 0)
		turn_into(&same);
	state_read(0, &service);
	SAME(imp_run(token, take_bobs_groups, NULL, NULL), -ESTALE);
	STATE_IS(0, &service);
}

/* ------------------------------------------------------------------------ threads and glibc -- */

static void *born_impersonating(void *unused)
{
	STATE_IS(0, &acting_alice);
	SAME(imp_assert(NULL), -ESTALE);
	SAME(imp_impersonate(as_bob), -ESTALE);
	CONTAINS(logged(), "not at the primary identity");
	STATE_IS(0, &acting_alice);
	SAME(imp_impersonate(as_alice), -ESTALE);
	imp_revert();
	STATE_IS(0, &service);
	MUST(imp_assert(NULL));
	MUST(imp_impersonate(as_alice));
	STATE_IS(0, &acting_alice);
	imp_revert();
	STATE_IS(0, &service);
	return unused;
}

static void born(const char *kind)
{
	pthread_t thread;

	set_out(kind);
	MUST(imp_impersonate(as_alice));
	SAME(pthread_create(&thread, NULL, born_impersonating, NULL), 0);
	SAME(pthread_join(thread, NULL), 0);
	STATE_IS(0, &acting_alice);
	MUST(imp_assert(as_alice));
	imp_revert();
	STATE_IS(0, &service);
}

static pthread_barrier_t meeting;

static void *wait_and_assert(void *unused)
{
	MUST(imp_impersonate(as_alice));
	MUST(imp_assert(as_alice));
	pthread_barrier_wait(&meeting);
	pthread_barrier_wait(&meeting);
	SAME(imp_assert(as_alice), -ESTALE);
	return unused;
}

/* glibc's seteuid in one thread overwrites those of all. */
static void glibc(const char *kind)
{
	pthread_t thread;

	set_out(kind);
	pthread_barrier_init(&meeting, NULL, 2);
	SAME(pthread_create(&thread, NULL, wait_and_assert, NULL), 0);
	pthread_barrier_wait(&meeting);
	SYSTEM(seteuid(service.real_uid));
	pthread_barrier_wait(&meeting);
	SAME(pthread_join(thread, NULL), 0);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"raw", raw},
		{"run-changed", run_changed},
		{"run-changed-same", run_changed_same},
		{"born", born},
		{"glibc", glibc},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
