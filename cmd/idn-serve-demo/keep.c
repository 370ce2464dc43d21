/* SPDX-License-Identifier: MIT */
/* Owner, group, permissions and ACL of a file that takes the place of another, or of none. */
#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "serve.h"

#define ACL "system.posix_acl_access"

enum { ACL_MOST = 65536 /* bytes of any extended attribute: linux/limits.h */ };

/* *KEPT: the group is the one that the old file had. */
static int keep_owner(int fd, const struct stat *old, bool *kept)
{
	struct stat own;

	*kept = true;
	if (fstat(fd, &own) < 0)
		return -errno;
	if (own.st_uid == old->st_uid && own.st_gid == old->st_gid)
		return 0;
	if (fchown(fd, old->st_uid, old->st_gid) == 0)
		return 0;
	if (errno != EPERM && errno != EINVAL)
		return -errno;
	if (own.st_gid == old->st_gid || fchown(fd, (uid_t)-1, old->st_gid) == 0)
		return 0;
	*kept = false;
	return errno == EPERM || errno == EINVAL ? 0 : -errno;
}

/*
 * Another group than before: those who were in the old one are among the others now, and the other
 * way round.  So that nobody gains by it, both get what both had.
 */
static mode_t without_group(mode_t mode)
{
	mode_t both = mode & mode >> 3 & 07;

	return (mode & 0700) | both << 3 | both;
}

static void acl_without_group(char *acl, size_t size)
{
	struct posix_acl_xattr_entry *entries =
		(void *)(acl + sizeof(struct posix_acl_xattr_header));
	size_t count = size < sizeof(struct posix_acl_xattr_header)
			       ? 0
			       : (size - sizeof(struct posix_acl_xattr_header)) / sizeof(*entries);
	uint16_t both = UINT16_MAX;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < count; i++)
			if (le16toh(entries[i].e_tag) == ACL_GROUP_OBJ ||
			    le16toh(entries[i].e_tag) == ACL_OTHER)
				both = entries[i].e_perm &= both;
}

static bool has_no_acl(int error)
{
	return error == ENODATA || error == EOPNOTSUPP;
}

static int keep_mode(int fd, mode_t mode)
{
	/* The directory may have given it an ACL, which the old file had no more. */
	if (fremovexattr(fd, ACL) < 0 && !has_no_acl(errno))
		return -errno;
	return fchmod(fd, mode) < 0 ? -errno : 0;
}

int keep_permissions(int fd, int old)
{
	struct stat status;
	bool group_kept;

	if (fstat(old, &status) < 0)
		return -errno;

	int error = keep_owner(fd, &status, &group_kept);

	if (error < 0)
		return error;
	/* Not the set-id bits: a write takes them away. */
	mode_t mode = status.st_mode & 0777;
	char *acl = malloc(ACL_MOST);

	if (!acl)
		return -ENOMEM;
	ssize_t size = fgetxattr(old, ACL, acl, ACL_MOST);

	if (size < 0) {
		error = has_no_acl(errno) ? keep_mode(fd, group_kept ? mode : without_group(mode))
					  : -errno;
	} else {
		/* The mode is in it. */
		if (!group_kept)
			acl_without_group(acl, (size_t)size);
		error = fsetxattr(fd, ACL, acl, (size_t)size, 0) < 0 ? -errno : 0;
	}
	free(acl);
	return error;
}

/*
 * Until Linux 5.19 a file without a name got no umask where the file system has no ACLs; where it
 * has them, a directory's default ACL takes the umask's place.
 */
int take_umask(int fd)
{
	struct procfs_thread thread;
	struct stat status;

	if (fgetxattr(fd, ACL, NULL, 0) >= 0 || errno != EOPNOTSUPP)
		return 0;
	if (fstat(fd, &status) < 0)
		return -errno;

	int error = procfs_read_thread(getpid(), gettid(), &thread);

	if (error < 0)
		return error;
	mode_t mode = status.st_mode & 0777 & ~thread.umask;

	procfs_clear_thread(&thread);
	return fchmod(fd, mode) < 0 ? -errno : 0;
}
