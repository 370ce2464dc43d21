/* SPDX-License-Identifier: MIT */
/* Whom the objects on a way name, beside the accounts that there are. */
#include <errno.h>
#include <stdlib.h>

#include "access/who-named.h"

struct ids {
	uint32_t *list; /* ascending, each once, after order_ids */
	bool *seen;	/* of each: somebody on the list of accounts is that, or in that */
	size_t count;
};

static size_t count_names(const struct walk *walk)
{
	size_t count = 0;

	for (size_t i = 0; i < walk->n_objects; i++)
		count += 1 + (walk->objects[i]->acl ? walk->objects[i]->acl->count : 0);
	return count;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void order_ids(struct ids *ids)
{
	size_t kept = 0;

	qsort(ids->list, ids->count, sizeof(*ids->list), compare_ids);
	for (size_t i = 0; i < ids->count; i++)
		if (kept == 0 || ids->list[i] != ids->list[kept - 1])
			ids->list[kept++] = ids->list[i];
	ids->count = kept;
}

static void collect_from_acl(const struct acl *acl, struct ids *uids, struct ids *gids)
{
	for (size_t i = 0; acl && i < acl->count; i++) {
		if (acl->entries[i].tag == ACL_TAG_USER)
			uids->list[uids->count++] = acl->entries[i].id;
		else if (acl->entries[i].tag == ACL_TAG_GROUP)
			gids->list[gids->count++] = acl->entries[i].id;
	}
}

/* From the directories on the way, too: their owner can go through where nobody else can. */
static int collect(const struct walk *walk, struct ids *uids, struct ids *gids)
{
	size_t most = count_names(walk);

	*uids = (struct ids){calloc(most + 1, sizeof(uint32_t)), calloc(most + 1, sizeof(bool)), 0};
	*gids = (struct ids){calloc(most + 1, sizeof(uint32_t)), calloc(most + 1, sizeof(bool)), 0};
	if (!uids->list || !uids->seen || !gids->list || !gids->seen)
		return -ENOMEM;
	for (size_t i = 0; i < walk->n_objects; i++) {
		const struct object *object = walk->objects[i];

		if (!object->unmapped) {
			uids->list[uids->count++] = object->uid;
			gids->list[gids->count++] = object->gid;
		}
		collect_from_acl(object->acl, uids, gids);
	}
	order_ids(uids);
	order_ids(gids);
	return 0;
}

static bool find_id(const struct ids *ids, uint32_t id, size_t *index)
{
	size_t low = 0, high = ids->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ids->list[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	*index = low;
	return low < ids->count && ids->list[low] == id;
}

static void mark(const struct accounts *accounts, struct ids *uids, struct ids *gids)
{
	size_t found;

	for (size_t i = 0; i < accounts->count; i++) {
		const struct listed_account *account = &accounts->list[i];

		if (find_id(uids, account->uid, &found))
			uids->seen[found] = true;
		for (uint32_t j = 0; j < account->n_groups; j++)
			if (find_id(gids, account->groups[j], &found))
				gids->seen[found] = true;
	}
}

/* The highest id that no object names: whoever has it is nobody in particular. */
static uint32_t free_id(const struct ids *ids)
{
	uint32_t id = UINT32_MAX - 2;
	size_t found;

	while (find_id(ids, id, &found))
		id--;
	return id;
}

static int add_groups(struct who *who, const struct ids *gids, uid_t nobody)
{
	who->groups = calloc(gids->count + 1, sizeof(*who->groups));
	if (!who->groups)
		return -ENOMEM;
	for (size_t i = 0; i < gids->count; i++) {
		struct listed_account *group = &who->groups[who->n_groups];

		if (gids->seen[i])
			continue;
		*group = (struct listed_account){
			.name = accounts_group_name(who->accounts, gids->list[i]),
			.uid = nobody,
			.gid = gids->list[i],
			.groups = &group->gid,
			.n_groups = 1,
		};
		who->n_groups++;
	}
	return 0;
}

/* Those that are not on the list are looked up: not everything that there is is enumerated. */
static int add_all(struct who *who, bool enumerated, struct ids *uids, struct ids *gids)
{
	int error = 0;

	mark(who->accounts, uids, gids);
	for (size_t i = 0; i < uids->count && error == 0; i++)
		if (!uids->seen[i])
			error = accounts_add_uid(&who->named, uids->list[i], NULL);
	for (size_t i = 0; i < gids->count && error == 0 && enumerated; i++)
		error = accounts_add_members(&who->named, gids->list[i], who->accounts);
	if (error < 0)
		return error;
	mark(&who->named, uids, gids);
	return add_groups(who, gids, free_id(uids));
}

int who_add_named(struct who *who, bool enumerated, struct listed_account *anybody)
{
	struct ids uids = {NULL, NULL, 0}, gids = {NULL, NULL, 0};
	int error = collect(who->walk, &uids, &gids);

	if (error == 0)
		error = add_all(who, enumerated, &uids, &gids);
	if (error == 0)
		*anybody = (struct listed_account){.uid = free_id(&uids), .gid = free_id(&gids)};
	free(uids.list);
	free(uids.seen);
	free(gids.list);
	free(gids.seen);
	return error;
}
