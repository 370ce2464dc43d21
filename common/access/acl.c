/* SPDX-License-Identifier: MIT */
/* POSIX access control lists, read by libacl. */
#include <acl/libacl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>

#include "access/acl.h"
#include "core/procfs.h"

static int read_entry(acl_entry_t from, struct acl_entry *entry)
{
	acl_permset_t permissions;
	acl_tag_t tag;

	if (acl_get_tag_type(from, &tag) < 0 || acl_get_permset(from, &permissions) < 0)
		return -errno;
	*entry = (struct acl_entry){.id = UINT32_MAX};
	entry->bits = (acl_get_perm(permissions, ACL_READ) == 1 ? 4u : 0) |
		      (acl_get_perm(permissions, ACL_WRITE) == 1 ? 2u : 0) |
		      (acl_get_perm(permissions, ACL_EXECUTE) == 1 ? 1u : 0);
	switch (tag) {
	case ACL_USER_OBJ:
		entry->tag = ACL_TAG_OWNER;
		return 0;
	case ACL_GROUP_OBJ:
		entry->tag = ACL_TAG_OWNING_GROUP;
		return 0;
	case ACL_MASK:
		entry->tag = ACL_TAG_MASK;
		return 0;
	case ACL_OTHER:
		entry->tag = ACL_TAG_OTHER;
		return 0;
	default:
		break;
	}

	/* A uid_t and a gid_t are as wide. */
	uid_t *id = acl_get_qualifier(from);

	if (!id)
		return -errno;
	entry->tag = tag == ACL_USER ? ACL_TAG_USER : ACL_TAG_GROUP;
	entry->id = *id;
	acl_free(id);
	return 0;
}

static int convert(acl_t from, struct acl **acl)
{
	int count = acl_entries(from), which = ACL_FIRST_ENTRY;

	/* The three of the mode alone are what the mode says already. */
	if (count <= 3)
		return 0;

	struct acl *list = malloc(sizeof(*list) + (size_t)count * sizeof(list->entries[0]));
	acl_entry_t entry;
	int error = list ? 0 : -ENOMEM;

	if (list)
		list->count = 0;
	while (error == 0 && list->count < (size_t)count &&
	       acl_get_entry(from, which, &entry) == 1) {
		error = read_entry(entry, &list->entries[list->count++]);
		which = ACL_NEXT_ENTRY;
	}
	if (error < 0) {
		free(list);
		return error;
	}
	*acl = list;
	return 0;
}

int access_acl_read(int fd, enum acl_kind kind, struct acl **acl)
{
	char path[PROCFS_FD_PATH];

	*acl = NULL;
	procfs_fd_path(fd, path);

	/* Asked first: what is read of a file without a list is the mode in the form of one. */
	int extended = acl_extended_file(path);

	if (extended <= 0)
		return extended < 0 ? -errno : 0;

	acl_t from = acl_get_file(path, kind == ACL_OF_ACCESS ? ACL_TYPE_ACCESS : ACL_TYPE_DEFAULT);

	if (!from)
		return -errno;

	int error = convert(from, acl);

	acl_free(from);
	return error;
}

unsigned access_acl_mask(const struct acl *acl)
{
	for (size_t i = 0; i < acl->count; i++)
		if (acl->entries[i].tag == ACL_TAG_MASK)
			return acl->entries[i].bits;
	return 7;
}

struct acl *access_acl_copy(const struct acl *acl, size_t more)
{
	struct acl *copy = malloc(sizeof(*copy) + (acl->count + more) * sizeof(copy->entries[0]));

	if (copy)
		memcpy(copy, acl, sizeof(*acl) + acl->count * sizeof(acl->entries[0]));
	return copy;
}
