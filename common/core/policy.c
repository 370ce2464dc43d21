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

static int set_switch(bool *which, const char *value, const char *on, const char *off)
{
	if (strcmp(value, on) != 0 && strcmp(value, off) != 0)
		return -EINVAL;
	*which = strcmp(value, on) == 0;
	return 0;
}

static int set_privileged_clients(struct imp_policy *policy, const char *value)
{
	return set_switch(&policy->privileged_clients_allowed, value, "allow", "identify");
}

static int set_legacy(struct imp_policy *policy, const char *value)
{
	return set_switch(&policy->switches.legacy_impersonation_policy, value, "on", "off");
}

static int set_always_flow(struct imp_policy *policy, const char *value)
{
	return set_switch(&policy->switches.always_flow_impersonation_policy, value, "on", "off");
}

static int set_channel_mismatch(struct imp_policy *policy, const char *value)
{
	return set_switch(&policy->switches.channel_mismatch_warns, value, "warn", "fail");
}

static const struct {
	const char *section;
	const char *key;
	int (*set)(struct imp_policy *policy, const char *value);
} keys[] = {
	{"runtime", "legacy_impersonation_policy", set_legacy},
	{"runtime", "always_flow_impersonation_policy", set_always_flow},
	{"runtime", "channel_mismatch", set_channel_mismatch},
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

/* -------------------------------------------------------------------------------- in force -- */

static struct {
	pthread_mutex_t lock;
	struct imp_policy *policy; /* NULL: the defaults, not made yet */
} in_force = {.lock = PTHREAD_MUTEX_INITIALIZER};

enum { LEGACY = 1, ALWAYS_FLOW = 2, CHANNEL_WARNS = 4 };

/* Its switches: a hand-off must not wait for another. */
static atomic_uint switches_in_force;

struct policy_switches policy_switches(void)
{
	unsigned int switches = atomic_load_explicit(&switches_in_force, memory_order_relaxed);

	return (struct policy_switches){
		.legacy_impersonation_policy = switches & LEGACY,
		.always_flow_impersonation_policy = switches & ALWAYS_FLOW,
		.channel_mismatch_warns = switches & CHANNEL_WARNS,
	};
}

void imp_policy_install(struct imp_policy *policy)
{
	const struct policy_switches none = {.legacy_impersonation_policy = false};
	const struct policy_switches *switches = policy ? &policy->switches : &none;

	pthread_mutex_lock(&in_force.lock);
	struct imp_policy *before = in_force.policy;

	in_force.policy = policy ? imp_policy_ref(policy) : NULL;
	atomic_store(&switches_in_force,
		     (switches->legacy_impersonation_policy ? LEGACY : 0u) |
			     (switches->always_flow_impersonation_policy ? ALWAYS_FLOW : 0u) |
			     (switches->channel_mismatch_warns ? CHANNEL_WARNS : 0u));
	pthread_mutex_unlock(&in_force.lock);
	imp_policy_unref(before);
}

int policy_resolve(struct imp_policy *given, struct imp_policy **policy)
{
	int error = 0;

	if (given) {
		*policy = imp_policy_ref(given);
		return 0;
	}
	pthread_mutex_lock(&in_force.lock);
	if (!in_force.policy)
		error = imp_policy_new(&in_force.policy);
	if (error == 0)
		*policy = imp_policy_ref(in_force.policy);
	pthread_mutex_unlock(&in_force.lock);
	return error;
}

int policy_anonymous(const struct imp_policy *policy, struct identity *identity)
{
	if (!policy->anonymous.groups)
		return -ESRCH;
	identity_copy(identity, &policy->anonymous);
	return 0;
}
