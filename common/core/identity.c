/* SPDX-License-Identifier: MIT */
/* Who somebody is: ids, groups that may be shared, and the accounts behind names (NSS). */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "identity.h"

/* --------------------------------------------------------------------------------- groups -- */

static int compare_gids(const void *a, const void *b)
{
	gid_t left = *(const gid_t *)a, right = *(const gid_t *)b;

	return (left > right) - (left < right);
}

static bool is_ascending(const gid_t *gids, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (gids[i] < gids[i - 1])
			return false;
	return true;
}

int groups_new(const gid_t *gids, size_t count, struct groups **groups)
{
	struct groups *new = malloc(sizeof(*new) + count * sizeof(gid_t));

	if (!new)
		return -ENOMEM;
	if (count)
		memcpy(new->gids, gids, count * sizeof(gid_t));
	/* As the kernel keeps them, and gives them back. */
	if (!is_ascending(new->gids, count))
		qsort(new->gids, count, sizeof(gid_t), compare_gids);

	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || new->gids[i] != new->gids[kept - 1])
			new->gids[kept++] = new->gids[i];
	atomic_init(&new->references, 1);
	new->count = kept;
	new->hash = groups_hash(new->gids, kept);
	*groups = new;
	return 0;
}

struct groups *groups_ref(struct groups *groups)
{
	if (groups)
		atomic_fetch_add_explicit(&groups->references, 1, memory_order_relaxed);
	return groups;
}

void groups_unref(struct groups *groups)
{
	if (groups && atomic_fetch_sub_explicit(&groups->references, 1, memory_order_acq_rel) == 1)
		free(groups);
}

/* By content: two lists at one address, one after the other, need not be the same groups. */
bool groups_equal(const struct groups *a, const struct groups *b)
{
	return a->count == b->count && a->hash == b->hash &&
	       memcmp(a->gids, b->gids, a->count * sizeof(gid_t)) == 0;
}

bool groups_contain(const struct groups *groups, gid_t gid)
{
	return bsearch(&gid, groups->gids, groups->count, sizeof(gid_t), compare_gids) != NULL;
}

uint64_t groups_hash(const gid_t *gids, size_t count)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && gids[i] == gids[i - 1])
			continue; /* the kernel keeps a list as it was given, doubles and all */
		for (unsigned shift = 0; shift < 32; shift += 8) {
			hash ^= (gids[i] >> shift) & 0xff;
			hash *= 0x100000001b3u;
		}
	}
	return hash;
}

/* ------------------------------------------------------------------------------- identity -- */

void identity_init(struct identity *identity, uid_t uid, gid_t gid, struct groups *groups)
{
	*identity = (struct identity){
		.view = {.uid = uid, .gid = gid, .n_groups = groups->count, .groups = groups->gids},
		.groups = groups,
	};
}

void identity_copy(struct identity *copy, const struct identity *identity)
{
	identity_init(copy, identity->view.uid, identity->view.gid, groups_ref(identity->groups));
}

void identity_clear(struct identity *identity)
{
	groups_unref(identity->groups);
	*identity = (struct identity){.view = {.uid = IMP_NO_UID, .gid = IMP_NO_GID}};
}

bool identity_equal(const struct identity *a, const struct identity *b)
{
	return a->view.uid == b->view.uid && a->view.gid == b->view.gid &&
	       groups_equal(a->groups, b->groups);
}

/* ------------------------------------------------------------------------------- accounts -- */

/*
 * The _r functions want a buffer of unknown size: 1 KiB is tried, then twice as much.  ASK calls
 * one of them, and returns its error; *FOUND says whether there was an entry.
 */
static int look_up(int (*ask)(void *query, char *buffer, size_t size, bool *found), void *query,
		   char **memory)
{
	for (size_t size = 1024;; size *= 2) {
		char *buffer = malloc(size);
		bool found = false;

		if (!buffer)
			return -ENOMEM;
		int error = ask(query, buffer, size, &found);

		if (found) {
			*memory = buffer;
			return 0;
		}
		free(buffer);
		if (error == ERANGE && size < (1u << 24))
			continue;
		/* getpwnam(3): "not found" may come as any of these. */
		if (error == 0 || error == ENOENT || error == ESRCH || error == EBADF ||
		    error == EPERM)
			return -ESRCH;
		return -error;
	}
}

struct user_query {
	const char *name; /* NULL: by uid */
	uid_t uid;
	struct passwd entry;
};

static int ask_user(void *data, char *buffer, size_t size, bool *found)
{
	struct user_query *query = data;
	struct passwd *result = NULL;
	int error = query->name ? getpwnam_r(query->name, &query->entry, buffer, size, &result)
				: getpwuid_r(query->uid, &query->entry, buffer, size, &result);

	*found = result != NULL;
	return error;
}

struct group_query {
	const char *name; /* NULL: by gid */
	gid_t gid;
	struct group entry;
};

static int ask_group(void *data, char *buffer, size_t size, bool *found)
{
	struct group_query *query = data;
	struct group *result = NULL;
	int error = query->name ? getgrnam_r(query->name, &query->entry, buffer, size, &result)
				: getgrgid_r(query->gid, &query->entry, buffer, size, &result);

	*found = result != NULL;
	return error;
}

static int groups_of_account(const struct passwd *entry, struct groups **groups)
{
	for (int room = 64;;) {
		int count = room;
		gid_t *gids = malloc((size_t)room * sizeof(gid_t));

		if (!gids)
			return -ENOMEM;
		if (getgrouplist(entry->pw_name, entry->pw_gid, gids, &count) >= 0) {
			int error = groups_new(gids, (size_t)count, groups);

			free(gids);
			return error;
		}
		free(gids);
		/* The number that it wanted, or, should it not have said, more than we had. */
		room = count > room ? count : room * 2;
		if (room > (1 << 24))
			return -E2BIG;
	}
}

static int fill_account(const struct passwd *entry, bool with_groups, struct account *account)
{
	struct groups *groups;
	int error = with_groups ? groups_of_account(entry, &groups) : groups_new(NULL, 0, &groups);

	if (error < 0)
		return error;
	identity_init(&account->identity, entry->pw_uid, entry->pw_gid, groups);
	account->name = strdup(entry->pw_name);
	account->home = strdup(entry->pw_dir);
	account->shell = strdup(entry->pw_shell);
	if (account->name && account->home && account->shell)
		return 0;
	account_clear(account);
	return -ENOMEM;
}

static int number_alone(uint32_t id, struct account *account)
{
	struct groups *groups;
	int error = groups_new(NULL, 0, &groups);

	if (error == 0)
		identity_init(&account->identity, id, id, groups);
	return error;
}

static int find_account(const char *user, bool with_groups, struct account *account)
{
	struct user_query query = {.name = user};
	uint32_t id = 0;
	char *memory;
	int error;

	memset(account, 0, sizeof(*account));
	if (user[0] == '\0')
		return -EINVAL;

	/* A name made of digits is a name first, as chown(1) and POSIX have it. */
	error = look_up(ask_user, &query, &memory);
	if (error == -ESRCH && user[0] >= '0' && user[0] <= '9') {
		if (identity_parse_id(user, &id) < 0)
			return -EINVAL;
		query = (struct user_query){.uid = id};
		error = look_up(ask_user, &query, &memory);
		if (error == -ESRCH)
			return number_alone(id, account);
	}
	if (error < 0)
		return error;
	error = fill_account(&query.entry, with_groups, account);
	free(memory);
	return error;
}

int account_of_user(const char *user, struct account *account)
{
	return find_account(user, true, account);
}

int account_without_groups(const char *user, struct account *account)
{
	return find_account(user, false, account);
}

int account_of_uid(uid_t uid, struct account *account)
{
	struct user_query query = {.uid = uid};
	char *memory;
	int error = look_up(ask_user, &query, &memory);

	memset(account, 0, sizeof(*account));
	if (error == -ESRCH)
		return number_alone(uid, account);
	if (error < 0)
		return error;
	error = fill_account(&query.entry, false, account);
	free(memory);
	return error;
}

void account_clear(struct account *account)
{
	identity_clear(&account->identity);
	free(account->name);
	free(account->home);
	free(account->shell);
	account->name = account->home = account->shell = NULL;
}

int identity_of_user(const char *user, struct identity *identity)
{
	struct account account;
	int error = account_of_user(user, &account);

	if (error < 0)
		return error;
	identity_copy(identity, &account.identity);
	account_clear(&account);
	return 0;
}

int identity_of_account(const char *name, struct identity *identity)
{
	struct user_query query = {.name = name};
	struct account account = {.name = NULL};
	char *memory;
	int error = name[0] ? look_up(ask_user, &query, &memory) : -EINVAL;

	if (error < 0)
		return error;
	error = fill_account(&query.entry, true, &account);
	free(memory);
	if (error < 0)
		return error;
	identity_copy(identity, &account.identity);
	account_clear(&account);
	return 0;
}

int identity_of_group(const char *group, gid_t *gid)
{
	struct group_query query = {.name = group};
	uint32_t id = 0;
	char *memory;
	int error;

	if (group[0] == '\0')
		return -EINVAL;
	error = look_up(ask_group, &query, &memory);
	if (error == 0) {
		*gid = query.entry.gr_gid;
		free(memory);
	} else if (error == -ESRCH && group[0] >= '0' && group[0] <= '9') {
		if (identity_parse_id(group, &id) < 0)
			return -EINVAL;
		*gid = id;
		error = 0;
	}
	return error;
}

char *identity_user_name(uid_t uid, char *buffer, size_t size)
{
	struct user_query query = {.uid = uid};
	char *memory;

	if (look_up(ask_user, &query, &memory) < 0)
		return NULL;
	snprintf(buffer, size, "%s", query.entry.pw_name);
	free(memory);
	return buffer;
}

char *identity_group_name(gid_t gid, char *buffer, size_t size)
{
	struct group_query query = {.gid = gid};
	char *memory;

	if (look_up(ask_group, &query, &memory) < 0)
		return NULL;
	snprintf(buffer, size, "%s", query.entry.gr_name);
	free(memory);
	return buffer;
}

const char *identity_user_text(uid_t uid, char *buffer, size_t size)
{
	if (!identity_user_name(uid, buffer, size))
		snprintf(buffer, size, "%u", uid);
	return buffer;
}

const char *identity_group_text(gid_t gid, char *buffer, size_t size)
{
	if (!identity_group_name(gid, buffer, size))
		snprintf(buffer, size, "%u", gid);
	return buffer;
}

int identity_parse_id(const char *text, uint32_t *id)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || text[digits] != '\0' || (text[0] == '0' && digits > 1))
		return -EINVAL;
	if (digits > 10)
		return -ERANGE;

	unsigned long long value = strtoull(text, NULL, 10);

	if (value >= UINT32_MAX || value == UINT16_MAX)
		return -ERANGE;
	*id = (uint32_t)value;
	return 0;
}
