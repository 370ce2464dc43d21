/* SPDX-License-Identifier: MIT */
/* The keys of a policy, and what their values may be. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy.h"

#define LEVELS "anonymous, identification, impersonation or delegation"

static int set_legacy(struct imp_policy *policy, const char *value);
static int set_always_flow(struct imp_policy *policy, const char *value);
static int set_channel_mismatch(struct imp_policy *policy, const char *value);
static int set_anonymous_user(struct imp_policy *policy, const char *value);
static int set_max_level(struct imp_policy *policy, const char *value);
static int set_default_level_local(struct imp_policy *policy, const char *value);
static int set_default_level_network(struct imp_policy *policy, const char *value);
static int set_privileged_clients(struct imp_policy *policy, const char *value);
static int set_allow(struct imp_policy *policy, const char *value);
static int set_require_ok_as_delegate(struct imp_policy *policy, const char *value);
static int set_one_hop(struct imp_policy *policy, const char *value);

static const struct {
	const char *section;
	const char *name;
	int (*set)(struct imp_policy *policy, const char *value);
	const char *expects;
} keys[POLICY_KEYS] = {
	[POLICY_LEGACY] = {"runtime", "legacy_impersonation_policy", set_legacy, "on or off"},
	[POLICY_ALWAYS_FLOW] = {"runtime", "always_flow_impersonation_policy", set_always_flow,
				"on or off"},
	[POLICY_CHANNEL_MISMATCH] = {"runtime", "channel_mismatch", set_channel_mismatch,
				     "fail or warn"},
	[POLICY_ANONYMOUS] = {"impersonation", "anonymous_user", set_anonymous_user,
			      "an account that is not root"},
	[POLICY_MAX_LEVEL] = {"impersonation", "max_level", set_max_level, LEVELS},
	[POLICY_DEFAULT_LEVEL_LOCAL] = {"impersonation", "default_level_local",
					set_default_level_local, LEVELS},
	[POLICY_DEFAULT_LEVEL_NETWORK] = {"impersonation", "default_level_network",
					  set_default_level_network, LEVELS},
	[POLICY_PRIVILEGED_CLIENTS] = {"impersonation", "privileged_clients",
				       set_privileged_clients, "allow or identify"},
	[POLICY_ALLOW] = {"delegation", "allow", set_allow,
			  "service principals, such as HTTP/files.example.com@EXAMPLE.COM"},
	[POLICY_REQUIRE_OK_AS_DELEGATE] = {"delegation", "require_ok_as_delegate",
					   set_require_ok_as_delegate, "on or off"},
	[POLICY_ONE_HOP] = {"delegation", "one_hop", set_one_hop, "on or off"},
};

const char *policy_key_section(enum policy_key key)
{
	return keys[key].section;
}

const char *policy_key_name(enum policy_key key)
{
	return keys[key].name;
}

const char *policy_key_expects(enum policy_key key)
{
	return keys[key].expects;
}

int policy_find_key(const char *section, const char *name, enum policy_key *key)
{
	for (unsigned int i = 0; i < POLICY_KEYS; i++)
		if ((!section || strcmp(section, keys[i].section) == 0) &&
		    strcmp(name, keys[i].name) == 0) {
			*key = (enum policy_key)i;
			return 0;
		}
	return -ENOENT;
}

bool policy_has_section(const char *section)
{
	for (size_t i = 0; i < POLICY_KEYS; i++)
		if (strcmp(section, keys[i].section) == 0)
			return true;
	return false;
}

int policy_set_key(struct imp_policy *policy, enum policy_key key, const char *value)
{
	return keys[key].set(policy, value);
}

int imp_policy_set(struct imp_policy *policy, const char *section, const char *key,
		   const char *value)
{
	enum policy_key found;
	int error = policy_find_key(section, key, &found);

	return error < 0 ? error : policy_set_key(policy, found, value);
}

/* ------------------------------------------------------------------------------- switches -- */

static int set_choice(bool *which, const char *value, const char *yes, const char *no)
{
	if (strcmp(value, yes) != 0 && strcmp(value, no) != 0)
		return -EINVAL;
	*which = strcmp(value, yes) == 0;
	return 0;
}

/* The words for on and off that other configuration files have, aspnet.config's among them. */
static int set_switch(bool *which, const char *value)
{
	static const char *const words[][2] = {
		{"off", "on"}, {"false", "true"}, {"no", "yes"}, {"0", "1"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (int on = 0; on <= 1; on++)
			if (strcasecmp(value, words[i][on]) == 0) {
				*which = on;
				return 0;
			}
	return -EINVAL;
}

static int set_legacy(struct imp_policy *policy, const char *value)
{
	return set_switch(&policy->switches.legacy_impersonation_policy, value);
}

static int set_always_flow(struct imp_policy *policy, const char *value)
{
	return set_switch(&policy->switches.always_flow_impersonation_policy, value);
}

static int set_channel_mismatch(struct imp_policy *policy, const char *value)
{
	return set_choice(&policy->switches.channel_mismatch_warns, value, "warn", "fail");
}

static int set_privileged_clients(struct imp_policy *policy, const char *value)
{
	return set_choice(&policy->privileged_clients_allowed, value, "allow", "identify");
}

static int set_require_ok_as_delegate(struct imp_policy *policy, const char *value)
{
	return set_switch(&policy->delegation.require_ok_as_delegate, value);
}

static int set_one_hop(struct imp_policy *policy, const char *value)
{
	return set_switch(&policy->delegation.one_hop, value);
}

/* ------------------------------------------------------------------- levels and accounts -- */

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

int policy_find_anonymous(const char *user, struct identity *anonymous)
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

static int set_anonymous_user(struct imp_policy *policy, const char *value)
{
	struct identity anonymous;
	int error = policy_find_anonymous(value, &anonymous);

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

/* -------------------------------------------------------------------- service principals -- */

/* SERVICE/HOST or SERVICE/HOST@REALM: anything else is a slip, and would never match. */
static bool is_service_principal(const char *text, size_t length)
{
	const char *slash = memchr(text, '/', length);
	const char *at = memchr(text, '@', length);
	const char *end = at ? at : text + length;

	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~' || strchr("\"'=;#\\", text[i]))
			return false;
	if (!slash || slash == text || slash > end || slash + 1 == end)
		return false;
	return !at ||
	       (at + 1 < text + length && !memchr(at + 1, '@', length - (size_t)(at + 1 - text)));
}

static int append_allowed(struct policy_delegation *delegation, const char *text, size_t length)
{
	char **allowed = reallocarray(delegation->allowed, delegation->n_allowed + 1,
				      sizeof(*delegation->allowed));

	if (!allowed)
		return -ENOMEM;
	delegation->allowed = allowed;
	allowed[delegation->n_allowed] = strndup(text, length);
	if (!allowed[delegation->n_allowed])
		return -ENOMEM;
	delegation->n_allowed++;
	return 0;
}

/* What stands between blanks and commas; all of it, or nothing is added. */
int policy_allow_more(struct imp_policy *policy, const char *value)
{
	static const char between[] = ", \t\r\n\v\f";
	struct policy_delegation *delegation = &policy->delegation;
	const size_t before = delegation->n_allowed;
	size_t length;
	int error = 0;

	for (; error == 0 && *(value += strspn(value, between)); value += length) {
		length = strcspn(value, between);
		error = is_service_principal(value, length)
				? append_allowed(delegation, value, length)
				: -EINVAL;
	}
	while (error < 0 && delegation->n_allowed > before)
		free(delegation->allowed[--delegation->n_allowed]);
	if (error == 0)
		delegation->limited = true;
	return error;
}

static int set_allow(struct imp_policy *policy, const char *value)
{
	struct policy_delegation before = policy->delegation;
	int error;

	policy->delegation.n_allowed = 0;
	policy->delegation.allowed = NULL;
	error = policy_allow_more(policy, value);
	if (error < 0) {
		policy_clear_allowed(&policy->delegation);
		policy->delegation = before;
	} else {
		policy_clear_allowed(&before);
	}
	return error;
}

void policy_clear_allowed(struct policy_delegation *delegation)
{
	for (size_t i = 0; i < delegation->n_allowed; i++)
		free(delegation->allowed[i]);
	free(delegation->allowed);
}
