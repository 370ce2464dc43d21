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

/* Where a client's credentials may go. */
struct policy_delegation {
	bool limited; /* to the service principals that follow, which may be none */
	size_t n_allowed;
	char **allowed; /* owned */
	bool require_ok_as_delegate;
	bool one_hop;
};

struct imp_policy {
	atomic_uint references;
	struct identity anonymous; /* groups NULL: the account does not exist */
	enum imp_level max_level;
	enum imp_level default_level_local;
	enum imp_level default_level_network;
	bool privileged_clients_allowed;
	struct policy_switches switches;
	struct policy_delegation delegation;
};

/* A reference to POLICY, or for NULL to the one in force.  -ENOMEM. */
int policy_resolve(struct imp_policy *given, struct imp_policy **policy) IMP_MUST_CHECK;

/* Those of the policy in force, at the price of a load. */
struct policy_switches policy_switches(void);

/* A copy of the anonymous identity, with references of its own.  -ESRCH when there is none. */
int policy_anonymous(const struct imp_policy *policy, struct identity *identity) IMP_MUST_CHECK;

/* --------------------------------------------------------------------------- policy-keys.c -- */

enum policy_key {
	POLICY_LEGACY,
	POLICY_ALWAYS_FLOW,
	POLICY_CHANNEL_MISMATCH,
	POLICY_ANONYMOUS,
	POLICY_MAX_LEVEL,
	POLICY_DEFAULT_LEVEL_LOCAL,
	POLICY_DEFAULT_LEVEL_NETWORK,
	POLICY_PRIVILEGED_CLIENTS,
	POLICY_ALLOW,
	POLICY_REQUIRE_OK_AS_DELEGATE,
	POLICY_ONE_HOP,
	POLICY_KEYS /* how many */
};

const char *policy_key_section(enum policy_key key);
const char *policy_key_name(enum policy_key key);
/* What its value has to be, in words. */
const char *policy_key_expects(enum policy_key key);
/* SECTION NULL: in whichever.  -ENOENT. */
int policy_find_key(const char *section, const char *name, enum policy_key *key) IMP_MUST_CHECK;
bool policy_has_section(const char *section);

/* Errors as imp_policy_set. */
int policy_set_key(struct imp_policy *policy, enum policy_key key,
		   const char *value) IMP_MUST_CHECK;
/* More service principals, behind those that are allowed already. */
int policy_allow_more(struct imp_policy *policy, const char *value) IMP_MUST_CHECK;

/* An account, less its groups: anonymous has no supplementary ones.  Errors as account_of_user. */
int policy_find_anonymous(const char *user, struct identity *anonymous) IMP_MUST_CHECK;
void policy_clear_allowed(struct policy_delegation *delegation);

#endif
