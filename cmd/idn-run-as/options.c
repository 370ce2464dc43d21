/* SPDX-License-Identifier: MIT */
/* The command line. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "run-as.h"

enum {
	OPTION_GROUPS = 1,
	OPTION_CLEAR_GROUPS,
	OPTION_KEEP_GROUPS,
	OPTION_LEVEL,
	OPTION_RESET_ENV,
	OPTION_KEEP_ENV,
	OPTION_UMASK,
};

void tell(const struct options *options, const char *format, ...)
{
	va_list arguments;
	char line[1024];

	if (!options->verbose)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	complain_of("%s", line);
}

/* ------------------------------------------------------------------------------- each one -- */

static void choose_groups(struct options *options, enum groups_choice choice)
{
	if (options->groups != GROUPS_OF_USER && options->groups != choice)
		die(EXIT_FAILED, "--groups, --clear-groups, --keep-groups: only one of them");
	options->groups = choice;
}

static void choose_environment(struct options *options, enum environment_choice choice)
{
	if (options->environment != ENVIRONMENT_OF_USER && options->environment != choice)
		die(EXIT_FAILED, "--reset-env, --keep-env: only one of them");
	options->environment = choice;
}

static int parse_umask(const char *text)
{
	size_t digits = strspn(text, "01234567");
	unsigned long mode = strtoul(text, NULL, 8);

	if (digits == 0 || digits > 5 || text[digits] || mode > 0777)
		die(EXIT_FAILED, "--umask: %s: not an octal mode up to 777", text);
	return (int)mode;
}

static enum imp_level parse_level(const char *text)
{
	enum imp_level level;

	if (imp_level_parse(text, &level) < 0)
		die(EXIT_FAILED,
		    "--level: %s: not anonymous, identification, impersonation or delegation",
		    text);
	return level;
}

/* Those that say more than that they are there. */
static void apply_option(poptContext context, int option, struct options *options)
{
	switch (option) {
	case OPTION_GROUPS:
		choose_groups(options, GROUPS_LISTED);
		options->group_list = poptGetOptArg(context);
		break;
	case OPTION_CLEAR_GROUPS:
		choose_groups(options, GROUPS_NONE);
		break;
	case OPTION_KEEP_GROUPS:
		choose_groups(options, GROUPS_KEPT);
		break;
	case OPTION_LEVEL:
		options->level = parse_level(poptGetOptArg(context));
		break;
	case OPTION_RESET_ENV:
		choose_environment(options, ENVIRONMENT_RESET);
		break;
	case OPTION_KEEP_ENV:
		choose_environment(options, ENVIRONMENT_KEPT);
		break;
	case OPTION_UMASK:
		options->umask = parse_umask(poptGetOptArg(context));
		break;
	default:
		answer_common_option(context, option);
	}
}

/* ------------------------------------------------------------------------------- together -- */

/* What one option promises and another takes back. */
static void check_together(const struct options *options)
{
	if (options->thread && (options->groups != GROUPS_OF_USER || options->capabilities ||
				options->level != IMP_LEVEL_IMPERSONATION))
		die(EXIT_FAILED, "--thread: takes just what the thread has: no --groups, --caps or "
				 "--level beside it");
	if (options->level < IMP_LEVEL_IMPERSONATION &&
	    (options->groups != GROUPS_OF_USER || options->group || options->capabilities))
		die(EXIT_FAILED,
		    "--level: the anonymous identity has no groups or capabilities to choose");
	if (options->level == IMP_LEVEL_ANONYMOUS && options->environment == ENVIRONMENT_KEPT)
		die(EXIT_FAILED,
		    "--keep-env: not at level anonymous, which is to leave no trace of the user");
}

static void split_user(const char *text, struct options *options)
{
	char *user = strdup(text);
	char *colon = user ? strchr(user, ':') : NULL;

	if (!user)
		die(EXIT_FAILED, "%s", reason_of(-ENOMEM));
	if (colon)
		*colon = '\0';
	options->user = user;
	options->group = colon ? colon + 1 : NULL;
	if (user[0] == '\0' || (colon && (colon[1] == '\0' || strchr(colon + 1, ':'))))
		die(EXIT_FAILED, "%s: not of the form USER or USER:GROUP", text);
}

/* A process that stays is for all to look at, its arguments too; the last COUNT begin with USER. */
static void hide_user(int argc, char **argv, int count)
{
	char *user = argv[argc - count];

	memset(user, '-', strlen(user));
}

/* USER, where no thread is named, and the command; "--" may stand between them. */
static void read_words(char **words, struct options *options)
{
	if (!options->thread) {
		if (!words || !words[0])
			die(EXIT_FAILED, "no user: try idn-run-as --help");
		split_user(*words++, options);
	}
	if (words && words[0] && strcmp(words[0], "--") == 0)
		words++;
	if ((!words || !words[0]) && !options->dry_run)
		die(EXIT_FAILED, "no command: try idn-run-as --help");
	options->command = words;
}

void read_options(int argc, char **argv, struct options *options)
{
	int quiet = 0, option;

	*options = (struct options){.level = IMP_LEVEL_IMPERSONATION, .umask = -1};
	const struct poptOption table[] = {
		{"groups", 0, POPT_ARG_STRING, NULL, OPTION_GROUPS,
		 "have these supplementary groups, separated by commas", "LIST"},
		{"clear-groups", 0, POPT_ARG_NONE, NULL, OPTION_CLEAR_GROUPS,
		 "have no supplementary groups", NULL},
		{"keep-groups", 0, POPT_ARG_NONE, NULL, OPTION_KEEP_GROUPS,
		 "keep the caller's supplementary groups", NULL},
		{"caps", 0, POPT_ARG_STRING, &options->capabilities, 0,
		 "keep these capabilities, or all, or none", "LIST"},
		{"thread", 0, POPT_ARG_STRING, &options->thread, 0,
		 "be what this thread is now; in place of USER", "PID[/TID]"},
		{"level", 'l', POPT_ARG_STRING, NULL, OPTION_LEVEL,
		 "anonymous, identification, impersonation or delegation", "LEVEL"},
		{"reset-env", 0, POPT_ARG_NONE, NULL, OPTION_RESET_ENV,
		 "clear the environment first", NULL},
		{"keep-env", 0, POPT_ARG_NONE, NULL, OPTION_KEEP_ENV,
		 "leave HOME, SHELL, USER and LOGNAME as they are", NULL},
		{"chdir", 0, POPT_ARG_STRING, &options->directory, 0, "go there, as the user",
		 "DIR"},
		{"umask", 0, POPT_ARG_STRING, NULL, OPTION_UMASK, "set the umask, in octal",
		 "MODE"},
		{"setsid", 0, POPT_ARG_NONE, &options->session, 0,
		 "run in a session without terminal", NULL},
		{"pty", 0, POPT_ARG_NONE, &options->terminal, 0, "run on a terminal of its own",
		 NULL},
		{"close-fds", 0, POPT_ARG_NONE, &options->close_fds, 0,
		 "close all descriptors above 2", NULL},
		{"limit-nproc", 0, POPT_ARG_NONE, &options->limit_processes, 0,
		 "refuse where the user has all processes that it may", NULL},
		{"no-new-privs", 0, POPT_ARG_NONE, &options->no_new_privs, 0,
		 "let no program that is run give privilege", NULL},
		{"dry-run", 0, POPT_ARG_NONE, &options->dry_run, 0,
		 "print the identity that would be taken, and run nothing", NULL},
		{"quiet", 'q', POPT_ARG_NONE, &quiet, 0, "leave warnings out", NULL},
		{"verbose", 'v', POPT_ARG_NONE, &options->verbose, 0,
		 "say each step on standard error", NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	/* What follows USER is the command's. */
	static poptContext context;

	context = poptGetContext("idn-run-as", argc, (const char **)argv, table,
				 POPT_CONTEXT_POSIXMEHARDER);

	poptSetOtherOptionHelp(context, "[OPTION...] USER[:GROUP] [--] COMMAND [ARG...]");
	while ((option = poptGetNextOpt(context)) >= 0)
		apply_option(context, option, options);
	end_options(context, option, EXIT_FAILED);
	if (quiet)
		message_be_quiet();

	/* The context keeps what it has given: it lives as long as the process. */
	char **words = (char **)poptGetArgs(context);
	int count = 0;

	while (words && words[count])
		count++;
	read_words(words, options);
	check_together(options);
	if (options->level == IMP_LEVEL_ANONYMOUS && options->user)
		hide_user(argc, argv, count);
}
