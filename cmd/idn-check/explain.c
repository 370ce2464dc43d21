/* SPDX-License-Identifier: MIT */
/* Refused calls explained, in a line or as an object: what was asked, what refused, what would
 * allow it. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "access/describe.h"
#include "cli/command.h"
#include "cli/message.h"
#include "core/log.h"
#include "explain.h"
#include "finding.h"

/* --------------------------------------------------------------------------------- the line -- */

/* Which paths: of a rename and a link both. */
static void put_paths(FILE *out, const struct question *question)
{
	char safe[4 * PATH_MAX];

	if (question->n_spots == 0 && question->unseen_path[0])
		fprintf(out, " %s", printable(question->unseen_path, safe, sizeof(safe)));
	for (size_t i = 0; i < question->n_spots; i++)
		fprintf(out, "%s %s", i ? " to" : "",
			printable(question->spots[i].shown, safe, sizeof(safe)));
}

static void put_rule(FILE *out, const struct question *question, const struct finding *finding)
{
	const struct answer *answer = &finding->answer;
	size_t decider = answer->evaluated.decider;
	const struct walk_step *step = &answer->walk.steps[decider];
	char rule[4096], safe[4 * PATH_MAX];

	if (finding->by_its_program)
		fprintf(out, "its interpreter ");
	fprintf(out, "%s: ", printable(step->path, safe, sizeof(safe)));
	describe_rule(step, &answer->verdicts[decider], rule, sizeof(rule));
	fprintf(out, "%s", printable(rule, safe, sizeof(safe)));
	if (answer->walk.steps[answer->walk.count - 1].error == -ENOENT)
		fprintf(out, " (and there is no such file)");
	if (answer->evaluated.error != question->refused->error)
		fprintf(out, " (by the rules as they are now: %s)",
			error_name(answer->evaluated.error));
}

static void put_advice(FILE *out, const struct finding *finding)
{
	const struct advice *advice = &finding->answer.advice;
	char safe[4 * PATH_MAX];

	if (!advice->command) {
		if (advice->reason)
			fprintf(out, "; %s", advice->reason);
		return;
	}
	fprintf(out, "; to allow");
	if (finding->elsewhere)
		fprintf(out, " (in the directory where it is)");
	fprintf(out, ": %s", printable(advice->command, safe, sizeof(safe)));
	for (char **name = advice->also_lets_in; name && *name; name++)
		fprintf(out, "%s%s", name == advice->also_lets_in ? " (also lets in " : ", ",
			printable(*name, safe, sizeof(safe)));
	if (advice->also_lets_in && advice->also_lets_in[0])
		fprintf(out, ")");
}

/* No rule is made up where none refuses it. */
static void put_suspects(FILE *out, const struct question *question, const struct finding *finding)
{
	const struct answer *answer = &finding->answer;
	struct suspect suspects[SUSPECTS_MAXIMUM];
	char safe[1024];
	size_t count;

	if (!finding->answered) {
		fprintf(out, question->unseen ? "where that is cannot be seen from here: idn-check "
						"would need cap_sys_ptrace"
					      : "it was about nothing that has a path");
		return;
	}
	fprintf(out, answer->evaluated.result == RESULT_UNKNOWN
			     ? "what decides cannot be seen from here"
			     : "no rule of modes, ACLs, mounts or flags refuses it");
	count = suspects_of(answer, suspects);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s", i ? ", " : "; suspected: ",
			printable(suspects[i].text, safe, sizeof(safe)));
	if (count == 0)
		fprintf(out,
			"; suspected: Landlock, a control group of devices, or a change meanwhile");
}

static void put_line(FILE *out, bool verbose, const struct question *question,
		     struct finding *finding)
{
	const struct refused_call *refused = question->refused;
	char safe[4 * sizeof(finding->need)];

	fprintf(out, "idn-check: %d", (int)question->thread.pid);
	if (refused->tid != question->thread.pid)
		fprintf(out, "/%d", (int)refused->tid);
	fprintf(out, " (%s) %s", printable(question->thread.command, safe, sizeof(safe)),
		refused->call->name);
	put_paths(out, question);
	fprintf(out, "%s: %s: ", question_aim(question), error_name(refused->error));
	if (finding->explains) {
		put_rule(out, question, finding);
		put_advice(out, finding);
	} else if (finding->has_need) {
		fprintf(out, "needs %s", printable(finding->need, safe, sizeof(safe)));
	} else {
		put_suspects(out, question, finding);
	}
	fprintf(out, "\n");
	if (verbose && finding->answered)
		print_answer(out, &finding->answer, true);
}

/* ------------------------------------------------------------------------------- the object -- */

static void put_object(FILE *out, bool verbose, const struct question *question,
		       struct finding *finding)
{
	const struct refused_call *refused = question->refused;
	const struct spot *spot = finding->answered ? finding->spot : &question->spots[0];
	json_t *object = json_object();

	json_put(object, "pid", json_integer(question->thread.pid));
	json_put(object, "tid", json_integer(refused->tid));
	json_put(object, "command", json_text(question->thread.command));
	json_put(object, "syscall", json_string(refused->call->name));
	json_put(object, "path",
		 json_text(question->n_spots > 0      ? spot->shown
			   : question->unseen_path[0] ? question->unseen_path
						      : NULL));
	json_put(object, "want",
		 question->n_spots == 0 ? json_null()
		 : finding->answered && question->want != 0
			 ? json_string(want_text(finding->answer.want))
			 : json_string(question->want ? want_text(question->want) : "search"));
	json_put(object, "errno", json_string(error_name(refused->error)));
	json_put(object, "explained",
		 finding->answered ? answer_object(&finding->answer, verbose) : json_null());
	json_put(object, "needs", json_text(finding->has_need ? finding->need : NULL));
	json_write(object, out);
}

/* ------------------------------------------------------------------------------- once each -- */

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* One process may ask a thousand times for what it is refused, and a thousand processes once. */
static bool is_new(struct report *report, const struct question *question)
{
	const struct refused_call *refused = question->refused;
	char *key, **found;

	/* A call without a path: to which process, which port. */
	if (asprintf(&key, "%d %d %d %u %x %s\n%s\n%llx", refused->search, refused->call->number,
		     refused->error, question->uid, question->want,
		     question->n_spots > 0 ? question->spots[0].shown : "",
		     question->n_spots > 1 ? question->spots[1].shown : "",
		     question->n_spots > 0 || refused->call->about != ABOUT_PROCESS
			     ? 0ULL
			     : (unsigned long long)refused->arguments[refused->call->detail]) < 0)
		die(EXIT_FAILED, "%s", reason_of(-ENOMEM));
	found = tsearch(key, &report->seen, compare);
	if (!found)
		die(EXIT_FAILED, "%s", reason_of(-ENOMEM));
	if (*found == key)
		return true;
	free(key);
	return false;
}

/* In one write: other processes write to the same place. */
static void say(struct report *report, const struct question *question, struct finding *finding)
{
	FILE *to = question->refused->search ? report->search : report->out, *out;
	char *text;
	size_t size;

	out = open_memstream(&text, &size);
	if (!out)
		die(EXIT_FAILED, "%s", reason_of(-errno));
	if (report->json)
		put_object(out, report->verbose, question, finding);
	else
		put_line(out, report->verbose, question, finding);
	if (fclose(out) != 0)
		die(EXIT_FAILED, "%s", reason_of(-errno));
	fwrite(text, 1, size, to);
	fflush(to);
	free(text);
}

void explain(const struct refused_call *refused, void *data)
{
	struct report *report = data;
	struct question question;
	struct finding finding;

	if (question_of(refused, &question) < 0)
		return; /* it was killed meanwhile */
	if (is_new(report, &question) && question_find_who(&question) == 0) {
		find_reason(&question, &finding);
		say(report, &question, &finding);
		finding_clear(&finding);
	}
	question_clear(&question);
}

void report_init(struct report *report, FILE *out)
{
	*report = (struct report){.out = out};
	report->search = open_memstream(&report->search_text, &report->search_size);
	if (!report->search)
		die(EXIT_FAILED, "%s", reason_of(-errno));
}

void report_finish(struct report *report, bool started)
{
	fclose(report->search);
	if (!started)
		fwrite(report->search_text, 1, report->search_size, report->out);
	free(report->search_text);
	while (report->seen) {
		char *key = *(char **)report->seen;

		tdelete(key, &report->seen, compare);
		free(key);
	}
}
