/* SPDX-License-Identifier: MIT */
/*
 * The kernel's rules for each step, as Linux 6 has them: may_follow_link(), may_create_in_sticky(),
 * may_open(), may_delete(), may_linkat() of fs/namei.c, setattr_prepare() of fs/attr.c.  What
 * permissions say is in permission.c.
 */
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "access/permission.h"
#include "core/capability.h"

/* ------------------------------------------------------------------------------------ steps -- */

static void deny_read_only(const struct object *object, struct access_verdict *verdict)
{
	verdict_deny(verdict,
		     object->filesystem_read_only ? RULE_READ_ONLY_FILESYSTEM
						  : RULE_READ_ONLY_MOUNT,
		     EROFS);
}

/* fsuidgid_has_mapping(): what SUBJECT makes in DIRECTORY has to belong to somebody there. */
static bool has_numbers(const struct access_subject *subject, const struct object *directory,
			struct access_verdict *verdict)
{
	if (!directory->idmapped)
		return true;
	if (!directory->idmap_known)
		verdict_leave_open(verdict, RULE_UNMAPPED);
	else if (id_in_ranges(directory->uid_ranges, directory->n_uid_ranges,
			      subject->identity.view.uid) &&
		 id_in_ranges(directory->gid_ranges, directory->n_gid_ranges,
			      subject->identity.view.gid))
		return true;
	else
		verdict_deny(verdict, RULE_UNMAPPED, EOVERFLOW);
	return false;
}

static void judge_use(const struct walk_step *step, const struct access_subject *subject,
		      struct access_verdict *verdict)
{
	const struct object *object = step->object;

	/* mnt_want_write() comes first where something is made or removed, last in access(2). */
	if (step->changes && object_is_read_only(object)) {
		deny_read_only(object, verdict);
		return;
	}
	if (step->makes && !has_numbers(subject, object, verdict))
		return;
	if ((step->want & ACCESS_EXECUTE) && S_ISREG(object->mode) &&
	    (object->mount_flags & ST_NOEXEC)) {
		verdict_deny(verdict, RULE_NOEXEC, EACCES);
		return;
	}
	if (step->want == 0) {
		verdict_allow(verdict, RULE_NONE);
		return;
	}
	judge_permission(object, subject, step->want, verdict);
	if (verdict->result != RESULT_DENIED && (step->want & ACCESS_WRITE) &&
	    object_is_read_only(object) && object_is_file_or_directory(object))
		deny_read_only(object, verdict);
}

static struct judge_protections protections = {-1, -1, -1, -1};
static bool protections_set;

static void read_protections(void)
{
	static const struct {
		const char *name;
		int *value;
	} all[] = {
		{"fs/protected_symlinks", &protections.symlinks},
		{"fs/protected_regular", &protections.regular},
		{"fs/protected_fifos", &protections.fifos},
		{"fs/protected_hardlinks", &protections.hardlinks},
	};
	unsigned value;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !protections_set; i++)
		if (procfs_sysctl(all[i].name, &value) == 0)
			*all[i].value = (int)value;
}

static const struct judge_protections *get_protections(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_protections);
	return &protections;
}

void judge_set_protections(const struct judge_protections *wanted)
{
	protections_set = true;
	protections = *wanted;
}

/* may_follow_link(), then nosymfollow */
static void judge_follow(const struct walk_step *step, const struct access_subject *subject,
			 struct access_verdict *verdict)
{
	const struct object *link = step->object, *directory = step->directory;

	verdict_allow(verdict, RULE_NONE);
	if (step->trailing && !subject_is_owner(subject, link) &&
	    (directory->mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH) &&
	    (directory->uid != link->uid || directory->uid_unmapped)) {
		int protected = get_protections()->symlinks;

		if (protected < 0)
			verdict_leave_open(verdict, RULE_PROTECTED_SYMLINKS);
		else if (protected)
			verdict_deny(verdict, RULE_PROTECTED_SYMLINKS, EACCES);
		if (protected)
			return;
	}
	if (link->mount_flags & ST_NOSYMFOLLOW)
		verdict_deny(verdict, RULE_NOSYMFOLLOW, ELOOP);
	else if (link->filesystem == FILESYSTEM_KERNEL && !step->target)
		/* It leads where no name does: by ptrace(2)'s rules. */
		verdict_leave_open(verdict, RULE_KERNEL);
}

/* may_create_in_sticky() */
static void judge_open_to_create(const struct walk_step *step, const struct access_subject *subject,
				 struct access_verdict *verdict)
{
	const struct object *object = step->object, *directory = step->directory;
	int regular = get_protections()->regular, fifos = get_protections()->fifos;
	int level = S_ISREG(object->mode) ? regular : S_ISFIFO(object->mode) ? fifos : 1;

	verdict_allow(verdict, RULE_NONE);
	if (!(directory->mode & S_ISVTX) || level == 0 ||
	    (object->uid == directory->uid && !object->uid_unmapped) ||
	    subject_is_owner(subject, object))
		return;
	if (level < 0)
		verdict_leave_open(verdict, RULE_PROTECTED_CREATE);
	else if ((directory->mode & S_IWOTH) || ((directory->mode & S_IWGRP) && level >= 2 &&
						 (S_ISREG(object->mode) || S_ISFIFO(object->mode))))
		verdict_deny(verdict, RULE_PROTECTED_CREATE, EACCES);
}

/* may_open(), do_dentry_open(), do_open_execat() */
static void judge_open(const struct walk_step *step, const struct access_subject *subject,
		       struct access_verdict *verdict)
{
	const struct object *object = step->object;
	bool device = S_ISCHR(object->mode) || S_ISBLK(object->mode);

	if (step->creating) {
		judge_open_to_create(step, subject, verdict);
		return;
	}
	verdict_allow(verdict, RULE_NONE);
	if ((step->want & ACCESS_EXECUTE) && !S_ISREG(object->mode) && !S_ISDIR(object->mode))
		verdict_deny(verdict, RULE_NOT_A_PROGRAM, EACCES);
	else if (device && (step->want & (ACCESS_READ | ACCESS_WRITE)) &&
		 (object->mount_flags & ST_NODEV))
		verdict_deny(verdict, RULE_NODEV, EACCES);
	else if ((step->want & ACCESS_WRITE) && step->busy_text)
		verdict_deny(verdict, RULE_BUSY_TEXT, ETXTBSY);
	else if ((step->want & ACCESS_WRITE) && step->swap_file)
		verdict_deny(verdict, RULE_SWAP_FILE, ETXTBSY);
	else if ((step->want & ACCESS_WRITE) && object->append_only)
		verdict_allow(verdict, RULE_APPEND_ONLY); /* by O_APPEND, and no otherwise */
}

/* may_delete(), without the directory's own permissions */
static void judge_delete(const struct walk_step *step, const struct access_subject *subject,
			 struct access_verdict *verdict)
{
	const struct object *object = step->object, *directory = step->directory;

	verdict_allow(verdict, RULE_NONE);
	if (object->unmapped) {
		verdict_deny(verdict, RULE_UNMAPPED, EOVERFLOW);
		return;
	}
	if (directory->append_only) {
		verdict_deny(verdict, RULE_APPEND_ONLY, EPERM);
		return;
	}
	if (directory->mode & S_ISVTX) {
		if (subject_is_owner(subject, object)) {
			verdict_allow(verdict, RULE_FILE_OWNER);
		} else if (subject_is_owner(subject, directory)) {
			verdict_allow(verdict, RULE_DIRECTORY_OWNER);
		} else if (subject_is_capable(subject, object, CAP_FOWNER)) {
			verdict_allow(verdict, RULE_STICKY);
			verdict->capability = CAP_FOWNER;
		} else {
			verdict_deny(verdict, RULE_STICKY, EPERM);
			return;
		}
	}
	if (object->append_only)
		verdict_deny(verdict, RULE_APPEND_ONLY, EPERM);
	else if (object->immutable)
		verdict_deny(verdict, RULE_IMMUTABLE, EPERM);
	else if (step->swap_file)
		verdict_deny(verdict, RULE_SWAP_FILE, EPERM);
	else if (step->mount_point)
		verdict_deny(verdict, RULE_MOUNT_POINT, EBUSY);
	else if (step->not_empty)
		verdict_deny(verdict, RULE_NOT_EMPTY, ENOTEMPTY);
}

/*
 * setattr_should_drop_suidgid(): chown(2) of a program takes these bits away, and setattr_prepare()
 * then asks what chmod(2) asks as well.
 */
static bool loses_bits(const struct access_subject *subject, const struct object *object)
{
	if (S_ISDIR(object->mode))
		return false;
	if (object->mode & S_ISUID)
		return true;
	return (object->mode & S_ISGID) &&
	       ((object->mode & S_IXGRP) || !(subject_is_of_group(subject, object) ||
					      subject_is_capable(subject, object, CAP_FSETID)));
}

/* chown_ok(): who owns the file system's user namespace may find a new owner for what has none. */
static bool may_change_owner(const struct access_subject *subject, const struct object *object)
{
	if (object->uid_unmapped)
		return (subject->capabilities & CAPABILITY(CAP_CHOWN)) &&
		       !subject->other_user_namespace;
	return subject_is_capable(subject, object, CAP_CHOWN);
}

static bool may_change_mode(const struct access_subject *subject, const struct object *object)
{
	return subject_is_owner(subject, object) ||
	       subject_is_capable_over_owner(subject, object, CAP_FOWNER);
}

/* chmod_common(), notify_change(), setattr_prepare() */
static void judge_attributes(const struct walk_step *step, const struct access_subject *subject,
			     struct access_verdict *verdict)
{
	const struct object *object = step->object;
	bool chown = step->check == CHECK_CHOWN;

	if (object_is_read_only(object)) {
		deny_read_only(object, verdict);
	} else if (object->immutable || object->append_only) {
		verdict_deny(verdict, object->immutable ? RULE_IMMUTABLE : RULE_APPEND_ONLY, EPERM);
	} else if (chown ? object->gid_unmapped : object->unmapped) {
		verdict_deny(verdict, RULE_UNMAPPED, EOVERFLOW);
	} else if (!chown && subject_is_owner(subject, object)) {
		verdict_allow(verdict, RULE_FILE_OWNER);
	} else if (chown ? may_change_owner(subject, object)
			 : subject_is_capable_over_owner(subject, object, CAP_FOWNER)) {
		verdict->capability = chown ? CAP_CHOWN : CAP_FOWNER;
		verdict_allow(verdict, RULE_CAPABILITY);
		if (chown && loses_bits(subject, object) && !may_change_mode(subject, object)) {
			verdict->capability = CAP_FOWNER;
			verdict_deny(verdict, RULE_CAPABILITY, EPERM);
		}
	} else {
		verdict->capability = chown ? CAP_CHOWN : CAP_FOWNER;
		verdict_deny(verdict, RULE_CAPABILITY, EPERM);
	}
	if (object->filesystem == FILESYSTEM_REMOTE && verdict->error != EROFS)
		verdict_leave_open(verdict, RULE_SERVER);
}

/* safe_hardlink_source() */
static bool is_safe_source(const struct object *object, const struct access_subject *subject)
{
	struct access_verdict verdict;

	if (!S_ISREG(object->mode) || (object->mode & S_ISUID) ||
	    (object->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		return false;
	judge_permission(object, subject, ACCESS_READ | ACCESS_WRITE, &verdict);
	return verdict.result == RESULT_ALLOWED;
}

/* may_linkat(), vfs_link() */
static void judge_link(const struct walk_step *step, const struct access_subject *subject,
		       struct access_verdict *verdict)
{
	const struct object *object = step->object;
	int protected = get_protections()->hardlinks;

	verdict_allow(verdict, RULE_NONE);
	if (object->unmapped) {
		verdict_deny(verdict, RULE_UNMAPPED, EOVERFLOW);
	} else if (protected != 0 && !is_safe_source(object, subject) &&
		   !subject_is_owner(subject, object) &&
		   !subject_is_capable_over_owner(subject, object, CAP_FOWNER)) {
		if (protected < 0)
			verdict_leave_open(verdict, RULE_PROTECTED_HARDLINKS);
		else
			verdict_deny(verdict, RULE_PROTECTED_HARDLINKS, EPERM);
	} else if (object->append_only || object->immutable) {
		verdict_deny(verdict, object->immutable ? RULE_IMMUTABLE : RULE_APPEND_ONLY, EPERM);
	} else if (S_ISDIR(object->mode)) {
		verdict_deny(verdict, RULE_DIRECTORY, EPERM);
	}
}

void judge_step(const struct walk_step *step, const struct access_subject *subject,
		struct access_verdict *verdict)
{
	*verdict = (struct access_verdict){.capability = -1};
	switch (step->check) {
	case CHECK_SEARCH:
		judge_permission(step->object, subject, ACCESS_EXECUTE, verdict);
		break;
	case CHECK_FOLLOW:
		judge_follow(step, subject, verdict);
		break;
	case CHECK_USE:
		judge_use(step, subject, verdict);
		break;
	case CHECK_OPEN:
		judge_open(step, subject, verdict);
		break;
	case CHECK_CREATE:
		verdict_allow(verdict, RULE_NEW_NAME);
		break;
	case CHECK_DELETE:
		judge_delete(step, subject, verdict);
		break;
	case CHECK_CHMOD:
	case CHECK_CHOWN:
		judge_attributes(step, subject, verdict);
		break;
	case CHECK_LINK:
		judge_link(step, subject, verdict);
		break;
	case CHECK_END:
		if (step->unseen)
			verdict_leave_open(verdict, RULE_UNSEEN);
		else
			verdict_deny(verdict, RULE_END, -step->error);
		break;
	}
}

/* -------------------------------------------------------------------------------- together -- */

/* What access(2) does not look at: see witness.h for what is asked in its place. */
static bool is_beyond_access(const struct walk_step *step)
{
	switch (step->check) {
	case CHECK_OPEN:
	case CHECK_CREATE:
	case CHECK_DELETE:
	case CHECK_CHMOD:
	case CHECK_CHOWN:
	case CHECK_LINK:
		return true;
	case CHECK_END:
		/* It is there, and only not for what was asked. */
		return step->error == -EEXIST || step->error == -EISDIR || step->error == -EBUSY ||
		       step->error == -EINVAL || step->error == -ENOTEMPTY;
	default:
		return false;
	}
}

static void take_in(enum access_result result, int error, enum access_result *all, int *all_error)
{
	if (result == RESULT_DENIED && *all != RESULT_DENIED) {
		/* Behind something that is not known, which error comes first is not known either.
		 */
		*all_error = error;
		*all = RESULT_DENIED;
	} else if (result == RESULT_UNKNOWN && *all == RESULT_ALLOWED) {
		*all = RESULT_UNKNOWN;
	}
}

void judge_walk(const struct walk *walk, const struct access_subject *subject,
		struct access_verdict *verdicts, struct access_answer *answer)
{
	enum access_rule rule = RULE_NONE;

	*answer = (struct access_answer){.decider = walk->count ? walk->count - 1 : 0};
	for (size_t i = 0; i < walk->count; i++) {
		struct access_verdict one, *verdict = verdicts ? &verdicts[i] : &one;
		enum access_result before = answer->result;

		judge_step(&walk->steps[i], subject, verdict);
		take_in(verdict->result, verdict->error, &answer->result, &answer->error);
		if (answer->result != before)
			answer->decider = i;
		/* open(2) looks at the mount last: get_write_access(), mnt_get_write_access(). */
		else if (answer->decider + 1 == i && rule == RULE_READ_ONLY_MOUNT &&
			 walk->steps[i].busy_text && verdict->error == ETXTBSY) {
			answer->error = verdict->error;
			answer->decider = i;
		}
		rule = verdict->rule;
		if (!is_beyond_access(&walk->steps[i]))
			take_in(verdict->result, verdict->error, &answer->permitted,
				&answer->permitted_error);
	}
}
