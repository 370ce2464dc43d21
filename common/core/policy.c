/* SPDX-License-Identifier: MIT */
/* What the administrator allows, and which of it is in force in this process. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "policy.h"

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
		.delegation = {.require_ok_as_delegate = true, .one_hop = true},
	};
	atomic_init(&new->references, 1);

	/* That there is no such account matters only once somebody is to be anonymous. */
	if (policy_find_anonymous(POLICY_ANONYMOUS_USER, &new->anonymous) == -ENOMEM) {
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
	policy_clear_allowed(&policy->delegation);
	free(policy);
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
