/* SPDX-License-Identifier: MIT */
/* idn-check access: may this identity use these files, and what decides? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cli/message.h"

struct options {
	struct subject_options subjects;
	char *want_text;
	unsigned want;
	int json, quiet, verbose;
	int recursive, nul, one_filesystem; /* whole trees, and what goes with them */
	char *list;
	const char **paths;
};

/* ----------------------------------------------------------------------------------- answers -- */

static void print(struct answer *answer, const struct options *options, bool first)
{
	if (options->json) {
		json_write(answer_object(answer, options->verbose), stdout);
		return;
	}
	if (!first)
		printf("\n");
	print_answer(stdout, answer, options->verbose);
}

/* One line for what is no answer at all. */
static void complain(const struct answer *answer)
{
	const struct walk_step *last = &answer->walk.steps[answer->walk.count - 1];

	/* A path that is too long is too long for a message, too. */
	if (is_no_path(answer))
		complain_of("%.400s%s: %s", answer->path, strlen(answer->path) > 400 ? "..." : "",
			    reason_of(-answer->error));
	else if (last->check == CHECK_END && last->unseen)
		complain_of("%s: cannot look beyond %s: %s", answer->path,
			    answer->walk.count > 1 ? last[-1].path : last->path,
			    reason_of(last->error));
}

static int answer_one(const struct options *options, const struct named_subject *who,
		      const struct walk_base *base, const char *path, bool *first)
{
	struct answer answer;

	int error = find_answer(path, options->want, who, base, true, &answer);

	if (error < 0)
		die(EXIT_UNKNOWN, "%s: %s", path, reason_of(error));
	answer.level = options->subjects.chosen_level;

	int status = status_of(&answer);

	if (status == EXIT_UNKNOWN)
		complain(&answer);
	if (!options->quiet && (options->json || options->verbose || !is_no_path(&answer))) {
		print(&answer, options, *first);
		*first = false;
	}
	clear_answer(&answer);
	return status;
}

/* What is not known counts more than what is denied: somebody has to look at it. */
static int worse(int a, int b)
{
	return a > b ? a : b;
}

static int answer_all(const struct options *options)
{
	int status = EXIT_ALLOWED;
	bool first = true;

	for (size_t i = 0; i < options->subjects.count; i++) {
		const struct named_subject *who = &options->subjects.named[i];
		struct walk_base base;

		find_base(who, &base);
		for (const char **path = options->paths; *path; path++)
			status = worse(status, answer_one(options, who, &base, *path, &first));
		clear_base(&base);
	}
	return status;
}

static int answer_trees(const struct options *options)
{
	struct tree_options trees = {
		.paths = options->paths,
		.want = options->want,
		.list = options->list,
		.nul = options->nul,
		.one_filesystem = options->one_filesystem,
		.json = options->json,
		.verbose = options->verbose,
		.quiet = options->quiet,
		.subjects = &options->subjects,
	};

	while (trees.paths[trees.n_paths])
		trees.n_paths++;
	return check_trees(&trees);
}

/* ----------------------------------------------------------------------------------- options -- */

int access_main(int argc, const char **argv)
{
	struct options options = {.want = ACCESS_READ};
	const struct poptOption table[] = {
		SUBJECT_OPTIONS,
		{"want", 'w', POPT_ARG_STRING, &options.want_text, 0,
		 "any of r, w and x (default r), or create, delete, list, chmod, chown, link",
		 "WANT"},
		{"recursive", 'r', POPT_ARG_NONE, &options.recursive, 0,
		 "whole trees, through the kernel, as find(1) would see them", NULL},
		{"list", 0, POPT_ARG_STRING, &options.list, 0,
		 "with -r: the paths that are allowed, or denied", "allowed|denied"},
		{"null", '0', POPT_ARG_NONE, &options.nul, 0,
		 "with -r: a NUL behind each path, not a new line", NULL},
		{"one-file-system", 'x', POPT_ARG_NONE, &options.one_filesystem, 0,
		 "with -r: stay on the file system of each PATH", NULL},
		{"json", 0, POPT_ARG_NONE, &options.json, 0, "one JSON object a line", NULL},
		{"quiet", 'q', POPT_ARG_NONE, &options.quiet, 0,
		 "print no answer: the exit status tells", NULL},
		{"verbose", 'v', POPT_ARG_NONE, &options.verbose, 0,
		 "the raw facts behind each step", NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	poptContext context = poptGetContext("idn-check", argc, argv, table, 0);
	int option;

	poptSetOtherOptionHelp(context, "[OPTION...] PATH...");
	while ((option = poptGetNextOpt(context)) >= 0) {
		answer_common_option(context, option);
		subject_option(context, option, &options.subjects);
	}
	end_options(context, option, EXIT_USAGE);
	if (options.quiet)
		message_be_quiet();
	options.paths = poptGetArgs(context);
	if (!options.paths || !options.paths[0])
		die(EXIT_USAGE, "no path: try idn-check access --help");
	if (options.want_text)
		options.want = parse_want(options.want_text);
	if (!options.recursive && (options.list || options.nul || options.one_filesystem))
		die(EXIT_USAGE, "--list, --null and --one-file-system are for trees, with -r");
	find_subjects(&options.subjects, EXIT_USAGE);

	int status = options.recursive ? answer_trees(&options) : answer_all(&options);

	clear_subjects(&options.subjects);
	free(options.want_text);
	free(options.list);
	poptFreeContext(context);
	return status;
}
