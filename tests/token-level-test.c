/* SPDX-License-Identifier: MIT */
/* Who has a say in a token's level: the client, its request, the policy, the service itself. */
#include <errno.h>
#include <stdio.h>

#include "lib/check.h"

static struct who alice, nobody, root;

static void meet(void)
{
	become_service("root");
	who_is("alice", &alice);
	who_is("nobody", &nobody);
	who_is("root", &root);
}

static void is_level(const struct imp_token *token, enum imp_level level, enum imp_decided_by by)
{
	SAME_TEXT(imp_level_name(imp_token_level(token)), imp_level_name(level));
	SAME_TEXT(imp_decided_by_name(imp_token_level_decided_by(token)), imp_decided_by_name(by));
}

static struct imp_policy *policy_with(const char *key, const char *value)
{
	struct imp_policy *policy;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "impersonation", key, value));
	return policy;
}

/* The level that one request leads to. */
static void requested(struct imp_token *token, enum imp_level request, enum imp_level level,
		      enum imp_decided_by by)
{
	struct imp_token *out;

	MUST(imp_token_at_request(token, request, &out));
	is_level(out, level, by);
	imp_token_unref(out);
}

/* ------------------------------------------------------------------------- who has the say -- */

static void requests(const char *kind)
{
	struct imp_token *token, *out = NULL;

	(void)kind;
	meet();
	token = token_at(&alice, NULL, NULL);
	for (int level = IMP_LEVEL_ANONYMOUS; level <= IMP_LEVEL_DELEGATION; level++)
		requested(token, (enum imp_level)level, (enum imp_level)level,
			  IMP_DECIDED_BY_REQUEST);
	SAME(imp_token_at_request(token, (enum imp_level)4, &out), -EINVAL);
	SAME(imp_token_at_request(token, (enum imp_level) - 1, &out), -EINVAL);
	SAME(out == NULL, 1);
	is_level(token, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_DEFAULT);

	token = token_at(&alice, "impersonation", NULL);
	requested(token, IMP_LEVEL_ANONYMOUS, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_REQUEST);
	requested(token, IMP_LEVEL_IDENTIFICATION, IMP_LEVEL_IDENTIFICATION,
		  IMP_DECIDED_BY_REQUEST);
	requested(token, IMP_LEVEL_IMPERSONATION, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_ADDRESS);
	requested(token, IMP_LEVEL_DELEGATION, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_ADDRESS);

	/* One request says nothing about the next. */
	MUST(imp_token_at_request(token, IMP_LEVEL_ANONYMOUS, &out));
	requested(out, IMP_LEVEL_IMPERSONATION, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_ADDRESS);

	token = token_at(&alice, "anonymous", NULL);
	requested(token, IMP_LEVEL_DELEGATION, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_ADDRESS);
}

static void max_level(const char *kind)
{
	struct imp_policy *policy = policy_with("max_level", "identification");
	struct imp_token *token;

	(void)kind;
	meet();
	token = token_at(&alice, NULL, policy);
	is_level(token, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_POLICY);
	requested(token, IMP_LEVEL_DELEGATION, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_POLICY);
	requested(token, IMP_LEVEL_ANONYMOUS, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_REQUEST);
	is_level(token_at(&alice, "delegation", policy), IMP_LEVEL_IDENTIFICATION,
		 IMP_DECIDED_BY_POLICY);
	is_level(token_at(&alice, "identification", policy), IMP_LEVEL_IDENTIFICATION,
		 IMP_DECIDED_BY_ADDRESS);
	is_level(token_at(&alice, "anonymous", policy), IMP_LEVEL_ANONYMOUS,
		 IMP_DECIDED_BY_ADDRESS);
	MUST(imp_token_from_user("alice", IMP_LEVEL_DELEGATION, policy, &token));
	is_level(token, IMP_LEVEL_DELEGATION, IMP_DECIDED_BY_SERVICE);
}

static void privileged(const char *kind)
{
	struct imp_policy *policy = policy_with("privileged_clients", "allow");
	struct imp_token *token;

	(void)kind;
	meet();
	token = token_at(&root, NULL, NULL);
	is_level(token, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_PRIVILEGED_CLIENT);
	SAME(imp_token_identity(token)->uid, 0);
	SAME(imp_token_access(token)->uid, nobody.uid);
	requested(token, IMP_LEVEL_DELEGATION, IMP_LEVEL_IDENTIFICATION,
		  IMP_DECIDED_BY_PRIVILEGED_CLIENT);
	is_level(token_at(&root, "delegation", NULL), IMP_LEVEL_IDENTIFICATION,
		 IMP_DECIDED_BY_PRIVILEGED_CLIENT);
	is_level(token_at(&root, "anonymous", NULL), IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_ADDRESS);

	token = token_at(&root, NULL, policy);
	is_level(token, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_DEFAULT);
	is_level(token_at(&root, "delegation", policy), IMP_LEVEL_DELEGATION,
		 IMP_DECIDED_BY_ADDRESS);
	MUST(imp_policy_set(policy, "impersonation", "privileged_clients", "identify"));
	is_level(token_at(&root, NULL, policy), IMP_LEVEL_IDENTIFICATION,
		 IMP_DECIDED_BY_PRIVILEGED_CLIENT);
	is_level(token, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_DEFAULT);
}

/* What the service lowers stays low, whatever is asked of it afterwards, and in whatever order. */
static void lowered(const char *kind)
{
	struct imp_token *token, *low, *out = NULL;

	(void)kind;
	meet();
	token = token_at(&alice, NULL, NULL);
	MUST(imp_token_lowered(token, IMP_LEVEL_IDENTIFICATION, &low));
	is_level(low, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_SERVICE);
	requested(low, IMP_LEVEL_DELEGATION, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_SERVICE);
	requested(low, IMP_LEVEL_ANONYMOUS, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_REQUEST);
	MUST(imp_token_at_request(low, IMP_LEVEL_ANONYMOUS, &out));
	requested(out, IMP_LEVEL_DELEGATION, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_SERVICE);
	MUST(imp_token_scoped(low, IMP_SCOPE_FILES, &out));
	requested(out, IMP_LEVEL_DELEGATION, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_SERVICE);
	MUST(imp_token_lowered(low, IMP_LEVEL_DELEGATION, &out));
	is_level(out, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_SERVICE);
	SAME(imp_token_lowered(token, (enum imp_level)9, &out), -EINVAL);
	is_level(token, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_DEFAULT);
}

/* Also where the client said no more than that so far. */
static void lowered_to_the_same(const char *kind)
{
	struct imp_token *token, *low, *out;

	(void)kind;
	meet();
	token = token_at(&alice, NULL, NULL);
	MUST(imp_token_lowered(token, IMP_LEVEL_IMPERSONATION, &low));
	is_level(low, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_DEFAULT);
	requested(low, IMP_LEVEL_DELEGATION, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_SERVICE);
	MUST(imp_token_at_request(token, IMP_LEVEL_ANONYMOUS, &out));
	MUST(imp_token_lowered(out, IMP_LEVEL_IDENTIFICATION, &low));
	requested(low, IMP_LEVEL_DELEGATION, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_SERVICE);
}

/* The service that names a user at a level has lowered it to that: no request goes above. */
static void from_user_request(const char *kind)
{
	struct imp_token *token;

	(void)kind;
	meet();
	MUST(imp_token_from_user("alice", IMP_LEVEL_IDENTIFICATION, NULL, &token));
	requested(token, IMP_LEVEL_IMPERSONATION, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_SERVICE);
}

/* ---------------------------------------------------------------------------------- policy -- */

static void policy_errors(const char *kind)
{
	struct imp_policy *policy;

	(void)kind;
	meet();
	MUST(imp_policy_new(&policy));
	SAME(imp_policy_set(policy, "impersonation", "no_such_key", "1"), -ENOENT);
	SAME(imp_policy_set(policy, "no_such_section", "max_level", "anonymous"), -ENOENT);
	SAME(imp_policy_set(policy, "", "", ""), -ENOENT);
	SAME(imp_policy_set(policy, "impersonation", "max_level", "4"), -EINVAL);
	SAME(imp_policy_set(policy, "impersonation", "max_level", ""), -EINVAL);
	SAME(imp_policy_set(policy, "impersonation", "default_level_local", "Anonymous"), -EINVAL);
	SAME(imp_policy_set(policy, "impersonation", "default_level_network", " anonymous"),
	     -EINVAL);
	SAME(imp_policy_set(policy, "impersonation", "privileged_clients", "yes"), -EINVAL);
	SAME(imp_policy_set(policy, "impersonation", "anonymous_user", "no-such-account"), -ESRCH);
	SAME(imp_policy_set(policy, "impersonation", "anonymous_user", ""), -EINVAL);
	SAME(imp_policy_set(policy, "impersonation", "anonymous_user", "root"), -EINVAL);
	SAME(imp_policy_set(policy, "impersonation", "anonymous_user", "0"), -EINVAL);

	/* What was refused has changed nothing. */
	is_level(token_at(&alice, NULL, policy), IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_DEFAULT);
	SAME(imp_token_access(token_at(&alice, "anonymous", policy))->uid, nobody.uid);

	MUST(imp_policy_set(policy, "impersonation", "anonymous_user", "alice"));
	struct imp_token *token = token_at(&root, NULL, policy);

	SAME(imp_token_access(token)->uid, alice.uid);
	SAME(imp_token_access(token)->n_groups, 0);
	imp_policy_unref(policy); /* the token stands without it */
	SAME(imp_token_access(token)->uid, alice.uid);
	imp_policy_unref(NULL);
	imp_token_unref(NULL);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"requests", requests},
		{"max-level", max_level},
		{"privileged", privileged},
		{"lowered", lowered},
		{"lowered-to-the-same", lowered_to_the_same},
		{"from-user-request", from_user_request},
		{"policy-errors", policy_errors},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
