/* SPDX-License-Identifier: MIT */
/* From root to an account that is nobody else's, with the two capabilities alone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/message.h"
#include "core/capability.h"
#include "core/policy.h"
#include "serve.h"

#define OWN_ACCOUNT "idn-demo"

/* The range that systemd takes for DynamicUser= (systemd.exec(5)). */
enum { DYNAMIC_FIRST = 61184, DYNAMIC_LAST = 65519 };

static bool is_free(uid_t uid)
{
	char name[256], lock[64];

	snprintf(lock, sizeof(lock), "/run/systemd/dynamic-uid/%u", uid);
	return !identity_user_name(uid, name, sizeof(name)) &&
	       !identity_group_name(uid, name, sizeof(name)) && access(lock, F_OK) < 0 &&
	       !procfs_uid_in_use(uid);
}

static void take_free_uid(struct identity *identity)
{
	for (uid_t uid = DYNAMIC_FIRST; uid <= DYNAMIC_LAST; uid++) {
		struct groups *none;

		if (!is_free(uid))
			continue;
		if (groups_new(NULL, 0, &none) < 0)
			die(EXIT_FAILED, "out of memory");
		identity_init(identity, uid, uid, none);
		return;
	}
	die(EXIT_FAILED, "no uid from %d to %d is free: name an account with --user", DYNAMIC_FIRST,
	    DYNAMIC_LAST);
}

static void choose(const struct options *options, struct identity *identity)
{
	const char *name = options->user ? options->user : OWN_ACCOUNT;
	int error = identity_of_user(name, identity);

	if (error == -ESRCH && !options->user)
		take_free_uid(identity);
	else if (error < 0)
		die(EXIT_FAILED, "%s: %s", name,
		    error == -ESRCH ? "no such account" : reason_of(error));
}

void drop_privilege(const struct options *options, const struct imp_policy *policy)
{
	struct identity identity;
	const char *step;

	choose(options, &identity);
	if (identity.view.uid == 0)
		die(EXIT_FAILED, "%s is root: that is what --stay-root is for", options->user);
	if (policy->anonymous.groups && identity.view.uid == policy->anonymous.view.uid)
		die(EXIT_FAILED,
		    "%s is the anonymous account: an anonymous client could touch the service",
		    options->user ? options->user : OWN_ACCOUNT);

	struct imp_become become = {
		.uid = identity.view.uid,
		.gid = identity.view.gid,
		.n_groups = identity.view.n_groups,
		.groups = identity.view.groups,
		.capabilities = CAPABILITIES_TO_SWITCH,
		.limit_bounding = true,
	};
	int error = imp_become(&become, &step);

	if (error < 0)
		die(EXIT_FAILED, "cannot drop privilege: %s: %s", step, reason_of(error));
	identity_clear(&identity);
}
