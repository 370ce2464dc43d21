/* SPDX-License-Identifier: MIT */
/* What a line of mountinfo says (proc_pid_mountinfo(5)). */
#include <stdlib.h>
#include <string.h>

#include "access/mounts.h"
#include "core/procfs.h"

/* Is WORD among the LENGTH bytes of words with commas? */
static bool has_option(const char *options, size_t length, const char *word)
{
	const char *end = options + length;

	while (options < end) {
		size_t part = strcspn(options, ", \n");

		if (part == strlen(word) && strncmp(options, word, part) == 0)
			return true;
		options += part + 1;
	}
	return false;
}

/* The number behind WORD=, or FALLBACK. */
static uint32_t number_option(const char *options, const char *word, uint32_t fallback)
{
	const char *at = strstr(options, word);
	uint32_t number;

	return at && procfs_parse_ids(at + strlen(word), &number, 1) ? number : fallback;
}

/* The field of that number, from 0 on, or NULL. */
static const char *field_of(const char *line, int number)
{
	for (; number > 0 && line; number--) {
		line = strchr(line, ' ');
		if (line)
			line++;
	}
	return line;
}

/* Blanks, tabs, newlines and backslashes are three octal digits. */
void mount_line_unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

char *object_mount_point(const struct object *object)
{
	const char *field = object->mount_line ? field_of(object->mount_line, 4) : NULL;
	char *point = field ? strndup(field, strcspn(field, " ")) : NULL;

	if (point)
		mount_line_unescape(point);
	return point;
}

/*
 * A line of mountinfo: id, parent, device, root, mount point, the mount's options, tags, "-", type,
 * source, the file system's options (proc_pid_mountinfo(5)).
 */
void object_parse_mount(const char *line, struct object *object)
{
	const char *field = field_of(line, 5);
	const char *rest = field ? strstr(field, " - ") : NULL;
	const char *super = rest ? strrchr(rest, ' ') : NULL;

	if (!super)
		return;
	super++;
	object->idmapped = has_option(field, strcspn(field, " "), "idmapped");
	object->filesystem_read_only = has_option(super, strlen(super), "ro");
	object->fuse_default_permissions = has_option(super, strlen(super), "default_permissions");
	object->fuse_allow_other = has_option(super, strlen(super), "allow_other");
	object->fuse_uid = number_option(super, "user_id=", 0);
	object->fuse_gid = number_option(super, "group_id=", 0);
}
