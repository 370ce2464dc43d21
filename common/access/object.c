/* SPDX-License-Identifier: MIT */
/* What decides about one file: statx(2), statfs(2), the ACL, and the mount where it matters. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "access/object.h"
#include "core/procfs.h"

/* linux/magic.h, and what stands in file systems' own sources. */
enum {
	MAGIC_9P = 0x01021997,
	MAGIC_AFS = 0x5346414f,
	MAGIC_CEPH = 0x00c36400,
	MAGIC_CIFS = (int)0xff534d42,
	MAGIC_CODA = 0x73757245,
	MAGIC_FUSE = 0x65735546,
	MAGIC_KAFS = 0x6b414653,
	MAGIC_NFS = 0x6969,
	MAGIC_PROC = 0x9fa0,
	MAGIC_SMB = 0x517b,
	MAGIC_SMB2 = (int)0xfe534d42,
};

static enum object_filesystem decided_by(long magic)
{
	switch ((int)magic) {
	case MAGIC_FUSE:
		return FILESYSTEM_FUSE;
	case MAGIC_9P:
	case MAGIC_AFS:
	case MAGIC_CEPH:
	case MAGIC_CIFS:
	case MAGIC_CODA:
	case MAGIC_KAFS:
	case MAGIC_NFS:
	case MAGIC_SMB:
	case MAGIC_SMB2:
		return FILESYSTEM_REMOTE;
	case MAGIC_PROC:
		return FILESYSTEM_KERNEL;
	default:
		return FILESYSTEM_LOCAL;
	}
}

/* ------------------------------------------------------------------------------------ mount -- */

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

char *object_mount_point(const struct object *object)
{
	const char *field = object->mount_line ? field_of(object->mount_line, 4) : NULL;
	char *point, *to;

	if (!field)
		return NULL;
	point = to = malloc(strlen(field) + 1);
	for (; point && *field && *field != ' '; field++) {
		/* Blanks, tabs, newlines and backslashes are three octal digits. */
		if (*field == '\\' && strspn(field + 1, "01234567") >= 3) {
			*to++ = (char)((field[1] - '0') << 6 | (field[2] - '0') << 3 |
				       (field[3] - '0'));
			field += 3;
		} else {
			*to++ = *field;
		}
	}
	if (point)
		*to = '\0';
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

void object_read_mount(struct object *object, pid_t mounts_of)
{
	if (object->mount_line || object->mount == 0)
		return;
	if (procfs_mount_line(mounts_of ? mounts_of : getpid(), object->mount,
			      &object->mount_line) < 0)
		object->mount_line = NULL;
	else
		object_parse_mount(object->mount_line, object);
}

/* -------------------------------------------------------------------------------------- all -- */

static bool is_overflow(uint32_t id)
{
	return id == procfs_overflow_uid();
}

/* What an id that has no number here looks like, an account may have too. */
static void find_unmapped(struct object *object)
{
	object->uid_unmapped = is_overflow(object->uid) &&
			       (object->idmapped || procfs_uid_is_unmapped(object->uid));
	object->gid_unmapped = is_overflow(object->gid) &&
			       (object->idmapped || procfs_uid_is_unmapped(object->gid));
	object->unmapped = object->uid_unmapped || object->gid_unmapped;
}

void object_is_on(struct object *object, struct object *other, pid_t mounts_of)
{
	object_read_mount(other, mounts_of);
	object->idmapped = other->idmapped;
	object->filesystem_read_only = other->filesystem_read_only;
	find_unmapped(object);
}

static int read_status(struct object *object)
{
	struct statx status;

	if (statx(object->fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS | STATX_MNT_ID, &status) < 0)
		return -errno;
	object->mode = status.stx_mode;
	object->uid = status.stx_uid;
	object->gid = status.stx_gid;
	object->links = status.stx_nlink;
	object->dev = makedev(status.stx_dev_major, status.stx_dev_minor);
	object->ino = status.stx_ino;
	object->mount = status.stx_mask & STATX_MNT_ID ? status.stx_mnt_id : 0;
	object->immutable = status.stx_attributes & STATX_ATTR_IMMUTABLE;
	object->append_only = status.stx_attributes & STATX_ATTR_APPEND;
	return 0;
}

static int read_file_system(struct object *object)
{
	struct statfs file_system;

	if (fstatfs(object->fd, &file_system) < 0)
		return -errno;
	object->magic = (long)file_system.f_type;
	object->mount_flags = (unsigned long)file_system.f_flags;
	object->filesystem = decided_by(object->magic);
	return 0;
}

int object_read(int fd, pid_t mounts_of, struct object *object)
{
	*object = (struct object){.fd = fd};

	int error = read_status(object);

	if (error == 0)
		error = read_file_system(object);
	if (error < 0) {
		object_clear(object);
		return error;
	}
	/* Links have no permissions, and so no list. */
	if (!S_ISLNK(object->mode))
		object->acl_error = access_acl_read(fd, ACL_OF_ACCESS, &object->acl);
	if (object->acl_error == -ENOMEM) {
		object_clear(object);
		return -ENOMEM;
	}
	if (object->filesystem == FILESYSTEM_FUSE || (object->mount_flags & ST_RDONLY) ||
	    is_overflow(object->uid) || is_overflow(object->gid))
		object_read_mount(object, mounts_of);
	find_unmapped(object);
	return 0;
}

void object_clear(struct object *object)
{
	if (object->fd >= 0)
		close(object->fd);
	free(object->acl);
	free(object->mount_line);
	free(object->uid_ranges);
	free(object->gid_ranges);
	*object = (struct object){.fd = -1};
}
