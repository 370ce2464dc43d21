/* SPDX-License-Identifier: MIT */
/*
 * Owner, group, permissions and ACL of a file that takes the place of another, or of none.  A ring
 * has no operation for the first three, but for permissions that an ACL says.
 */
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

bool thread_is_client(void)
{
	struct imp_token *token;
	bool is = imp_token_current(&token) < 0;

	if (!is) {
		is = imp_token_engine(token) == IMP_ENGINE_THREAD;
		imp_token_unref(token);
	}
	return is;
}

/* *KEPT: the group is the one that the old file had. */
static int keep_owner(int fd, const struct stat *old, bool *kept)
{
	struct stat own;

	*kept = true;
	if (fstat(fd, &own) < 0)
		return -errno;
	if (own.st_uid == old->st_uid && own.st_gid == old->st_gid)
		return 0;
	if (!thread_is_client()) {
		*kept = own.st_gid == old->st_gid;
		return 0;
	}
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
	return error == -ENODATA || error == -EOPNOTSUPP;
}

/*
 * By an ACL that says what a mode says: no other is left then.  Where there are no ACLs the mode is
 * right already, or cannot be.
 */
static int set_mode_by_acl(int fd, mode_t mode)
{
	const uint32_t nobody = (uint32_t)ACL_UNDEFINED_ID;
	const struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entries[3];
	} acl = {
		{htole32(POSIX_ACL_XATTR_VERSION)},
		{
			{htole16(ACL_USER_OBJ), htole16(mode >> 6 & 07), nobody},
			{htole16(ACL_GROUP_OBJ), htole16(mode >> 3 & 07), nobody},
			{htole16(ACL_OTHER), htole16(mode & 07), nobody},
		},
	};
	struct stat own;
	int error = imp_fsetxattr(NULL, fd, ACL, &acl, sizeof(acl), 0);

	if (error < 0 && error != -EOPNOTSUPP)
		return error;
	if (fstat(fd, &own) < 0)
		return -errno;
	return (own.st_mode & 0777) == mode ? 0 : -EOPNOTSUPP;
}

static int set_mode(int fd, mode_t mode)
{
	if (!thread_is_client())
		return set_mode_by_acl(fd, mode);
	return fchmod(fd, mode) < 0 ? -errno : 0;
}

static int keep_mode(int fd, mode_t mode)
{
	/* The directory may have given it an ACL, which the old file had no more. */
	if (thread_is_client() && fremovexattr(fd, ACL) < 0 && !has_no_acl(-errno))
		return -errno;
	return set_mode(fd, mode);
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
	ssize_t size = imp_fgetxattr(NULL, old, ACL, acl, ACL_MOST);

	if (size < 0) {
		error = has_no_acl((int)size)
				? keep_mode(fd, group_kept ? mode : without_group(mode))
				: (int)size;
	} else {
		/* The mode is in it. */
		if (!group_kept)
			acl_without_group(acl, (size_t)size);
		error = imp_fsetxattr(NULL, fd, ACL, acl, (size_t)size, 0);
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

	if (imp_fgetxattr(NULL, fd, ACL, NULL, 0) != -EOPNOTSUPP)
		return 0;
	if (fstat(fd, &status) < 0)
		return -errno;

	int error = procfs_read_thread(getpid(), gettid(), &thread);

	if (error < 0)
		return error;
	mode_t mode = status.st_mode & 0777 & ~thread.umask;

	procfs_clear_thread(&thread);
	return set_mode(fd, mode);
}
