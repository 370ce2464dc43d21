/* SPDX-License-Identifier: MIT */
/* Becoming somebody for good: before a service starts its threads, and before exec. */
#include <errno.h>
#include <stdio.h>

#include "capability.h"
#include "credentials.h"
#include "switch.h"

static int raise_all(const struct credentials *now)
{
	if (now->effective == now->permitted)
		return 0;
	return credentials_set_capabilities(now->permitted, now->permitted, now->inheritable);
}

/* "cannot set 3 supplementary groups (needs CAP_SETGID)" */
static const char *groups_step(size_t count, int error)
{
	static _Thread_local char step[80];
	const char *needs = error == -EPERM ? " (needs CAP_SETGID)" : "";

	if (count == 0)
		snprintf(step, sizeof(step), "cannot clear the supplementary groups%s", needs);
	else
		snprintf(step, sizeof(step), "cannot set %zu supplementary group%s%s", count,
			 count == 1 ? "" : "s", needs);
	return step;
}

/* Groups, gids, uids; what is equal already takes no privilege. */
static int set_ids(const struct imp_become *become, const struct credentials *now,
		   const struct groups *groups, const char **step)
{
	int error = 0;

	if (!groups_equal(now->groups, groups))
		error = credentials_set_groups(groups);
	if (error < 0) {
		*step = groups_step(groups->count, error);
		return error;
	}
	error = credentials_set_gids(become->gid, become->gid, become->gid);
	*step = error == -EPERM ? "cannot set the gid (needs CAP_SETGID)" : "cannot set the gid";
	if (error < 0)
		return error;
	error = credentials_set_uids(become->uid, become->uid, become->uid);
	*step = error == -EPERM ? "cannot set the uid (needs CAP_SETUID)" : "cannot set the uid";
	return error;
}

static int set_capabilities(const struct imp_become *become, const struct credentials *now,
			    const char **step)
{
	uint64_t kept = become->capabilities & now->permitted;
	int error;

	*step = "cannot empty the ambient set";
	error = credentials_set_ambient(0);
	if (error < 0)
		return error;
	*step = "cannot set the capabilities";
	error = credentials_set_capabilities(become->effective ? kept : 0, kept,
					     become->ambient ? kept : 0);
	if (error < 0 || !become->ambient)
		return error;
	*step = "cannot raise ambient capabilities";
	return credentials_set_ambient(kept);
}

/* What was asked for is what the kernel has; every way back is tried, and must be barred. */
static int prove(const struct imp_become *become, const struct credentials *before,
		 const struct groups *groups, const char **step)
{
	uint64_t kept = become->capabilities & before->permitted;
	struct credentials after, want = {
					  .real_uid = become->uid,
					  .effective_uid = become->uid,
					  .saved_uid = become->uid,
					  .filesystem_uid = become->uid,
					  .real_gid = become->gid,
					  .effective_gid = become->gid,
					  .saved_gid = become->gid,
					  .filesystem_gid = become->gid,
					  .effective = become->effective ? kept : 0,
					  .permitted = kept,
					  .inheritable = become->ambient ? kept : 0,
					  .groups = (struct groups *)groups,
				  };
	int error = credentials_read(&after);

	*step = "cannot read back what was set";
	if (error < 0)
		return error;

	const char *differs = credentials_difference(&after, &want);

	groups_unref(after.groups);
	/* Where nothing is inheritable the kernel has nothing ambient: 41 calls less. */
	if (differs || after.inheritable != want.inheritable ||
	    (want.inheritable && credentials_get_ambient() != want.inheritable)) {
		*step = differs ? differs : "inheritable or ambient capabilities";
		return -ESTALE;
	}

	*step = "there is a way back";
	if (!(kept & CAPABILITY(CAP_SETUID)) && become->uid != 0) {
		uid_t back = before->saved_uid != become->uid ? before->saved_uid : 0;

		if (credentials_set_uids(IMP_NO_UID, 0, IMP_NO_UID) == 0 ||
		    (back != 0 && credentials_set_uids(IMP_NO_UID, back, IMP_NO_UID) == 0))
			return -ESTALE;
	}
	if (!(kept & CAPABILITY(CAP_SETGID)) && become->uid != 0) {
		gid_t back = before->saved_gid != become->gid ? before->saved_gid : 0;

		if ((back != become->gid &&
		     credentials_set_gids(IMP_NO_GID, back, IMP_NO_GID) == 0) ||
		    credentials_set_groups(before->groups) == 0)
			return -ESTALE;
	}
	if ((kept & CAPABILITIES_TO_SWITCH) != CAPABILITIES_TO_SWITCH &&
	    credentials_set_capabilities(0, kept | CAPABILITIES_TO_SWITCH, want.inheritable) == 0)
		return -ESTALE;
	return 0;
}

int imp_become(const struct imp_become *become, const char **failed)
{
	struct credentials before;
	struct groups *groups;
	const char *ignored;
	const char **step = failed ? failed : &ignored;
	int error;

	*step = "already impersonating, or ready to";
	if (switch_has_primary())
		return -EBUSY;
	*step = "cannot take an id that is none";
	if (become->uid == IMP_NO_UID || become->gid == IMP_NO_GID)
		return -EINVAL;
	*step = "cannot read the credentials";
	error = groups_new(become->groups, become->n_groups, &groups);
	if (error < 0)
		return error;
	error = credentials_read(&before);
	if (error < 0) {
		groups_unref(groups);
		return error;
	}

	bool keep = (become->capabilities & before.permitted) != 0;

	*step = "cannot raise the permitted capabilities";
	error = raise_all(&before);
	if (error == 0 && become->limit_bounding) {
		error = credentials_limit_bounding(become->capabilities);
		*step = error == -EPERM ? "cannot limit the bounding set (needs CAP_SETPCAP)"
					: "cannot limit the bounding set";
	}
	if (error == 0 && keep) {
		*step = "cannot keep capabilities over the change of uid";
		error = credentials_set_keep_capabilities(true);
	}
	if (error == 0)
		error = set_ids(become, &before, groups, step);
	if (keep) {
		/* On the failing paths too: nobody is to find the flag on later. */
		int restored = credentials_set_keep_capabilities(false);

		error = error < 0 ? error : restored;
	}
	if (error == 0)
		error = set_capabilities(become, &before, step);
	if (error == 0)
		error = prove(become, &before, groups, step);
	groups_unref(before.groups);
	groups_unref(groups);
	return error;
}
