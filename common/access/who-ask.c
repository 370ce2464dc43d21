/* SPDX-License-Identifier: MIT */
/* The kernel as witness of who may: asked about one of each rule, or about everybody. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access/who.h"

static int note_difference(struct who_asked *asked, uint32_t identity, const struct witness *kernel)
{
	if (asked->n_differences == asked->room) {
		size_t room = asked->room ? asked->room * 2 : 4;
		struct who_difference *larger =
			reallocarray(asked->differences, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		asked->differences = larger;
		asked->room = room;
	}
	asked->differences[asked->n_differences++] = (struct who_difference){
		.identity = identity, .expected = !kernel->allowed, .kernel = *kernel};
	return 0;
}

static int ask_about(const struct who *who, uint32_t identity, const char *path, unsigned want,
		     struct who_asked *asked)
{
	struct access_subject subject;
	struct access_answer answer;
	struct witness kernel;
	int error = who_subject(who, identity, &subject);

	if (error < 0)
		return error;
	/* What access(2) looks at is compared, which may be less than what was asked. */
	judge_walk(who->walk, &subject, NULL, &answer);
	error = witness_ask(&subject, NULL, path, want, who->walk, &kernel);
	subject_clear(&subject);
	if (error < 0)
		return error;
	if (!kernel.asked) {
		if (asked->refused++ == 0)
			memcpy(asked->why_not, kernel.why_not, sizeof(asked->why_not));
		return 0;
	}
	asked->count++;
	if (answer.permitted == RESULT_UNKNOWN ||
	    kernel.allowed == (answer.permitted == RESULT_ALLOWED))
		return 0;
	return note_difference(asked, identity, &kernel);
}

int who_ask(const struct who *who, const char *path, unsigned want, bool every,
	    struct who_asked *asked)
{
	int error = 0;

	*asked = (struct who_asked){.count = 0};
	for (uint32_t i = 0; every && i < who->count && error == 0; i++)
		error = ask_about(who, i, path, want, asked);
	for (size_t i = 0; !every && i < who->n_rules && error == 0; i++)
		if (who->rules[i].count)
			error = ask_about(who, who->rules[i].identities[0], path, want, asked);
	if (!every && who->denied && error == 0)
		error = ask_about(who, who->first_denied, path, want, asked);
	if (error < 0)
		who_asked_clear(asked);
	return error;
}

void who_asked_clear(struct who_asked *asked)
{
	free(asked->differences);
	*asked = (struct who_asked){.count = 0};
}
