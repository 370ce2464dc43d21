/* SPDX-License-Identifier: MIT */
/* Taking the identity: for the command, and for the little that has to be done as the user before.
 */
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/message.h"
#include "core/credentials.h"
#include "run-as.h"

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

static void become(const struct imp_become *become, const struct target *target)
{
	const char *step;
	int error = imp_become(become, &step);

	if (error < 0)
		die(EXIT_FAILED, "%s: %s: %s", target->said, step, reason_of(error));
}

static struct imp_become ids_of(const struct target *target)
{
	return (struct imp_become){
		.uid = target->account.identity.view.uid,
		.gid = target->gid,
		.n_groups = target->groups->count,
		.groups = target->groups->gids,
	};
}

/* What the caller's keys allow is the caller's; the old session keyring would allow it still. */
static void leave_keyring(const struct target *target)
{
	int error = credentials_leave_keyring();

	/* No keys in this kernel, or a filter that keeps all of us from them, the command as well.
	 */
	if (error < 0 && error != -ENOSYS && error != -EPERM)
		die(EXIT_FAILED, "%s: cannot leave the session keyring: %s", target->said,
		    reason_of(error));
}

void take_identity(const struct options *options, const struct target *target)
{
	struct imp_become all = ids_of(target);
	bool another = !is_caller(target), lifted = false;
	struct rlimit limit;

	all.capabilities = target->all_capabilities ? UINT64_MAX : target->capabilities;
	all.effective = true;
	/* Root gets at exec what its bounding set has; others what their ambient set has. */
	all.limit_bounding = all.uid == 0 && !target->all_capabilities;
	all.ambient = !target->all_capabilities && target->capabilities;

	if (!options->limit_processes)
		lifted = lift_process_limit(&limit);
	become(&all, target);
	if (lifted && setrlimit(RLIMIT_NPROC, &limit) < 0)
		die(EXIT_FAILED, "%s: cannot put RLIMIT_NPROC back: %s", target->said,
		    reason_of(-errno));
	if (another)
		leave_keyring(target);
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

		become(&bare, target);
	}
	return pid;
}
