/* SPDX-License-Identifier: MIT */
/* Whom the command runs as: from an account or a thread, the level, and the lists that were given.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/facts.h"
#include "cli/message.h"
#include "core/capability.h"
#include "core/credentials.h"
#include "core/policy.h"
#include "core/procfs.h"
#include "run-as.h"

static const char *why_not(int error, const char *what)
{
	static char text[64];

	switch (error) {
	case -ESRCH:
		snprintf(text, sizeof(text), "no such %s", what);
		return text;
	case -EINVAL:
	case -ERANGE:
		return "neither a name nor a number that is an id";
	default:
		return reason_of(error);
	}
}

static void must(int error, const char *subject)
{
	if (error < 0)
		die(EXIT_FAILED, "%s: %s", subject, reason_of(error));
}

/* Calls VISIT for each part of a list with commas; an empty one is an error of the part's own. */
static void each_of(const char *option, const char *list,
		    void (*visit)(const char *option, const char *part, void *data), void *data)
{
	char *copy = strdup(list), *rest = copy;

	must(copy ? 0 : -ENOMEM, option);
	while (rest)
		visit(option, strsep(&rest, ","), data);
	free(copy);
}

/* -------------------------------------------------------------------------------- groups -- */

struct gids {
	size_t count;
	gid_t list[65536]; /* NGROUPS_MAX of Linux */
};

static void add_group(const char *option, const char *part, void *data)
{
	struct gids *gids = data;
	gid_t gid;
	int error = identity_of_group(part, &gid);

	if (error < 0)
		die(EXIT_FAILED, "%s: %s: %s", option, part, why_not(error, "group"));
	if (gids->count == sizeof(gids->list) / sizeof(gids->list[0]))
		die(EXIT_FAILED, "%s: more than %zu groups", option, gids->count);
	gids->list[gids->count++] = gid;
}

static struct groups *groups_of_list(const char *list)
{
	static struct gids gids;
	struct groups *groups;

	each_of("--groups", list, add_group, &gids);
	must(groups_new(gids.list, gids.count, &groups), "--groups");
	return groups;
}

static struct groups *groups_of_caller(void)
{
	struct credentials caller;

	must(credentials_read(&caller), "the caller");
	return caller.groups;
}

static void choose_groups(const struct options *options, struct target *target)
{
	switch (options->groups) {
	case GROUPS_LISTED:
		target->groups = groups_of_list(options->group_list);
		break;
	case GROUPS_KEPT:
		target->groups = groups_of_caller();
		break;
	case GROUPS_NONE:
	case GROUPS_OF_USER:
		/* Looked up only where they are wanted: else there are none with the account. */
		target->groups = groups_ref(target->account.identity.groups);
		break;
	}
}

/* -------------------------------------------------------------------------- capabilities -- */

static void add_capability(const char *option, const char *part, void *data)
{
	uint64_t one = 0, *set = data;

	if (strcmp(part, "all") == 0)
		must(capability_permitted(&one), option);
	else if (strcmp(part, "none") != 0 && capability_parse(part, &one) < 0)
		die(EXIT_FAILED, "%s: %s: no such capability", option, part);
	*set |= one;
}

/* What the caller has not got it cannot give. */
static void check_capabilities(const char *subject, uint64_t set)
{
	uint64_t permitted;
	char name[64];

	must(capability_permitted(&permitted), subject);
	if (set & ~permitted)
		die(EXIT_FAILED, "%s: %s: the caller does not have this capability", subject,
		    capability_name(capability_lowest(set & ~permitted), name, sizeof(name)));
}

static void choose_capabilities(const struct options *options, struct target *target)
{
	if (!options->capabilities) {
		target->all_capabilities = target->account.identity.view.uid == 0;
		return;
	}
	each_of("--caps", options->capabilities, add_capability, &target->capabilities);
	check_capabilities("--caps", target->capabilities);
}

/* ------------------------------------------------------------------------------ a thread -- */

/* Capabilities count in the user namespace that they were given in, and nowhere above it. */
static bool is_of_another_namespace(pid_t pid, pid_t tid)
{
	uint64_t ours, its;

	if (procfs_user_namespace(getpid(), getpid(), &ours) < 0 ||
	    procfs_user_namespace(pid, tid, &its) < 0)
		return true;
	return ours != its;
}

/* Filesystem ids: they are what access is decided by. */
static void find_thread(const struct options *options, struct target *target)
{
	struct procfs_thread thread;
	pid_t pid, tid;

	if (procfs_parse_thread(options->thread, &pid, &tid) < 0)
		die(EXIT_FAILED, "--thread: %s: not of the form PID or PID/TID", options->thread);
	tid = tid ? tid : pid;

	int error = procfs_read_thread(pid, tid, &thread);

	if (error < 0)
		die(EXIT_FAILED, "--thread: %s: %s", options->thread, why_not(error, "thread"));
	target->said = options->thread;
	warn_of_ring(options->thread, pid, tid);
	target->capabilities = thread.capabilities[SET_EFFECTIVE];
	target->no_new_privs = thread.no_new_privs;
	target->gid = thread.gids[ID_FILESYSTEM];
	must(account_of_uid(thread.uids[ID_FILESYSTEM], &target->account), options->thread);
	must(groups_new(thread.groups, thread.n_groups, &target->groups), options->thread);
	procfs_clear_thread(&thread);

	if (target->capabilities && is_of_another_namespace(pid, tid))
		die(EXIT_FAILED,
		    "--thread: %s: its capabilities are those of another user namespace",
		    options->thread);
	check_capabilities(options->thread, target->capabilities);
}

/* ------------------------------------------------------------------------------ a user -- */

/* Below impersonation the command is anonymous; the user has only to exist. */
static void become_anonymous(const struct options *options, struct target *target)
{
	if (options->level == IMP_LEVEL_IDENTIFICATION)
		target->client =
			strdup(target->account.name ? target->account.name : options->user);
	account_clear(&target->account);

	int error = account_without_groups(POLICY_ANONYMOUS_USER, &target->account);

	if (error < 0)
		die(EXIT_FAILED, "%s: the anonymous account: %s", POLICY_ANONYMOUS_USER,
		    why_not(error, "account"));
	target->said = POLICY_ANONYMOUS_USER;
	target->gid = target->account.identity.view.gid;
	target->groups = groups_ref(target->account.identity.groups);
}

/* USER is all of its groups; USER:GROUP is that group alone. */
static void find_user(const struct options *options, struct target *target)
{
	bool all_groups = options->groups == GROUPS_OF_USER && !options->group &&
			  options->level >= IMP_LEVEL_IMPERSONATION;
	int error = all_groups ? account_of_user(options->user, &target->account)
			       : account_without_groups(options->user, &target->account);

	if (error < 0)
		die(EXIT_FAILED, "%s: %s", options->user, why_not(error, "account"));
	if (options->level < IMP_LEVEL_IMPERSONATION) {
		become_anonymous(options, target);
		return;
	}
	target->said = options->user;
	target->gid = target->account.identity.view.gid;
	if (options->group) {
		error = identity_of_group(options->group, &target->gid);
		if (error < 0)
			die(EXIT_FAILED, "%s: %s", options->group, why_not(error, "group"));
	}
	choose_groups(options, target);
	choose_capabilities(options, target);
}

void find_target(const struct options *options, struct target *target)
{
	*target = (struct target){.gid = IMP_NO_GID};
	if (options->thread)
		find_thread(options, target);
	else
		find_user(options, target);
	target->no_new_privs = target->no_new_privs || options->no_new_privs;
}

bool is_caller(const struct target *target)
{
	uid_t uid = target->account.identity.view.uid;
	struct credentials caller;

	must(credentials_read(&caller), "the caller");

	bool same = caller.real_uid == uid && caller.effective_uid == uid &&
		    caller.saved_uid == uid && caller.real_gid == target->gid &&
		    caller.effective_gid == target->gid && caller.saved_gid == target->gid &&
		    groups_equal(caller.groups, target->groups) &&
		    (target->all_capabilities || caller.permitted == target->capabilities);

	groups_unref(caller.groups);
	return same;
}
