/* SPDX-License-Identifier: MIT */
/* idn-show - who a thread acts as, at which level, and whether what the service claims is so. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"
#include "show.h"

int complain(const struct subject *subject, int error)
{
	complain_of("%s: %s", subject->text, error == -ESRCH ? "no such thread" : reason_of(error));
	return EXIT_NO_SUCH_THREAD;
}

/* ---------------------------------------------------------------------------------- show -- */

static void show_thread(const struct look_thread *thread, const struct options *options)
{
	if (options->json)
		json_write(thread_object(thread), stdout);
	else
		print_thread(stdout, thread, options->verbose);
}

/* The other threads of a process, where they differ from the main one, or act for somebody. */
static int show_others(const struct subject *subject, const struct look_thread *first,
		       const struct options *options)
{
	struct look_process process;
	pid_t *tids;
	size_t count;
	bool headed = options->json;
	int error = procfs_list_threads(subject->pid, &tids, &count);

	if (error == -ESRCH)
		return EXIT_SHOWN; /* it has ended since its main thread was shown */
	if (error < 0)
		return complain(subject, error);
	error = look_open(subject->pid, &process);
	for (size_t i = 0; error == 0 && i < count; i++) {
		struct look_thread thread;

		if (tids[i] == subject->pid || look_at(&process, tids[i], &thread) < 0)
			continue; /* one that ends meanwhile is no error */
		if (options->verbose || look_differ(first, &thread)) {
			if (!headed)
				printf("\n");
			headed = true;
			if (options->json) {
				look_fill_details(&thread);
				json_write(thread_object(&thread), stdout);
			} else {
				print_thread_line(&thread);
			}
		}
		look_clear(&thread);
	}
	if (error == 0)
		look_close(&process);
	free(tids);
	return EXIT_SHOWN;
}

static int show(const struct subject *subject, const struct options *options)
{
	struct look_thread thread;
	int error = look_at_thread(subject->pid, subject->tid, &thread);
	int status = EXIT_SHOWN;

	if (error < 0)
		return complain(subject, error);
	show_thread(&thread, options);
	if (subject->tid == 0)
		status = show_others(subject, &thread, options);
	look_clear(&thread);
	return status;
}

static int show_subjects(const struct options *options)
{
	const struct selection *selection = &options->selection;
	int status = EXIT_SHOWN;

	for (size_t i = 0; i < selection->n_subjects; i++) {
		if (selection->n_subjects > 1 && !options->json)
			printf("%s%s:\n", i ? "\n" : "", selection->subjects[i].text);
		int shown = show(&selection->subjects[i], options);

		status = status ? status : shown;
	}
	return status;
}

static int show_list(const struct options *options)
{
	struct look_list list;
	int status = check_named(&options->selection);

	select_threads(&options->selection, &list);
	if (options->json) {
		for (size_t i = 0; i < list.count; i++) {
			look_fill_details(&list.threads[i]);
			json_write(thread_object(&list.threads[i]), stdout);
		}
	} else {
		print_table(stdout, &list, options->verbose, 0, 0, "\n");
	}
	if (list.count == 0 && is_filtered(&options->selection))
		status = EXIT_NO_SUCH_THREAD;
	look_list_clear(&list);
	return status;
}

/* ------------------------------------------------------------------------------- options -- */

static struct subject parse_subject(const char *text)
{
	struct subject subject = {.text = text};

	if (procfs_parse_thread(text, &subject.pid, &subject.tid) == 0)
		return subject;
	die(EXIT_USAGE, "%s: not a PID or PID/TID", text);
}

/* All of them, before anything is shown: half an answer to a wrong question helps nobody. */
static void parse_subjects(const char **texts, struct selection *selection)
{
	while (texts && texts[selection->n_subjects])
		selection->n_subjects++;
	selection->subjects = calloc(selection->n_subjects + 1, sizeof(*selection->subjects));
	if (!selection->subjects)
		die(EXIT_USAGE, "%s", strerror(ENOMEM));
	for (size_t i = 0; i < selection->n_subjects; i++)
		selection->subjects[i] = parse_subject(texts[i]);
}

/* Without any: whoever called. */
static void choose_caller(struct selection *selection)
{
	static char parent[16];

	snprintf(parent, sizeof(parent), "%d", (int)getppid());
	selection->subjects[0] = parse_subject(parent);
	selection->n_subjects = 1;
}

static double parse_seconds(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(seconds >= 0.1 && seconds <= 86400))
		die(EXIT_USAGE, "--watch: %s: not a number of seconds from 0.1 to 86400", text);
	return seconds;
}

enum { OPTION_WATCH = 1 };

/*
 * popt takes the next word for the argument of an option that need not have one, and that word is a
 * PID: so no --watch, and no -w at the end of a word of options, goes to it without its seconds.
 */
static void give_watch_its_seconds(const char **words, int count)
{
	for (int i = 1; i < count && strcmp(words[i], "--") != 0; i++) {
		size_t length = strlen(words[i]);
		char *whole;

		if (strcmp(words[i], "--watch") == 0)
			words[i] = "--watch=2";
		else if (length > 1 && words[i][0] == '-' && words[i][length - 1] == 'w' &&
			 strspn(words[i] + 1, "acqv") == length - 2 &&
			 asprintf(&whole, "%s2", words[i]) > 0)
			words[i] = whole; /* for as long as the process runs */
	}
}

static void parse_options(poptContext context, struct options *options)
{
	struct selection *selection = &options->selection;
	int option;

	poptSetOtherOptionHelp(context, "[OPTION...] [PID | PID/TID ...]");
	while ((option = poptGetNextOpt(context)) >= 0) {
		answer_common_option(context, option);
		if (option == OPTION_WATCH) {
			char *seconds = poptGetOptArg(context);

			options->watch = parse_seconds(seconds);
			free(seconds);
		}
	}
	end_options(context, option, EXIT_USAGE);
	if (options->quiet)
		message_be_quiet();
	parse_subjects(poptGetArgs(context), selection);
	if (options->compare && (selection->n_subjects != 2 || options->all || options->threads ||
				 options->watch > 0 || is_filtered(selection) || selection->sort))
		die(EXIT_USAGE, "--compare: wants two threads, and nothing else");
	if (options->all && options->threads)
		die(EXIT_USAGE, "--all and --threads exclude each other");
	check_selection(selection);
	selection->every = options->threads ||
			   (!options->all && (selection->n_subjects > 0 || selection->state));
}

int main(int argc, const char **argv)
{
	struct options options = {.json = 0};
	struct selection *selection = &options.selection;
	const struct poptOption table[] = {
		{"all", 'a', POPT_ARG_NONE, &options.all, 0,
		 "a table of the threads that act for somebody, or should", NULL},
		{"threads", 0, POPT_ARG_NONE, &options.threads, 0, "a table of every thread", NULL},
		{"user", 'u', POPT_ARG_STRING, &selection->user, 0,
		 "only threads whose user, or access, is USER", "USER"},
		{"level", 'l', POPT_ARG_STRING, &selection->level, 0, "only threads at LEVEL",
		 "LEVEL"},
		{"state", 's', POPT_ARG_STRING, &selection->state, 0, "only threads in STATE",
		 "STATE"},
		{"service", 0, POPT_ARG_STRING, &selection->service, 0,
		 "only threads of the command NAME, or whose service is the account NAME", "NAME"},
		{"sort", 0, POPT_ARG_STRING, &selection->sort, 0,
		 "sort by KEYs, descending behind a -", "KEY[,KEY...]"},
		{"watch", 'w', POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, NULL, OPTION_WATCH,
		 "show the table again and again (every 2 seconds)", "SECONDS"},
		{"compare", 'c', POPT_ARG_NONE, &options.compare, 0, "two threads side by side",
		 NULL},
		{"json", 0, POPT_ARG_NONE, &options.json, 0,
		 "one JSON object a line, a thread each", NULL},
		{"quiet", 'q', POPT_ARG_NONE, &options.quiet, 0, "leave warnings out", NULL},
		{"verbose", 'v', POPT_ARG_NONE, &options.verbose, 0,
		 "a line for every other thread of a process, counters of 0, and all columns of "
		 "the table",
		 NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	give_watch_its_seconds(argv, argc);

	poptContext context = poptGetContext("idn-show", argc, argv, table, 0);
	int status;

	message_init("idn-show");
	parse_options(context, &options);
	if (options.compare) {
		status = compare_threads(&selection->subjects[0], &selection->subjects[1],
					 options.json);
	} else if (options.watch > 0) {
		status = watch_threads(&options);
	} else if (options.all || options.threads || is_filtered(selection) || selection->sort) {
		status = show_list(&options);
	} else {
		if (selection->n_subjects == 0)
			choose_caller(selection);
		status = show_subjects(&options);
	}
	free(selection->subjects);
	poptFreeContext(context);
	finish_output(status);
}
