/* SPDX-License-Identifier: MIT */
/* idn-check policy: what a policy file, or an aspnet.config, says, and what is dangerous about it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "cli/message.h"
#include "policy.h"

enum { EXIT_CLEAN = 0, EXIT_PROBLEMS = 1, EXIT_MALFORMED = 2 };
enum { XML_MAXIMUM = 1024 * 1024, MALFORMED_TOLD = 20 };

struct policy_options {
	const char *const *paths;
	char *service;
	char *service_user;
	uid_t user; /* whose the file may be, beside root */
	int json, quiet, verbose;
	bool printed; /* an answer, and the next is set off from it */
};

/* -------------------------------------------------------------------------------- printing -- */

static void put_printable(const char *text)
{
	const size_t size = 4 * strlen(text) + 6;
	char *buffer = malloc(size);

	if (!buffer)
		abort();
	fputs(printable(text, buffer, size), stdout);
	free(buffer);
}

static void print_findings(const char *path, const struct report *report, const char *policy)
{
	put_printable(path);
	if (report->problems)
		printf(": %zu problem%s%s\n", report->problems, report->problems == 1 ? "" : "s",
		       report->refused ? ", and services refuse it" : "");
	else
		printf(": clean\n");
	for (size_t i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];

		printf("  %-4s  %-32s  ", outcome_name(finding->outcome), finding->check);
		if (finding->line)
			printf("line %u: ", finding->line);
		put_printable(finding->detail);
		printf("\n");
	}
	if (policy)
		printf("\n%s", policy);
}

static json_t *number_or_null(unsigned int number)
{
	return number ? json_integer(number) : json_null();
}

static void write_findings(const char *path, const struct report *report, const char *policy)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct finding *finding = &report->findings[i];
		json_t *object = json_object();

		json_put(object, "path", json_text(path));
		json_put(object, "check", json_text(finding->check));
		json_put(object, "result", json_text(outcome_name(finding->outcome)));
		json_put(object, "detail", json_text(finding->detail));
		json_put(object, "line", number_or_null(finding->line));
		json_put(object, "column", number_or_null(finding->column));
		json_write(object, stdout);
	}
	if (policy) {
		json_t *object = json_object();

		json_put(object, "path", json_text(path));
		json_put(object, "policy", json_text(policy));
		json_write(object, stdout);
	}
}

/* POLICY: the same as a policy, or NULL. */
static int answer(struct policy_options *options, const char *path, const struct report *report,
		  const char *policy)
{
	if (options->json && !options->quiet)
		write_findings(path, report, policy);
	else if (!options->quiet) {
		if (options->printed)
			printf("\n");
		print_findings(path, report, policy);
		options->printed = true;
	}
	return report->problems ? EXIT_PROBLEMS : EXIT_CLEAN;
}

static void complain_at(const char *path, const struct imp_policy_problem *at)
{
	if (at->line && at->column)
		complain_of("%s: %u:%u: %s", path, at->line, at->column, at->text);
	else if (at->line)
		complain_of("%s: %u: %s", path, at->line, at->text);
	else
		complain_of("%s: %s", path, at->text);
}

/* ----------------------------------------------------------------------------------- files -- */

/* All that the reader found, to be told as lines of the answer or, where it makes no sense, not. */
struct told {
	struct policy_problem *problems;
	size_t count;
	bool malformed;
};

static bool remember(const struct policy_problem *problem, void *data)
{
	struct told *told = data;

	told->problems = reallocarray(told->problems, told->count + 1, sizeof(*told->problems));
	if (!told->problems)
		abort();
	told->problems[told->count++] = *problem;
	told->malformed = told->malformed || problem->error == -EPROTO;
	return true;
}

static int complain_of_malformed(const char *path, const struct told *told)
{
	for (size_t i = 0; i < told->count && i < MALFORMED_TOLD; i++)
		complain_at(path, &told->problems[i].at);
	if (told->count > MALFORMED_TOLD)
		complain_of("%s: and %zu more", path, told->count - MALFORMED_TOLD);
	return EXIT_MALFORMED;
}

static void report_told(const struct told *told, struct report *report)
{
	report->refused = report->refused || told->count;
	for (size_t i = 0; i < told->count; i++) {
		const struct policy_problem *problem = &told->problems[i];

		report_add(report, OUTCOME_FAIL, problem->about, problem->at.line,
			   problem->at.column, "%s", problem->at.text);
	}
}

static void report_owner(const struct policy_file *file, const struct policy_options *options,
			 struct report *report)
{
	struct told told = {.count = 0};
	const struct policy_listener listener = {.tell = remember, .data = &told};
	char owner[256];

	if (policy_file_check(file, options->user, &listener) < 0)
		report_told(&told, report);
	else
		report_add(report, OUTCOME_OK, "file", 0, 0, "%s's, mode %04o",
			   identity_user_text(file->uid, owner, sizeof(owner)),
			   file->mode & 07777u);
	free(told.problems);
}

static int check_policy(struct policy_options *options, const char *path,
			const struct policy_file *file, struct report *report)
{
	struct told told = {.count = 0};
	const struct policy_listener listener = {.tell = remember, .data = &told};
	struct policy_lines lines;
	struct imp_policy *policy;
	int error = imp_policy_new(&policy), status;

	if (error < 0)
		die(EXIT_MALFORMED, "%s: %s", path, reason_of(error));
	error = policy_file_parse(file, policy, &lines, &listener);
	if (told.malformed) {
		status = complain_of_malformed(path, &told);
	} else if (error < 0 && told.count == 0) {
		complain_of("%s: %s", path, reason_of(error));
		status = EXIT_MALFORMED;
	} else {
		report_owner(file, options, report);
		report_place(path, options->user, options->verbose, report);
		report_told(&told, report);
		report_meaning(policy, &lines, options->user, report);
		status = answer(options, path, report, NULL);
	}
	free(told.problems);
	imp_policy_unref(policy);
	return status;
}

static int check_xml(struct policy_options *options, const char *path,
		     const struct policy_file *file, struct report *report)
{
	struct imp_policy_problem problem;
	struct aspnet aspnet;
	int error = aspnet_read(file->text, file->size, &aspnet, report, &problem), status;
	char *policy;

	if (error < 0) {
		if (error == -ENOMEM)
			complain_of("%s: %s", path, reason_of(error));
		else
			complain_at(path, &problem);
		return EXIT_MALFORMED;
	}
	policy = report_aspnet(path, &aspnet, report);
	status = answer(options, path, report, policy);
	free(policy);
	return status;
}

static int check_file(struct policy_options *options, const char *path)
{
	struct report report = {.count = 0};
	struct policy_file file;
	int error = policy_file_read(path, XML_MAXIMUM, &file), status;

	if (error < 0) {
		complain_of("%s: %s", path, policy_file_reason(error));
		return EXIT_MALFORMED;
	}
	if (is_xml(file.text, file.size)) {
		status = check_xml(options, path, &file, &report);
	} else if (file.size > POLICY_FILE_MAXIMUM) {
		complain_of("%s: %s", path, policy_file_reason(-EFBIG));
		status = EXIT_MALFORMED;
	} else {
		status = check_policy(options, path, &file, &report);
	}
	report_clear(&report);
	policy_file_clear(&file);
	return status;
}

/* --------------------------------------------------------------------------------- options -- */

static bool find_user(struct policy_options *options)
{
	struct account account;
	int error;

	options->user = geteuid();
	if (!options->service_user)
		return true;
	error = account_without_groups(options->service_user, &account);
	if (error < 0) {
		complain_of("--service-user: %s: %s", options->service_user,
			    error == -ESRCH ? "no such account" : reason_of(error));
		return false;
	}
	options->user = account.identity.view.uid;
	account_clear(&account);
	return true;
}

/* The files in their order, one after the other: the worst of what was found. */
static int check_files(struct policy_options *options)
{
	char path[4096];
	int status = EXIT_CLEAN;

	if (options->service) {
		if (policy_file_path(options->service, path, sizeof(path)) < 0) {
			complain_of("--service: %s: not a service's name", options->service);
			return EXIT_USAGE;
		}
		status = check_file(options, path);
	}
	for (size_t i = 0; options->paths && options->paths[i]; i++) {
		int one = check_file(options, options->paths[i]);

		status = one > status ? one : status;
	}
	return status;
}

static void parse_options(poptContext context, struct policy_options *options)
{
	int option;

	poptSetOtherOptionHelp(context, "[OPTION...] FILE...");
	while ((option = poptGetNextOpt(context)) >= 0)
		answer_common_option(context, option);
	end_options(context, option, EXIT_USAGE);
	if (options->quiet)
		message_be_quiet();
	options->paths = poptGetArgs(context);
	if (!options->paths && !options->service)
		die(EXIT_USAGE, "no file: try idn-check policy --help");
}

int policy_main(int argc, const char **argv)
{
	struct policy_options options = {.json = 0};
	const struct poptOption table[] = {
		{"service", 0, POPT_ARG_STRING, &options.service, 0,
		 "that of this service: /etc/impersonate/SERVICE.conf", "SERVICE"},
		{"service-user", 0, POPT_ARG_STRING, &options.service_user, 0,
		 "the service runs as USER, who may own the file, too (default: the caller)",
		 "USER"},
		{"json", 0, POPT_ARG_NONE, &options.json, 0, "JSON objects, one a line", NULL},
		{"quiet", 'q', POPT_ARG_NONE, &options.quiet, 0,
		 "print no answer: the exit status tells", NULL},
		{"verbose", 'v', POPT_ARG_NONE, &options.verbose, 0,
		 "each directory and link on the way, too", NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	poptContext context = poptGetContext("idn-check", argc, argv, table, 0);
	int status;

	parse_options(context, &options);
	status = find_user(&options) ? check_files(&options) : EXIT_USAGE;
	free(options.service);
	free(options.service_user);
	poptFreeContext(context);
	return status;
}
