/* SPDX-License-Identifier: MIT */
/*
 * The privilege to impersonate: what happens without it, what a client that is root gets, and that
 * securebits change nothing of that.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/check.h"

static struct who alice, root;
static struct state service, acting;

static struct imp_policy *allowing(void)
{
	struct imp_policy *policy;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "impersonation", "privileged_clients", "allow"));
	return policy;
}

/* ------------------------------------------------------------------------- without privilege -- */

static void refused(const char *kind, const char *capability)
{
	const char *missing = NULL;

	who_is("alice", &alice);
	struct imp_token *tokens[] = {
		token_at(&alice, NULL, NULL),
		token_at(&alice, "identification", NULL),
		token_at(&alice, "anonymous", NULL),
	};

	become_service(kind);
	state_read(0, &service);
	SAME(imp_check_privilege(&missing), -EPERM);
	SAME_TEXT(missing, capability);
	SAME(imp_check_privilege(NULL), -EPERM);
	for (int i = 0; i < 3; i++) {
		struct imp_token *files, *token;

		MUST(imp_token_scoped(tokens[i], IMP_SCOPE_FILES, &files));
		SAME(imp_impersonate(tokens[i]), -EPERM);
		STATE_IS(0, &service);
		CONTAINS(logged(), capability);
		SAME(imp_impersonate(files), -EPERM);
		STATE_IS(0, &service);
		SAME(imp_token_current(&token), -ENOENT);
		MUST(imp_assert(NULL));
		imp_revert();
		STATE_IS(0, &service);
	}
}

static void none(const char *kind)
{
	(void)kind;
	refused("none", "CAP_SETUID");
}

static void no_setuid(const char *kind)
{
	(void)kind;
	refused("no-setuid", "CAP_SETUID");
}

static void no_setgid(const char *kind)
{
	(void)kind;
	refused("no-setgid", "CAP_SETGID");
}

static void enough(const char *kind)
{
	const char *missing = "untouched";

	become_service(kind);
	MUST(imp_check_privilege(&missing));
	SAME_TEXT(missing, "untouched");
}

static int count(void *number)
{
	++*(int *)number;
	return 0;
}

/* Whoever is the client already needs nothing to be the client. */
static void oneself(const char *kind)
{
	int called = 0;

	(void)kind;
	become_service("root");
	who_with_groups(SERVICE_ID, 0, &alice);
	struct imp_token *token = token_at(&alice, NULL, NULL);

	become_service("none");
	state_read(0, &service);
	SAME(service.permitted, 0);
	MUST(imp_impersonate(token));
	STATE_IS(0, &service);
	MUST(imp_assert(token));
	MUST(imp_run(token, count, &called, NULL));
	imp_revert();
	MUST(imp_run(token, count, &called, NULL));
	SAME(called, 2);
	STATE_IS(0, &service);
}

/* The same uid with another group is somebody else. */
static void nearly_oneself(const char *kind)
{
	(void)kind;
	become_service("root");
	who_with_groups(SERVICE_ID, 1, &alice);
	struct imp_token *token = token_at(&alice, NULL, NULL);
	int called = 0;

	become_service("none");
	state_read(0, &service);
	SAME(imp_run(token, count, &called, NULL), -EPERM);
	SAME(called, 0);
	STATE_IS(0, &service);
	CONTAINS(logged(), "CAP_SETUID");
}

/* ----------------------------------------------------------------------- clients that are root --
 */

static void root_client_comes_and_goes(struct imp_token *as_root, struct imp_token *as_alice)
{
	for (int i = 0; i < 2; i++) {
		MUST(imp_impersonate(as_root));
		state_acting(&service, &root, &acting);
		STATE_IS(0, &acting);
		SAME(acting.effective, 0);
		SAME(prctl(PR_GET_KEEPCAPS), 0);
		MUST(imp_assert(as_root));
		imp_revert();
		STATE_IS(0, &service);
		SAME(prctl(PR_GET_KEEPCAPS), 0);

		/* And on to somebody who is not root, without reverting. */
		MUST(imp_impersonate(as_root));
		MUST(imp_impersonate(as_alice));
		state_acting(&service, &alice, &acting);
		STATE_IS(0, &acting);
		MUST(imp_impersonate(as_root));
		state_acting(&service, &root, &acting);
		STATE_IS(0, &acting);
		imp_revert();
		STATE_IS(0, &service);
		SAME(prctl(PR_GET_KEEPCAPS), 0);
		MUST(imp_assert(NULL));
	}
}

static void root_client(const char *kind)
{
	become_service("root");
	who_is("root", &root);
	who_is("alice", &alice);
	struct imp_token *as_root = token_at(&root, NULL, allowing());
	struct imp_token *as_alice = token_at(&alice, NULL, NULL);
	const char *secret = scratch_file("secret", 0, 0, 0600);
	const char *hers = scratch_file("hers", alice.uid, alice.gid, 0600);

	become_service(kind);
	state_read(0, &service);
	root_client_comes_and_goes(as_root, as_alice);

	/* Root's files, but not everybody's: it is uid 0 without capabilities. */
	MUST(imp_impersonate(as_root));
	SYSTEM(open(secret, O_RDONLY | O_CLOEXEC));
	REFUSED(open(hers, O_RDONLY | O_CLOEXEC), EACCES);
	imp_revert();
}

/* KEEPCAPS, where the service has it on, is on again afterwards. */
static void root_client_keepcaps(const char *kind)
{
	become_service("root");
	who_is("root", &root);
	struct imp_token *as_root = token_at(&root, NULL, allowing());

	become_service(kind);
	state_read(0, &service);
	SYSTEM(prctl(PR_SET_KEEPCAPS, 1UL));
	MUST(imp_impersonate(as_root));
	imp_revert();
	STATE_IS(0, &service);
	SAME(prctl(PR_GET_KEEPCAPS), 1);
}

/*
 * A service whose KEEPCAPS flag is locked loses its permitted set as it leaves root, and with it
 * the way back: it must not go there.
 */
static void root_client_keepcaps_locked(const char *kind)
{
	struct imp_become become = {
		.uid = SERVICE_ID,
		.gid = SERVICE_ID,
		.capabilities = 1ull << CAP_SETUID | 1ull << CAP_SETGID | 1ull << CAP_SETPCAP,
		.effective = true,
	};

	(void)kind;
	become_service("root");
	who_is("root", &root);
	struct imp_token *as_root = token_at(&root, NULL, allowing());
	pid_t child = (pid_t)SYSTEM(fork());

	if (child == 0) {
		MUST(imp_become(&become, NULL));
		SYSTEM(prctl(PR_SET_SECUREBITS, (unsigned long)SECBIT_KEEP_CAPS_LOCKED));
		state_read(0, &service);
		SAME(imp_impersonate(as_root), -EPERM);
		STATE_IS(0, &service);
		_exit(PASSED);
	}
	wait_for(child);
}

/* A token that an administrator's tool makes of root has what the tool is permitted. */
static void root_user(const char *kind)
{
	struct imp_token *token;

	become_service(kind);
	state_read(0, &service);
	MUST(imp_token_from_user("root", IMP_LEVEL_IMPERSONATION, NULL, &token));
	who_is("root", &root);
	MUST(imp_impersonate(token));
	state_acting(&service, &root, &acting);
	acting.effective = service.permitted;
	STATE_IS(0, &acting);
	MUST(imp_assert(token));
	imp_revert();
	STATE_IS(0, &service);
}

/* A token cannot bring capabilities that the service is not permitted. */
static void more_than_permitted(const char *kind)
{
	struct imp_token *token;

	(void)kind;
	become_service("root");
	MUST(imp_token_from_user("root", IMP_LEVEL_IMPERSONATION, NULL, &token));
	become_service("ordinary");
	state_read(0, &service);
	SAME(imp_impersonate(token), -EPERM);
	STATE_IS(0, &service);
	CONTAINS(logged(), "capabilities that the service has not");
}

/* -------------------------------------------------------------------------------- securebits -- */

static void no_fixup(const char *kind)
{
	struct imp_token *files;

	become_service("root");
	who_is("root", &root);
	who_is("alice", &alice);
	struct imp_token *as_root = token_at(&root, NULL, allowing());
	struct imp_token *as_alice = token_at(&alice, NULL, NULL);
	const char *secret = scratch_file("secret", 4711, 4711, 0600);

	MUST(imp_token_scoped(as_alice, IMP_SCOPE_FILES, &files));
	SYSTEM(prctl(PR_SET_SECUREBITS, (unsigned long)SECBIT_NO_SETUID_FIXUP));
	become_service(kind);
	SAME(prctl(PR_GET_SECUREBITS), SECBIT_NO_SETUID_FIXUP);
	state_read(0, &service);
	SAME(service.permitted != 0, 1);

	MUST(imp_impersonate(as_alice));
	state_acting(&service, &alice, &acting);
	STATE_IS(0, &acting);
	REFUSED(open(secret, O_RDONLY | O_CLOEXEC), EACCES);
	imp_revert();
	STATE_IS(0, &service);

	MUST(imp_impersonate(files));
	state_acting_on_files(&service, &alice, &acting);
	STATE_IS(0, &acting);
	REFUSED(open(secret, O_RDONLY | O_CLOEXEC), EACCES);
	imp_revert();
	STATE_IS(0, &service);
	root_client_comes_and_goes(as_root, as_alice);
	SAME(prctl(PR_GET_SECUREBITS), SECBIT_NO_SETUID_FIXUP);
}

/* ------------------------------------------------------------------------------- not dumpable --
 */

static void undumpable(const char *kind)
{
	become_service(kind);
	who_is("alice", &alice);
	struct imp_token *token;

	MUST(imp_token_from_user("alice", IMP_LEVEL_IMPERSONATION, NULL, &token));
	SYSTEM(prctl(PR_SET_DUMPABLE, 1UL));
	MUST(imp_prepare());
	SAME(prctl(PR_GET_DUMPABLE), 1);
	MUST(imp_impersonate(token));
	SAME(prctl(PR_GET_DUMPABLE), 0);
	imp_revert();
	SAME(prctl(PR_GET_DUMPABLE), 0);
	MUST(imp_impersonate(token));
	imp_revert();
	SAME(prctl(PR_GET_DUMPABLE), 0);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"none", none},
		{"no-setuid", no_setuid},
		{"no-setgid", no_setgid},
		{"enough", enough},
		{"oneself", oneself},
		{"nearly-oneself", nearly_oneself},
		{"root-client", root_client},
		{"root-client-keepcaps", root_client_keepcaps},
		{"root-client-keepcaps-locked", root_client_keepcaps_locked},
		{"root-user", root_user},
		{"more-than-permitted", more_than_permitted},
		{"no-fixup", no_fixup},
		{"undumpable", undumpable},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
