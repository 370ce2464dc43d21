/* SPDX-License-Identifier: MIT */
/*
 * Every account held against one walk: no system call and no allocation for each, where the rules
 * are those that count.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access/who-named.h"

/* --------------------------------------------------------------------------------- judging -- */

static bool is_permission(const struct access_verdict *verdict)
{
	return (verdict->rule >= RULE_OWNER && verdict->rule <= RULE_ACL_OTHER) ||
	       verdict->rule == RULE_FILE_OWNER || verdict->rule == RULE_DIRECTORY_OWNER;
}

/* The last step that permissions decided; where a capability had to, the last such. */
static size_t decisive_step(const struct access_verdict *verdicts, size_t count)
{
	size_t last = count - 1;

	for (size_t i = count; i-- > 0;)
		if (verdicts[i].capability >= 0)
			return i;
	while (last > 0 && !is_permission(&verdicts[last]))
		last--;
	return is_permission(&verdicts[last]) ? last : count - 1;
}

static bool is_rule(const struct who_rule *rule, size_t step, const struct access_verdict *verdict)
{
	if (rule->step != step || rule->verdict.capability != verdict->capability)
		return false;
	return verdict->capability >= 0 ||
	       (rule->verdict.rule == verdict->rule && rule->verdict.entry == verdict->entry);
}

static struct who_rule *find_rule(struct who *who, size_t step,
				  const struct access_verdict *verdict)
{
	/* From the back: accounts that lie together are often let in by the same. */
	for (size_t i = who->n_rules; i-- > 0;)
		if (is_rule(&who->rules[i], step, verdict))
			return &who->rules[i];
	if (who->n_rules == who->rules_room) {
		size_t room = who->rules_room ? who->rules_room * 2 : 16;
		struct who_rule *rules = reallocarray(who->rules, room, sizeof(*rules));

		if (!rules)
			return NULL;
		who->rules = rules;
		who->rules_room = room;
	}
	who->rules[who->n_rules] = (struct who_rule){.step = step, .verdict = *verdict};
	return &who->rules[who->n_rules++];
}

static int let_in(struct who_rule *rule, uint32_t index)
{
	if (rule->count == rule->room) {
		size_t room = rule->room ? rule->room * 2 : 4;
		uint32_t *identities = reallocarray(rule->identities, room, sizeof(*identities));

		if (!identities)
			return -ENOMEM;
		rule->identities = identities;
		rule->room = room;
	}
	rule->identities[rule->count++] = index;
	return 0;
}

/* Borrows what the account points to. */
static void fill_subject(const struct who *who, const struct listed_account *account,
			 struct access_subject *subject)
{
	subject->identity.view = (struct imp_identity){.uid = account->uid,
						       .gid = account->gid,
						       .n_groups = account->n_groups,
						       .groups = account->groups};
	subject_fill_ids(subject);
	subject->capabilities = account->uid == 0 ? who->capabilities_of_root : 0;
}

/* The same with references of its own. */
static int make_subject(const struct who *who, const struct listed_account *account,
			struct access_subject *subject)
{
	struct groups *groups;
	int error = groups_new(account->groups, account->n_groups, &groups);

	*subject = (struct access_subject){.pid = 0};
	if (error < 0)
		return error;
	fill_subject(who, account, subject);
	identity_init(&subject->identity, account->uid, account->gid, groups);
	return 0;
}

/*
 * Where the rules do not know, the kernel may: *RESULT is what it says, if it can be asked.  Whom
 * it cannot be asked about once, it is not asked again about others.
 */
static int ask_instead(struct who *who, const struct listed_account *account,
		       const struct access_answer *answer, enum access_result *result)
{
	struct access_subject subject;
	struct witness kernel;
	int error;

	*result = RESULT_UNKNOWN;
	if (who->not_asked || answer->permitted != RESULT_UNKNOWN)
		return 0;
	error = make_subject(who, account, &subject);
	if (error < 0)
		return error;
	error = witness_ask(&subject, NULL, who->path, who->want, who->walk, &kernel);
	subject_clear(&subject);
	if (error == 0 && kernel.asked)
		*result = kernel.allowed ? RESULT_ALLOWED : RESULT_DENIED;
	else
		who->not_asked = true;
	return error;
}

static int judge_one(struct who *who, const struct listed_account *account,
		     struct access_verdict *verdicts, struct access_answer *answer, size_t *step)
{
	struct access_subject subject = {.pid = 0};

	fill_subject(who, account, &subject);
	judge_walk(who->walk, &subject, verdicts, answer);
	if (answer->result != RESULT_UNKNOWN) {
		*step = decisive_step(verdicts, who->walk->count);
		return 0;
	}
	*step = answer->decider;
	return ask_instead(who, account, answer, &answer->result);
}

static int judge_all(struct who *who, struct access_verdict *verdicts)
{
	struct access_answer answer;
	int error = 0;

	for (uint32_t i = 0; i < who->count && error == 0; i++) {
		struct who_rule *rule;
		enum who_kind kind;
		size_t step;

		error = judge_one(who, who_identity(who, i, &kind), verdicts, &answer, &step);
		if (error < 0)
			break;
		switch (answer.result) {
		case RESULT_ALLOWED:
			rule = find_rule(who, step, &verdicts[step]);
			error = rule ? let_in(rule, i) : -ENOMEM;
			break;
		case RESULT_DENIED:
			if (who->denied++ == 0)
				who->first_denied = i;
			break;
		case RESULT_UNKNOWN:
			if (who->unknown++ == 0) {
				who->first_unknown = i;
				who->unknown_step = answer.decider;
				who->unknown_verdict = verdicts[answer.decider];
			}
			break;
		}
	}
	return error;
}

/* A uid that no account has and nothing names, as a service gets one for as long as it runs. */
static int judge_anybody(struct who *who, struct access_verdict *verdicts,
			 const struct listed_account *anybody)
{
	struct access_answer answer;
	size_t step;
	int error = judge_one(who, anybody, verdicts, &answer, &step);

	if (error < 0 || answer.result != RESULT_ALLOWED)
		return error;

	struct who_rule *rule = find_rule(who, step, &verdicts[step]);

	if (!rule)
		return -ENOMEM;
	who->anybody = true;
	who->rule_of_anybody = (size_t)(rule - who->rules);
	return 0;
}

/* ----------------------------------------------------------------------------------- order -- */

/* The mode's and the list's in the order in which the kernel looks at them, capabilities last. */
static int rank(const struct who_rule *rule)
{
	static const int ranks[] = {
		[RULE_OWNER] = 1,     [RULE_ACL_USER] = 2, [RULE_GROUP] = 3,
		[RULE_ACL_GROUP] = 3, [RULE_OTHER] = 4,	   [RULE_ACL_OTHER] = 4,
	};

	if (rule->verdict.capability >= 0)
		return 6;
	return rule->verdict.rule <= RULE_ACL_OTHER ? ranks[rule->verdict.rule] : 0;
}

static int compare_rules(const void *a, const void *b)
{
	const struct who_rule *left = a, *right = b;
	int order = rank(left) - rank(right);

	if (order == 0)
		order = (left->verdict.entry > right->verdict.entry) -
			(left->verdict.entry < right->verdict.entry);
	if (order == 0)
		order = left->verdict.capability - right->verdict.capability;
	return order ? order : (left->step > right->step) - (left->step < right->step);
}

static void order_rules(struct who *who)
{
	struct who_rule of_anybody = {.step = 0};

	if (who->n_rules == 0)
		return;
	if (who->anybody)
		of_anybody = who->rules[who->rule_of_anybody];
	qsort(who->rules, who->n_rules, sizeof(*who->rules), compare_rules);
	for (size_t i = 0; i < who->n_rules && who->anybody; i++)
		if (compare_rules(&who->rules[i], &of_anybody) == 0)
			who->rule_of_anybody = i;
}

/* -------------------------------------------------------------------------------- together -- */

const struct walk_step *who_end(const struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->steps[i].check == CHECK_END)
			return &walk->steps[i];
	return NULL;
}

static void count_accounts(struct who *who)
{
	who->count = who->accounts->count + who->named.count + who->n_groups;
	for (uint32_t i = 0; i < who->count - who->n_groups; i++) {
		enum who_kind kind;

		who_identity(who, i, &kind);
		who->n_accounts += kind == WHO_ACCOUNT;
	}
}

static int find_all(struct who *who, bool enumerated)
{
	struct access_verdict *verdicts = calloc(who->walk->count + 1, sizeof(*verdicts));
	struct listed_account anybody;
	int error = verdicts ? who_add_named(who, enumerated, &anybody) : -ENOMEM;

	if (error == 0)
		error = subject_capabilities_of_root(&who->capabilities_of_root);
	if (error == 0) {
		count_accounts(who);
		error = judge_all(who, verdicts);
	}
	if (error == 0)
		error = judge_anybody(who, verdicts, &anybody);
	free(verdicts);
	return error;
}

int who_find(const struct walk *walk, const char *path, unsigned want,
	     const struct accounts *accounts, bool enumerated, struct who *who)
{
	*who = (struct who){.walk = walk, .path = path, .want = want, .accounts = accounts};

	int error = walk->count ? find_all(who, enumerated) : -EINVAL;

	if (error == 0)
		order_rules(who);
	else
		who_clear(who);
	return error;
}

void who_clear(struct who *who)
{
	for (size_t i = 0; i < who->n_rules; i++)
		free(who->rules[i].identities);
	free(who->rules);
	free(who->groups);
	accounts_clear(&who->named);
	*who = (struct who){.walk = NULL};
}

const struct listed_account *who_identity(const struct who *who, uint32_t index,
					  enum who_kind *kind)
{
	const struct listed_account *account;

	if (index >= who->accounts->count + who->named.count) {
		*kind = WHO_GROUP;
		return &who->groups[index - who->accounts->count - who->named.count];
	}
	account = index < who->accounts->count ? &who->accounts->list[index]
					       : &who->named.list[index - who->accounts->count];
	*kind = account->name ? WHO_ACCOUNT : WHO_UID;
	return account;
}

static int compare_indexes(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

const struct who_rule *who_rule_of(const struct who *who, uint32_t index)
{
	for (size_t i = 0; i < who->n_rules; i++)
		if (bsearch(&index, who->rules[i].identities, who->rules[i].count, sizeof(index),
			    compare_indexes))
			return &who->rules[i];
	return NULL;
}

int who_subject(const struct who *who, uint32_t index, struct access_subject *subject)
{
	enum who_kind kind;

	return make_subject(who, who_identity(who, index, &kind), subject);
}
