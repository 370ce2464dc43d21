/* SPDX-License-Identifier: MIT */
/* Random ACLs, of the ids that random.c gives. */
#include <endian.h>
#include <string.h>

#include "random.h"

/* linux/posix_acl_xattr.h */
enum {
	TAG_USER_OBJ = 0x01,
	TAG_USER = 0x02,
	TAG_GROUP_OBJ = 0x04,
	TAG_GROUP = 0x08,
	TAG_MASK = 0x10,
	TAG_OTHER = 0x20
};

static void add_entry(uint8_t *list, size_t *size, unsigned tag, unsigned bits, uint32_t id)
{
	uint16_t words[2] = {htole16((uint16_t)tag), htole16((uint16_t)bits)};

	id = htole32(id);
	memcpy(list + *size, words, sizeof(words));
	memcpy(list + *size + 4, &id, sizeof(id));
	*size += 8;
}

/* In the order that the kernel wants: ascending ids. */
static unsigned add_named(uint8_t *list, size_t *size, unsigned tag)
{
	static const uint32_t users[] = {0, 3001, 3002, 3003, 3004, 3005, 65534};
	static const uint32_t groups[] = {0, 3101, 3102, 3103, 3104, 3105, 3106, 65534};
	const uint32_t *ids = tag == TAG_USER ? users : groups;
	unsigned known = tag == TAG_USER ? 7 : 8, added = 0;

	for (unsigned i = 0; i < known && added < 5; i++)
		if (one_in(3)) {
			add_entry(list, size, tag, random_below(8), ids[i]);
			added++;
		}
	return added;
}

void random_list(uint8_t list[4 + 8 * MOST_ACL], size_t *size)
{
	uint32_t version = htole32(2);
	unsigned named = 0;

	memcpy(list, &version, sizeof(version));
	*size = 4;
	add_entry(list, size, TAG_USER_OBJ, random_below(8), UINT32_MAX);
	if (!one_in(3))
		named += add_named(list, size, TAG_USER);
	add_entry(list, size, TAG_GROUP_OBJ, random_below(8), UINT32_MAX);
	if (!one_in(3))
		named += add_named(list, size, TAG_GROUP);
	if (named > 0 || one_in(2))
		add_entry(list, size, TAG_MASK,
			  one_in(6)   ? 0
			  : one_in(3) ? 7
				      : random_below(8),
			  UINT32_MAX);
	add_entry(list, size, TAG_OTHER, random_below(8), UINT32_MAX);
}
