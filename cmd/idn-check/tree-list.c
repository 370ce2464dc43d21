/* SPDX-License-Identifier: MIT */
/* idn-check access -r: what is written for each entry, from several threads at once. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "access/describe.h"
#include "cli/message.h"
#include "core/log.h"
#include "tree.h"

enum { RULE_SIZE = 512 };

/* What decided about one entry for one subject. */
struct deciding_rule {
	char text[RULE_SIZE];	    /* all that is to be said */
	char short_text[RULE_SIZE]; /* what is counted: the same for many */
};

static bool is_listed(const struct listing *listing, const struct tree_answer *answer)
{
	return (1u << answer->result) & listing->listed;
}

static bool is_listed_for_any(const struct listing *listing, const struct tree_entry *entry)
{
	for (size_t i = 0; i < listing->options->subjects->count; i++)
		if (is_listed(listing, &entry->answers[i]))
			return true;
	return false;
}

/* ---------------------------------------------------------------------------------- paths -- */

static void put_marks(const struct listing *listing, const struct tree_entry *entry,
		      struct tree_output *output)
{
	static const char marks[] = {[TREE_UNSEEN] = '?',
				     [TREE_ALLOWED] = '+',
				     [TREE_DENIED] = '-',
				     [TREE_UNKNOWN] = '?'};
	size_t count = listing->options->subjects->count;
	char line[TREE_SUBJECTS + 1];

	for (size_t i = 0; i < count; i++)
		line[i] = marks[entry->answers[i].result];
	line[count] = ' ';
	tree_put(output, line, count + 1);
}

static void put_printable(const char *text, struct tree_output *output)
{
	size_t size = strlen(text) * 4 + 8;
	char *safe = malloc(size);

	if (!safe)
		die(EXIT_UNKNOWN, "%s", strerror(ENOMEM));
	printable(text, safe, size);
	tree_put(output, safe, strlen(safe));
	free(safe);
}

/* The path as find prints it, byte by byte, but where a terminal would read it. */
static void put_path(const struct listing *listing, const struct tree_entry *entry,
		     struct tree_output *output)
{
	if (listing->options->subjects->count > 1)
		put_marks(listing, entry, output);
	if (listing->terminal)
		put_printable(entry->path, output);
	else
		tree_put(output, entry->path, entry->length);
}

void list_path(void *context, const struct tree_entry *entry, struct tree_output *output)
{
	const struct listing *listing = context;

	put_path(listing, entry, output);
	tree_put(output, listing->options->nul ? "\0" : "\n", 1);
}

/* -------------------------------------------------------------------------------- objects -- */

static json_t *error_value(int error)
{
	return error ? json_string(error_name(error)) : json_null();
}

static enum access_result result_of(const struct tree_answer *answer)
{
	return answer->result == TREE_ALLOWED  ? RESULT_ALLOWED
	       : answer->result == TREE_DENIED ? RESULT_DENIED
					       : RESULT_UNKNOWN;
}

static json_t *kernel_object(const struct tree_answer *answer)
{
	json_t *object = json_object();

	json_put(object, "asked", json_true());
	json_put(object, "question", json_string("faccessat2"));
	json_put(object, "allowed", result_value(result_of(answer)));
	json_put(object, "errno", error_value(answer->error));
	json_put(object, "agrees", json_null());
	json_put(object, "not_asked_because", json_null());
	return object;
}

/* Of an entry that only the kernel was asked about. */
static json_t *plain_object(const struct listing *listing, const struct tree_entry *entry,
			    size_t subject)
{
	const struct tree_answer *answer = &entry->answers[subject];
	json_t *object = json_object();

	json_put(object, "path", json_text(entry->path));
	json_put(object, "want", json_string(want_text(listing->options->want)));
	json_put(object, "identity", json_deep_copy(listing->identities[subject]));
	json_put(object, "level",
		 json_string(imp_level_name(listing->options->subjects->chosen_level)));
	json_put(object, "allowed", result_value(result_of(answer)));
	json_put(object, "errno", error_value(answer->error));
	json_put(object, "evaluated", json_null());
	json_put(object, "kernel", kernel_object(answer));
	json_put(object, "to_allow", json_null());
	json_put(object, "no_advice_because", json_null());
	json_put(object, "suspects", json_array());
	return object;
}

static void put_object(json_t *object, struct tree_output *output)
{
	char *line = json_line(object);

	tree_put(output, line, strlen(line));
	tree_put(output, "\n", 1);
	free(line);
}

void list_object(void *context, const struct tree_entry *entry, struct tree_output *output)
{
	const struct listing *listing = context;

	for (size_t i = 0; i < listing->options->subjects->count; i++)
		if (is_listed(listing, &entry->answers[i]))
			put_object(plain_object(listing, entry, i), output);
}

/* ---------------------------------------------------------------------------------- rules -- */

/* "mode rwxr-x---, other ---" is a rule for each mode; what decided is the same for many. */
static void shorten(const struct access_verdict *verdict, char *text, size_t size)
{
	static const char *const classes[] = {
		[RULE_OWNER] = "owner", [RULE_GROUP] = "group", [RULE_OTHER] = "other"};
	char bits[4];

	if (verdict->rule == RULE_OWNER || verdict->rule == RULE_GROUP ||
	    verdict->rule == RULE_OTHER)
		snprintf(text, size, "mode, %s %s", classes[verdict->rule],
			 describe_bits(verdict->bits, bits));
}

/* The step that access(2) stops at; where it is allowed, the last that it looks at. */
static const struct walk_step *find_decider(const struct walk *walk,
					    const struct access_verdict *verdicts, bool allowed)
{
	const struct walk_step *decider = NULL;

	for (size_t i = 0; i < walk->count; i++) {
		const struct walk_step *step = &walk->steps[i];

		if (step->check == CHECK_OPEN)
			continue;
		if (verdicts[i].result != RESULT_ALLOWED)
			return allowed ? NULL : step;
		if (step->check == CHECK_USE)
			decider = step;
	}
	return allowed ? decider : NULL;
}

static void describe_decision(const struct walk *walk, const struct access_verdict *verdicts,
			      const struct tree_answer *answer, struct deciding_rule *rule)
{
	const struct walk_step *step = find_decider(walk, verdicts, answer->result == TREE_ALLOWED);
	char text[RULE_SIZE - 32], shorter[RULE_SIZE - 32];

	if (!step) {
		/* A security module, or a server: what is known here says otherwise. */
		snprintf(rule->text, sizeof(rule->text), "the kernel alone (%s)",
			 answer->error ? error_name(answer->error) : "allowed");
		strcpy(rule->short_text, rule->text);
		return;
	}

	const struct access_verdict *verdict = &verdicts[step - walk->steps];
	const char *where = step->check == CHECK_SEARCH ? "search: " : "";

	describe_rule(step, verdict, text, sizeof(text));
	memcpy(shorter, text, sizeof(shorter));
	shorten(verdict, shorter, sizeof(shorter));
	snprintf(rule->text, sizeof(rule->text), "%s%s", where, text);
	snprintf(rule->short_text, sizeof(rule->short_text), "%s%s", where, shorter);
}

static void count_rule(struct listing *listing, size_t row, const char *text)
{
	struct rule_counts *counts = &listing->rules[row];
	size_t i = 0;

	pthread_mutex_lock(&listing->lock);
	while (i < counts->n_rules && strcmp(counts->rules[i].text, text) != 0)
		i++;
	if (i == counts->n_rules && i < RULES_MAXIMUM) {
		counts->rules[i].text = strdup(text);
		if (!counts->rules[i].text)
			die(EXIT_UNKNOWN, "%s", strerror(ENOMEM));
		counts->rules[i].count = 0;
		counts->n_rules++;
	}
	if (i < counts->n_rules)
		counts->rules[i].count++;
	else
		counts->others++;
	pthread_mutex_unlock(&listing->lock);
}

static bool needs_rule(const struct listing *listing, const struct tree_answer *answer)
{
	return is_listed(listing, answer) || (listing->rules && answer->result == TREE_DENIED);
}

/*
 * Relative to the directory: the way to it was gone by the identity itself.  With a column for
 * each, all that were asked have their rule behind the path.
 */
static void find_rules(const struct listing *listing, const struct tree_entry *entry, bool all,
		       struct deciding_rule *rules)
{
	const struct subject_options *subjects = listing->options->subjects;
	struct walk_base base = {.root = -1, .current = entry->directory};
	struct walk walk;
	int error = walk_path(&base, entry->name, listing->options->want, &walk);
	struct access_verdict *verdicts =
		error < 0 ? NULL : calloc(walk.count + 1, sizeof(*verdicts));

	if (!verdicts)
		die(EXIT_UNKNOWN, "%s: %s", entry->path, reason_of(error < 0 ? error : -ENOMEM));
	for (size_t i = 0; i < subjects->count; i++) {
		const struct tree_answer *answer = &entry->answers[i];
		struct access_answer evaluated;

		snprintf(rules[i].text, sizeof(rules[i].text), "-");
		if (answer->result == TREE_UNSEEN || !(all || needs_rule(listing, answer)))
			continue;
		judge_walk(&walk, &subjects->named[i].subject, verdicts, &evaluated);
		describe_decision(&walk, verdicts, answer, &rules[i]);
	}
	free(verdicts);
	walk_clear(&walk);
}

/* What the kernel has said already, put beside what is evaluated. */
static void put_kernel_in(struct answer *answer, const struct tree_answer *kernel)
{
	enum access_result result = result_of(kernel);

	answer->kernel.asked = result != RESULT_UNKNOWN;
	answer->kernel.allowed = result == RESULT_ALLOWED;
	answer->kernel.error = kernel->error;
	snprintf(answer->kernel.question, sizeof(answer->kernel.question), "faccessat2");
	answer->compared = answer->kernel.asked && answer->evaluated.permitted != RESULT_UNKNOWN;
	answer->agrees =
		answer->compared && result == answer->evaluated.permitted &&
		(result == RESULT_ALLOWED || kernel->error == answer->evaluated.permitted_error);
	answer->result = result;
	answer->error = kernel->error;
}

/*
 * With everything that idn-check access tells of one path.  One at a time: accounts are enumerated,
 * and SIDs remembered, by what is for one thread alone.
 */
static json_t *full_object(struct listing *listing, const struct tree_entry *entry, size_t subject)
{
	const struct tree_answer *kernel = &entry->answers[subject];
	struct answer answer;
	json_t *object;

	/* No path for a system call any more: there is no way to it but step by step. */
	if (entry->length >= PATH_MAX)
		return plain_object(listing, entry, subject);
	pthread_mutex_lock(&listing->lock);

	int error = find_answer(entry->path, listing->options->want,
				&listing->options->subjects->named[subject], NULL, false, &answer);

	if (error < 0) {
		pthread_mutex_unlock(&listing->lock);
		return plain_object(listing, entry, subject);
	}
	answer.level = listing->options->subjects->chosen_level;
	put_kernel_in(&answer, kernel);
	object = answer_object(&answer, false);
	/* Of a broken link too, which is listed: with those that are denied. */
	json_put(object, "allowed", result_value(result_of(kernel)));
	clear_answer(&answer);
	pthread_mutex_unlock(&listing->lock);
	return object;
}

static void put_rules(const struct listing *listing, const struct deciding_rule *rules,
		      struct tree_output *output)
{
	for (size_t i = 0; i < listing->options->subjects->count; i++) {
		tree_put(output, "\t", 1);
		if (listing->terminal)
			put_printable(rules[i].text, output);
		else
			tree_put(output, rules[i].text, strlen(rules[i].text));
	}
}

void list_with_rules(void *context, const struct tree_entry *entry, struct tree_output *output)
{
	struct listing *listing = context;
	const struct tree_options *options = listing->options;
	size_t count = options->subjects->count;
	bool listed = is_listed_for_any(listing, entry);
	struct deciding_rule *rules = calloc(count, sizeof(*rules));

	if (!rules)
		die(EXIT_UNKNOWN, "%s", strerror(ENOMEM));
	find_rules(listing, entry, listed && !options->json, rules);
	for (size_t i = 0; i < count && listing->rules; i++)
		if (entry->answers[i].result == TREE_DENIED)
			count_rule(listing, entry->start * count + i, rules[i].short_text);
	if (listed && options->json) {
		for (size_t i = 0; i < count; i++)
			if (is_listed(listing, &entry->answers[i]))
				put_object(full_object(listing, entry, i), output);
	} else if (listed) {
		put_path(listing, entry, output);
		put_rules(listing, rules, output);
		tree_put(output, options->nul ? "\0" : "\n", 1);
	}
	free(rules);
}
