/* SPDX-License-Identifier: MIT */
/* The same operations twice: by the library, and by the system call itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engines.h"

const struct calls library_calls = {
	.openat2 = imp_openat2,
	.statx = imp_statx,
	.mkdirat = imp_mkdirat,
	.unlinkat = imp_unlinkat,
	.renameat2 = imp_renameat2,
	.linkat = imp_linkat,
	.symlinkat = imp_symlinkat,
	.getxattr = imp_getxattr,
	.fgetxattr = imp_fgetxattr,
	.setxattr = imp_setxattr,
	.fsetxattr = imp_fsetxattr,
	.connect = imp_connect,
};

static int told(long result)
{
	return result < 0 ? -errno : (int)result;
}

static int plain_openat2(struct imp_token *token, int directory, const char *path,
			 const struct open_how *how)
{
	(void)token;
	return told(syscall(SYS_openat2, directory, path, how, sizeof(*how)));
}

static int plain_statx(struct imp_token *token, int directory, const char *path, int flags,
		       unsigned int mask, struct statx *status)
{
	(void)token;
	return told(syscall(SYS_statx, directory, path, flags, mask, status));
}

static int plain_mkdirat(struct imp_token *token, int directory, const char *path, mode_t mode)
{
	(void)token;
	return told(mkdirat(directory, path, mode));
}

static int plain_unlinkat(struct imp_token *token, int directory, const char *path, int flags)
{
	(void)token;
	return told(unlinkat(directory, path, flags));
}

static int plain_renameat2(struct imp_token *token, int old_directory, const char *old_path,
			   int new_directory, const char *new_path, unsigned int flags)
{
	(void)token;
	return told(
		syscall(SYS_renameat2, old_directory, old_path, new_directory, new_path, flags));
}

static int plain_linkat(struct imp_token *token, int old_directory, const char *old_path,
			int new_directory, const char *new_path, int flags)
{
	int result = told(linkat(old_directory, old_path, new_directory, new_path, flags));
	char path[32];

	(void)token;
	/* A file by its descriptor alone: Linux before 6.10 has this way only. */
	if (result != -ENOENT || flags != AT_EMPTY_PATH || old_path[0] != '\0')
		return result;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", old_directory);
	return told(linkat(AT_FDCWD, path, new_directory, new_path, AT_SYMLINK_FOLLOW));
}

static int plain_symlinkat(struct imp_token *token, const char *target, int directory,
			   const char *path)
{
	(void)token;
	return told(symlinkat(target, directory, path));
}

static ssize_t plain_getxattr(struct imp_token *token, const char *path, const char *name,
			      void *value, size_t size)
{
	(void)token;
	return told(getxattr(path, name, value, size));
}

static ssize_t plain_fgetxattr(struct imp_token *token, int fd, const char *name, void *value,
			       size_t size)
{
	(void)token;
	return told(fgetxattr(fd, name, value, size));
}

static int plain_setxattr(struct imp_token *token, const char *path, const char *name,
			  const void *value, size_t size, int flags)
{
	(void)token;
	return told(setxattr(path, name, value, size, flags));
}

static int plain_fsetxattr(struct imp_token *token, int fd, const char *name, const void *value,
			   size_t size, int flags)
{
	(void)token;
	return told(fsetxattr(fd, name, value, size, flags));
}

static int plain_connect(struct imp_token *token, int fd, const struct sockaddr *address,
			 unsigned int length)
{
	(void)token;
	return told(connect(fd, address, length));
}

const struct calls plain_calls = {
	.openat2 = plain_openat2,
	.statx = plain_statx,
	.mkdirat = plain_mkdirat,
	.unlinkat = plain_unlinkat,
	.renameat2 = plain_renameat2,
	.linkat = plain_linkat,
	.symlinkat = plain_symlinkat,
	.getxattr = plain_getxattr,
	.fgetxattr = plain_fgetxattr,
	.setxattr = plain_setxattr,
	.fsetxattr = plain_fsetxattr,
	.connect = plain_connect,
};
