/* SPDX-License-Identifier: MIT */
/* A policy in words: what each key comes to, said or not, and what is dangerous about that. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "policy.h"

struct meaning {
	const struct imp_policy *policy;
	const struct policy_lines *lines;
	uid_t user; /* as whom the service runs */
	struct report *report;
};

static void tell_flow(const struct meaning *meaning);
static void tell_channels(const struct meaning *meaning);
static void tell_anonymous(const struct meaning *meaning);
static void tell_levels(const struct meaning *meaning);
static void tell_privileged_clients(const struct meaning *meaning);
static void tell_delegation(const struct meaning *meaning);

void report_meaning(const struct imp_policy *policy, const struct policy_lines *lines, uid_t user,
		    struct report *report)
{
	const struct meaning meaning = {policy, lines, user, report};

	tell_flow(&meaning);
	tell_channels(&meaning);
	tell_anonymous(&meaning);
	tell_levels(&meaning);
	tell_privileged_clients(&meaning);
	tell_delegation(&meaning);
}

static bool is_said(const struct meaning *meaning, enum policy_key key)
{
	return meaning->lines->line[key] != 0;
}

/* "VALUE: WORDS", or "VALUE, by default: WORDS"; nothing of a value that was not taken. */
static void tell(const struct meaning *meaning, enum policy_key key, enum outcome outcome,
		 const char *value, const char *format, ...) IMP_PRINTF(5, 6);

static void tell(const struct meaning *meaning, enum policy_key key, enum outcome outcome,
		 const char *value, const char *format, ...)
{
	va_list arguments;
	char *words;

	if (meaning->lines->bad[key])
		return;
	va_start(arguments, format);
	if (vasprintf(&words, format, arguments) < 0)
		abort();
	va_end(arguments);
	report_add(meaning->report, outcome, policy_key_name(key), meaning->lines->line[key],
		   meaning->lines->column[key], "%s%s: %s", value,
		   is_said(meaning, key) ? "" : ", by default", words);
	free(words);
}

/* ------------------------------------------------------------------------------------ flow -- */

const char *legacy_words(bool legacy)
{
	return legacy ? "work that is handed to another thread loses its client's identity, "
			"whatever else is set"
		      : "work that is handed to another thread may take its identity along";
}

const char *always_words(bool legacy, bool always)
{
	if (legacy)
		return always ? "has no effect, since the legacy policy is on, and wins"
			      : "nothing goes along anyway, since the legacy policy is on";
	return always ? "an identity goes along even if it was set by raw system calls"
		      : "only an identity that was set through the library, or the runtime, goes "
			"along";
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

static void tell_flow(const struct meaning *meaning)
{
	const bool legacy = meaning->policy->switches.legacy_impersonation_policy;
	const bool always = meaning->policy->switches.always_flow_impersonation_policy;

	tell(meaning, POLICY_LEGACY, legacy ? OUTCOME_WARN : OUTCOME_OK, on_off(legacy), "%s",
	     legacy_words(legacy));
	tell(meaning, POLICY_ALWAYS_FLOW, legacy && always ? OUTCOME_FAIL : OUTCOME_OK,
	     on_off(always), "%s", always_words(legacy, always));
}

static void tell_channels(const struct meaning *meaning)
{
	if (meaning->policy->switches.channel_mismatch_warns)
		tell(meaning, POLICY_CHANNEL_MISMATCH, OUTCOME_WARN, "warn",
		     "a call on a channel that another identity has opened is made as that other, "
		     "and only logged");
	else
		tell(meaning, POLICY_CHANNEL_MISMATCH, OUTCOME_OK, "fail",
		     "a call on a channel that another identity has opened fails");
}

/* ------------------------------------------------------------------------------- anonymous -- */

/* Where somebody can log in with it, what is done anonymously is done as that somebody. */
static bool is_login(const struct account *account)
{
	const char *shell = account->shell ? account->shell : "";
	const char *name = strrchr(shell, '/');

	name = name ? name + 1 : shell;
	return account->name && strcmp(name, "nologin") != 0 && strcmp(name, "false") != 0;
}

/* Beside its own one. */
static size_t count_more_groups(const struct imp_identity *identity)
{
	size_t count = identity->n_groups;

	for (size_t i = 0; i < identity->n_groups; i++)
		count -= identity->groups[i] == identity->gid;
	return count;
}

static void tell_account(const struct meaning *meaning, const struct account *account)
{
	const struct imp_identity *identity = &account->identity.view;
	const size_t problems = meaning->report->problems;
	const size_t more = count_more_groups(identity);
	char text[256], name[256];

	identity_user_text(identity->uid, name, sizeof(name));
	printable(name, text, sizeof(text));
	if (identity->uid == meaning->user)
		tell(meaning, POLICY_ANONYMOUS, OUTCOME_FAIL, text,
		     "the service runs as that account: who is anonymous could do all that the "
		     "service can");
	if (identity->gid == 0)
		tell(meaning, POLICY_ANONYMOUS, OUTCOME_FAIL, text,
		     "its group is root's, and who is anonymous gets that");
	if (is_login(account))
		tell(meaning, POLICY_ANONYMOUS, OUTCOME_WARN, text,
		     "an account that somebody may log in with, by its shell: what is its, is open "
		     "to whoever is anonymous");
	if (more)
		tell(meaning, POLICY_ANONYMOUS, OUTCOME_WARN, text,
		     "is in %zu more group%s: who is anonymous is not, but the account is not made "
		     "for that",
		     more, more == 1 ? "" : "s");
	if (meaning->report->problems == problems)
		tell(meaning, POLICY_ANONYMOUS, OUTCOME_OK, text,
		     "who is anonymous, or at identification, acts as uid %u, gid %u, without "
		     "further groups",
		     identity->uid, identity->gid);
}

static void tell_anonymous(const struct meaning *meaning)
{
	struct identity anonymous;
	struct account account;
	char number[16];
	int error = policy_anonymous(meaning->policy, &anonymous);

	if (error == 0) {
		/* By its number, for the groups that it would have elsewhere. */
		snprintf(number, sizeof(number), "%u", anonymous.view.uid);
		identity_clear(&anonymous);
		error = account_of_user(number, &account);
	}
	if (error < 0) {
		tell(meaning, POLICY_ANONYMOUS, OUTCOME_FAIL, POLICY_ANONYMOUS_USER,
		     "%s: nobody can be served at anonymous or identification",
		     error == -ESRCH ? "no such account" : reason_of(error));
		return;
	}
	tell_account(meaning, &account);
	account_clear(&account);
}

/* ---------------------------------------------------------------------------------- levels -- */

static void tell_default_level(const struct meaning *meaning, enum policy_key key,
			       enum imp_level level, const char *where)
{
	const enum imp_level most = meaning->policy->max_level;

	if (level <= most)
		tell(meaning, key, OUTCOME_OK, imp_level_name(level),
		     "what a client %s has that states no level", where);
	else if (is_said(meaning, key))
		tell(meaning, key, OUTCOME_WARN, imp_level_name(level),
		     "never reached, since max_level is %s", imp_level_name(most));
	else
		tell(meaning, key, OUTCOME_OK, imp_level_name(level),
		     "what a client %s has that states no level, lowered to %s by max_level", where,
		     imp_level_name(most));
}

static void tell_levels(const struct meaning *meaning)
{
	const char *const words[] = {
		[IMP_LEVEL_ANONYMOUS] = "the service learns of no client who it is, and does "
					"everything as the anonymous account",
		[IMP_LEVEL_IDENTIFICATION] = "the service learns who a client is, and does "
					     "everything as the anonymous account",
		[IMP_LEVEL_IMPERSONATION] =
			meaning->policy->delegation.one_hop
				? "the service acts as its clients, and goes no further than "
				  "one_hop"
				: "the service acts as its clients, on this machine",
		[IMP_LEVEL_DELEGATION] = "the service acts as its clients, over the network where "
					 "they say so",
	};
	const struct imp_policy *policy = meaning->policy;
	const enum imp_level network = policy->default_level_network;

	tell(meaning, POLICY_MAX_LEVEL, OUTCOME_OK, imp_level_name(policy->max_level), "%s",
	     words[policy->max_level]);
	tell_default_level(meaning, POLICY_DEFAULT_LEVEL_LOCAL, policy->default_level_local,
			   "on this machine");
	if (network > IMP_LEVEL_IDENTIFICATION && network <= policy->max_level)
		tell(meaning, POLICY_DEFAULT_LEVEL_NETWORK, OUTCOME_WARN, imp_level_name(network),
		     "a client over the network that states no level is acted for%s, and has not "
		     "said that it may be",
		     network == IMP_LEVEL_DELEGATION
			     ? ", on other machines too where it has forwarded a ticket"
			     : "");
	else
		tell_default_level(meaning, POLICY_DEFAULT_LEVEL_NETWORK, network,
				   "over the network");
}

static void tell_privileged_clients(const struct meaning *meaning)
{
	const bool allowed = meaning->policy->privileged_clients_allowed;
	const enum imp_level most = meaning->policy->max_level;

	if (!allowed)
		tell(meaning, POLICY_PRIVILEGED_CLIENTS, OUTCOME_OK, "identify",
		     "a client that is root is not acted for");
	else if (most < IMP_LEVEL_IMPERSONATION)
		tell(meaning, POLICY_PRIVILEGED_CLIENTS, OUTCOME_WARN, "allow",
		     "has no effect, since max_level is %s", imp_level_name(most));
	else
		tell(meaning, POLICY_PRIVILEGED_CLIENTS, OUTCOME_WARN, "allow",
		     "whoever gets root to connect can have the service act as root");
}

/* ------------------------------------------------------------------------------ delegation -- */

static char *list_of(const struct policy_delegation *delegation)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	for (size_t i = 0; i < delegation->n_allowed; i++)
		fprintf(out, "%s%s", i ? ", " : "", delegation->allowed[i]);
	if (fclose(out) != 0)
		abort();
	return text;
}

/* What says that credentials are to go somewhere should say where to. */
static bool delegation_is_meant(const struct meaning *meaning)
{
	return is_said(meaning, POLICY_REQUIRE_OK_AS_DELEGATE) ||
	       is_said(meaning, POLICY_ONE_HOP) ||
	       (is_said(meaning, POLICY_MAX_LEVEL) &&
		meaning->policy->max_level == IMP_LEVEL_DELEGATION);
}

static void tell_targets(const struct meaning *meaning, bool network)
{
	const struct policy_delegation *delegation = &meaning->policy->delegation;
	char *list = list_of(delegation);

	if (delegation->limited && !network)
		tell(meaning, POLICY_ALLOW, OUTCOME_WARN, delegation->n_allowed ? list : "nothing",
		     "has no effect: clients' credentials go nowhere, by %s",
		     meaning->policy->max_level < IMP_LEVEL_IMPERSONATION
			     ? "max_level"
			     : "max_level and one_hop");
	else if (delegation->limited && delegation->n_allowed)
		tell(meaning, POLICY_ALLOW, OUTCOME_OK, list,
		     "clients' credentials are used towards these, and no others");
	else if (delegation->limited)
		tell(meaning, POLICY_ALLOW, OUTCOME_OK, "nothing",
		     "clients' credentials are used nowhere");
	else if (!network)
		tell(meaning, POLICY_ALLOW, OUTCOME_OK, "no list",
		     "clients' credentials go nowhere");
	else
		tell(meaning, POLICY_ALLOW,
		     delegation_is_meant(meaning) || !delegation->require_ok_as_delegate
			     ? OUTCOME_WARN
			     : OUTCOME_OK,
		     "no list", "clients' credentials may be used towards any service%s",
		     delegation->require_ok_as_delegate
			     ? ", forwarded only where the realm marks it ok-as-delegate"
			     : "");
	free(list);
}

static void tell_delegation(const struct meaning *meaning)
{
	const struct policy_delegation *delegation = &meaning->policy->delegation;
	const enum imp_level most = meaning->policy->max_level;
	const bool forwards = most >= IMP_LEVEL_DELEGATION;
	const bool hops = most >= IMP_LEVEL_IMPERSONATION && delegation->one_hop;

	tell_targets(meaning, forwards || hops);
	if (!forwards)
		tell(meaning, POLICY_REQUIRE_OK_AS_DELEGATE,
		     is_said(meaning, POLICY_REQUIRE_OK_AS_DELEGATE) ? OUTCOME_WARN : OUTCOME_OK,
		     on_off(delegation->require_ok_as_delegate),
		     "has no effect, since max_level is %s", imp_level_name(most));
	else if (delegation->require_ok_as_delegate)
		tell(meaning, POLICY_REQUIRE_OK_AS_DELEGATE, OUTCOME_OK, "on",
		     "tickets are forwarded only where the realm marks the target "
		     "ok-as-delegate; a call that needs one elsewhere fails");
	else
		tell(meaning, POLICY_REQUIRE_OK_AS_DELEGATE, OUTCOME_WARN, "off",
		     "tickets are forwarded also where the realm does not mark the target "
		     "ok-as-delegate");
	if (most < IMP_LEVEL_IMPERSONATION)
		tell(meaning, POLICY_ONE_HOP,
		     is_said(meaning, POLICY_ONE_HOP) && delegation->one_hop ? OUTCOME_WARN
									     : OUTCOME_OK,
		     on_off(delegation->one_hop), "has no effect, since max_level is %s",
		     imp_level_name(most));
	else
		tell(meaning, POLICY_ONE_HOP, OUTCOME_OK, on_off(delegation->one_hop), "%s",
		     delegation->one_hop
			     ? "at impersonation a local client's own credential cache takes the "
			       "service one hop into the network"
			     : "below delegation nothing of a client goes into the network");
}
