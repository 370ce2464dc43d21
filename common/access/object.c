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
#include <sys/xattr.h>
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

void object_read_mount(struct object *object)
{
	if (object->mount_line || object->mount == 0)
		return;
	if (procfs_mount_line(object->mounts_of, object->mount, &object->mount_line) < 0)
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
			       (object->idmapped || procfs_gid_is_unmapped(object->gid));
	object->unmapped = object->uid_unmapped || object->gid_unmapped;
}

void object_is_on(struct object *object, struct object *other)
{
	object_read_mount(other);
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
	*object = (struct object){.fd = fd, .mounts_of = mounts_of ? mounts_of : getpid()};

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
		object_read_mount(object);
	find_unmapped(object);
	return 0;
}

bool object_label(const struct object *object, char *buffer, size_t size)
{
	static const char *const names[] = {"security.selinux", "security.SMACK64"};
	char path[PROCFS_FD_PATH];

	for (size_t i = 0; object->fd >= 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		ssize_t length =
			getxattr(procfs_fd_path(object->fd, path), names[i], buffer, size - 1);

		if (length > 0) {
			buffer[length] = '\0';
			return true;
		}
	}
	return false;
}

bool object_same_place(int a, int b)
{
	struct statx left, right;

	return statx(a, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &left) == 0 &&
	       statx(b, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &right) == 0 &&
	       left.stx_ino == right.stx_ino && left.stx_mnt_id == right.stx_mnt_id &&
	       left.stx_dev_major == right.stx_dev_major &&
	       left.stx_dev_minor == right.stx_dev_minor;
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
