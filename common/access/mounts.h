/* SPDX-License-Identifier: MIT */
/* What mounts decide and no flag of statvfs(3) tells. */
#ifndef ACCESS_MOUNTS_H
#define ACCESS_MOUNTS_H

#include "access/object.h"

/*
 * Is something mounted over NAME in DIRECTORY?  Also where it is not seen there, because the mount
 * lies over the same name in another mount of the file system: the kernel removes neither.
 */
bool mounts_lie_over(const struct object *directory, const char *name);

/*
 * Reads which ids have a number on the mount of DIRECTORY, where it is idmapped.  Before Linux 6.15
 * that is told nowhere, and idmap_known stays false.  -ENOMEM.
 */
int mounts_read_idmap(struct object *directory) IMP_MUST_CHECK;

/* Within one of its fields: undoes what keeps it one word. */
void mount_line_unescape(char *text);

#endif
