/* SPDX-License-Identifier: MIT */
/* Paths below the root, and what is found there: the only file that opens them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve.h"

int open_below(int root_fd, const char *path, int flags)
{
	/* With O_PATH nothing is opened in earnest, and openat2(2) takes no word of how to. */
	int how_to = flags & O_PATH ? 0 : O_NOCTTY | O_NONBLOCK;
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC | how_to),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return imp_openat2(NULL, root_fd, path[0] ? path : ".", &how);
}

int open_at(int directory, const char *path, int flags, mode_t mode)
{
	/* Which only open(2) itself adds where a file's size has 32 bits. */
	int large = flags & O_PATH ? 0 : O_LARGEFILE;
	const struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC | large),
		.mode = mode,
	};

	return imp_openat2(NULL, directory, path, &how);
}

int open_parent(int root_fd, const char *path, const char **name)
{
	size_t start = strlen(path);

	while (start > 0 && path[start - 1] == '/')
		start--;
	while (start > 0 && path[start - 1] != '/')
		start--;
	*name = path + start;

	char *parent = strndup(path, start);

	if (!parent)
		return -ENOMEM;
	int fd = open_below(root_fd, parent, O_RDONLY | O_DIRECTORY);

	if (fd == -EACCES)
		fd = open_below(root_fd, parent, O_PATH | O_DIRECTORY);
	free(parent);
	return fd;
}
