/* SPDX-License-Identifier: MIT */
/* What decides about one file, read through a descriptor of it. */
#ifndef ACCESS_OBJECT_H
#define ACCESS_OBJECT_H

#include <sys/statvfs.h>

#include "access/acl.h"

#ifndef ST_NOSYMFOLLOW
#define ST_NOSYMFOLLOW 8192 /* Linux 5.10 */
#endif
#include "core/procfs.h"

/* How its file system decides. */
enum object_filesystem {
	FILESYSTEM_LOCAL,  /* by the rules here */
	FILESYSTEM_FUSE,   /* its program may decide, see fuse_* */
	FILESYSTEM_REMOTE, /* its server decides: NFS, CIFS, 9P, ... */
	FILESYSTEM_KERNEL  /* made up by the kernel, with rules of its own: /proc, /sys, ... */
};

struct object {
	int fd; /* O_PATH; -1 once it is closed */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	/* Its owner, its group, either of them, has no number here, whatever uid and gid say. */
	bool uid_unmapped, gid_unmapped, unmapped;
	dev_t dev;
	ino_t ino;
	uint32_t links;
	pid_t mounts_of; /* a process whose mounts it lies among */
	uint64_t mount;	 /* the mount's id; 0 where the kernel does not tell (before 5.8) */
	unsigned long mount_flags; /* ST_ of statvfs(3); of mount and file system together */
	enum object_filesystem filesystem;
	long magic; /* f_type of statfs(2) */
	bool immutable, append_only;
	bool filesystem_read_only; /* where ST_RDONLY is set: the whole file system, not this mount
				      of it */
	bool idmapped;
	/* Read by mounts.h, of a directory where something is to be made: ids that have a number
	 * on its mount. */
	bool idmap_known;
	size_t n_uid_ranges, n_gid_ranges;
	struct procfs_id_range *uid_ranges, *gid_ranges; /* owned */
	bool fuse_default_permissions, fuse_allow_other;
	uid_t fuse_uid;
	gid_t fuse_gid;
	struct acl *acl;  /* owned; NULL: none */
	int acl_error;	  /* 0, -EOPNOTSUPP: none here, or why it could not be read */
	char *mount_line; /* of mountinfo, owned; NULL where nothing depended on it */
};

/*
 * Reads everything about what FD is; the object takes the descriptor over, also when it fails.
 * MOUNTS_OF is a process in whose mount namespace it lies; 0: the caller's.
 * -errno of statx(2) or fstatfs(2), -ENOMEM.
 */
int object_read(int fd, pid_t mounts_of, struct object *object) IMP_MUST_CHECK;
/* The mount's line for who wants to see it, where object_read did without.  May leave it NULL. */
void object_read_mount(struct object *object);
/* The same from a line that was read; without a line that makes sense nothing is changed. */
void object_parse_mount(const char *line, struct object *object);
/* Where it is mounted, the caller's; NULL where there is no line, or no memory. */
char *object_mount_point(const struct object *object);

/* It was read through a mount that has no line, and is a copy of the one that OTHER is on. */
void object_is_on(struct object *object, struct object *other);
/*
 * Its label of SELinux or Smack into BUFFER, as far as its descriptor is still open; false where it
 * has none.
 */
bool object_label(const struct object *object, char *buffer, size_t size);

/* Two descriptors of one directory, by one mount? */
bool object_same_place(int a, int b);

void object_clear(struct object *object);

#endif
