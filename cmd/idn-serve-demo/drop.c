/* SPDX-License-Identifier: MIT */
/* From root to an account that is nobody else's, with the two capabilities alone, or none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/message.h"
#include "core/capability.h"
#include "core/credentials.h"
#include "core/policy.h"
#include "serve.h"

#define OWN_ACCOUNT "idn-demo"
#define ACCEPTOR_ACCOUNT "idn-acceptor"

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

/* Nobody else, who could stop it, or be taken for it by a file's owner: not the service either. */
void drop_acceptor(const struct imp_policy *policy, uid_t *uid, gid_t *gid)
{
	struct identity identity;
	int error = identity_of_user(ACCEPTOR_ACCOUNT, &identity);

	if (error == -ESRCH)
		take_free_uid(&identity);
	else if (error < 0)
		die(EXIT_FAILED, "%s: %s", ACCEPTOR_ACCOUNT, reason_of(error));
	if (policy->anonymous.groups && identity.view.uid == policy->anonymous.view.uid)
		die(EXIT_FAILED, "%s is the anonymous account", ACCEPTOR_ACCOUNT);
	*uid = identity.view.uid;
	*gid = identity.view.gid;
	identity_clear(&identity);
}

static void become(const struct imp_become *become)
{
	const char *step;
	int error = imp_become(become, &step);

	if (error < 0)
		die(EXIT_FAILED, "cannot drop privilege: %s: %s", step, reason_of(error));
}

/* Not dumpable: what it holds of its clients is not for others of the same uid either. */
static void become_powerless(const struct imp_become *wanted)
{
	struct imp_become powerless = *wanted;
	int error;

	powerless.capabilities = 0;
	powerless.sealed = true;
	become(&powerless);
	error = credentials_make_undumpable();
	if (error < 0)
		die(EXIT_FAILED, "cannot drop privilege: %s", reason_of(error));
}

/* An ordinary user stays that. */
static void drop_capabilities(void)
{
	struct credentials own;
	int error = credentials_read(&own);

	if (error < 0)
		die(EXIT_FAILED, "cannot drop privilege: %s", reason_of(error));
	become_powerless(&(struct imp_become){
		.uid = own.effective_uid,
		.gid = own.effective_gid,
		.n_groups = own.groups->count,
		.groups = own.groups->gids,
	});
	groups_unref(own.groups);
}

static void leave_root(const struct options *options, const struct imp_policy *policy,
		       enum imp_engine engine)
{
	struct identity identity;

	choose(options, &identity);
	if (identity.view.uid == 0)
		die(EXIT_FAILED, "%s is root: that is what --stay-root is for", options->user);
	if (policy->anonymous.groups && identity.view.uid == policy->anonymous.view.uid)
		die(EXIT_FAILED,
		    "%s is the anonymous account: an anonymous client could touch the service",
		    options->user ? options->user : OWN_ACCOUNT);

	const struct imp_become wanted = {
		.uid = identity.view.uid,
		.gid = identity.view.gid,
		.n_groups = identity.view.n_groups,
		.groups = identity.view.groups,
		.capabilities = CAPABILITIES_TO_SWITCH,
		.limit_bounding = true,
	};

	if (engine == IMP_ENGINE_RING)
		become_powerless(&wanted);
	else
		become(&wanted);
	identity_clear(&identity);
}

void drop_privilege(const struct options *options, const struct imp_policy *policy,
		    enum imp_engine engine)
{
	if (geteuid() == 0 && !options->stay_root)
		leave_root(options, policy, engine);
	else if (engine == IMP_ENGINE_RING)
		drop_capabilities();
}
