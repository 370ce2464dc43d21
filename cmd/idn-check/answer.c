/* SPDX-License-Identifier: MIT */
/* A question answered: the evaluation, the kernel's word, and both together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"

/* How often one looks again where the two differ: what lies between them may have changed. */
enum { LOOKS = 3 };

static bool is_program(const struct walk *walk)
{
	const struct object *object = walk->count ? walk->steps[walk->count - 1].object : NULL;

	return object && S_ISREG(object->mode) && (object->mode & 0111);
}

static int look(const struct walk_base *base, bool ask, struct answer *answer)
{
	const struct access_subject *subject = &answer->who->subject;
	struct access_answer *evaluated = &answer->evaluated;
	int error = walk_path_unsettled(base, answer->path, answer->want, &answer->walk);

	if (error < 0)
		return error;
	answer->verdicts = calloc(answer->walk.count + 1, sizeof(*answer->verdicts));
	if (!answer->verdicts)
		return -ENOMEM;
	judge_walk(&answer->walk, subject, answer->verdicts, evaluated);
	/* Whether a file that permissions keep closed is being run makes no difference, unless it
	 * is one that can be, and they are to be mended. */
	if (walk_settle(&answer->walk,
			evaluated->result != RESULT_DENIED || is_program(&answer->walk)))
		judge_walk(&answer->walk, subject, answer->verdicts, evaluated);
	answer->compared = false;
	answer->agrees = false;
	if (!ask)
		return 0;
	error = witness_ask(subject, base, answer->path, answer->want, &answer->walk,
			    &answer->kernel);
	if (error < 0 || !answer->kernel.asked || evaluated->permitted == RESULT_UNKNOWN)
		return error;
	answer->compared = true;
	answer->agrees = answer->kernel.allowed
				 ? evaluated->permitted == RESULT_ALLOWED
				 : evaluated->permitted == RESULT_DENIED &&
					   evaluated->permitted_error == answer->kernel.error;
	return 0;
}

static void forget(struct answer *answer)
{
	walk_clear(&answer->walk);
	free(answer->verdicts);
	answer->verdicts = NULL;
}

/* Where they differ, and where the evaluation does not know, the kernel's word counts. */
static void join(struct answer *answer)
{
	const struct access_answer *evaluated = &answer->evaluated;

	answer->result = evaluated->result;
	answer->error = evaluated->error;
	if (!answer->kernel.asked || answer->agrees)
		return;
	if (!answer->kernel.allowed) {
		answer->result = RESULT_DENIED;
		answer->error = answer->kernel.error;
		return;
	}
	/* It allowed what it was asked; what it was not asked may deny it all the same. */
	if (evaluated->permitted == RESULT_DENIED || answer->result == RESULT_UNKNOWN) {
		answer->result = RESULT_ALLOWED;
		answer->error = 0;
	}
}

int find_answer(const char *path, unsigned want, const struct named_subject *who,
		const struct walk_base *base, bool ask, struct answer *answer)
{
	int error = 0;

	*answer = (struct answer){.path = path, .want = want, .who = who};
	for (int looks = 0; looks < LOOKS && error == 0; looks++) {
		if (looks > 0)
			forget(answer);
		error = look(base, ask, answer);
		if (!answer->compared || answer->agrees)
			break;
	}
	if (error == 0)
		join(answer);
	if (error == 0 && answer->result == RESULT_DENIED &&
	    answer->evaluated.result == RESULT_DENIED)
		error = advice_find(&answer->walk, &who->subject, &answer->advice);
	if (error < 0) {
		clear_answer(answer);
		return error;
	}
	return 0;
}

size_t suspects_of(const struct answer *answer, struct suspect suspects[SUSPECTS_MAXIMUM])
{
	return suspects_find(&answer->walk, &answer->who->subject, suspects);
}

void clear_answer(struct answer *answer)
{
	forget(answer);
	advice_clear(&answer->advice);
}

/* There is nothing there to be allowed or denied. */
bool is_no_path(const struct answer *answer)
{
	if (answer->result != RESULT_DENIED)
		return false;
	switch (answer->error) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return true;
	case ELOOP:
		return answer->verdicts[answer->evaluated.decider].rule != RULE_NOSYMFOLLOW;
	default:
		return false;
	}
}

int status_of(const struct answer *answer)
{
	if (answer->result == RESULT_ALLOWED)
		return EXIT_ALLOWED;
	return answer->result == RESULT_DENIED && !is_no_path(answer) ? EXIT_DENIED : EXIT_UNKNOWN;
}
