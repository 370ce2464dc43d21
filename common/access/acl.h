/* SPDX-License-Identifier: MIT */
/* POSIX access control lists, read by libacl into what can be judged fast (acl(5)). */
#ifndef ACCESS_ACL_H
#define ACCESS_ACL_H

#include "impersonate.h"

enum acl_tag {
	ACL_TAG_OWNER,
	ACL_TAG_USER,
	ACL_TAG_OWNING_GROUP,
	ACL_TAG_GROUP,
	ACL_TAG_MASK,
	ACL_TAG_OTHER
};

struct acl_entry {
	enum acl_tag tag;
	unsigned bits; /* r 4, w 2, x 1 */
	uint32_t id;   /* of a named user or group; else UINT32_MAX */
};

/* In the order of the kernel: owner, users, owning group, groups, mask, other. */
struct acl {
	size_t count;
	struct acl_entry entries[];
};

enum acl_kind { ACL_OF_ACCESS, ACL_OF_DEFAULT };

/*
 * Reads the list of what FD is, which may be opened with O_PATH.  *ACL is NULL where there is no
 * more than the mode says; else the caller's, to be freed with free(3).
 * -EOPNOTSUPP where the file system, or this mount of it, has none; what getxattr(2) reports.
 */
int access_acl_read(int fd, enum acl_kind kind, struct acl **acl) IMP_MUST_CHECK;

/* A copy, with room for MORE entries; NULL without memory. */
struct acl *access_acl_copy(const struct acl *acl, size_t more);

/* The mask's bits, or 7 where there is none. */
unsigned access_acl_mask(const struct acl *acl);

#endif
