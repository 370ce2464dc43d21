/* SPDX-License-Identifier: MIT */
/* Random trees: directories, files, links, FIFOs, devices, sockets, with all that decides about
 * them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tree.h"

/* ----------------------------------------------------------------------------------- making -- */

static mode_t random_mode(bool directory)
{
	/* Every second one such as are met; else any. */
	static const mode_t common[] = {0755, 0644, 0700,  0600, 0777, 01777, 0750,  0640,
					0711, 0070, 02775, 0007, 0077, 0733,  01733, 01770};
	mode_t mode = one_in(2) ? common[random_below(sizeof(common) / sizeof(common[0]))]
				: random_below(010000);

	/* Else nobody would get far. */
	return directory && !one_in(4) ? mode | 0111 : mode;
}

static mode_t random_type(void)
{
	static const mode_t types[] = {S_IFDIR, S_IFDIR, S_IFDIR, S_IFDIR, S_IFREG,
				       S_IFREG, S_IFREG, S_IFREG, S_IFLNK, S_IFLNK,
				       S_IFLNK, S_IFIFO, S_IFCHR, S_IFSOCK};

	return types[random_below(sizeof(types) / sizeof(types[0]))];
}

static void set_list(const struct node *node, const char *name, const uint8_t *list, size_t size)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", node->fd);
	if (size > 0 && setxattr(path, name, list, size, 0) < 0)
		broken("setxattr %s", node->path);
}

/* By its descriptor: something may be mounted over its name. */
void tree_restore_attributes(const struct node *node)
{
	char path[32];

	if (fchownat(node->fd, "", node->uid, node->gid, AT_EMPTY_PATH) < 0)
		broken("chown %s", node->path);
	if (S_ISLNK(node->mode))
		return;
	set_list(node, "system.posix_acl_access", node->acl, node->acl_size);
	set_list(node, "system.posix_acl_default", node->default_acl, node->default_size);
	/* Last: chown takes bits away. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", node->fd);
	if (chmod(path, node->mode & 07777) < 0)
		broken("chmod %s", node->path);
}

/* What was just made. */
void tree_finish(struct tree *tree, struct node *node)
{
	int directory = node->parent < 0 ? AT_FDCWD : tree->nodes[node->parent].fd;
	struct stat status;

	node->fd = openat(directory, node->parent < 0 ? node->path : node->name,
			  O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (node->fd < 0)
		broken("open %s", node->path);
	tree_restore_attributes(node);
	if (fstat(node->fd, &status) < 0)
		broken("stat %s", node->path);
	node->mode = status.st_mode;
	node->ino = status.st_ino;
	node->dev = status.st_dev;
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		broken("socket %s", path);
	strcpy(address.sun_path, path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		broken("bind %s", path);
	close(fd);
}

static void make_file(struct tree *tree, struct node *node)
{
	char busy[96];
	int fd;

	snprintf(busy, sizeof(busy), "%s/.vault/busy", tree->on->top);
	if (tree->on->has_busy && !tree->busy && one_in(6)) {
		removexattr(busy, "system.posix_acl_access");
		if (link(busy, node->path) < 0)
			broken("link %s", node->path);
		tree->busy = true;
		return;
	}
	fd = open(node->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "text\n", 5) != 5)
		broken("make %s", node->path);
	close(fd);
}

static void make_node(struct tree *tree, struct node *node)
{
	char target[PATH_ROOM];
	int result = 0;

	switch (node->mode & S_IFMT) {
	case S_IFDIR:
		result = mkdir(node->path, 0700);
		break;
	case S_IFREG:
		make_file(tree, node);
		break;
	case S_IFLNK:
		random_target(tree, node, target);
		result = symlink(target, node->path);
		break;
	case S_IFSOCK:
		make_socket(node->path);
		break;
	case S_IFIFO:
		result = mkfifo(node->path, 0600);
		node->held = open(node->path, O_RDWR | O_CLOEXEC);
		if (node->held < 0)
			broken("open %s", node->path);
		break;
	default:
		result = mknod(node->path, S_IFCHR | 0600, makedev(1, 3));
		break;
	}
	if (result < 0)
		broken("make %s", node->path);
}

/* So that what is removed can come back as the same file. */
static void keep(struct tree *tree, struct node *node)
{
	char name[16];

	if (S_ISDIR(node->mode))
		return;
	snprintf(name, sizeof(name), "%d", (int)(node - tree->nodes));
	if (linkat(tree->nodes[node->parent].fd, node->name, tree->vault, name, 0) < 0)
		broken("link %s", node->path);
	node->in_vault = true;
}

static void make_one(struct tree *tree, int parent, const char *name, mode_t type)
{
	struct node *node = &tree->nodes[tree->count];

	*node = (struct node){.parent = parent, .fd = -1, .held = -1};
	snprintf(node->name, sizeof(node->name), "%s", name);
	strcpy(node->path, parent < 0 ? tree->on->top : tree->nodes[parent].path);
	strcat(node->path, "/");
	strcat(node->path, name);
	node->mode = type | random_mode(type == S_IFDIR);
	if (parent < 0 && !one_in(8))
		node->mode |= 0555;
	node->uid = random_uid();
	node->gid = random_gid();
	if (type != S_IFLNK && tree->on->lists && one_in(3))
		random_list(node->acl, &node->acl_size);
	if (type == S_IFDIR && tree->on->lists && one_in(8))
		random_list(node->default_acl, &node->default_size);
	tree->over[tree->count] = -1;
	make_node(tree, node);
	tree->count++;
	tree_finish(tree, node);
	if (parent >= 0) {
		tree->nodes[parent].children++;
		keep(tree, node);
	}
}

/* Some names that come again everywhere, so that a random path meets something. */
const char *random_name(void)
{
	static const char names[][4] = {"a", "b", "c", "d", "e", "f"};

	return names[random_below(sizeof(names) / sizeof(names[0]))];
}

static int depth_of(const struct tree *tree, int node)
{
	int depth = 0;

	for (; node >= 0; node = tree->nodes[node].parent)
		depth++;
	return depth;
}

bool has_child(const struct tree *tree, int parent, const char *name)
{
	for (int i = 0; i < tree->count; i++)
		if (tree->nodes[i].parent == parent && strcmp(tree->nodes[i].name, name) == 0)
			return true;
	return false;
}

static void make_nodes(struct tree *tree)
{
	int wanted = 12 + (int)random_below(MOST_NODES - 12);

	make_one(tree, -1, "w", S_IFDIR);
	make_one(tree, 0, random_name(), random_type());
	for (int tries = 0; tries < 4 * MOST_NODES && tree->count < wanted; tries++) {
		int parent = (int)random_below((unsigned)tree->count);
		const char *name = random_name();

		if (S_ISDIR(tree->nodes[parent].mode) && depth_of(tree, parent) <= 5 &&
		    !has_child(tree, parent, name))
			make_one(tree, parent, name, random_type());
	}
}

/* ------------------------------------------------------------------------ immutable, append -- */

bool tree_set_flags(const struct node *node, unsigned flags)
{
	char path[32];
	int fd, seen = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", node->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;

	bool done = ioctl(fd, FS_IOC_GETFLAGS, &seen) == 0;

	seen = (int)(((unsigned)seen & ~(unsigned)(FS_IMMUTABLE_FL | FS_APPEND_FL)) | flags);
	done = done && ioctl(fd, FS_IOC_SETFLAGS, &seen) == 0;
	close(fd);
	return done;
}

static void make_flags(struct tree *tree)
{
	for (int i = 0; i < tree->count; i++) {
		struct node *node = &tree->nodes[i];
		unsigned flags = one_in(2) ? FS_IMMUTABLE_FL : FS_APPEND_FL;

		if ((S_ISREG(node->mode) || S_ISDIR(node->mode)) && one_in(12) &&
		    tree_set_flags(node, flags))
			node->flags = flags;
	}
}

/* -------------------------------------------------------------------------------------- all -- */

static bool remount(const struct tree *tree, unsigned long flags, const char *options)
{
	return mount(NULL, tree->on->top, NULL, MS_REMOUNT | flags, options) == 0;
}

/* The whole file system, in ways that a mount of it cannot be. */
static void change_file_system(struct tree *tree)
{
	static bool cannot;

	/* Newer kernels have no ext4 without ACLs. */
	if (strcmp(tree->on->kind, "ext4") == 0 && one_in(12) && !cannot) {
		tree->without_lists = remount(tree, 0, "noacl");
		cannot = !tree->without_lists;
	}
	tree->read_only = one_in(24);
	if (tree->read_only && !remount(tree, MS_RDONLY, tree->without_lists ? "noacl" : NULL))
		broken("remount %s ro", tree->on->top);
}

/* Where one can be: seen from the root, and not empty, so that it is not removed meanwhile. */
static void choose_current(struct tree *tree)
{
	struct stat status;

	for (int tries = 0; tries < 8 && tree->current == 0; tries++) {
		int node = (int)random_below((unsigned)tree->count);
		const struct node *seen;

		if (!S_ISDIR(tree->nodes[node].mode) || stat(tree->nodes[node].path, &status) < 0)
			continue;
		seen = tree_find(tree, status.st_dev, status.st_ino);
		/* Nor can root be where ids are unmapped. */
		if (seen && seen->children > 0 && chdir(tree->nodes[node].path) == 0)
			tree->current = node;
	}
	if (tree->current == 0 && chdir(tree->nodes[0].path) < 0)
		broken("chdir %s", tree->nodes[0].path);
}

void tree_make(const struct world *world, struct tree *tree)
{
	char vault[96];

	memset(tree, 0, sizeof(*tree));
	tree->on = &world->file_systems[random_below(world->n_file_systems)];
	snprintf(vault, sizeof(vault), "%s/.vault", tree->on->top);
	tree->vault = open(vault, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree->vault < 0)
		broken("open %s", vault);
	make_nodes(tree);
	if (!one_in(3))
		make_flags(tree);
	if (!tree->on->is_foreign)
		change_file_system(tree);
	make_mounts(world, tree);
	choose_current(tree);
}

void tree_remove(struct tree *tree)
{
	char name[16];

	if (chdir("/") < 0)
		broken("chdir /");
	while (tree->n_mounts > 0)
		if (umount2(tree->mounts[--tree->n_mounts], MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			broken("umount %s", tree->mounts[tree->n_mounts]);
	if ((tree->read_only || tree->without_lists) &&
	    !remount(tree, 0, tree->without_lists ? "acl" : NULL))
		broken("remount %s rw", tree->on->top);
	for (int i = 0; i < tree->count; i++)
		if (tree->nodes[i].flags && !tree_set_flags(&tree->nodes[i], 0))
			broken("set flags %s", tree->nodes[i].path);
	for (int i = tree->count - 1; i >= 0; i--) {
		struct node *node = &tree->nodes[i];

		if (node->fd >= 0)
			close(node->fd);
		if (node->held >= 0)
			close(node->held);
		if (S_ISDIR(node->mode) ? rmdir(node->path) < 0 : unlink(node->path) < 0)
			broken("remove %s", node->path);
		snprintf(name, sizeof(name), "%d", i);
		if (node->in_vault && unlinkat(tree->vault, name, 0) < 0)
			broken("remove %s", name);
	}
	close(tree->vault);
}
