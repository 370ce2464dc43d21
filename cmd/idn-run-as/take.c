/* SPDX-License-Identifier: MIT */
/* Taking the identity: for the command, and for the little that has to be done as the user before.
 */
#include <errno.h>
#include <unistd.h>

#include "cli/message.h"
#include "run-as.h"

static struct imp_become ids_of(const struct target *target)
{
	return (struct imp_become){
		.uid = target->account.identity.view.uid,
		.gid = target->gid,
		.n_groups = target->groups->count,
		.groups = target->groups->gids,
	};
}

void take_identity(const struct options *options, const struct target *target)
{
	struct imp_become all = ids_of(target);
	bool another = !is_caller(target);

	all.capabilities = target->all_capabilities ? UINT64_MAX : target->capabilities;
	all.effective = true;
	/* Root gets at exec what its bounding set has; others what their ambient set has. */
	all.limit_bounding = all.uid == 0 && !target->all_capabilities;
	all.ambient = !target->all_capabilities && target->capabilities;

	become_for_command(&all, target->said, options->limit_processes, another);
	tell(options, "%s: uid %u, gid %u, %zu supplementary groups; no way back", target->said,
	     all.uid, all.gid, all.n_groups);
}

pid_t fork_as_target(const struct target *target)
{
	pid_t pid = fork();

	if (pid < 0)
		die(EXIT_FAILED, "cannot fork: %s", reason_of(-errno));
	if (pid == 0) {
		struct imp_become bare = ids_of(target);

		become_or_die(&bare, target->said);
	}
	return pid;
}
