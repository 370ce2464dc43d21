/* SPDX-License-Identifier: MIT */
/* Running a command as somebody: its environment, the identity, and the last step. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/message.h"
#include "core/credentials.h"

/* --------------------------------------------------------------------------- environment -- */

void set_variable(const char *name, const char *value)
{
	if ((value ? setenv(name, value, 1) : unsetenv(name)) < 0)
		die(EXIT_FAILED, "%s: %s", name, reason_of(-errno));
}

static const char *or_else(const char *text, const char *otherwise)
{
	return text && text[0] ? text : otherwise;
}

void set_account_variables(const struct account *account)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", account->identity.view.uid);
	set_variable("HOME", or_else(account->home, "/"));
	set_variable("SHELL", or_else(account->shell, "/bin/sh"));
	set_variable("USER", or_else(account->name, number));
	set_variable("LOGNAME", or_else(account->name, number));
}

/* ------------------------------------------------------------------------------ identity -- */

/*
 * The kernel looks at RLIMIT_NPROC as the uid changes, and has execve(2) fail where the user has as
 * many processes as that.  The limit is the caller's, and who has to help such a user must be able
 * to: it is lifted for the change, as far as may be, unless it is asked for.
 */
static bool lift_process_limit(struct rlimit *saved)
{
	if (getrlimit(RLIMIT_NPROC, saved) < 0 || saved->rlim_cur == RLIM_INFINITY)
		return false;

	struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit most = {saved->rlim_max, saved->rlim_max};

	if (setrlimit(RLIMIT_NPROC, &none) == 0)
		return true;
	return saved->rlim_cur != saved->rlim_max && setrlimit(RLIMIT_NPROC, &most) == 0;
}

void become_or_die(const struct imp_become *become, const char *said)
{
	const char *step;
	int error = imp_become(become, &step);

	if (error < 0)
		die(EXIT_FAILED, "%s: %s: %s", said, step, reason_of(error));
}

/* What the caller's keys allow is the caller's; the old session keyring would allow it still. */
static void leave_session_keyring(const char *said)
{
	int error = credentials_leave_keyring();

	if (error < 0)
		die(EXIT_FAILED, "%s: cannot leave the session keyring: %s", said,
		    reason_of(error));
}

void become_for_command(const struct imp_become *become, const char *said, bool limit_processes,
			bool leave_keyring)
{
	struct rlimit limit;
	bool lifted = !limit_processes && lift_process_limit(&limit);

	become_or_die(become, said);
	if (lifted && setrlimit(RLIMIT_NPROC, &limit) < 0)
		die(EXIT_FAILED, "%s: cannot put RLIMIT_NPROC back: %s", said, reason_of(-errno));
	if (leave_keyring)
		leave_session_keyring(said);
}

/* ------------------------------------------------------------------------------- running -- */

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

_Noreturn void execute_command(char *const *command, const char *said)
{
	const char *name = command[0];

	execvp(name, command);

	int error = errno == EACCES && !is_anywhere(name) ? ENOENT : errno;

	if (error == EAGAIN)
		die(EXIT_CANNOT_RUN, "%s: %s has all processes that RLIMIT_NPROC allows: %s", name,
		    said, reason_of(-error));
	die(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, "%s: %s", name, reason_of(-error));
}

int exit_status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
