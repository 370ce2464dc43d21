/* SPDX-License-Identifier: MIT */
/* Becoming somebody for good: before a service starts its threads, and before exec. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "become.h"
#include "capability.h"
#include "switch.h"

/* What one has not got cannot be kept. */
static uint64_t kept_by(const struct becoming *becoming)
{
	return becoming->want.capabilities & becoming->before.permitted;
}

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

static const char setting_groups[] = "cannot set the supplementary groups";

/* Groups, gids, uids; what is equal already takes no privilege. */
static int set_ids(const struct becoming *becoming, const char **step)
{
	const struct imp_become *want = &becoming->want;
	int error = 0;

	*step = setting_groups;
	if (!groups_equal(becoming->before.groups, becoming->groups))
		error = credentials_set_groups(becoming->groups);
	if (error < 0)
		return error;
	error = credentials_set_gids(want->gid, want->gid, want->gid);
	*step = error == -EPERM ? "cannot set the gid (needs CAP_SETGID)" : "cannot set the gid";
	if (error < 0)
		return error;
	error = credentials_set_uids(want->uid, want->uid, want->uid);
	*step = error == -EPERM ? "cannot set the uid (needs CAP_SETUID)" : "cannot set the uid";
	return error;
}

static int set_capabilities(const struct becoming *becoming, const char **step)
{
	const struct imp_become *want = &becoming->want;
	uint64_t kept = kept_by(becoming);
	int error;

	*step = "cannot empty the ambient set";
	error = credentials_set_ambient(0);
	if (error < 0)
		return error;
	*step = "cannot set the capabilities";
	error = credentials_set_capabilities(want->effective ? kept : 0, kept,
					     want->ambient ? kept : 0);
	if (error < 0 || !want->ambient)
		return error;
	*step = "cannot raise ambient capabilities";
	return credentials_set_ambient(kept);
}

/*
 * While there is CAP_SETPCAP; without it nothing can be locked, and what has no privilege has
 * no_new_privs to keep it so.  Not where capabilities are to be kept over the change of uid.
 */
static int lock(const struct becoming *becoming)
{
	int error = kept_by(becoming) ? 0 : credentials_lock_securebits();

	return error == -EPERM ? 0 : error;
}

/* What it is to be afterwards; the groups are BECOMING's. */
static struct credentials wanted(const struct becoming *becoming)
{
	const struct imp_become *want = &becoming->want;
	uint64_t kept = kept_by(becoming);

	return (struct credentials){
		.real_uid = want->uid,
		.effective_uid = want->uid,
		.saved_uid = want->uid,
		.filesystem_uid = want->uid,
		.real_gid = want->gid,
		.effective_gid = want->gid,
		.saved_gid = want->gid,
		.filesystem_gid = want->gid,
		.effective = want->effective ? kept : 0,
		.permitted = kept,
		.inheritable = want->ambient ? kept : 0,
		.groups = becoming->groups,
	};
}

static int read_back(const struct becoming *becoming, const char **step)
{
	const struct credentials want = wanted(becoming);
	struct credentials now;
	const char *differs;
	int error = credentials_compare(&want, becoming->room, &now, &differs);

	*step = "cannot read back what was set";
	if (error < 0)
		return error;
	*step = differs;
	if (differs)
		return -ESTALE;
	/* Where nothing is inheritable the kernel has nothing ambient: 41 calls less. */
	*step = "inheritable or ambient capabilities";
	if (now.inheritable != want.inheritable ||
	    (want.inheritable && credentials_get_ambient() != want.inheritable))
		return -ESTALE;
	return 0;
}

/* What was asked for is what the kernel has; every way back is tried, and must be barred. */
static int prove(const struct becoming *becoming, const char **step)
{
	const struct imp_become *want = &becoming->want;
	const struct credentials *before = &becoming->before;
	uint64_t kept = kept_by(becoming);
	int error = read_back(becoming, step);

	if (error < 0)
		return error;

	*step = "no_new_privs";
	if (want->sealed && credentials_get_no_new_privs() != 1)
		return -ESTALE;

	*step = "there is a way back";
	if (!(kept & CAPABILITY(CAP_SETUID)) && want->uid != 0) {
		uid_t back = before->saved_uid != want->uid ? before->saved_uid : 0;

		if (credentials_set_uids(IMP_NO_UID, 0, IMP_NO_UID) == 0 ||
		    (back != 0 && credentials_set_uids(IMP_NO_UID, back, IMP_NO_UID) == 0))
			return -ESTALE;
	}
	if (!(kept & CAPABILITY(CAP_SETGID)) && want->uid != 0) {
		gid_t back = before->saved_gid != want->gid ? before->saved_gid : 0;

		if ((back != want->gid &&
		     credentials_set_gids(IMP_NO_GID, back, IMP_NO_GID) == 0) ||
		    credentials_set_groups(before->groups) == 0)
			return -ESTALE;
	}
	if ((kept & CAPABILITIES_TO_SWITCH) != CAPABILITIES_TO_SWITCH &&
	    credentials_set_capabilities(0, kept | CAPABILITIES_TO_SWITCH,
					 want->ambient ? kept : 0) == 0)
		return -ESTALE;
	return 0;
}

/* ------------------------------------------------------------------------ the two steps -- */

int becoming_prepare(const struct imp_become *want, struct becoming *becoming, const char **step)
{
	*becoming = (struct becoming){.want = *want};
	*step = "cannot take an id that is none";
	if (want->uid == IMP_NO_UID || want->gid == IMP_NO_GID)
		return -EINVAL;
	*step = "cannot read the credentials";

	int error = groups_new(want->groups, want->n_groups, &becoming->groups);

	if (error == 0)
		error = credentials_read(&becoming->before);
	if (error == 0) {
		becoming->room = calloc(becoming->groups->count + 1, sizeof(gid_t));
		error = becoming->room ? 0 : -ENOMEM;
	}
	if (error < 0)
		becoming_clear(becoming);
	return error;
}

bool becoming_another(const struct becoming *becoming)
{
	struct credentials want = wanted(becoming);
	const struct credentials *before = &becoming->before;

	want.effective = before->effective;
	want.permitted = before->permitted;
	return credentials_difference(before, &want) != NULL;
}

int becoming_do(const struct becoming *becoming, const char **step)
{
	const struct imp_become *want = &becoming->want;
	bool keep = kept_by(becoming) != 0;
	int error;

	*step = "cannot raise the permitted capabilities";
	error = raise_all(&becoming->before);
	if (error == 0 && want->limit_bounding) {
		error = credentials_limit_bounding(want->capabilities);
		*step = error == -EPERM ? "cannot limit the bounding set (needs CAP_SETPCAP)"
					: "cannot limit the bounding set";
	}
	if (error == 0 && want->sealed) {
		*step = "cannot lock the securebits";
		error = lock(becoming);
	}
	if (error == 0 && keep) {
		*step = "cannot keep capabilities over the change of uid";
		error = credentials_set_keep_capabilities(true);
	}
	if (error == 0)
		error = set_ids(becoming, step);
	if (keep) {
		/* On the failing paths too: nobody is to find the flag on later. */
		int restored = credentials_set_keep_capabilities(false);

		error = error < 0 ? error : restored;
	}
	if (error == 0)
		error = set_capabilities(becoming, step);
	/* Last, and for good. */
	if (error == 0 && want->sealed) {
		*step = "cannot set no_new_privs";
		error = credentials_set_no_new_privs();
	}
	if (error == 0)
		error = prove(becoming, step);
	return error;
}

const char *becoming_step_text(const struct becoming *becoming, const char *step, int error)
{
	return step == setting_groups ? groups_step(becoming->groups->count, error) : step;
}

void becoming_clear(struct becoming *becoming)
{
	groups_unref(becoming->groups);
	groups_unref(becoming->before.groups);
	free(becoming->room);
	*becoming = (struct becoming){0};
}

int imp_become(const struct imp_become *become, const char **failed)
{
	struct becoming becoming;
	const char *ignored;
	const char **step = failed ? failed : &ignored;

	*step = "already impersonating, or ready to";
	if (switch_has_primary())
		return -EBUSY;

	int error = becoming_prepare(become, &becoming, step);

	if (error < 0)
		return error;
	error = becoming_do(&becoming, step);
	*step = becoming_step_text(&becoming, *step, error);
	becoming_clear(&becoming);
	return error;
}
