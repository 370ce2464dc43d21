/* SPDX-License-Identifier: MIT */
/*
 * What permissions say of one object: acl_permission_check(), generic_permission() and
 * inode_permission() of fs/namei.c, posix_acl_permission() of fs/posix_acl.c, as Linux 6 has them.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "access/permission.h"
#include "core/capability.h"

/* --------------------------------------------------------------------------------- verdicts -- */

void verdict_allow(struct access_verdict *verdict, enum access_rule rule)
{
	verdict->result = RESULT_ALLOWED;
	verdict->error = 0;
	verdict->rule = rule;
}

void verdict_deny(struct access_verdict *verdict, enum access_rule rule, int error)
{
	verdict->result = RESULT_DENIED;
	verdict->error = error;
	verdict->rule = rule;
}

void verdict_leave_open(struct access_verdict *verdict, enum access_rule rule)
{
	verdict->result = RESULT_UNKNOWN;
	verdict->error = 0;
	verdict->rule = rule;
}

/* ----------------------------------------------------------------------------- capabilities -- */

bool id_in_ranges(const struct procfs_id_range *ranges, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (id >= ranges[i].first && id - ranges[i].first < ranges[i].count)
			return true;
	return false;
}

/* capable_wrt_inode_uidgid(): over what has no owner there, no namespace gives any privilege. */
bool subject_is_capable(const struct access_subject *subject, const struct object *object,
			int capability)
{
	if (!(subject->capabilities & CAPABILITY(capability)) || object->unmapped)
		return false;
	return !subject->other_user_namespace ||
	       (id_in_ranges(subject->uid_ranges, subject->n_uid_ranges, object->uid) &&
		id_in_ranges(subject->gid_ranges, subject->n_gid_ranges, object->gid));
}

/* A mapped owner alone is enough for these: inode_owner_or_capable(). */
bool subject_is_capable_over_owner(const struct access_subject *subject,
				   const struct object *object, int capability)
{
	if (!(subject->capabilities & CAPABILITY(capability)) || object->uid_unmapped)
		return false;
	return !subject->other_user_namespace ||
	       id_in_ranges(subject->uid_ranges, subject->n_uid_ranges, object->uid);
}

bool subject_is_owner(const struct access_subject *subject, const struct object *object)
{
	return subject->identity.view.uid == object->uid && !object->uid_unmapped;
}

bool subject_is_of_group(const struct access_subject *subject, const struct object *object)
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
		verdict_deny(verdict, rule, EACCES);
	else
		verdict_allow(verdict, rule);
}

/* A named entry, or the owning group's: what it gives is limited by the mask. */
static void by_entry(enum access_rule rule, const struct acl_entry *entry, const struct acl *acl,
		     unsigned wanted, struct access_verdict *verdict)
{
	verdict->mask = access_acl_mask(acl);
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
							: !subject_is_of_group(subject, object))
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
	/* No list is without an entry for others, which would have decided; the kernel's own
	 * answer. */
	if (!group) {
		verdict_deny(verdict, RULE_ACL_UNREAD, EIO);
		return;
	}
	by_entry(matching > 1 ? RULE_ACL_GROUPS : RULE_ACL_GROUP, group, acl, wanted, verdict);
	verdict_deny(verdict, verdict->rule, EACCES);
}

/* acl_permission_check() */
static void by_permissions(const struct object *object, const struct access_subject *subject,
			   unsigned wanted, struct access_verdict *verdict)
{
	unsigned mode = object->mode;

	if (subject_is_owner(subject, object)) {
		by_class(RULE_OWNER, mode >> 6, wanted, verdict);
		return;
	}
	/* With no bit in the mode for the group, which is the mask, the list is not looked at. */
	verdict->acl_skipped = object->acl && !(mode & S_IRWXG);
	if (object->acl && (mode & S_IRWXG)) {
		by_acl(object, subject, wanted, verdict);
		return;
	}
	if (subject_is_of_group(subject, object))
		by_class(RULE_GROUP, mode >> 3, wanted, verdict);
	else
		by_class(RULE_OTHER, mode, wanted, verdict);
	if (object->acl_error < 0 && object->acl_error != -EOPNOTSUPP && (mode & S_IRWXG))
		verdict_leave_open(verdict, RULE_ACL_UNREAD);
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

	if (reading && subject_is_capable(subject, object, CAP_DAC_READ_SEARCH))
		verdict->capability = CAP_DAC_READ_SEARCH;
	else if ((directory || !(wanted & ACCESS_EXECUTE) || (object->mode & 0111)) &&
		 subject_is_capable(subject, object, CAP_DAC_OVERRIDE))
		verdict->capability = CAP_DAC_OVERRIDE;
	if (verdict->capability >= 0)
		verdict_allow(verdict, verdict->rule);
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
			verdict_leave_open(verdict, RULE_FUSE_PROGRAM);
			return true;
		}
		if (!object->fuse_allow_other && !is_fuse_mounter(object, subject)) {
			verdict_deny(verdict, RULE_FUSE_OWNER, EACCES);
			return true;
		}
		if (!object->fuse_default_permissions) {
			verdict_leave_open(verdict, RULE_FUSE_PROGRAM);
			return true;
		}
		return false;
	case FILESYSTEM_REMOTE:
		verdict_leave_open(verdict, RULE_SERVER);
		return true;
	case FILESYSTEM_KERNEL:
		/* What everybody may pass is where no rule of its own is: /proc itself. */
		if (object->ino == 1)
			return false;
		verdict_leave_open(verdict, RULE_KERNEL);
		return true;
	case FILESYSTEM_LOCAL:
		break;
	}
	return false;
}

bool object_is_read_only(const struct object *object)
{
	return object->mount_flags & ST_RDONLY;
}

bool object_is_file_or_directory(const struct object *object)
{
	return S_ISREG(object->mode) || S_ISDIR(object->mode) || S_ISLNK(object->mode);
}

/* inode_permission() */
void judge_permission(const struct object *object, const struct access_subject *subject,
		      unsigned wanted, struct access_verdict *verdict)
{
	*verdict = (struct access_verdict){.capability = -1};
	if (wanted & ACCESS_WRITE) {
		if (object_is_read_only(object) && object->filesystem_read_only &&
		    object_is_file_or_directory(object)) {
			verdict_deny(verdict, RULE_READ_ONLY_FILESYSTEM, EROFS);
			return;
		}
		if (object->immutable) {
			verdict_deny(verdict, RULE_IMMUTABLE, EPERM);
			return;
		}
		if (object->unmapped) {
			verdict_deny(verdict, RULE_UNMAPPED, EACCES);
			return;
		}
	}
	if (!by_filesystem(object, subject, verdict))
		by_rules(object, subject, wanted, verdict);
}
