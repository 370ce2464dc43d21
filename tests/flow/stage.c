/* SPDX-License-Identifier: MIT */
/* The service, its clients, and whom the kernel has a thread for; see stage.h. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

struct imp_token *tokens[N_PERSONS];
struct state acting[N_PERSONS];
struct who persons[N_PERSONS];

static const char *const names[N_PERSONS] = {"service", "alice", "bob", "carol"};

void set_out(const char *kind)
{
	for (int i = ALICE; i < N_PERSONS; i++) {
		who_is(names[i], &persons[i]);
		tokens[i] = token_at(&persons[i], NULL, NULL);
	}
	become_service(kind);
	MUST(imp_prepare());
	state_read(0, &acting[SERVICE]);
	persons[SERVICE] = acting[SERVICE].who;
	for (int i = ALICE; i < N_PERSONS; i++)
		state_acting(&acting[SERVICE], &persons[i], &acting[i]);
	forget_records();
}

void set_policy(bool legacy, bool always_flow)
{
	struct imp_policy *policy;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "runtime", "legacy_impersonation_policy",
			    legacy ? "on" : "off"));
	MUST(imp_policy_set(policy, "runtime", "always_flow_impersonation_policy",
			    always_flow ? "on" : "off"));
	imp_policy_install(policy);
	imp_policy_unref(policy);
}

/* ------------------------------------------------------------------------------- identities -- */

const char *person_name(enum person person)
{
	return names[person];
}

enum person person_of(pid_t tid)
{
	struct state *state = calloc(1, sizeof(*state));
	enum person person = SERVICE;

	if (!state)
		FAIL("no memory");
	state_read(tid, state);
	while (person < N_PERSONS && acting[person].who.uid != state->who.uid)
		person++;
	free(state);
	if (person == N_PERSONS)
		FAIL("thread %d: expected the service or a client, saw neither", (int)tid);
	STATE_IS(tid, &acting[person]); /* in everything else, too */
	return person;
}

void check_raw(const char *file, int line, enum person person)
{
	const struct state *expected = &acting[person];
	gid_t groups[64];
	long n_groups = syscall(SYS_getgroups, 64, groups);
	uid_t uids[3];
	gid_t gids[3];

	check_system(file, line, "getresuid", syscall(SYS_getresuid, uids, uids + 1, uids + 2));
	check_system(file, line, "getresgid", syscall(SYS_getresgid, gids, gids + 1, gids + 2));
	check_same(file, line, "real uid", uids[0], expected->real_uid);
	check_same(file, line, "effective uid", uids[1], expected->who.uid);
	check_same(file, line, "saved uid", uids[2], expected->saved_uid);
	check_same(file, line, "filesystem uid", syscall(SYS_setfsuid, -1), expected->who.uid);
	check_same(file, line, "real gid", gids[0], expected->real_gid);
	check_same(file, line, "effective gid", gids[1], expected->who.gid);
	check_same(file, line, "saved gid", gids[2], expected->saved_gid);
	check_same(file, line, "filesystem gid", syscall(SYS_setfsgid, -1), expected->who.gid);
	check_same(file, line, "groups", n_groups, (long long)expected->who.n_groups);
	for (long i = 0; i < n_groups; i++)
		check_same(file, line, "group", groups[i], expected->who.groups[i]);
}

void impersonate(enum person person)
{
	if (person == SERVICE)
		imp_revert();
	else
		MUST(imp_impersonate(tokens[person]));
}

void raw_uids(uid_t real, uid_t effective, uid_t saved)
{
	SYSTEM(syscall(SYS_setresuid, real, effective, saved));
}

void raw_gids(gid_t real, gid_t effective, gid_t saved)
{
	SYSTEM(syscall(SYS_setresgid, real, effective, saved));
}

void raw_groups(size_t n_groups, const gid_t *groups)
{
	SYSTEM(syscall(SYS_setgroups, n_groups, groups));
}

void raw_filesystem_uid(uid_t uid)
{
	SYSTEM(syscall(SYS_setfsuid, uid));
	SAME(syscall(SYS_setfsuid, -1), uid);
}

void raw_filesystem_gid(gid_t gid)
{
	SYSTEM(syscall(SYS_setfsgid, gid));
	SAME(syscall(SYS_setfsgid, -1), gid);
}

void raw_capabilities(unsigned long long effective, unsigned long long permitted)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)effective, .permitted = (uint32_t)permitted},
		{.effective = (uint32_t)(effective >> 32),
		 .permitted = (uint32_t)(permitted >> 32)},
	};

	SYSTEM(syscall(SYS_capset, &header, data));
}

void impersonate_raw(enum person person)
{
	const struct who *who = &persons[person];
	const unsigned long long permitted = acting[SERVICE].permitted;

	/* From whomever: what the way takes first, what the person has last. */
	raw_capabilities(permitted, permitted);
	raw_groups(who->n_groups, who->groups);
	raw_gids(IMP_NO_GID, who->gid, IMP_NO_GID);
	raw_uids(IMP_NO_UID, who->uid, IMP_NO_UID);
	raw_capabilities(acting[person].effective, permitted);
	I_AM(person);
}
