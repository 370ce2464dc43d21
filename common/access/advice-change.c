/* SPDX-License-Identifier: MIT */
/* Changes: setfacl(1) and chmod(1), chattr(1), mount(8); each as a command and on the copy. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "access/advice-change.h"
#include "core/identity.h"

/* ------------------------------------------------------------------------------ shell, names -- */

/* As one word of a shell; the caller's. */
static char *quoted(const char *word)
{
	static const char plain[] = "/._-+=@%:,";
	bool odd = word[0] == '\0', control = false;
	size_t room = 4;

	for (const char *c = word; *c; c++) {
		odd = odd || !(isalnum((unsigned char)*c) || strchr(plain, *c));
		control = control || iscntrl((unsigned char)*c) || (unsigned char)*c >= 0x80;
		room += 4;
	}
	char *text = malloc(room + 2), *to = text;

	if (!text)
		return NULL;
	/* What begins with a dash is taken for an option. */
	if (word[0] == '-') {
		*to++ = '.';
		*to++ = '/';
	}
	if (!odd) {
		strcpy(to, word);
		return text;
	}
	if (control)
		*to++ = '$';
	*to++ = '\'';
	for (const char *c = word; *c; c++) {
		if (control && (iscntrl((unsigned char)*c) || (unsigned char)*c >= 0x80))
			to += sprintf(to, "\\%03o", (unsigned char)*c);
		else if (*c == '\'')
			to += sprintf(to, control ? "\\'" : "'\\''");
		else if (control && *c == '\\')
			to += sprintf(to, "\\\\");
		else
			*to++ = *c;
	}
	*to++ = '\'';
	*to = '\0';
	return text;
}

void change_free_names(char **names)
{
	for (char **name = names; name && *name; name++)
		free(*name);
	free(names);
}

static int lets_in(struct change_list *list, const char *format, ...) IMP_PRINTF(2, 3);

static int lets_in(struct change_list *list, const char *format, ...)
{
	size_t count = 0;
	va_list arguments;
	char *name;

	va_start(arguments, format);
	int length = vasprintf(&name, format, arguments);
	va_end(arguments);
	if (length < 0)
		return -ENOMEM;
	for (; list->also && list->also[count]; count++)
		if (strcmp(list->also[count], name) == 0) {
			free(name);
			return 0;
		}

	char **larger = reallocarray(list->also, count + 2, sizeof(*larger));

	if (!larger) {
		free(name);
		return -ENOMEM;
	}
	list->also = larger;
	larger[count] = name;
	larger[count + 1] = NULL;
	return 0;
}

/* A name that setfacl(1) reads as one, else the number. */
static void user_word(uid_t uid, char *buffer, size_t size)
{
	char name[256];

	if (identity_user_name(uid, name, sizeof(name)) && !strpbrk(name, ":,\\ \t\n=#") &&
	    !isdigit((unsigned char)name[0]))
		snprintf(buffer, size, "%s", name);
	else
		snprintf(buffer, size, "%u", uid);
}

static const char *letters(unsigned bits, char *buffer)
{
	char *to = buffer;

	for (int i = 0; i < 3; i++)
		if (bits & (4u >> i))
			*to++ = "rwx"[i];
	if (to == buffer)
		*to++ = '-';
	*to = '\0';
	return buffer;
}

/* Adds "ARGUMENTS PATH". */
static int add_command(struct change_list *list, const char *path, const char *format, ...)
	IMP_PRINTF(3, 4);

static int add_command(struct change_list *list, const char *path, const char *format, ...)
{
	char *file = quoted(path), *arguments = NULL, *whole;
	va_list values;
	int length = -1;

	va_start(values, format);
	if (file && vasprintf(&arguments, format, values) >= 0)
		length = asprintf(&whole, "%s%s%s %s", list->command ? list->command : "",
				  list->command ? " && " : "", arguments, file);
	va_end(values);
	free(file);
	free(arguments);
	if (length < 0)
		return -ENOMEM;
	free(list->command);
	list->command = whole;
	return 1;
}

/* --------------------------------------------------------------------------------------- acl -- */

/* The list that a mode is, as setfacl(1) makes one of it, with room for a mask and a name. */
static struct acl *acl_of_mode(mode_t mode)
{
	struct acl *acl = malloc(sizeof(*acl) + 5 * sizeof(acl->entries[0]));

	if (!acl)
		return NULL;
	acl->count = 3;
	acl->entries[0] = (struct acl_entry){ACL_TAG_OWNER, mode >> 6 & 7, UINT32_MAX};
	acl->entries[1] = (struct acl_entry){ACL_TAG_OWNING_GROUP, mode >> 3 & 7, UINT32_MAX};
	acl->entries[2] = (struct acl_entry){ACL_TAG_OTHER, mode & 7, UINT32_MAX};
	return acl;
}

static struct acl_entry *find_entry(struct acl *acl, enum acl_tag tag, uint32_t id)
{
	for (size_t i = 0; i < acl->count; i++)
		if (acl->entries[i].tag == tag && acl->entries[i].id == id)
			return &acl->entries[i];
	return NULL;
}

/* In its place in the order; there is room. */
static void insert_entry(struct acl *acl, struct acl_entry entry)
{
	size_t at = acl->count;

	while (at > 0 &&
	       (acl->entries[at - 1].tag > entry.tag ||
		(acl->entries[at - 1].tag == entry.tag && acl->entries[at - 1].id > entry.id))) {
		acl->entries[at] = acl->entries[at - 1];
		at--;
	}
	acl->entries[at] = entry;
	acl->count++;
}

/* A larger mask, or one that is looked at only now, lets more through than what it was for. */
static int tell_of_mask(struct change_list *list, const struct acl *acl, unsigned before,
			unsigned after, uid_t except)
{
	int error = 0;

	for (size_t i = 0; i < acl->count && error == 0; i++) {
		const struct acl_entry *entry = &acl->entries[i];
		char name[256];

		if (!(entry->bits & after & ~before))
			continue;
		if (entry->tag == ACL_TAG_USER && entry->id != except) {
			user_word(entry->id, name, sizeof(name));
			error = lets_in(list, "%s", name);
		} else if (entry->tag == ACL_TAG_GROUP) {
			identity_group_text(entry->id, name, sizeof(name));
			error = lets_in(list, "group %s", name);
		} else if (entry->tag == ACL_TAG_OWNING_GROUP) {
			error = lets_in(list, "the owning group");
		}
	}
	return error;
}

/* ------------------------------------------------------------------------------- permissions -- */

/* What it may do now: an entry of its own must not take any of that away. */
static unsigned bits_now(const struct object *object, const struct access_subject *subject)
{
	struct access_subject bare = *subject;
	unsigned bits = 0;

	bare.capabilities = 0;
	for (unsigned bit = 1; bit <= 4; bit <<= 1) {
		struct access_verdict verdict;

		judge_permission(object, &bare, bit, &verdict);
		if (verdict.result == RESULT_ALLOWED)
			bits |= bit;
	}
	return bits;
}

/* No lists here: the classes of the mode, and whoever else is in them. */
static int change_mode(struct change_list *list, const struct walk_step *step,
		       const struct access_verdict *verdict, unsigned bits)
{
	struct object *object = step->object;
	char text[4], group[256];
	int error = 0, shift = 0;
	const char *class = "o";

	if (verdict->rule == RULE_OWNER) {
		class = "u";
		shift = 6;
	} else if (verdict->rule == RULE_GROUP) {
		class = "g";
		shift = 3;
		identity_group_text(object->gid, group, sizeof(group));
		error = lets_in(list, "group %s", group);
	} else {
		error = lets_in(list, "everyone who is not of its group");
	}
	if (error < 0)
		return error;
	bits &= ~(object->mode >> shift & 7);
	object->mode |= bits << shift;
	return bits ? add_command(list, step->path, "chmod %s+%s", class, letters(bits, text)) : 0;
}

/* Where the mode says what a list says: its group bits are the mask, the others as they are. */
static int change_acl(struct change_list *list, const struct walk_step *step,
		      const struct access_subject *subject, unsigned bits)
{
	struct object *object = step->object;
	uid_t uid = subject->identity.view.uid;
	unsigned now = bits_now(object, subject), seen = object->mode >> 3 & 7;
	bool had = object->acl != NULL;
	struct acl *acl = had ? access_acl_copy(object->acl, 1) : acl_of_mode(object->mode);
	char user[256], entry_text[4], mask_text[4];
	int result;

	if (!acl)
		return -ENOMEM;
	if (!had)
		insert_entry(acl, (struct acl_entry){ACL_TAG_MASK, seen, UINT32_MAX});
	struct acl_entry *own = find_entry(acl, ACL_TAG_USER, uid);
	bool enough = own && (own->bits & bits) == bits;

	if (!own)
		insert_entry(acl, (struct acl_entry){ACL_TAG_USER, now | bits, uid});
	else
		own->bits |= bits;
	own = find_entry(acl, ACL_TAG_USER, uid);

	struct acl_entry *mask = find_entry(acl, ACL_TAG_MASK, UINT32_MAX);
	unsigned before = mask ? mask->bits : 7, after = before | (enough ? bits : own->bits);

	if (!mask) {
		free(acl);
		return 0; /* a list with names and no mask there is not */
	}
	mask->bits = after;
	user_word(uid, user, sizeof(user));
	letters(own->bits, entry_text);
	letters(after, mask_text);
	if (enough)
		result = add_command(list, step->path, "setfacl -m mask::%s", mask_text);
	else if (!had)
		result = add_command(list, step->path, "setfacl -m user:%s:%s", user, entry_text);
	else if (after == before)
		result =
			add_command(list, step->path, "setfacl -n -m user:%s:%s", user, entry_text);
	else
		result = add_command(list, step->path, "setfacl -m user:%s:%s,mask::%s", user,
				     entry_text, mask_text);
	if (result > 0 && had) {
		int error = tell_of_mask(list, acl, seen ? before : 0, after, uid);

		result = error < 0 ? error : result;
	}
	free(object->acl);
	object->acl = acl;
	object->mode = (object->mode & ~(mode_t)S_IRWXG) | (mode_t)(after << 3);
	return result;
}

static int change_permissions(struct change_list *list, const struct walk_step *step,
			      const struct access_subject *subject,
			      const struct access_verdict *verdict, unsigned bits)
{
	const struct object *object = step->object;

	if (S_ISDIR(object->mode) && (bits & ACCESS_WRITE) && !(object->mode & S_ISVTX))
		list->note =
			"in the directory, names of others too can then be removed and changed";
	if (verdict->rule == RULE_OWNER || object->acl_error == -EOPNOTSUPP)
		return change_mode(list, step, verdict, bits);
	if (object->acl_error < 0)
		return 0;
	return change_acl(list, step, subject, bits);
}

/* ------------------------------------------------------------------------------------ others -- */

static int change_mount(struct change_list *list, struct object *object, const char *options,
			unsigned long flag)
{
	object_read_mount(object);

	char *point = object_mount_point(object);
	int result = point ? lets_in(list, "everyone whom permissions let in") : 0;

	if (result == 0 && point)
		result = add_command(list, point, "mount -o remount,%s", options);
	object->mount_flags &= ~flag;
	free(point);
	return result;
}

static int change_attribute(struct change_list *list, struct walk_step *step,
			    const struct access_verdict *verdict)
{
	/* Of the directory, where a name is taken out of one that is append-only. */
	bool directory = step->check == CHECK_DELETE && verdict->rule == RULE_APPEND_ONLY &&
			 step->directory->append_only;
	struct object *object = directory ? (struct object *)step->directory : step->object;
	char *path = strdup(step->path), *slash = path ? strrchr(path, '/') : NULL;
	int result;

	if (!path)
		return -ENOMEM;
	if (directory && slash)
		slash[slash == path] = '\0';
	else if (directory)
		strcpy(path, ".");
	result = lets_in(list, "everyone whom permissions let in");
	if (result == 0)
		result = add_command(list, path, "chattr -%c",
				     verdict->rule == RULE_IMMUTABLE ? 'i' : 'a');
	if (verdict->rule == RULE_IMMUTABLE)
		object->immutable = false;
	else
		object->append_only = false;
	free(path);
	return result;
}

int change_for(struct change_list *list, struct walk_step *step,
	       const struct access_subject *subject, const struct access_verdict *verdict,
	       unsigned bits)
{
	switch (verdict->rule) {
	case RULE_OWNER:
	case RULE_GROUP:
	case RULE_OTHER:
	case RULE_ACL_USER:
	case RULE_ACL_GROUP:
	case RULE_ACL_GROUPS:
	case RULE_ACL_OTHER:
		return change_permissions(list, step, subject, verdict, bits);
	case RULE_READ_ONLY_MOUNT:
		return change_mount(list, step->object, "bind,rw", ST_RDONLY);
	case RULE_READ_ONLY_FILESYSTEM:
		return change_mount(list, step->object, "rw", ST_RDONLY);
	case RULE_NOEXEC:
		return change_mount(list, step->object, "exec", ST_NOEXEC);
	case RULE_NODEV:
		return change_mount(list, step->object, "dev", ST_NODEV);
	case RULE_NOSYMFOLLOW:
		return change_mount(list, step->object, "symfollow", ST_NOSYMFOLLOW);
	case RULE_IMMUTABLE:
	case RULE_APPEND_ONLY:
		return change_attribute(list, step, verdict);
	default:
		return 0;
	}
}
