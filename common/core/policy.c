/* SPDX-License-Identifier: MIT */
/* What the administrator allows, key by key. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

/* An account, less its groups: anonymous has no supplementary ones. */
static int find_anonymous(const char *user, struct identity *anonymous)
{
	struct identity account;
	struct groups *none;
	int error = identity_of_user(user, &account);

	if (error < 0)
		return error;
	error = groups_new(NULL, 0, &none);
	if (error == 0)
		identity_init(anonymous, account.view.uid, account.view.gid, none);
	identity_clear(&account);
	return error;
}

int imp_policy_new(struct imp_policy **policy)
{
	struct imp_policy *new = malloc(sizeof(*new));

	if (!new)
		return -ENOMEM;
	*new = (struct imp_policy){
		.max_level = IMP_LEVEL_DELEGATION,
		.default_level_local = IMP_LEVEL_IMPERSONATION,
		.default_level_network = IMP_LEVEL_IDENTIFICATION,
		.privileged_clients_allowed = false,
	};
	atomic_init(&new->references, 1);

	/* That there is no such account matters only once somebody is to be anonymous. */
	if (find_anonymous(POLICY_ANONYMOUS_USER, &new->anonymous) == -ENOMEM) {
		free(new);
		return -ENOMEM;
	}
	*policy = new;
	return 0;
}

struct imp_policy *imp_policy_ref(struct imp_policy *policy)
{
	atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
	return policy;
}

void imp_policy_unref(struct imp_policy *policy)
{
	if (!policy || atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) != 1)
		return;
	identity_clear(&policy->anonymous);
	free(policy);
}

/* ----------------------------------------------------------------------------------- keys -- */

static int set_anonymous_user(struct imp_policy *policy, const char *value)
{
	struct identity anonymous;
	int error = find_anonymous(value, &anonymous);

	if (error < 0)
		return error;
	if (anonymous.view.uid == 0) {
		identity_clear(&anonymous);
		return -EINVAL;
	}
	identity_clear(&policy->anonymous);
	policy->anonymous = anonymous;
	return 0;
}

static int set_max_level(struct imp_policy *policy, const char *value)
{
	return imp_level_parse(value, &policy->max_level);
}

static int set_default_level_local(struct imp_policy *policy, const char *value)
{
	return imp_level_parse(value, &policy->default_level_local);
}

static int set_default_level_network(struct imp_policy *policy, const char *value)
{
	return imp_level_parse(value, &policy->default_level_network);
}

static int set_privileged_clients(struct imp_policy *policy, const char *value)
{
	if (strcmp(value, "allow") != 0 && strcmp(value, "identify") != 0)
		return -EINVAL;
	policy->privileged_clients_allowed = strcmp(value, "allow") == 0;
	return 0;
}

static const struct {
	const char *section;
	const char *key;
	int (*set)(struct imp_policy *policy, const char *value);
} keys[] = {
	{"impersonation", "anonymous_user", set_anonymous_user},
	{"impersonation", "max_level", set_max_level},
	{"impersonation", "default_level_local", set_default_level_local},
	{"impersonation", "default_level_network", set_default_level_network},
	{"impersonation", "privileged_clients", set_privileged_clients},
};

int imp_policy_set(struct imp_policy *policy, const char *section, const char *key,
		   const char *value)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(section, keys[i].section) == 0 && strcmp(key, keys[i].key) == 0)
			return keys[i].set(policy, value);
	return -ENOENT;
}

/* -------------------------------------------------------------------------------- defaults -- */

static struct imp_policy *built_in;
static int built_in_error;

static void make_built_in(void)
{
	built_in_error = imp_policy_new(&built_in);
}

int policy_or_default(struct imp_policy *policy, const struct imp_policy **effective)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (!policy) {
		pthread_once(&once, make_built_in);
		if (built_in_error < 0)
			return built_in_error;
		policy = built_in;
	}
	*effective = policy;
	return 0;
}

int policy_anonymous(const struct imp_policy *policy, struct identity *identity)
{
	if (!policy->anonymous.groups)
		return -ESRCH;
	identity_copy(identity, &policy->anonymous);
	return 0;
}
