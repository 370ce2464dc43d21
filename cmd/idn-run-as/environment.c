/* SPDX-License-Identifier: MIT */
/* The environment of the command. */
#include <errno.h>
#include <stdlib.h>

#include "cli/message.h"
#include "run-as.h"

static const char *const path_of_root =
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
static const char *const path_of_users = "/usr/local/bin:/usr/bin:/bin";

/* The terminal stays what it is; the path is not the caller's. */
static void reset(const struct target *target)
{
	const char *terminal = getenv("TERM");

	if (clearenv() != 0)
		die(EXIT_FAILED, "cannot clear the environment: %s", reason_of(-ENOMEM));
	set_variable("TERM", terminal);
	set_variable("PATH", target->account.identity.view.uid == 0 ? path_of_root : path_of_users);
}

void set_environment(const struct options *options, const struct target *target)
{
	if (options->environment == ENVIRONMENT_RESET)
		reset(target);
	if (options->environment != ENVIRONMENT_KEPT)
		set_account_variables(&target->account);
	set_variable("IMPERSONATION_LEVEL", imp_level_name(options->level));
	/* Whoever it was for the caller, it is not for the command. */
	set_variable("IMPERSONATION_CLIENT", target->client);
}
