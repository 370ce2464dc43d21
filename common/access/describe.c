/* SPDX-License-Identifier: MIT */
/* Steps and verdicts in words. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "access/describe.h"
#include "core/capability.h"
#include "core/identity.h"
#include "core/log.h"

const char *describe_bits(unsigned bits, char *buffer)
{
	buffer[0] = bits & 4 ? 'r' : '-';
	buffer[1] = bits & 2 ? 'w' : '-';
	buffer[2] = bits & 1 ? 'x' : '-';
	buffer[3] = '\0';
	return buffer;
}

/* As ls(1): "rwxr-sr-t". */
static void describe_mode(mode_t mode, char buffer[10])
{
	for (int i = 0; i < 3; i++)
		describe_bits(mode >> (6 - 3 * i) & 7, buffer + (size_t)(3 * i));
	if (mode & S_ISUID)
		buffer[2] = mode & S_IXUSR ? 's' : 'S';
	if (mode & S_ISGID)
		buffer[5] = mode & S_IXGRP ? 's' : 'S';
	if (mode & S_ISVTX)
		buffer[8] = mode & S_IXOTH ? 't' : 'T';
}

const char *describe_entry(const struct acl_entry *entry, char *buffer, size_t size)
{
	char bits[4], name[256] = "";
	const char *kind = "other";

	if (entry->tag == ACL_TAG_OWNER || entry->tag == ACL_TAG_USER)
		kind = "user";
	else if (entry->tag == ACL_TAG_OWNING_GROUP || entry->tag == ACL_TAG_GROUP)
		kind = "group";
	else if (entry->tag == ACL_TAG_MASK)
		kind = "mask";
	if (entry->tag == ACL_TAG_USER)
		identity_user_text(entry->id, name, sizeof(name));
	else if (entry->tag == ACL_TAG_GROUP)
		identity_group_text(entry->id, name, sizeof(name));
	snprintf(buffer, size, "%s:%s:%s", kind, name, describe_bits(entry->bits, bits));
	return buffer;
}

/* ------------------------------------------------------------------------------------- wants -- */

static const struct {
	unsigned bit;
	const char *name;
} wants[] = {
	{ACCESS_READ, "read"},	   {ACCESS_WRITE, "write"},   {ACCESS_EXECUTE, "execute"},
	{ACCESS_CREATE, "create"}, {ACCESS_DELETE, "delete"}, {ACCESS_CHMOD, "chmod"},
	{ACCESS_CHOWN, "chown"},   {ACCESS_LIST, "list"},     {ACCESS_LINK, "link"},
};

static void append(char *buffer, size_t size, const char *text)
{
	size_t used = strlen(buffer);

	snprintf(buffer + used, size - used, "%s", text);
}

const char *describe_question(unsigned want, char *buffer, size_t size)
{
	buffer[0] = '\0';
	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++)
		if (want & wants[i].bit) {
			append(buffer, size, buffer[0] ? "," : "");
			append(buffer, size, wants[i].name);
		}
	return buffer;
}

const char *describe_want(const struct walk_step *step, char *buffer, size_t size)
{
	const char *word = "";

	switch (step->check) {
	case CHECK_SEARCH:
		word = "search";
		break;
	case CHECK_FOLLOW:
		word = "follow";
		break;
	case CHECK_USE:
		if (step->changes) {
			word = "write";
		} else if (S_ISDIR(step->object->mode) && step->want == ACCESS_EXECUTE) {
			word = "search";
		} else {
			return describe_question(step->want, buffer, size);
		}
		break;
	case CHECK_OPEN:
		word = step->want == ACCESS_EXECUTE ? "run" : "open";
		break;
	case CHECK_CREATE:
		word = "create";
		break;
	case CHECK_DELETE:
		word = "delete";
		break;
	case CHECK_CHMOD:
		word = "chmod";
		break;
	case CHECK_CHOWN:
		word = "chown";
		break;
	case CHECK_LINK:
		word = "link";
		break;
	case CHECK_END:
		word = "find";
		break;
	}
	snprintf(buffer, size, "%s", word);
	return buffer;
}

/* ------------------------------------------------------------------------------------- rules -- */

static void describe_class(const struct walk_step *step, const struct access_verdict *verdict,
			   char *buffer, size_t size)
{
	static const char *const names[] = {
		[RULE_OWNER] = "owner", [RULE_GROUP] = "group", [RULE_OTHER] = "other"};
	char mode[10], bits[4];

	describe_mode(step->object->mode, mode);
	snprintf(buffer, size, "mode %s, %s%s %s", mode,
		 verdict->acl_skipped ? "acl not looked at since its mask is ---, " : "",
		 names[verdict->rule], describe_bits(verdict->bits, bits));
}

static void describe_acl(const struct access_verdict *verdict, char *buffer, size_t size)
{
	char entry[300], mask[4];

	describe_entry(verdict->entry, entry, sizeof(entry));
	if (verdict->rule == RULE_ACL_GROUPS)
		snprintf(buffer, size, "acl %s, and no other entry of its groups has it all",
			 entry);
	else if (verdict->masked)
		snprintf(buffer, size, "acl %s limited by mask %s", entry,
			 describe_bits(verdict->mask, mask));
	else
		snprintf(buffer, size, "acl %s", entry);
}

/* Of a capability that decided alone. */
static void describe_owner(const struct walk_step *step, const struct access_verdict *verdict,
			   char *buffer, size_t size)
{
	char owner[256];

	identity_user_text(step->object->uid, owner, sizeof(owner));
	if (verdict->result == RESULT_ALLOWED)
		buffer[0] = '\0';
	else if (verdict->capability == CAP_CHOWN)
		snprintf(buffer, size,
			 "needs CAP_CHOWN; its owner, %s, may change the group to one of its own",
			 owner);
	else
		snprintf(buffer, size, "owned by %s, needs CAP_FOWNER", owner);
}

static void describe_sticky(const struct walk_step *step, char *buffer, size_t size)
{
	char file[256], directory[256];

	identity_user_text(step->object->uid, file, sizeof(file));
	identity_user_text(step->directory->uid, directory, sizeof(directory));
	snprintf(buffer, size, "sticky directory of %s, file of %s", directory, file);
}

static void describe_new(const struct walk_step *step, char *buffer, size_t size)
{
	char group[256], entry[300];

	snprintf(buffer, size, "new name");
	if (step->object->mode & S_ISGID) {
		append(buffer, size, ", group ");
		append(buffer, size, identity_group_text(step->object->gid, group, sizeof(group)));
		append(buffer, size, " by the directory's set-group-ID");
	}
	for (size_t i = 0; step->default_acl && i < step->default_acl->count; i++) {
		append(buffer, size, i ? "," : ", default acl ");
		append(buffer, size,
		       describe_entry(&step->default_acl->entries[i], entry, sizeof(entry)));
	}
}

static const char *fixed_text(enum access_rule rule)
{
	switch (rule) {
	case RULE_READ_ONLY_FILESYSTEM:
		return "file system is read-only";
	case RULE_READ_ONLY_MOUNT:
		return "mounted read-only";
	case RULE_IMMUTABLE:
		return "immutable";
	case RULE_APPEND_ONLY:
		return "append-only";
	case RULE_UNMAPPED:
		return "its owner or group has no id here";
	case RULE_NOEXEC:
		return "mounted noexec";
	case RULE_NODEV:
		return "mounted nodev";
	case RULE_NOSYMFOLLOW:
		return "mounted nosymfollow";
	case RULE_PROTECTED_SYMLINKS:
		return "protected_symlinks: in a sticky directory that others can write to, and "
		       "another's";
	case RULE_PROTECTED_HARDLINKS:
		return "protected_hardlinks: another's, and not a plain file to read and write";
	case RULE_PROTECTED_CREATE:
		return "another's, in a sticky directory that others can write to, and O_CREAT";
	case RULE_FILE_OWNER:
		return "owner of the file";
	case RULE_DIRECTORY_OWNER:
		return "owner of the sticky directory";
	case RULE_BUSY_TEXT:
		return "a program that is running";
	case RULE_SWAP_FILE:
		return "in use as swap space";
	case RULE_NOT_A_PROGRAM:
		return "not a regular file";
	case RULE_DIRECTORY:
		return "a directory";
	case RULE_MOUNT_POINT:
		return "a mount point";
	case RULE_NOT_EMPTY:
		return "not empty";
	case RULE_FUSE_OWNER:
		return "FUSE without allow_other: only who mounted it";
	case RULE_FUSE_PROGRAM:
		return "FUSE: its program decides";
	case RULE_SERVER:
		return "network file system: its server decides";
	case RULE_KERNEL:
		return "rules of its own in /proc";
	case RULE_ACL_UNREAD:
		return "its acl could not be read";
	default:
		return "";
	}
}

static void describe_fixed(const struct walk_step *step, const struct access_verdict *verdict,
			   char *buffer, size_t size)
{
	snprintf(buffer, size, "%s", fixed_text(verdict->rule));
	switch (verdict->rule) {
	case RULE_NONE:
		if (step->check == CHECK_FOLLOW && step->target)
			snprintf(buffer, size, "-> %s", step->target);
		break;
	case RULE_APPEND_ONLY:
		if (verdict->result == RESULT_ALLOWED)
			append(buffer, size, ": by O_APPEND alone");
		break;
	case RULE_PROTECTED_CREATE:
		if (S_ISREG(step->object->mode) || S_ISFIFO(step->object->mode)) {
			snprintf(buffer, size, "%s: %s",
				 S_ISREG(step->object->mode) ? "protected_regular"
							     : "protected_fifos",
				 fixed_text(verdict->rule));
		}
		break;
	case RULE_END:
	case RULE_UNSEEN:
		snprintf(buffer, size, "%s%s", log_error_text(-step->error),
			 verdict->rule == RULE_UNSEEN ? ", for who looks" : "");
		break;
	default:
		break;
	}
}

/* A program that would run as another, were it not for the mount. */
static bool has_no_effect(const struct walk_step *step)
{
	return step->check == CHECK_USE && (step->want & ACCESS_EXECUTE) &&
	       S_ISREG(step->object->mode) && (step->object->mode & (S_ISUID | S_ISGID)) &&
	       (step->object->mount_flags & ST_NOSUID);
}

const char *describe_rule(const struct walk_step *step, const struct access_verdict *verdict,
			  char *buffer, size_t size)
{
	buffer[0] = '\0';
	switch (verdict->rule) {
	case RULE_OWNER:
	case RULE_GROUP:
	case RULE_OTHER:
		describe_class(step, verdict, buffer, size);
		break;
	case RULE_ACL_USER:
	case RULE_ACL_GROUP:
	case RULE_ACL_GROUPS:
	case RULE_ACL_OTHER:
		describe_acl(verdict, buffer, size);
		break;
	case RULE_CAPABILITY:
		describe_owner(step, verdict, buffer, size);
		break;
	case RULE_STICKY:
		describe_sticky(step, buffer, size);
		break;
	case RULE_NEW_NAME:
		describe_new(step, buffer, size);
		break;
	default:
		describe_fixed(step, verdict, buffer, size);
		break;
	}
	if (verdict->result == RESULT_ALLOWED && has_no_effect(step))
		append(buffer, size, ", mounted nosuid: gives nobody its owner's identity");
	if (verdict->result == RESULT_ALLOWED && verdict->capability >= 0) {
		char name[64];

		append(buffer, size, buffer[0] ? ", overridden by " : "");
		capability_name(verdict->capability, name, sizeof(name));
		for (char *c = name; *c; c++)
			*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
		append(buffer, size, name);
	}
	return buffer;
}
