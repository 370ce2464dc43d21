/* SPDX-License-Identifier: MIT */
/* idn-check who: who may do that to a path, and by which rule. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "access/describe.h"
#include "access/suspect.h"
#include "cli/message.h"
#include "core/log.h"
#include "who.h"

/* -------------------------------------------------------------------------------- accounts -- */

/* One name or number a line; what follows a # is a comment. */
static void add_line(char *line, const char *file, size_t number, struct accounts *accounts)
{
	char *comment = strchr(line, '#'), *end;
	int error;

	if (comment)
		*comment = '\0';
	line += strspn(line, " \t\r\n");
	end = line + strcspn(line, " \t\r\n");
	if (end == line)
		return;
	if (end[strspn(end, " \t\r\n")] != '\0')
		die(EXIT_USAGE, "%s: line %zu: more than one name", file, number);
	*end = '\0';
	error = accounts_add(accounts, line, NULL);
	if (error < 0)
		die(error == -ESRCH || error == -EINVAL || error == -ERANGE ? EXIT_USAGE
									    : EXIT_UNKNOWN,
		    "%s: line %zu: %s: %s", file, number, line,
		    error == -ESRCH ? "no such account" : reason_of(error));
}

static void read_users(const char *file, struct accounts *accounts)
{
	bool standard = strcmp(file, "-") == 0;
	const char *name = standard ? "standard input" : file;
	FILE *input = standard ? stdin : fopen(file, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (!input)
		die(EXIT_USAGE, "--users: %s: %s", name, strerror(errno));
	errno = 0;
	for (size_t number = 1; (length = getline(&line, &size, input)) >= 0; number++) {
		if (strlen(line) != (size_t)length)
			die(EXIT_USAGE, "%s: line %zu: not text", name, number);
		add_line(line, name, number, accounts);
		errno = 0;
	}
	if (ferror(input) || errno)
		die(EXIT_USAGE, "--users: %s: %s", name, strerror(errno));
	free(line);
	if (!standard)
		fclose(input);
}

static void find_accounts(const struct who_options *options, struct accounts *accounts)
{
	int error;

	if (options->users) {
		read_users(options->users, accounts);
		return;
	}
	error = accounts_enumerate(accounts);
	if (error < 0)
		die(EXIT_UNKNOWN, "the accounts cannot be read: %s", reason_of(error));
}

/* ---------------------------------------------------------------------------------- a path -- */

/* How often one looks again where the kernel differs: what lies between may have changed. */
enum { LOOKS = 3 };

static void no_answer(struct who_answer *answer, const char *reason)
{
	snprintf(answer->reason, sizeof(answer->reason), "%s", reason);
}

/* The way ends, for everybody or for who looks. */
static void find_end(const struct walk_step *end, struct who_answer *answer)
{
	const char *before = end > answer->walk.steps ? end[-1].path : end->path;

	answer->error = end->error < 0 ? -end->error : end->error;
	if (end->unseen)
		snprintf(answer->reason, sizeof(answer->reason), "cannot look beyond %s: %s",
			 before, reason_of(-answer->error));
	else if (strcmp(end->path, answer->path) == 0)
		no_answer(answer, reason_of(-answer->error));
	else
		snprintf(answer->reason, sizeof(answer->reason), "%s: %s", end->path,
			 reason_of(-answer->error));
}

/* What was found is of use where there is no reason why nothing was. */
static void look(const struct who_options *options, const struct accounts *accounts,
		 struct who_answer *answer)
{
	int error = walk_path(NULL, answer->path, answer->want, &answer->walk);

	if (error == 0) {
		const struct walk_step *end = who_end(&answer->walk);

		if (end) {
			find_end(end, answer);
			return;
		}
		error = who_find(&answer->walk, answer->path, answer->want, accounts,
				 answer->enumerated, &answer->who);
	}
	if (error == 0) {
		error = who_ask(&answer->who, answer->path, answer->want, options->verbose,
				&answer->asked);
		if (error < 0)
			who_clear(&answer->who);
	}
	if (error < 0)
		no_answer(answer, reason_of(error));
}

static void forget(struct who_answer *answer)
{
	if (!answer->reason[0]) {
		who_asked_clear(&answer->asked);
		who_clear(&answer->who);
	}
	walk_clear(&answer->walk);
}

static void find_who(const struct who_options *options, const struct accounts *accounts,
		     struct who_answer *answer)
{
	look(options, accounts, answer);
	for (int looks = 1; looks < LOOKS && answer->asked.n_differences; looks++) {
		forget(answer);
		look(options, accounts, answer);
	}
}

/* ---------------------------------------------------------------------------------- doubts -- */

static void complain_of_unknown(const struct who_answer *answer)
{
	const struct who *who = &answer->who;
	const struct walk_step *step = &who->walk->steps[who->unknown_step];
	char rule[512], name[512];

	describe_rule(step, &who->unknown_verdict, rule, sizeof(rule));
	complain_of("%s: not known for %zu of %zu, %s the first: %s: %s", answer->path,
		    who->unknown, who->count,
		    who_name_text(answer, who->first_unknown, false, name, sizeof(name)),
		    step->path, rule);
}

/* What may be behind it is said once: it is the same file for all. */
static void complain_of_differences(const struct who_answer *answer)
{
	struct suspect suspects[SUSPECTS_MAXIMUM];
	struct access_subject subject;
	size_t count = 0;
	char name[512];

	for (size_t i = 0; i < answer->asked.n_differences; i++) {
		const struct who_difference *difference = &answer->asked.differences[i];

		complain_of("%s: %s: %s by the rules, but the kernel says %s", answer->path,
			    who_name_text(answer, difference->identity, false, name, sizeof(name)),
			    difference->expected ? "allowed" : "denied",
			    difference->kernel.allowed ? "allowed"
						       : error_name(difference->kernel.error));
	}
	if (who_subject(&answer->who, answer->asked.differences[0].identity, &subject) < 0)
		return;
	count = suspects_find(&answer->walk, &subject, suspects);
	for (size_t i = 0; i < count; i++)
		complain_of("%s: %s behind it: %s", answer->path,
			    suspects[i].proven ? "is" : "may be", suspects[i].text);
	subject_clear(&subject);
}

/* Everything that makes the answer less than one. */
static int complain_of_doubts(const struct who_answer *answer)
{
	if (answer->reason[0]) {
		complain_of("%s: %s", answer->path, answer->reason);
		return EXIT_UNKNOWN;
	}
	if (answer->who.unknown)
		complain_of_unknown(answer);
	if (answer->asked.n_differences)
		complain_of_differences(answer);
	return answer->who.unknown || answer->asked.n_differences ? EXIT_UNKNOWN : EXIT_ALLOWED;
}

static void print(const struct who_options *options, const struct who_answer *answer)
{
	if (options->quiet)
		return;
	if (options->json) {
		json_write(who_object(answer), stdout);
		return;
	}
	if (answer->reason[0])
		return;
	if (options->null)
		who_print_names(stdout, answer);
	else if (answer->limited)
		who_print_others(stdout, answer);
	else
		who_print(stdout, answer, options->verbose);
}

static int answer_path(const struct who_options *options, const char *path,
		       const struct accounts *accounts, const struct only *only)
{
	struct who_answer answer = {
		.path = path,
		.want = options->want,
		.enumerated = !options->users,
		.limited = only != NULL,
	};
	int status, others = EXIT_ALLOWED;

	find_who(options, accounts, &answer);
	if (only && !answer.reason[0] && only_hold(only, &answer))
		others = EXIT_DENIED;
	print(options, &answer);
	status = complain_of_doubts(&answer);
	free(answer.others);
	forget(&answer);
	return status ? status : others;
}

/* --------------------------------------------------------------------------------- options -- */

static void parse_options(poptContext context, struct who_options *options)
{
	int option;

	poptSetOtherOptionHelp(context, "[OPTION...] PATH...");
	while ((option = poptGetNextOpt(context)) >= 0)
		answer_common_option(context, option);
	end_options(context, option, EXIT_USAGE);
	if (options->quiet)
		message_be_quiet();
	if (options->json && options->null)
		die(EXIT_USAGE, "--json and --null exclude each other");
	options->want = parse_want(options->want_text ? options->want_text : "r");
	options->paths = poptGetArgs(context);
	if (!options->paths)
		die(EXIT_USAGE, "no path: try idn-check who --help");
}

int who_main(int argc, const char **argv)
{
	struct who_options options = {.json = 0};
	const struct poptOption table[] = {
		{"want", 'w', POPT_ARG_STRING, &options.want_text, 0,
		 "any of r, w and x (default r), or create, delete, list, chmod, chown, link",
		 "WANT"},
		{"users", 0, POPT_ARG_STRING, &options.users, 0,
		 "of these alone: names or numbers, one a line; - is standard input", "FILE"},
		{"only", 0, POPT_ARG_STRING, &options.only_text, 0,
		 "tell who else may, and exit with 1 then; @GROUP is who is in it",
		 "USER[,USER...]"},
		{"json", 0, POPT_ARG_NONE, &options.json, 0, "one JSON object a line, a path each",
		 NULL},
		{"null", '0', POPT_ARG_NONE, &options.null, 0,
		 "the names alone, each with a NUL behind it", NULL},
		{"quiet", 'q', POPT_ARG_NONE, &options.quiet, 0,
		 "print no answer: the exit status tells", NULL},
		{"verbose", 'v', POPT_ARG_NONE, &options.verbose, 0,
		 "one name a line, with its uid; the kernel is asked about each", NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	poptContext context = poptGetContext("idn-check", argc, argv, table, 0);
	struct accounts accounts = {.count = 0};
	struct only *only = NULL;
	int status = EXIT_ALLOWED;

	parse_options(context, &options);
	find_accounts(&options, &accounts);
	if (options.only_text)
		only = only_parse(options.only_text, &accounts);
	for (size_t i = 0; options.paths[i]; i++) {
		int one;

		if (i && !options.json && !options.null && !options.only_text)
			printf("\n");
		one = answer_path(&options, options.paths[i], &accounts, only);
		status = one > status ? one : status;
	}
	only_free(only);
	accounts_clear(&accounts);
	free(options.want_text);
	free(options.users);
	free(options.only_text);
	poptFreeContext(context);
	return status;
}
