/* SPDX-License-Identifier: MIT */
/* What the files that make a tree share. */
#ifndef DIFFERENTIAL_TREE_H
#define DIFFERENTIAL_TREE_H

#include "differential.h"

const char *random_name(void);
bool has_child(const struct tree *tree, int parent, const char *name);

/* Opens what was just made, gives it its attributes and notes what it is. */
void tree_finish(struct tree *tree, struct node *node);
bool tree_set_flags(const struct node *node, unsigned flags);

/* Where a symbolic link NODE leads; the node, as far as that is known, in it too. */
void random_target(const struct tree *tree, struct node *node, char target[PATH_ROOM]);
/* Parts of the tree once more at other places, with flags of mounts. */
void make_mounts(const struct world *world, struct tree *tree);

#endif
