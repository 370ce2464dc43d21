/* SPDX-License-Identifier: MIT */
/* What the administrator allows. */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <stdatomic.h>

#include "identity.h"

/* The account that is anonymous where no policy names another. */
#define POLICY_ANONYMOUS_USER "nobody"

struct imp_policy {
	atomic_uint references;
	struct identity anonymous; /* groups NULL: the account does not exist */
	enum imp_level max_level;
	enum imp_level default_level_local;
	enum imp_level default_level_network;
	bool privileged_clients_allowed;
};

/* The policy itself, or for NULL the built-in one; no reference is taken.  -ENOMEM. */
int policy_or_default(struct imp_policy *policy,
		      const struct imp_policy **effective) IMP_MUST_CHECK;

/* A copy of the anonymous identity, with references of its own.  -ESRCH when there is none. */
int policy_anonymous(const struct imp_policy *policy, struct identity *identity) IMP_MUST_CHECK;

#endif
