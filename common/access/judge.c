/* SPDX-License-Identifier: MIT */
/*
 * The kernel's rules, as Linux 6 has them: acl_permission_check(), generic_permission(),
 * inode_permission(), may_follow_link(), may_create_in_sticky(), may_delete(), may_open() of
 * fs/namei.c, posix_acl_permission() of fs/posix_acl.c, setattr_prepare() of fs/attr.c.
 */
#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "access/judge.h"
#include "core/capability.h"

#ifndef ST_NOSYMFOLLOW
#define ST_NOSYMFOLLOW 8192 /* Linux 5.10 */
#endif

/* --------------------------------------------------------------------------------- verdicts -- */

static void allow(struct access_verdict *verdict, enum access_rule rule)
{
	verdict->result = RESULT_ALLOWED;
	verdict->error = 0;
	verdict->rule = rule;
}

static void deny(struct access_verdict *verdict, enum access_rule rule, int error)
{
	verdict->result = RESULT_DENIED;
	verdict->error = error;
	verdict->rule = rule;
}

static void leave_open(struct access_verdict *verdict, enum access_rule rule)
{
	verdict->result = RESULT_UNKNOWN;
	verdict->error = 0;
	verdict->rule = rule;
}

/* ----------------------------------------------------------------------------- capabilities -- */

static bool in_ranges(const struct procfs_id_range *ranges, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (id >= ranges[i].first && id - ranges[i].first < ranges[i].count)
			return true;
	return false;
}

/* capable_wrt_inode_uidgid(): over what has no owner there, no namespace gives any privilege. */
static bool is_capable(const struct access_subject *subject, const struct object *object,
		       int capability)
{
	if (!(subject->capabilities & CAPABILITY(capability)) || object->unmapped)
		return false;
	return !subject->other_user_namespace ||
	       (in_ranges(subject->uid_ranges, subject->n_uid_ranges, object->uid) &&
		in_ranges(subject->gid_ranges, subject->n_gid_ranges, object->gid));
}

/* A mapped owner alone is enough for these: inode_owner_or_capable(). */
static bool is_capable_over_owner(const struct access_subject *subject, const struct object *object,
				  int capability)
{
	if (!(subject->capabilities & CAPABILITY(capability)) || object->uid_unmapped)
		return false;
	return !subject->other_user_namespace ||
	       in_ranges(subject->uid_ranges, subject->n_uid_ranges, object->uid);
}

static bool is_owner(const struct access_subject *subject, const struct object *object)
{
	return subject->identity.view.uid == object->uid && !object->uid_unmapped;
}

static bool is_of_group(const struct access_subject *subject, const struct object *object)
{
	return !object->gid_unmapped && subject_in_group(subject, object->gid);
}

/* ------------------------------------------------------------------------ classes, ACL entries --
 */

static void by_class(enum access_rule rule, unsigned bits, unsigned wanted,
		     struct access_verdict *verdict)
{
	verdict->bits = bits & 7;
	if (wanted & ~verdict->bits)
		deny(verdict, rule, EACCES);
	else
		allow(verdict, rule);
}

/* A named entry, or the owning group's: what it gives is limited by the mask. */
static void by_entry(enum access_rule rule, const struct acl_entry *entry, const struct acl *acl,
		     unsigned wanted, struct access_verdict *verdict)
{
	verdict->mask = acl_mask(acl);
	verdict->entry = entry;
	verdict->masked = (entry->bits & wanted) != (entry->bits & verdict->mask & wanted);
	by_class(rule, entry->bits & verdict->mask, wanted, verdict);
	verdict->bits = entry->bits;
}

/* posix_acl_permission(): the first entry that fits decides; of groups, one that has all of it. */
static void by_acl(const struct object *object, const struct access_subject *subject,
		   unsigned wanted, struct access_verdict *verdict)
{
	const struct acl *acl = object->acl;
	const struct acl_entry *group = NULL;
	unsigned matching = 0;

	for (size_t i = 0; i < acl->count; i++) {
		const struct acl_entry *entry = &acl->entries[i];

		switch (entry->tag) {
		case ACL_TAG_USER:
			if (entry->id == subject->identity.view.uid) {
				by_entry(RULE_ACL_USER, entry, acl, wanted, verdict);
				return;
			}
			break;
		case ACL_TAG_OWNING_GROUP:
		case ACL_TAG_GROUP:
			if (entry->tag == ACL_TAG_GROUP ? !subject_in_group(subject, entry->id)
							: !is_of_group(subject, object))
				break;
			if ((entry->bits & wanted) == wanted) {
				by_entry(RULE_ACL_GROUP, entry, acl, wanted, verdict);
				return;
			}
			matching++;
			group = group ? group : entry;
			break;
		case ACL_TAG_OTHER:
			if (!group) {
				verdict->entry = entry;
				by_class(RULE_ACL_OTHER, entry->bits, wanted, verdict);
				return;
			}
			break;
		case ACL_TAG_OWNER:
		case ACL_TAG_MASK:
			break;
		}
	}
	by_entry(matching > 1 ? RULE_ACL_GROUPS : RULE_ACL_GROUP, group, acl, wanted, verdict);
	deny(verdict, verdict->rule, EACCES);
}

/* acl_permission_check() */
static void by_permissions(const struct object *object, const struct access_subject *subject,
			   unsigned wanted, struct access_verdict *verdict)
{
	unsigned mode = object->mode;

	if (is_owner(subject, object)) {
		by_class(RULE_OWNER, mode >> 6, wanted, verdict);
		return;
	}
	/* With no bit in the mode for the group, which is the mask, the list is not looked at. */
	verdict->acl_skipped = object->acl && !(mode & S_IRWXG);
	if (object->acl && (mode & S_IRWXG)) {
		by_acl(object, subject, wanted, verdict);
		return;
	}
	if (is_of_group(subject, object))
		by_class(RULE_GROUP, mode >> 3, wanted, verdict);
	else
		by_class(RULE_OTHER, mode, wanted, verdict);
	if (object->acl_error < 0 && object->acl_error != -EOPNOTSUPP && (mode & S_IRWXG))
		leave_open(verdict, RULE_ACL_UNREAD);
}

/* generic_permission() */
static void by_rules(const struct object *object, const struct access_subject *subject,
		     unsigned wanted, struct access_verdict *verdict)
{
	by_permissions(object, subject, wanted, verdict);
	if (verdict->result == RESULT_ALLOWED)
		return;

	bool directory = S_ISDIR(object->mode);
	bool reading = directory ? !(wanted & ACCESS_WRITE) : wanted == ACCESS_READ;

	if (reading && is_capable(subject, object, CAP_DAC_READ_SEARCH))
		verdict->capability = CAP_DAC_READ_SEARCH;
	else if ((directory || !(wanted & ACCESS_EXECUTE) || (object->mode & 0111)) &&
		 is_capable(subject, object, CAP_DAC_OVERRIDE))
		verdict->capability = CAP_DAC_OVERRIDE;
	if (verdict->capability >= 0)
		allow(verdict, verdict->rule);
}

/* ------------------------------------------------------------------------- other file systems --
 */

/* fuse_allow_current_process(): real and saved ids too. */
static bool is_fuse_mounter(const struct object *object, const struct access_subject *subject)
{
	for (int i = 0; i < ID_FILESYSTEM; i++)
		if (subject->uids[i] != object->fuse_uid || subject->gids[i] != object->fuse_gid)
			return false;
	return true;
}

/* True where VERDICT is final. */
static bool by_filesystem(const struct object *object, const struct access_subject *subject,
			  struct access_verdict *verdict)
{
	switch (object->filesystem) {
	case FILESYSTEM_FUSE:
		if (!object->mount_line) {
			leave_open(verdict, RULE_FUSE_PROGRAM);
			return true;
		}
		if (!object->fuse_allow_other && !is_fuse_mounter(object, subject)) {
			deny(verdict, RULE_FUSE_OWNER, EACCES);
			return true;
		}
		if (!object->fuse_default_permissions) {
			leave_open(verdict, RULE_FUSE_PROGRAM);
			return true;
		}
		return false;
	case FILESYSTEM_REMOTE:
		leave_open(verdict, RULE_SERVER);
		return true;
	case FILESYSTEM_KERNEL:
		/* What everybody may pass is where no rule of its own is: /proc itself. */
		if (object->ino == 1)
			return false;
		leave_open(verdict, RULE_KERNEL);
		return true;
	case FILESYSTEM_LOCAL:
		break;
	}
	return false;
}

static bool is_read_only(const struct object *object)
{
	return object->mount_flags & ST_RDONLY;
}

static bool is_file_or_directory(const struct object *object)
{
	return S_ISREG(object->mode) || S_ISDIR(object->mode) || S_ISLNK(object->mode);
}

/* inode_permission() */
void judge_permission(const struct object *object, const struct access_subject *subject,
		      unsigned wanted, struct access_verdict *verdict)
{
	*verdict = (struct access_verdict){.capability = -1};
	if (wanted & ACCESS_WRITE) {
		if (is_read_only(object) && object->filesystem_read_only &&
		    is_file_or_directory(object)) {
			deny(verdict, RULE_READ_ONLY_FILESYSTEM, EROFS);
			return;
		}
		if (object->immutable) {
			deny(verdict, RULE_IMMUTABLE, EPERM);
			return;
		}
		if (object->unmapped) {
			deny(verdict, RULE_UNMAPPED, EACCES);
			return;
		}
	}
	if (!by_filesystem(object, subject, verdict))
		by_rules(object, subject, wanted, verdict);
}

/* ------------------------------------------------------------------------------------ steps -- */

static void deny_read_only(const struct object *object, struct access_verdict *verdict)
{
	deny(verdict,
	     object->filesystem_read_only ? RULE_READ_ONLY_FILESYSTEM : RULE_READ_ONLY_MOUNT,
	     EROFS);
}

/* fsuidgid_has_mapping(): what SUBJECT makes in DIRECTORY has to belong to somebody there. */
static bool has_numbers(const struct access_subject *subject, const struct object *directory,
			struct access_verdict *verdict)
{
	if (!directory->idmapped)
		return true;
	if (!directory->idmap_known)
		leave_open(verdict, RULE_UNMAPPED);
	else if (in_ranges(directory->uid_ranges, directory->n_uid_ranges,
			   subject->identity.view.uid) &&
		 in_ranges(directory->gid_ranges, directory->n_gid_ranges,
			   subject->identity.view.gid))
		return true;
	else
		deny(verdict, RULE_UNMAPPED, EOVERFLOW);
	return false;
}

static void judge_use(const struct walk_step *step, const struct access_subject *subject,
		      struct access_verdict *verdict)
{
	const struct object *object = step->object;

	/* mnt_want_write() comes first where something is made or removed, last in access(2). */
	if (step->changes && is_read_only(object)) {
		deny_read_only(object, verdict);
		return;
	}
	if (step->makes && !has_numbers(subject, object, verdict))
		return;
	if ((step->want & ACCESS_EXECUTE) && S_ISREG(object->mode) &&
	    (object->mount_flags & ST_NOEXEC)) {
		deny(verdict, RULE_NOEXEC, EACCES);
		return;
	}
	if (step->want == 0) {
		allow(verdict, RULE_NONE);
		return;
	}
	judge_permission(object, subject, step->want, verdict);
	if (verdict->result != RESULT_DENIED && (step->want & ACCESS_WRITE) &&
	    is_read_only(object) && is_file_or_directory(object))
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

	allow(verdict, RULE_NONE);
	if (step->trailing && !is_owner(subject, link) &&
	    (directory->mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH) &&
	    (directory->uid != link->uid || directory->uid_unmapped)) {
		int protected = get_protections()->symlinks;

		if (protected < 0)
			leave_open(verdict, RULE_PROTECTED_SYMLINKS);
		else if (protected)
			deny(verdict, RULE_PROTECTED_SYMLINKS, EACCES);
		if (protected)
			return;
	}
	if (link->mount_flags & ST_NOSYMFOLLOW)
		deny(verdict, RULE_NOSYMFOLLOW, ELOOP);
	else if (link->filesystem == FILESYSTEM_KERNEL && !step->target)
		leave_open(verdict,
			   RULE_KERNEL); /* it leads where no name does: by ptrace(2)'s rules */
}

/* may_create_in_sticky() */
static void judge_open_to_create(const struct walk_step *step, const struct access_subject *subject,
				 struct access_verdict *verdict)
{
	const struct object *object = step->object, *directory = step->directory;
	int regular = get_protections()->regular, fifos = get_protections()->fifos;
	int level = S_ISREG(object->mode) ? regular : S_ISFIFO(object->mode) ? fifos : 1;

	allow(verdict, RULE_NONE);
	if (!(directory->mode & S_ISVTX) || level == 0 ||
	    (object->uid == directory->uid && !object->uid_unmapped) || is_owner(subject, object))
		return;
	if (level < 0)
		leave_open(verdict, RULE_PROTECTED_CREATE);
	else if ((directory->mode & S_IWOTH) || ((directory->mode & S_IWGRP) && level >= 2 &&
						 (S_ISREG(object->mode) || S_ISFIFO(object->mode))))
		deny(verdict, RULE_PROTECTED_CREATE, EACCES);
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
	allow(verdict, RULE_NONE);
	if ((step->want & ACCESS_EXECUTE) && !S_ISREG(object->mode) && !S_ISDIR(object->mode))
		deny(verdict, RULE_NOT_A_PROGRAM, EACCES);
	else if (device && (step->want & (ACCESS_READ | ACCESS_WRITE)) &&
		 (object->mount_flags & ST_NODEV))
		deny(verdict, RULE_NODEV, EACCES);
	else if ((step->want & ACCESS_WRITE) && step->busy_text)
		deny(verdict, RULE_BUSY_TEXT, ETXTBSY);
	else if ((step->want & ACCESS_WRITE) && step->swap_file)
		deny(verdict, RULE_SWAP_FILE, ETXTBSY);
	else if ((step->want & ACCESS_WRITE) && object->append_only)
		allow(verdict, RULE_APPEND_ONLY); /* by O_APPEND, and no otherwise */
}

/* may_delete(), without the directory's own permissions */
static void judge_delete(const struct walk_step *step, const struct access_subject *subject,
			 struct access_verdict *verdict)
{
	const struct object *object = step->object, *directory = step->directory;

	allow(verdict, RULE_NONE);
	if (object->unmapped) {
		deny(verdict, RULE_UNMAPPED, EOVERFLOW);
		return;
	}
	if (directory->append_only) {
		deny(verdict, RULE_APPEND_ONLY, EPERM);
		return;
	}
	if (directory->mode & S_ISVTX) {
		if (is_owner(subject, object)) {
			allow(verdict, RULE_FILE_OWNER);
		} else if (is_owner(subject, directory)) {
			allow(verdict, RULE_DIRECTORY_OWNER);
		} else if (is_capable(subject, object, CAP_FOWNER)) {
			allow(verdict, RULE_STICKY);
			verdict->capability = CAP_FOWNER;
		} else {
			deny(verdict, RULE_STICKY, EPERM);
			return;
		}
	}
	if (object->append_only)
		deny(verdict, RULE_APPEND_ONLY, EPERM);
	else if (object->immutable)
		deny(verdict, RULE_IMMUTABLE, EPERM);
	else if (step->swap_file)
		deny(verdict, RULE_SWAP_FILE, EPERM);
	else if (step->mount_point)
		deny(verdict, RULE_MOUNT_POINT, EBUSY);
	else if (step->not_empty)
		deny(verdict, RULE_NOT_EMPTY, ENOTEMPTY);
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
	       ((object->mode & S_IXGRP) ||
		!(is_of_group(subject, object) || is_capable(subject, object, CAP_FSETID)));
}

/* chown_ok(): who owns the file system's user namespace may find a new owner for what has none. */
static bool may_change_owner(const struct access_subject *subject, const struct object *object)
{
	if (object->uid_unmapped)
		return (subject->capabilities & CAPABILITY(CAP_CHOWN)) &&
		       !subject->other_user_namespace;
	return is_capable(subject, object, CAP_CHOWN);
}

static bool may_change_mode(const struct access_subject *subject, const struct object *object)
{
	return is_owner(subject, object) || is_capable_over_owner(subject, object, CAP_FOWNER);
}

/* chmod_common(), notify_change(), setattr_prepare() */
static void judge_attributes(const struct walk_step *step, const struct access_subject *subject,
			     struct access_verdict *verdict)
{
	const struct object *object = step->object;
	bool chown = step->check == CHECK_CHOWN;

	if (is_read_only(object)) {
		deny_read_only(object, verdict);
	} else if (object->immutable || object->append_only) {
		deny(verdict, object->immutable ? RULE_IMMUTABLE : RULE_APPEND_ONLY, EPERM);
	} else if (chown ? object->gid_unmapped : object->unmapped) {
		deny(verdict, RULE_UNMAPPED, EOVERFLOW);
	} else if (!chown && is_owner(subject, object)) {
		allow(verdict, RULE_FILE_OWNER);
	} else if (chown ? may_change_owner(subject, object)
			 : is_capable_over_owner(subject, object, CAP_FOWNER)) {
		verdict->capability = chown ? CAP_CHOWN : CAP_FOWNER;
		allow(verdict, RULE_CAPABILITY);
		if (chown && loses_bits(subject, object) && !may_change_mode(subject, object)) {
			verdict->capability = CAP_FOWNER;
			deny(verdict, RULE_CAPABILITY, EPERM);
		}
	} else {
		verdict->capability = chown ? CAP_CHOWN : CAP_FOWNER;
		deny(verdict, RULE_CAPABILITY, EPERM);
	}
	if (object->filesystem == FILESYSTEM_REMOTE && verdict->error != EROFS)
		leave_open(verdict, RULE_SERVER);
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

	allow(verdict, RULE_NONE);
	if (object->unmapped) {
		deny(verdict, RULE_UNMAPPED, EOVERFLOW);
	} else if (protected != 0 && !is_safe_source(object, subject) &&
		   !is_owner(subject, object) &&
		   !is_capable_over_owner(subject, object, CAP_FOWNER)) {
		if (protected < 0)
			leave_open(verdict, RULE_PROTECTED_HARDLINKS);
		else
			deny(verdict, RULE_PROTECTED_HARDLINKS, EPERM);
	} else if (object->append_only || object->immutable) {
		deny(verdict, object->immutable ? RULE_IMMUTABLE : RULE_APPEND_ONLY, EPERM);
	} else if (S_ISDIR(object->mode)) {
		deny(verdict, RULE_DIRECTORY, EPERM);
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
		allow(verdict, RULE_NEW_NAME);
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
			leave_open(verdict, RULE_UNSEEN);
		else
			deny(verdict, RULE_END, -step->error);
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
