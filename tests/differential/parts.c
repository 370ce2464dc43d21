/* SPDX-License-Identifier: MIT */
/* Parts of random trees: paths and the targets of links, mounts. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tree.h"

/* ------------------------------------------------------------------------------------- paths -- */

static void append(char *path, const char *text)
{
	size_t used = strlen(path);

	if (used + strlen(text) < PATH_ROOM)
		strcpy(path + used, text);
}

static void append_name(char *path, const char *name)
{
	if (path[0] && path[strlen(path) - 1] != '/')
		append(path, one_in(20) ? "//" : one_in(20) ? "/./" : "/");
	append(path, name);
}

/* The node that is seen where NODE is. */
static int seen_at(const struct tree *tree, int node)
{
	return node >= 0 && tree->over[node] >= 0 ? tree->over[node] : node;
}

static int child_of(const struct tree *tree, int parent)
{
	int first = (int)random_below((unsigned)tree->count);

	for (int i = 0; i < tree->count; i++) {
		int child = (first + i) % tree->count;

		if (tree->nodes[child].parent == parent)
			return child;
	}
	return -1;
}

/* What is looked up behind NODE is looked up where it leads. */
static int led_to(const struct tree *tree, int node)
{
	if (node >= 0 && S_ISLNK(tree->nodes[node].mode))
		node = tree->nodes[node].leads_to;
	return seen_at(tree, node);
}

/* A name in directory FROM; -1: nobody knows where that is, or what is there. */
static int go_down(const struct tree *tree, int from, char *path)
{
	int child = from >= 0 && !one_in(16) ? child_of(tree, from) : -1;

	append_name(path, child >= 0 ? tree->nodes[child].name : random_name());
	return child;
}

static bool is_end(const struct tree *tree, int node)
{
	return node >= 0 && !S_ISDIR(tree->nodes[node].mode) && !S_ISLNK(tree->nodes[node].mode);
}

static bool is_empty(const struct tree *tree, int node)
{
	return node >= 0 && S_ISDIR(tree->nodes[node].mode) && tree->nodes[node].children == 0;
}

/* On from node FROM. */
static int wander(const struct tree *tree, int from, bool to_directory, char *path)
{
	for (int steps = 1 + (int)random_below(5); steps > 0; steps--) {
		from = led_to(tree, from);
		/* Who goes on behind a file, or to what is not there, wants to be told. */
		if ((is_end(tree, from) || is_empty(tree, from) || from < 0) && !one_in(8))
			break;
		if (one_in(14)) {
			append_name(path, "..");
			from = from >= 0 ? tree->nodes[from].parent : -1;
		} else if (one_in(30)) {
			append_name(path, ".");
		} else {
			char *end = path + strlen(path);
			int child = go_down(tree, from, path);

			/* Better stay where a new name can be made. */
			if (to_directory && is_end(tree, child) && !one_in(8))
				*end = '\0';
			else
				from = child;
		}
	}
	return from;
}

static void go_on(const struct tree *tree, int from, bool making, char *path)
{
	wander(tree, from, making, path);
	if (making ? !one_in(4) : one_in(10))
		append_name(path, "new");
	if (one_in(10))
		append(path, one_in(4) ? "//" : "/");
	if (one_in(60))
		append(path, "/.");
	if (one_in(60))
		append(path, "/..");
	if (path[0] == '\0')
		append(path, ".");
}

void random_path(const struct tree *tree, bool making, char path[PATH_ROOM])
{
	path[0] = '\0';
	if (tree->n_mounts > 0 && one_in(3)) {
		int mount = (int)random_below((unsigned)tree->n_mounts);

		strcpy(path, tree->mounts[mount]);
		if (!one_in(6))
			go_on(tree, tree->mounted_on[mount], making, path);
	} else if (one_in(100)) {
		sprintf(path, "%s/chain/%u", tree->on->top,
			MOST_LINKS - random_below(MOST_LINKS / 4));
	} else if (one_in(3)) {
		go_on(tree, tree->current, making, path);
	} else if (one_in(2)) {
		int start = (int)random_below((unsigned)tree->count);

		strcpy(path, tree->nodes[start].path);
		if (making || one_in(4))
			go_on(tree, start, making, path);
	} else if (one_in(100)) {
		strcpy(path, one_in(2) ? "/" : "//..");
	} else {
		strcpy(path, tree->nodes[0].path);
		go_on(tree, 0, making, path);
	}
}

void random_target(const struct tree *tree, struct node *node, char target[PATH_ROOM])
{
	int from = node->parent;

	target[0] = '\0';
	node->leads_to = -1;
	if (one_in(20)) {
		strcpy(target, node->name);
	} else if (one_in(2)) {
		from = (int)random_below((unsigned)tree->count);
		strcpy(target, tree->nodes[from].path);
		if (one_in(4))
			from = wander(tree, from, false, target);
		node->leads_to = from;
	} else {
		if (one_in(2)) {
			append_name(target, "..");
			from = tree->nodes[from].parent;
		}
		node->leads_to = wander(tree, from, false, target);
	}
	if (target[0] == '\0' || one_in(30))
		append_name(target, "none");
	if (one_in(12))
		append(target, "/");
}

/* ------------------------------------------------------------------------------------ mounts -- */

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

/* struct mount_attr, which older headers lack. */
struct attributes {
	uint64_t set, clear, propagation, user_namespace;
};

static bool mount_over(const char *from, const char *to, struct attributes *attributes)
{
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, from,
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	bool done = fd >= 0 &&
		    syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, attributes,
			    sizeof(*attributes)) == 0 &&
		    syscall(SYS_move_mount, fd, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) == 0;

	if (fd >= 0)
		close(fd);
	return done;
}

static const char *random_attributes(const struct world *world, struct attributes *attributes,
				     char *text)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} known[] = {{MOUNT_ATTR_RDONLY, " ro"},
		     {MOUNT_ATTR_NOEXEC, " noexec"},
		     {MOUNT_ATTR_NODEV, " nodev"},
		     {MOUNT_ATTR_NOSUID, " nosuid"},
		     {MOUNT_ATTR_NOSYMFOLLOW, " nosymfollow"}};

	*attributes = (struct attributes){.set = 0};
	text[0] = '\0';
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (one_in(4)) {
			attributes->set |= known[i].bit;
			strcat(text, known[i].name);
		}
	if (world->idmapping >= 0 && one_in(4)) {
		attributes->set |= MOUNT_ATTR_IDMAP;
		attributes->user_namespace = (uint64_t)world->idmapping;
		strcat(text, " idmapped");
	}
	return text;
}

/* An empty directory may be removed, and what is mounted elsewhere would then be gone. */
static bool may_be_mounted(const struct node *from, const struct node *to)
{
	return S_ISDIR(from->mode)
		       ? S_ISDIR(to->mode) && from->children > 0
		       : !S_ISLNK(from->mode) && !S_ISDIR(to->mode) && !S_ISLNK(to->mode);
}

static const struct node *at_path(struct tree *tree, const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 ? tree_find(tree, status.st_dev, status.st_ino) : NULL;
}

void make_mounts(const struct world *world, struct tree *tree)
{
	struct attributes attributes;
	char text[64];

	while (tree->n_mounts < MOST_MOUNTS && !one_in(3)) {
		int from = (int)random_below((unsigned)tree->count);
		int to = 1 + (int)random_below((unsigned)tree->count - 1);
		int here = tree->n_mounts;

		const struct node *seen = at_path(tree, tree->nodes[from].path);

		/* By its path another node may be seen, on a mount that is there already. */
		if (tree->over[to] >= 0 || !seen || !may_be_mounted(seen, &tree->nodes[to]))
			continue;
		random_attributes(world, &attributes, text);
		if (!mount_over(tree->nodes[from].path, tree->nodes[to].path, &attributes))
			continue;
		strcpy(tree->mounts[here], tree->nodes[to].path);
		strcpy(tree->mount_facts[here], tree->nodes[from].path);
		strcat(tree->mount_facts[here], text);
		tree->mounted_on[here] = to;
		tree->over[to] = from;
		tree->n_mounts++;
	}
}
