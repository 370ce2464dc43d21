/* SPDX-License-Identifier: MIT */
/* The last steps before the command, and running it. */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/message.h"
#include "core/credentials.h"
#include "run-as.h"

static void close_descriptors(const struct target *target)
{
	if (syscall(SYS_close_range, 3U, ~0U, 0U) < 0)
		die(EXIT_FAILED, "%s: cannot close descriptors: %s", target->said,
		    reason_of(-errno));
}

/* What is not identity, and is to be done before it is taken. */
static void prepare(const struct options *options, const struct target *target)
{
	if (options->session) {
		if (setsid() < 0)
			die(EXIT_FAILED, "%s: cannot start a session: %s", target->said,
			    reason_of(-errno));
		tell(options, "new session, without a terminal");
	}
	if (options->umask >= 0)
		umask((mode_t)options->umask);
	/* A change of identity clears it; it goes where there is none, too. */
	if (prctl(PR_SET_PDEATHSIG, 0UL) < 0)
		die(EXIT_FAILED, "%s: cannot clear the parent-death signal: %s", target->said,
		    reason_of(-errno));
}

/* What is to be done as the user. */
static void finish(const struct options *options, const struct target *target)
{
	if (options->directory) {
		if (chdir(options->directory) < 0)
			die(EXIT_FAILED, "%s: cannot enter %s: %s", target->said,
			    options->directory, reason_of(-errno));
		tell(options, "%s: in %s", target->said, options->directory);
	}
	if (options->close_fds)
		close_descriptors(target);
	/* Last: nothing that comes before it may need what it forbids. */
	if (target->no_new_privs) {
		int error = credentials_set_no_new_privs();

		if (error < 0 || credentials_get_no_new_privs() != 1)
			die(EXIT_FAILED, "%s: cannot set no_new_privs: %s", target->said,
			    error < 0 ? reason_of(error) : "it is still off");
		tell(options, "%s: no new privileges", target->said);
	}
}

_Noreturn void run_command(const struct options *options, const struct target *target)
{
	prepare(options, target);
	take_identity(options, target);
	finish(options, target);
	tell(options, "%s: runs %s", target->said, options->command[0]);
	execute_command(options->command, target->said);
}
