/* SPDX-License-Identifier: MIT */
/* What is there, as text that is the same if it is. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engines.h"

enum { LOOK_ROOM = 1 << 18, DEEPEST = 32 };

struct view {
	char *text;
	size_t used;
};

static void IMP_PRINTF(2, 3) add(struct view *view, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	view->used += (size_t)vsnprintf(view->text + view->used, LOOK_ROOM - view->used, format,
					arguments);
	va_end(arguments);
	if (view->used >= LOOK_ROOM)
		broken("a tree that grows beyond all bounds");
}

static void add_bytes(struct view *view, const uint8_t *bytes, ssize_t count)
{
	for (ssize_t i = 0; i < count; i++)
		add(view, bytes[i] > ' ' && bytes[i] < 127 ? "%c" : "\\%02x", bytes[i]);
}

/* ------------------------------------------------------------------------------ one of them -- */

static void add_content(struct view *view, int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t content[256];
	ssize_t count = fd < 0 ? -1 : read(fd, content, sizeof(content));

	if (count < 0)
		broken("read %s", name);
	close(fd);
	add(view, " \"");
	add_bytes(view, content, count);
	add(view, "\"");
}

static void add_target(struct view *view, int directory, const char *name)
{
	uint8_t target[PATH_ROOM];
	ssize_t count = readlinkat(directory, name, (char *)target, sizeof(target));

	if (count < 0)
		broken("readlink %s", name);
	add(view, " -> ");
	add_bytes(view, target, count);
}

static int by_name(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static void add_attributes(struct view *view, const char *path)
{
	char names[512];
	ssize_t length = llistxattr(path, names, sizeof(names));
	const char *sorted[16];
	int count = 0;

	if (length < 0)
		broken("llistxattr %s", path);
	for (char *name = names; name < names + length && count < 16; name += strlen(name) + 1)
		sorted[count++] = name;
	qsort(sorted, (size_t)count, sizeof(sorted[0]), by_name);
	for (int i = 0; i < count; i++) {
		uint8_t value[256];
		ssize_t size = lgetxattr(path, sorted[i], value, sizeof(value));

		/* An empty security.capability can be set by anybody, and be read by nobody. */
		if (size < 0 && errno != EINVAL)
			broken("lgetxattr %s %s", path, sorted[i]);
		add(view, " %s=", sorted[i]);
		add_bytes(view, value, size);
	}
}

/* ------------------------------------------------------------------------------ all of them -- */

static void add_directory(struct view *view, const char *path, int fd, int depth);

static void add_entry(struct view *view, const char *path, int directory, const char *name,
		      int depth)
{
	struct stat status;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		broken("stat %s", path);
	add(view, "%s: %06o %u:%u links %u size %lld", path, status.st_mode, status.st_uid,
	    status.st_gid, (unsigned)status.st_nlink, (long long)status.st_size);
	if (S_ISREG(status.st_mode))
		add_content(view, directory, name);
	if (S_ISLNK(status.st_mode))
		add_target(view, directory, name);
	add_attributes(view, name);
	add(view, "\n");
	if (S_ISDIR(status.st_mode))
		add_directory(view, path,
			      openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), depth);
}

static void add_directory(struct view *view, const char *path, int fd, int depth)
{
	struct dirent **entries;
	int count = fd < 0 || depth > DEEPEST || fchdir(fd) < 0
			    ? -1
			    : scandirat(fd, ".", &entries, NULL, alphasort);

	if (count < 0)
		broken("look at %s", path);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char below[1024];

		snprintf(below, sizeof(below), "%.700s/%s", path, name);
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			add_entry(view, below, fd, name, depth + 1);
		/* Attributes are asked for by name, from here. */
		if (fchdir(fd) < 0)
			broken("chdir");
		free(entries[i]);
	}
	free(entries);
	close(fd);
}

const char *look(enum way way)
{
	static char *rooms[WAYS];
	static const char *const tops[] = {"w", "m"};
	struct view view = {.used = 0};

	if (!rooms[way])
		rooms[way] = malloc(LOOK_ROOM);
	view.text = rooms[way];
	if (!view.text)
		broken("malloc");
	for (int i = 0; i < 2; i++) {
		char top[4] = "/";

		if (chdir(way_roots[way]) < 0)
			broken("chdir %s", way_roots[way]);
		strcat(top, tops[i]);
		add_entry(&view, top, AT_FDCWD, tops[i], 0);
	}
	return view.text;
}
