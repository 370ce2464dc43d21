/* SPDX-License-Identifier: MIT */
/* Every account: the name service enumerated, and its groups turned round (NSS). */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "accounts-list.h"

/* Who is in which group, as the groups tell it. */
struct membership {
	uint32_t account;
	gid_t gid;
};

struct memberships {
	struct membership *list;
	size_t count, room;
};

/*
 * Gives USE one entry after the other, through a buffer as large as the entries need.  What ends
 * it is ENOENT; the C library says EAGAIN or the like where a service could not answer.
 */
static int enumerate(int (*get)(void *entry, char *buffer, size_t size),
		     int (*use)(const void *entry, void *data), void *entry, void *data)
{
	size_t size = 16 * 1024;
	char *buffer = malloc(size);
	int error = buffer ? 0 : -ENOMEM;

	while (error == 0) {
		int result = get(entry, buffer, size);

		if (result == 0) {
			error = use(entry, data);
		} else if (result == ERANGE && size < (1u << 28)) {
			char *larger = realloc(buffer, size * 2);

			error = larger ? 0 : -ENOMEM;
			buffer = larger ? larger : buffer;
			size *= larger ? 2 : 1;
		} else {
			error = -result;
		}
	}
	free(buffer);
	return error == -ENOENT ? 0 : error;
}

static int get_user(void *entry, char *buffer, size_t size)
{
	struct passwd *result;

	return getpwent_r(entry, buffer, size, &result);
}

static int get_group(void *entry, char *buffer, size_t size)
{
	struct group *result;

	return getgrent_r(entry, buffer, size, &result);
}

static int use_user(const void *data, void *context)
{
	const struct passwd *entry = data;
	size_t index;
	int error =
		accounts_add_entry(context, entry->pw_name, entry->pw_uid, entry->pw_gid, &index);

	return error == -EEXIST ? 0 : error;
}

struct group_context {
	struct accounts *accounts;
	struct memberships *memberships;
};

/* It may have an account where nothing is enumerated. */
static int keep_absent(struct accounts *accounts, const char *name, gid_t gid)
{
	const char *copy = accounts_keep_text(accounts, name);
	int error = accounts_make_room(&accounts->absent, accounts->n_absent,
				       &accounts->absent_room, sizeof(*accounts->absent));

	if (error < 0 || !copy)
		return -ENOMEM;
	accounts->absent[accounts->n_absent++] = (struct absent_member){.name = copy, .gid = gid};
	return 0;
}

static int use_group(const void *data, void *context)
{
	const struct group *entry = data;
	struct accounts *accounts = ((struct group_context *)context)->accounts;
	struct memberships *all = ((struct group_context *)context)->memberships;
	int error = accounts_make_room(&accounts->groups, accounts->n_groups,
				       &accounts->groups_room, sizeof(*accounts->groups));
	const char *name = accounts_keep_text(accounts, entry->gr_name);

	if (error < 0 || !name)
		return -ENOMEM;
	accounts->groups[accounts->n_groups] = (struct listed_group){
		.name = name, .gid = entry->gr_gid, .order = (uint32_t)accounts->n_groups};
	accounts->n_groups++;
	for (char **member = entry->gr_mem; *member; member++) {
		const struct listed_account *account = accounts_find(accounts, *member);

		if (!account) {
			error = keep_absent(accounts, *member, entry->gr_gid);
			if (error < 0)
				return error;
			continue;
		}
		error = accounts_make_room(&all->list, all->count, &all->room, sizeof(*all->list));
		if (error < 0)
			return error;
		all->list[all->count++] = (struct membership){
			.account = (uint32_t)(account - accounts->list), .gid = entry->gr_gid};
	}
	return 0;
}

/* Counts, lays out, fills: all lists one after the other, each with its primary gid. */
static int turn_round(struct accounts *accounts, const struct memberships *all)
{
	size_t total = all->count + accounts->count;
	gid_t *gids = accounts_take(accounts, total * sizeof(*gids), alignof(gid_t));
	size_t from = 0;

	if (!gids)
		return -ENOMEM;
	for (size_t i = 0; i < all->count; i++)
		accounts->list[all->list[i].account].n_groups++;
	for (size_t i = 0; i < accounts->count; i++) {
		struct listed_account *account = &accounts->list[i];

		account->groups = gids + from;
		gids[from] = account->gid;
		from += account->n_groups + 1;
		account->n_groups = 1;
	}
	for (size_t i = 0; i < all->count; i++) {
		struct listed_account *account = &accounts->list[all->list[i].account];

		gids[account->groups - gids + account->n_groups++] = all->list[i].gid;
	}
	for (size_t i = 0; i < accounts->count; i++)
		accounts_order_gids(gids + (accounts->list[i].groups - gids),
				    &accounts->list[i].n_groups);
	return 0;
}

static int compare_groups(const void *a, const void *b)
{
	const struct listed_group *left = a, *right = b;

	if (left->gid != right->gid)
		return (left->gid > right->gid) - (left->gid < right->gid);
	return (left->order > right->order) - (left->order < right->order);
}

int accounts_enumerate(struct accounts *accounts)
{
	struct memberships memberships = {NULL, 0, 0};
	struct group_context context = {accounts, &memberships};
	struct passwd user;
	struct group group;
	int error;

	setpwent();
	error = enumerate(get_user, use_user, &user, accounts);
	endpwent();
	if (error == 0) {
		setgrent();
		error = enumerate(get_group, use_group, &group, &context);
		endgrent();
	}
	if (error == 0)
		error = turn_round(accounts, &memberships);
	if (error == 0 && accounts->n_groups)
		qsort(accounts->groups, accounts->n_groups, sizeof(*accounts->groups),
		      compare_groups);
	free(memberships.list);
	if (error < 0)
		accounts_clear(accounts);
	return error;
}

/* --------------------------------------------------------------------------------- members -- */

static int add_member(struct accounts *accounts, const char *name, const struct accounts *known)
{
	int error;

	/* A member is a name, also where it looks like a number. */
	if (accounts_find(known, name) || name[strspn(name, "0123456789")] == '\0')
		return 0;
	error = accounts_add(accounts, name, NULL);
	return error == -ESRCH || error == -EINVAL ? 0 : error;
}

int accounts_add_members(struct accounts *accounts, gid_t gid, const struct accounts *known)
{
	const struct group *group;
	int error = 0;

	for (size_t i = 0; i < known->n_absent && error == 0; i++)
		if (known->absent[i].gid == gid)
			error = add_member(accounts, known->absent[i].name, known);
	if (error < 0 || accounts_group_name(known, gid))
		return error;

	/* Looking accounts up does not touch what this returns: those are the _r functions. */
	group = getgrgid(gid);
	for (char **member = group ? group->gr_mem : NULL; member && *member && error == 0;
	     member++)
		error = add_member(accounts, *member, known);
	return error;
}
