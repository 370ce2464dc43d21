/* SPDX-License-Identifier: MIT */
/* A list of accounts: where they lie, finding one by its name, adding one more. */
#include <errno.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "accounts-list.h"
#include "identity.h"

/* ---------------------------------------------------------------------------------- memory -- */

/* Blocks that only grow, so that what lies in them stays where it is. */
struct accounts_memory {
	struct accounts_memory *next;
	size_t used, size;
	alignas(max_align_t) char bytes[];
};

enum { BLOCK_SIZE = 64 * 1024 - 64 };

void *accounts_take(struct accounts *accounts, size_t size, size_t alignment)
{
	struct accounts_memory *block = accounts->memory;
	size_t from = block ? (block->used + alignment - 1) & ~(alignment - 1) : 0;

	if (!block || from > block->size || block->size - from < size) {
		size_t wanted = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		block = malloc(sizeof(*block) + wanted);
		if (!block)
			return NULL;
		*block = (struct accounts_memory){.next = accounts->memory, .size = wanted};
		accounts->memory = block;
		from = 0;
	}
	block->used = from + size;
	return block->bytes + from;
}

const char *accounts_keep_text(struct accounts *accounts, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = accounts_take(accounts, size, 1);

	return copy ? memcpy(copy, text, size) : NULL;
}

int accounts_make_room(void *list, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 256;
	void *larger, *old;

	if (count < *room)
		return 0;
	if (more > UINT32_MAX / 2)
		return -ENOMEM;
	memcpy(&old, list, sizeof(old));
	larger = reallocarray(old, more, size);
	if (!larger)
		return -ENOMEM;
	memcpy(list, &larger, sizeof(larger));
	*room = more;
	return 0;
}

/* ----------------------------------------------------------------------------------- names -- */

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 0x811c9dc5;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x01000193;
	return hash ^ hash >> 15;
}

/* The slot that NAME is in, or that is free for it. */
static struct accounts_slot *slot_of(const struct accounts *accounts, const char *name,
				     uint32_t hash)
{
	size_t i = hash & (accounts->n_slots - 1);

	/* The hash first: names lie elsewhere in memory. */
	for (;; i = (i + 1) & (accounts->n_slots - 1)) {
		struct accounts_slot *slot = &accounts->slots[i];

		if (!slot->number || (slot->hash == hash &&
				      strcmp(accounts->list[slot->number - 1].name, name) == 0))
			return slot;
	}
}

/* Less than half full, always. */
static int make_slots(struct accounts *accounts)
{
	size_t before = accounts->n_slots, wanted = before ? before * 2 : 512;
	struct accounts_slot *old = accounts->slots, *slots;

	if (accounts->count < before / 2)
		return 0;
	slots = calloc(wanted, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < before; i++) {
		size_t to = old[i].hash & (wanted - 1);

		if (!old[i].number)
			continue;
		while (slots[to].number)
			to = (to + 1) & (wanted - 1);
		slots[to] = old[i];
	}
	free(old);
	accounts->slots = slots;
	accounts->n_slots = wanted;
	return 0;
}

const struct listed_account *accounts_find(const struct accounts *accounts, const char *name)
{
	uint32_t found = accounts->n_slots ? slot_of(accounts, name, hash_of(name))->number : 0;

	return found ? &accounts->list[found - 1] : NULL;
}

int accounts_add_entry(struct accounts *accounts, const char *name, uid_t uid, gid_t gid,
		       size_t *index)
{
	struct accounts_slot *slot = NULL;
	uint32_t hash = 0;
	const char *copy = NULL;
	int error = make_slots(accounts);

	if (error == 0)
		error = accounts_make_room(&accounts->list, accounts->count, &accounts->room,
					   sizeof(*accounts->list));
	if (error < 0)
		return error;
	if (name) {
		hash = hash_of(name);
		slot = slot_of(accounts, name, hash);
		if (slot->number) {
			*index = slot->number - 1;
			return -EEXIST;
		}
		copy = accounts_keep_text(accounts, name);
		if (!copy)
			return -ENOMEM;
	}
	accounts->list[accounts->count] =
		(struct listed_account){.name = copy, .uid = uid, .gid = gid};
	*index = accounts->count++;
	if (slot)
		*slot = (struct accounts_slot){.hash = hash, .number = (uint32_t)accounts->count};
	return 0;
}

/* -------------------------------------------------------------------------------- one more -- */

static int compare_gids(const void *a, const void *b)
{
	gid_t left = *(const gid_t *)a, right = *(const gid_t *)b;

	return (left > right) - (left < right);
}

/* Most lists are short, and nearly in order: groups are often enumerated so. */
static void sort_gids(gid_t *gids, uint32_t count)
{
	enum { SHORT = 32 };

	if (count > SHORT) {
		qsort(gids, count, sizeof(*gids), compare_gids);
		return;
	}
	for (uint32_t i = 1; i < count; i++) {
		gid_t gid = gids[i];
		uint32_t to = i;

		for (; to > 0 && gids[to - 1] > gid; to--)
			gids[to] = gids[to - 1];
		gids[to] = gid;
	}
}

void accounts_order_gids(gid_t *gids, uint32_t *count)
{
	uint32_t kept = 1;
	bool ascending = true;

	for (uint32_t i = 1; i < *count && ascending; i++)
		ascending = gids[i] > gids[i - 1];
	if (ascending)
		return;
	sort_gids(gids, *count);
	for (uint32_t i = 1; i < *count; i++)
		if (gids[i] != gids[kept - 1])
			gids[kept++] = gids[i];
	*count = kept;
}

/* Of a number without an account. */
static bool is_listed_number(const struct accounts *accounts, uid_t uid, size_t *index)
{
	for (*index = 0; *index < accounts->count; (*index)++)
		if (!accounts->list[*index].name && accounts->list[*index].uid == uid)
			return true;
	return false;
}

static int add_account(struct accounts *accounts, const struct account *account, size_t *index)
{
	const struct imp_identity *view = &account->identity.view;
	gid_t *gids;
	int error;

	if (!account->name && is_listed_number(accounts, view->uid, index))
		return 0;
	gids = accounts_take(accounts, (view->n_groups + 1) * sizeof(*gids), alignof(gid_t));
	if (!gids)
		return -ENOMEM;
	error = accounts_add_entry(accounts, account->name, view->uid, view->gid, index);
	if (error < 0)
		return error == -EEXIST ? 0 : error;
	gids[0] = view->gid;
	if (view->n_groups)
		memcpy(gids + 1, view->groups, view->n_groups * sizeof(*gids));
	accounts->list[*index].n_groups = (uint32_t)view->n_groups + 1;
	accounts->list[*index].groups = gids;
	accounts_order_gids(gids, &accounts->list[*index].n_groups);
	return 0;
}

int accounts_add(struct accounts *accounts, const char *user, size_t *index)
{
	struct account account;
	size_t ignored;
	int error = account_of_user(user, &account);

	if (error < 0)
		return error;
	error = add_account(accounts, &account, index ? index : &ignored);
	account_clear(&account);
	return error;
}

int accounts_add_uid(struct accounts *accounts, uid_t uid, size_t *index)
{
	struct account account;
	size_t ignored;
	int error = account_of_uid(uid, &account);

	if (error < 0)
		return error;
	/* By its name, which is what groups know it by. */
	if (account.name)
		error = accounts_add(accounts, account.name, index);
	else
		error = add_account(accounts, &account, index ? index : &ignored);
	account_clear(&account);
	return error;
}

/* --------------------------------------------------------------------------------- looking -- */

const char *accounts_group_name(const struct accounts *accounts, gid_t gid)
{
	size_t low = 0, high = accounts->n_groups;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (accounts->groups[middle].gid < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < accounts->n_groups && accounts->groups[low].gid == gid
		       ? accounts->groups[low].name
		       : NULL;
}

void accounts_clear(struct accounts *accounts)
{
	while (accounts->memory) {
		struct accounts_memory *next = accounts->memory->next;

		free(accounts->memory);
		accounts->memory = next;
	}
	free(accounts->list);
	free(accounts->groups);
	free(accounts->absent);
	free(accounts->slots);
	*accounts = (struct accounts){.count = 0};
}
