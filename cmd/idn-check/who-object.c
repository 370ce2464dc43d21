/* SPDX-License-Identifier: MIT */
/* idn-check who: its answers as JSON objects (idn-check.schema.json). */
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "who.h"

/* With names from the accounts: the name service would be asked for each of ten thousand. */
static json_t *groups_object(const struct who *who, const struct listed_account *account)
{
	json_t *list = json_array();
	char buffer[256];

	for (uint32_t i = 0; i < account->n_groups; i++) {
		const char *name = accounts_group_name(who->accounts, account->groups[i]);

		if (!name)
			name = identity_group_name(account->groups[i], buffer, sizeof(buffer));
		json_append(list, json_group(account->groups[i], name));
	}
	return list;
}

static json_t *identity_object(const struct who *who, uint32_t index)
{
	static const char *const kinds[] = {
		[WHO_ACCOUNT] = "account", [WHO_UID] = "uid", [WHO_GROUP] = "group"};
	enum who_kind kind;
	const struct listed_account *account = who_identity(who, index, &kind);
	json_t *groups = groups_object(who, account), *object;

	if (kind == WHO_GROUP) {
		object = json_object();
		json_put(object, "uid", json_null());
		json_put(object, "name", json_null());
		json_put(object, "sid", json_null());
		json_put(object, "gid", json_integer(account->gid));
		json_put(object, "groups", groups);
		json_put(object, "principal", json_null());
	} else {
		object = json_identity_named(account->uid, account->name, account->gid, groups,
					     NULL);
	}
	json_put(object, "kind", json_string(kinds[kind]));
	return object;
}

static json_t *rule_object(const struct who_answer *answer, size_t number)
{
	const struct who_rule *rule = &answer->who.rules[number];
	json_t *object = json_object(), *identities = json_array();
	char text[1024];

	json_put(object, "rule", json_text(who_rule_text(answer, rule, text, sizeof(text))));
	json_put(object, "path", json_text(answer->walk.steps[rule->step].path));
	for (size_t i = 0; i < rule->count; i++)
		json_append(identities, identity_object(&answer->who, rule->identities[i]));
	json_put(object, "identities", identities);
	json_put(object, "anybody",
		 json_boolean(answer->who.anybody && answer->who.rule_of_anybody == number));
	return object;
}

static json_t *kernel_object(const struct who_answer *answer)
{
	const struct who_asked *asked = &answer->asked;
	json_t *object = json_object(), *differs = json_array();

	json_put(object, "asked", json_boolean(asked->count > 0));
	json_put(object, "agrees",
		 asked->count ? json_boolean(asked->n_differences == 0) : json_null());
	json_put(object, "asked_about", json_integer((json_int_t)asked->count));
	json_put(object, "not_asked_about", json_integer((json_int_t)asked->refused));
	json_put(object, "not_asked_because", json_text(asked->refused ? asked->why_not : NULL));
	for (size_t i = 0; i < asked->n_differences; i++) {
		const struct who_difference *difference = &asked->differences[i];
		json_t *one = json_object();

		json_put(one, "identity", identity_object(&answer->who, difference->identity));
		json_put(one, "evaluated", json_boolean(difference->expected));
		json_put(one, "allowed", json_boolean(difference->kernel.allowed));
		json_put(one, "errno",
			 json_text(difference->kernel.allowed
					   ? NULL
					   : error_name(difference->kernel.error)));
		json_append(differs, one);
	}
	json_put(object, "differs", differs);
	return object;
}

static json_t *only_object(const struct who_answer *answer)
{
	json_t *object, *others;

	if (!answer->limited || answer->reason[0])
		return json_null();
	object = json_object();
	others = json_array();
	for (size_t i = 0; i < answer->n_others; i++)
		json_append(others, identity_object(&answer->who, answer->others[i]));
	json_put(object, "kept", json_boolean(!answer->n_others && !answer->anybody_else));
	json_put(object, "others", others);
	json_put(object, "anybody", json_boolean(answer->anybody_else));
	return object;
}

json_t *who_object(const struct who_answer *answer)
{
	bool judged = !answer->reason[0];
	json_t *object = json_object(), *rules = json_array();

	json_put(object, "path", json_text(answer->path));
	json_put(object, "want", json_string(want_text(answer->want)));
	json_put(object, "accounts",
		 judged ? json_integer((json_int_t)answer->who.n_accounts) : json_null());
	for (size_t i = 0; judged && i < answer->who.n_rules; i++)
		json_append(rules, rule_object(answer, i));
	json_put(object, "rules", rules);
	json_put(object, "unknown",
		 judged ? json_integer((json_int_t)answer->who.unknown) : json_null());
	json_put(object, "errno", json_text(answer->error ? error_name(answer->error) : NULL));
	json_put(object, "reason", json_text(judged ? NULL : answer->reason));
	json_put(object, "kernel", judged ? kernel_object(answer) : json_null());
	json_put(object, "only", only_object(answer));
	return object;
}
