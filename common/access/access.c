/* SPDX-License-Identifier: MIT */
/* Access evaluation as the library gives it: walk, judge, advice and words in one answer. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "access/advice.h"
#include "access/describe.h"
#include "core/token.h"

/* These are one and the same, so that nothing has to be translated. */
_Static_assert((int)IMP_ACCESS_READ == (int)ACCESS_READ && (int)IMP_ACCESS_LINK == (int)ACCESS_LINK,
	       "wants of impersonate.h");
_Static_assert((int)IMP_ACCESS_UNKNOWN == (int)RESULT_UNKNOWN, "results of impersonate.h");

struct words {
	char want[64];
	char *rule;
};

struct imp_access {
	struct walk walk;
	struct access_verdict *verdicts;
	struct words *words; /* one for each step */
	struct access_answer answer;
	struct advice advice;
};

static int find_subject(const struct imp_token *token, struct access_subject *subject)
{
	if (!token)
		return subject_of_caller(IMP_LEVEL_IMPERSONATION, subject);
	*subject = (struct access_subject){.capabilities = token_capabilities(token)};
	identity_copy(&subject->identity, token_access(token));
	subject_fill_ids(subject);
	return 0;
}

static int put_in_words(struct imp_access *access)
{
	char rule[4096];

	for (size_t i = 0; i < access->walk.count; i++) {
		const struct walk_step *step = &access->walk.steps[i];
		struct words *words = &access->words[i];

		describe_want(step, words->want, sizeof(words->want));
		describe_rule(step, &access->verdicts[i], rule, sizeof(rule));
		words->rule = strdup(rule);
		if (!words->rule)
			return -ENOMEM;
	}
	return 0;
}

static int evaluate(const struct access_subject *subject, const struct walk_base *base,
		    const char *path, unsigned want, struct imp_access *access)
{
	int error = walk_path(base, path, want, &access->walk);

	if (error < 0)
		return error;
	access->verdicts = calloc(access->walk.count + 1, sizeof(*access->verdicts));
	access->words = calloc(access->walk.count + 1, sizeof(*access->words));
	if (!access->verdicts || !access->words)
		return -ENOMEM;
	judge_walk(&access->walk, subject, access->verdicts, &access->answer);
	error = put_in_words(access);
	if (error == 0 && access->answer.result == RESULT_DENIED)
		error = advice_find(&access->walk, subject, &access->advice);
	return error;
}

int imp_access_evaluate(const struct imp_token *token, int directory, const char *path,
			unsigned want, struct imp_access **access)
{
	const struct walk_base base = {.root = -1, .current = directory};
	struct access_subject subject;
	int error = find_subject(token, &subject);

	if (error < 0)
		return error;

	struct imp_access *new = calloc(1, sizeof(*new));

	error = new ? evaluate(&subject, &base, path, want, new) : -ENOMEM;
	subject_clear(&subject);
	if (error < 0) {
		imp_access_free(new);
		return error;
	}
	*access = new;
	return 0;
}

enum imp_access_result imp_access_answer(const struct imp_access *access, int *error)
{
	if (error)
		*error = access->answer.error;
	return (enum imp_access_result)access->answer.result;
}

size_t imp_access_count(const struct imp_access *access)
{
	return access->walk.count;
}

int imp_access_step_at(const struct imp_access *access, size_t number, struct imp_access_step *step)
{
	if (number >= access->walk.count)
		return -ERANGE;
	*step = (struct imp_access_step){
		.path = access->walk.steps[number].path,
		.want = access->words[number].want,
		.result = (enum imp_access_result)access->verdicts[number].result,
		.error = access->verdicts[number].error,
		.rule = access->words[number].rule,
	};
	return 0;
}

const char *imp_access_advice(const struct imp_access *access)
{
	return access->advice.command;
}

void imp_access_free(struct imp_access *access)
{
	if (!access)
		return;
	for (size_t i = 0; access->words && i < access->walk.count; i++)
		free(access->words[i].rule);
	free(access->words);
	free(access->verdicts);
	walk_clear(&access->walk);
	advice_clear(&access->advice);
	free(access);
}
