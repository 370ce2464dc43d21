/* SPDX-License-Identifier: MIT */
/* What the administrator allows. */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <stdatomic.h>

#include "identity.h"

/* The account that is anonymous where no policy names another. */
#define POLICY_ANONYMOUS_USER "nobody"

/* What is asked at each hand-off, and at each call of a channel. */
struct policy_switches {
	bool legacy_impersonation_policy;
	bool always_flow_impersonation_policy;
	bool channel_mismatch_warns; /* it does not fail */
};

struct imp_policy {
	atomic_uint references;
	struct identity anonymous; /* groups NULL: the account does not exist */
	enum imp_level max_level;
	enum imp_level default_level_local;
	enum imp_level default_level_network;
	bool privileged_clients_allowed;
	struct policy_switches switches;
};

/* A reference to POLICY, or for NULL to the one in force.  -ENOMEM. */
int policy_resolve(struct imp_policy *given, struct imp_policy **policy) IMP_MUST_CHECK;

/* Those of the policy in force, at the price of a load. */
struct policy_switches policy_switches(void);

/* A copy of the anonymous identity, with references of its own.  -ESRCH when there is none. */
int policy_anonymous(const struct imp_policy *policy, struct identity *identity) IMP_MUST_CHECK;

#endif
