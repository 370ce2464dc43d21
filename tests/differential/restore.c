/* SPDX-License-Identifier: MIT */
/* Random trees: finding what is in them again, and putting back what an oracle has changed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tree.h"

struct node *tree_find(struct tree *tree, dev_t dev, ino_t ino)
{
	for (int i = 0; i < tree->count; i++)
		if (tree->nodes[i].ino == ino && tree->nodes[i].dev == dev)
			return &tree->nodes[i];
	return NULL;
}

void tree_restore(struct tree *tree, struct node *node)
{
	int directory = tree->nodes[node->parent].fd;
	char name[16];

	if (S_ISDIR(node->mode)) {
		close(node->fd);
		if (mkdirat(directory, node->name, 0700) < 0)
			broken("mkdir %s", node->path);
		tree_finish(tree, node);
		return;
	}
	snprintf(name, sizeof(name), "%d", (int)(node - tree->nodes));
	if (linkat(tree->vault, name, directory, node->name, 0) < 0)
		broken("link %s", node->path);
}

void tree_restore_name(const struct tree *tree, const struct node *node, const char *name)
{
	char path[PATH_ROOM];
	int result;

	if (node->parent < 0) {
		snprintf(path, sizeof(path), "%s/%s", tree->on->top, name);
		result = rename(path, node->path);
	} else {
		int directory = tree->nodes[node->parent].fd;

		result = renameat(directory, name, directory, node->name);
	}
	if (result < 0)
		broken("rename %s", node->path);
}

bool tree_unlink(struct tree *tree, int directory, const char *name, bool is_directory)
{
	int flags = is_directory ? AT_REMOVEDIR : 0;
	struct stat status;

	if (unlinkat(directory, name, flags) == 0)
		return true;
	if (errno != EPERM || fstat(directory, &status) < 0)
		return false;

	/* What may be made in an append-only directory may not be removed. */
	struct node *node = tree_find(tree, status.st_dev, status.st_ino);

	return node && tree_set_flags(node, 0) && unlinkat(directory, name, flags) == 0 &&
	       tree_set_flags(node, node->flags);
}

void tree_check(const struct tree *tree)
{
	struct stat status;

	for (int i = 0; i < tree->count; i++) {
		const struct node *node = &tree->nodes[i];

		if (fstat(node->fd, &status) < 0)
			broken("stat %s", node->path);
		if (status.st_mode != node->mode || status.st_uid != node->uid ||
		    status.st_gid != node->gid || status.st_nlink < (node->in_vault ? 2 : 1))
			broken("%s was %o %u:%u, and is %o %u:%u with %u names", node->path,
			       node->mode, node->uid, node->gid, status.st_mode, status.st_uid,
			       status.st_gid, (unsigned)status.st_nlink);
	}
}
