/* SPDX-License-Identifier: MIT */
/* idn-check run: a command as somebody, and each thing that it was refused, explained. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cli/command.h"
#include "cli/message.h"
#include "core/credentials.h"
#include "explain.h"

struct options {
	struct subject_options subjects;
	char *output;
	int json, quiet, verbose;
	char *const *command;
};

static void parse_options(int argc, const char **argv, struct options *options);
static void set_environment(const struct options *options);
static _Noreturn void become_command(const struct options *options, struct trace_shared *shared);

/* The caller, as it is: nothing is changed of it. */
static bool is_left_alone(const struct options *options)
{
	return options->subjects.named->is_caller &&
	       options->subjects.chosen_level >= IMP_LEVEL_IMPERSONATION;
}

static FILE *open_output(const struct options *options)
{
	FILE *out = options->output ? fopen(options->output, "we") : stderr;

	if (!out)
		die(EXIT_FAILED, "%s: %s", options->output, reason_of(-errno));
	return out;
}

static const char *why_untraced(int error)
{
	switch (error) {
	case -EPERM:
	case -EACCES:
		return "not allowed here (kernel.yama.ptrace_scope, or a filter)";
	case -ENOSYS:
		return "needs Linux 5.3 or later";
	default:
		return reason_of(error);
	}
}

int run_main(int argc, const char **argv)
{
	/* The command line's words are kept as long as the process lives. */
	static struct options options;
	struct report report;
	struct trace trace = {.pid = 0};
	int status, error;

	parse_options(argc, argv, &options);
	report_init(&report, open_output(&options));
	report.json = options.json;
	report.verbose = options.verbose;
	if (!is_left_alone(&options))
		set_environment(&options);
	error = trace_fork(&trace);
	if (error < 0)
		die(EXIT_FAILED, "cannot trace a command: %s", why_untraced(error));
	if (trace.pid == 0)
		become_command(&options, trace.shared);
	status = exit_status_of(trace_run(&trace, explain, &report));
	report_finish(&report, trace.started);
	if (ferror(report.out) || (report.out != stderr && fclose(report.out) != 0)) {
		complain_of("%s: %s", options.output ? options.output : "standard error",
			    reason_of(-errno));
		status = EXIT_FAILED;
	}
	return status;
}

/* ------------------------------------------------------------------------------ the command -- */

/* Without privilege it takes no_new_privs; set-user-ID programs give none to who is traced so. */
static bool install_filter(uint32_t architecture)
{
	int error = filter_install(architecture);

	if (error == -EACCES && credentials_set_no_new_privs() == 0)
		error = filter_install(architecture);
	return error == 0;
}

static void take_identity(const struct options *options)
{
	const struct named_subject *named = options->subjects.named;
	const struct access_subject *subject = &named->subject;
	const struct imp_identity *identity = &subject->identity.view;
	/* Root has what its bounding set has, by exec; a thread just what it has. */
	bool exactly =
		named->is_thread && options->subjects.chosen_level >= IMP_LEVEL_IMPERSONATION;
	struct imp_become become = {
		.uid = identity->uid,
		.gid = identity->gid,
		.n_groups = identity->n_groups,
		.groups = identity->groups,
		.capabilities = exactly ? subject->capabilities : UINT64_MAX,
		.effective = true,
		.limit_bounding = exactly && identity->uid == 0,
		.ambient = exactly && subject->capabilities,
	};

	if (!exactly && identity->uid != 0)
		become.capabilities = 0;
	if (exactly && subject->other_user_namespace && subject->capabilities)
		die(EXIT_FAILED, "%s: its capabilities are those of another user namespace",
		    named->text);
	become_for_command(&become, named->text, false, true);
	if (exactly && subject->no_new_privs && credentials_set_no_new_privs() < 0)
		die(EXIT_FAILED, "%s: cannot set no_new_privs", named->text);
}

static void become_command(const struct options *options, struct trace_shared *shared)
{
	/* First: once it is another it may no longer. */
	shared->filtered = install_filter(shared->architecture);
	if (!is_left_alone(options))
		take_identity(options);
	execute_command(options->command, options->subjects.named->text);
}

static void set_environment(const struct options *options)
{
	const struct named_subject *named = options->subjects.named;
	enum imp_level level = options->subjects.chosen_level;
	bool tells = level == IMP_LEVEL_IDENTIFICATION && !named->is_thread && !named->is_caller;
	struct account account;
	int error = -ESRCH;

	/* By the name that was given: several accounts may have one uid. */
	if (level >= IMP_LEVEL_IMPERSONATION && !named->is_thread)
		error = account_without_groups(named->text, &account);
	if (error < 0)
		error = account_of_uid(named->subject.identity.view.uid, &account);
	if (error < 0)
		die(EXIT_FAILED, "%s: %s", named->text, reason_of(error));
	set_account_variables(&account);
	set_variable("IMPERSONATION_LEVEL", imp_level_name(level));
	set_variable("IMPERSONATION_CLIENT", tells ? named->text : NULL);
	account_clear(&account);
}

/* ---------------------------------------------------------------------------------- options -- */

static void parse_options(int argc, const char **argv, struct options *options)
{
	const struct poptOption table[] = {
		SUBJECT_OPTIONS,
		{"output", 'o', POPT_ARG_STRING, &options->output, 0,
		 "write to FILE, not to standard error", "FILE"},
		{"json", 0, POPT_ARG_NONE, &options->json, 0,
		 "one JSON object a line, a refused call each", NULL},
		{"quiet", 'q', POPT_ARG_NONE, &options->quiet, 0, "leave warnings out", NULL},
		{"verbose", 'v', POPT_ARG_NONE, &options->verbose, 0,
		 "the whole way below each line, with the raw facts", NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	static poptContext context; /* which has the words of the command */
	int option;

	/* What follows the first word that is no option is the command's. */
	context = poptGetContext("idn-check", argc, argv, table, POPT_CONTEXT_POSIXMEHARDER);
	poptSetOtherOptionHelp(context, "[OPTION...] [--] COMMAND [ARG...]");
	while ((option = poptGetNextOpt(context)) >= 0)
		if (!subject_option(context, option, &options->subjects))
			answer_common_option(context, option);
	end_options(context, option, EXIT_FAILED);
	if (options->quiet)
		message_be_quiet();
	options->command = (char *const *)poptGetArgs(context);
	if (!options->command || !options->command[0])
		die(EXIT_FAILED, "no command: try idn-check run --help");
	if (options->subjects.count > 1)
		die(EXIT_FAILED, "a command runs as one identity alone");
	find_subjects(&options->subjects, EXIT_FAILED);
}
