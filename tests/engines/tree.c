/* SPDX-License-Identifier: MIT */
/* Random trees, each made once for everybody who is compared. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engines.h"
#include "lib/check.h"

/* --------------------------------------------------------------------------------- choosing -- */

uid_t some_uid(void)
{
	return one_in(10) ? SERVICE_ID : random_uid();
}

gid_t some_gid(void)
{
	return one_in(10) ? SERVICE_ID : random_gid();
}

const char *random_name(void)
{
	static const char names[][2] = {"a", "b", "c", "d", "e", "f"};

	return names[random_below(sizeof(names) / sizeof(names[0]))];
}

static mode_t random_mode(mode_t type)
{
	/* Such as are met, mostly; else any.  Sticky and set-group-ID ones are of interest. */
	static const mode_t common[] = {0755, 0644, 0700,  0600,  0777,	 01777, 0750, 0640,
					0711, 0770, 02775, 02777, 01770, 0666,	0664, 0733};
	mode_t mode = one_in(3) ? random_below(010000)
				: common[random_below(sizeof(common) / sizeof(common[0]))];

	/* Else nobody would get far. */
	return type == S_IFDIR && !one_in(6) ? mode | 0111 : mode;
}

static mode_t random_type(void)
{
	static const mode_t types[] = {S_IFDIR, S_IFDIR, S_IFDIR, S_IFREG,  S_IFREG, S_IFREG,
				       S_IFREG, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFSOCK};

	return types[random_below(sizeof(types) / sizeof(types[0]))];
}

static bool is_taken(const struct tree *tree, const char *path)
{
	for (int i = 0; i < tree->count; i++)
		if (strcmp(tree->nodes[i].path, path) == 0)
			return true;
	return false;
}

/* Somewhere in the tree, by a path from the root or from where the link is. */
static void choose_target(const struct tree *tree, struct node *node)
{
	const char *path = tree->nodes[random_below((unsigned)tree->count)].path;

	if (one_in(3))
		strcpy(node->target, random_name());
	else if (one_in(3))
		snprintf(node->target, PATH_ROOM, "../%s", random_name());
	else
		strcpy(node->target, path);
	if (one_in(8))
		strcat(node->target, "/none");
}

static void choose_node(struct tree *tree, int parent, const char *path, mode_t type)
{
	static const int types[] = {SOCK_STREAM, SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
	struct node *node = &tree->nodes[tree->count];

	*node = (struct node){.parent = parent, .mode = type | random_mode(type)};
	strcpy(node->path, path);
	node->uid = some_uid();
	node->gid = some_gid();
	if (type != S_IFLNK && one_in(3))
		random_list(node->acl, &node->acl_size);
	if (type == S_IFDIR && one_in(5))
		random_list(node->default_acl, &node->default_size);
	if (type == S_IFLNK)
		choose_target(tree, node);
	node->attribute = (type == S_IFREG || type == S_IFDIR) && one_in(3);
	node->listens = one_in(2);
	node->type = types[random_below(4)];
	node->is_full = type == S_IFSOCK && node->type != SOCK_DGRAM && node->listens && one_in(6);
	node->is_left = type == S_IFIFO && one_in(5);
	tree->has_full |= node->is_full;
	tree->has_left |= node->is_left;
	tree->count++;
}

void tree_choose(struct tree *tree)
{
	const int wanted = 10 + (int)random_below(MOST_NODES - 10);

	tree->count = 0;
	tree->has_full = tree->has_left = false;
	choose_node(tree, -1, "/w", S_IFDIR);
	choose_node(tree, -1, "/m", S_IFDIR);
	/* Some of it is open to everybody, or most of what is asked for would be refused up here.
	 */
	tree->nodes[0].mode |= one_in(2) ? 0777 : 0555;
	if (tree->nodes[0].mode & 0002)
		tree->nodes[0].acl_size = 0;
	for (int tries = 0; tree->count < wanted && tries < 200; tries++) {
		int parent = (int)random_below((unsigned)tree->count);
		char path[PATH_ROOM];

		/* The first one has most. */
		if (one_in(3))
			parent = 0;
		snprintf(path, sizeof(path), "%.60s/%s", tree->nodes[parent].path, random_name());
		if (S_ISDIR(tree->nodes[parent].mode) && strlen(path) < 24 && !is_taken(tree, path))
			choose_node(tree, parent, path, random_type());
	}
}

/* ----------------------------------------------------------------------------------- making -- */

static void real_path(enum way way, const char *path, char real[PATH_ROOM])
{
	snprintf(real, PATH_ROOM, "%s%s", way_roots[way], path);
}

/* One that has gone again waits to be accepted all the same. */
static void fill(const struct node *node, const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, node->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		broken("connect %s", node->path);
	close(fd);
}

static int make_socket(const struct node *node, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, node->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		broken("bind %s", path);
	if (node->listens && node->type != SOCK_DGRAM && listen(fd, node->is_full ? 0 : 64) < 0)
		broken("listen %s", path);
	if (node->is_full)
		fill(node, &address);
	return fd;
}

static int make_fifo(const struct node *node, const char *path, int *held)
{
	if (mkfifo(path, 0600) < 0)
		return -1;
	if (!node->is_left)
		*held = open(path, O_RDWR | O_CLOEXEC);
	return node->is_left ? 0 : *held;
}

static void make_file(const struct node *node, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t length = (ssize_t)strlen(node->path);

	/* Which file it is. */
	if (fd < 0 || write(fd, node->path, (size_t)length) != length)
		broken("make %s", path);
	close(fd);
}

static void set_attribute(const char *path, const char *name, const void *value, size_t size)
{
	if (size > 0 && setxattr(path, name, value, size, 0) < 0)
		broken("setxattr %s", path);
}

static void set_attributes(const struct node *node, const char *path)
{
	if (lchown(path, node->uid, node->gid) < 0)
		broken("chown %s", path);
	if (S_ISLNK(node->mode))
		return;
	if (node->attribute)
		set_attribute(path, "user.a", node->path, strlen(node->path));
	set_attribute(path, "system.posix_acl_access", node->acl, node->acl_size);
	set_attribute(path, "system.posix_acl_default", node->default_acl, node->default_size);
	/* Last: chown takes bits away. */
	if (chmod(path, node->mode & 07777) < 0)
		broken("chmod %s", path);
}

void tree_make(struct tree *tree, enum way way)
{
	for (int i = 0; i < tree->count; i++) {
		const struct node *node = &tree->nodes[i];
		int *held = &tree->held[way][i], result = 0;
		char path[PATH_ROOM];

		*held = -1;
		real_path(way, node->path, path);
		if (S_ISREG(node->mode))
			make_file(node, path);
		else if (S_ISLNK(node->mode))
			result = symlink(node->target, path);
		else if (S_ISFIFO(node->mode))
			result = make_fifo(node, path, held);
		else if (S_ISSOCK(node->mode))
			*held = make_socket(node, path);
		else if (node->parent >= 0)
			result = mkdir(path, 0700);
		if (result < 0)
			broken("make %s", path);
	}
	for (int i = 0; i < tree->count; i++) {
		char path[PATH_ROOM];

		real_path(way, tree->nodes[i].path, path);
		set_attributes(&tree->nodes[i], path);
	}
}

/* --------------------------------------------------------------------------------- removing -- */

/* Of all that is in it; the descriptor is closed. */
static void remove_all(int fd)
{
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!directory)
		broken("opendir");
	while ((entry = readdir(directory))) {
		const char *name = entry->d_name;
		int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		if (entry->d_type == DT_DIR)
			remove_all(openat(dirfd(directory), name, flags));
		if (unlinkat(dirfd(directory), name, entry->d_type == DT_DIR ? AT_REMOVEDIR : 0) <
		    0)
			broken("unlink %s", name);
	}
	closedir(directory);
}

void tree_remove(struct tree *tree, enum way way)
{
	static const char *const attributes[] = {"system.posix_acl_access",
						 "system.posix_acl_default", "user.a", "user.b",
						 "security.capability"};

	for (int i = 0; i < tree->count; i++)
		if (tree->held[way][i] >= 0)
			close(tree->held[way][i]);
	for (int top = 0; top < 2; top++) {
		char path[PATH_ROOM];

		real_path(way, tree->nodes[top].path, path);
		remove_all(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		for (int i = 0; i < 5; i++)
			if (removexattr(path, attributes[i]) < 0 && errno != ENODATA)
				broken("removexattr %s", path);
	}
}

/* ------------------------------------------------------------------------------------ peers -- */

static int tell_peer(const struct node *node, int fd, char *text, size_t size)
{
	gid_t groups[64] = {0};
	socklen_t length = sizeof(groups);
	struct ucred who;
	socklen_t who_size = sizeof(who);
	size_t used;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) < 0)
		broken("getsockopt");
	used = (size_t)snprintf(text, size, "%s: uid %u gid %u groups", node->path, who.uid,
				who.gid);
	for (size_t i = 0; i < length / sizeof(groups[0]) && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, " %u", groups[i]);
	return (int)used;
}

void tree_peers(const struct tree *tree, enum way way, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < tree->count; i++) {
		const struct node *node = &tree->nodes[i];
		int fd;

		if (!S_ISSOCK(node->mode) || !node->listens || node->is_full ||
		    node->type == SOCK_DGRAM)
			continue;
		while (used < size &&
		       (fd = accept4(tree->held[way][i], NULL, NULL, SOCK_CLOEXEC)) >= 0) {
			used += (size_t)tell_peer(node, fd, text + used, size - used);
			close(fd);
		}
	}
}
