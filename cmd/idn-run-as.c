/* SPDX-License-Identifier: MIT */
/* idn-run-as - runs a command as an identity, with nothing of the caller's left behind. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"
#include "core/identity.h"

enum { EXIT_FAILED = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

struct options {
	const char *user;  /* before the colon */
	const char *group; /* behind it, or NULL */
	char *const *command;
};

/* ------------------------------------------------------------------------------- identity -- */

static const char *why_no_account(int error)
{
	switch (error) {
	case -ESRCH:
		return "no such account";
	case -EINVAL:
		return "neither a name nor a number that is an id";
	default:
		return reason_of(error);
	}
}

/* USER is all of its groups; USER:GROUP is that group alone. */
static void find_identity(const struct options *options, struct account *account,
			  struct imp_become *become)
{
	int error = account_of_user(options->user, account);

	if (error < 0)
		die(EXIT_FAILED, "%s: %s", options->user, why_no_account(error));

	const struct imp_identity *identity = &account->identity.view;

	*become = (struct imp_become){
		.uid = identity->uid,
		.gid = identity->gid,
		.n_groups = identity->n_groups,
		.groups = identity->groups,
		/* Root is root, as far as the caller was: what it has not got it cannot give. */
		.capabilities = identity->uid == 0 ? UINT64_MAX : 0,
		.effective = true,
	};
	if (!options->group)
		return;
	error = identity_of_group(options->group, &become->gid);
	if (error < 0)
		die(EXIT_FAILED, "%s: %s", options->group,
		    error == -ESRCH ? "no such group" : why_no_account(error));
	become->n_groups = 0;
	become->groups = NULL;
}

static void take(const struct imp_become *become, const char *user)
{
	const char *step;
	int error = imp_become(become, &step);

	if (error < 0)
		die(EXIT_FAILED, "%s: %s: %s", user, step, reason_of(error));
}

/* ---------------------------------------------------------------------------- environment -- */

static void set(const char *name, const char *value)
{
	if (setenv(name, value, 1) < 0)
		die(EXIT_FAILED, "%s: %s", name, strerror(errno));
}

static void set_environment(const struct account *account)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", account->identity.view.uid);
	set("HOME", account->home && account->home[0] ? account->home : "/");
	set("SHELL", account->shell && account->shell[0] ? account->shell : "/bin/sh");
	set("USER", account->name ? account->name : number);
	set("LOGNAME", account->name ? account->name : number);
	set("IMPERSONATION_LEVEL", imp_level_name(IMP_LEVEL_IMPERSONATION));
}

/* -------------------------------------------------------------------------------- command -- */

/* execvp(3) says EACCES, too, where a directory of PATH may not be searched and none has the
 * command. */
static bool is_anywhere(const char *command)
{
	const char *path = getenv("PATH");

	if (strchr(command, '/') || !path)
		return true;
	while (*path) {
		size_t length = strcspn(path, ":");
		char *candidate;

		/* An empty part is the current directory. */
		if (asprintf(&candidate, "%.*s%s%s", (int)length, path, length ? "/" : "",
			     command) < 0)
			return true;
		bool there = access(candidate, F_OK) == 0;

		free(candidate);
		if (there)
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}

static _Noreturn void run(char *const *command)
{
	execvp(command[0], command);

	int error = errno == EACCES && !is_anywhere(command[0]) ? ENOENT : errno;

	die(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, "%s: %s", command[0],
	    strerror(error));
}

/* -------------------------------------------------------------------------------- options -- */

static void split_user(const char *text, struct options *options)
{
	char *user = strdup(text);
	char *colon = user ? strchr(user, ':') : NULL;

	if (!user)
		die(EXIT_FAILED, "%s", strerror(ENOMEM));
	if (colon)
		*colon = '\0';
	options->user = user;
	options->group = colon ? colon + 1 : NULL;
	if (user[0] == '\0' || (colon && (colon[1] == '\0' || strchr(colon + 1, ':'))))
		die(EXIT_FAILED, "%s: not of the form USER or USER:GROUP", text);
}

static void parse_options(poptContext context, struct options *options)
{
	int option;

	poptSetOtherOptionHelp(context, "[OPTION...] USER[:GROUP] [--] COMMAND [ARG...]");
	while ((option = poptGetNextOpt(context)) >= 0)
		answer_common_option(context, option);
	if (option < -1)
		die(EXIT_FAILED, "%s: %s", poptBadOption(context, POPT_BADOPTION_NOALIAS),
		    poptStrerror(option));

	const char *user = poptGetArg(context);
	const char **command = poptGetArgs(context);

	if (!user)
		die(EXIT_FAILED, "no user: try idn-run-as --help");
	if (command && strcmp(command[0], "--") == 0)
		command++;
	if (!command || !command[0])
		die(EXIT_FAILED, "no command: try idn-run-as --help");
	split_user(user, options);
	options->command = (char *const *)command;
}

int main(int argc, const char **argv)
{
	int quiet = 0;
	const struct poptOption table[] = {
		{"quiet", 'q', POPT_ARG_NONE, &quiet, 0, "leave warnings out", NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	/* What follows USER is the command's. */
	poptContext context =
		poptGetContext("idn-run-as", argc, argv, table, POPT_CONTEXT_POSIXMEHARDER);
	struct options options = {.user = NULL};
	struct account account;
	struct imp_become become;

	message_init("idn-run-as");
	parse_options(context, &options);
	if (quiet)
		message_be_quiet();
	find_identity(&options, &account, &become);
	set_environment(&account);
	take(&become, options.user);

	run(options.command);
}
