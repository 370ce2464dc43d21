/* SPDX-License-Identifier: MIT */
/*
 * Many accounts at once, with their groups.  Asking the name service for each one's groups would
 * read its group file once for every account; here everything is read once, and turned round.
 */
#ifndef CORE_ACCOUNTS_H
#define CORE_ACCOUNTS_H

#include "impersonate.h"

struct listed_account {
	const char *name; /* NULL: a number without an account */
	uid_t uid;
	gid_t gid;
	uint32_t n_groups;
	const gid_t *groups; /* ascending, each once, with gid */
};

struct listed_group {
	const char *name;
	gid_t gid;
	uint32_t order; /* as it came */
};

/* Whom a group names, and nothing enumerates. */
struct absent_member {
	const char *name;
	gid_t gid;
};

struct accounts_slot {
	uint32_t hash;
	uint32_t number; /* an index in the list and 1; 0: free */
};

/* To be zeroed before the first use.  Names and groups lie in memory of the list's own. */
struct accounts {
	struct listed_account *list;
	size_t count, room;
	struct listed_group *groups; /* by gid, of several names the first */
	size_t n_groups, groups_room;
	struct absent_member *absent;
	size_t n_absent, absent_room;
	struct accounts_slot *slots; /* open hash table of names */
	size_t n_slots;
	struct accounts_memory *memory; /* what names and groups lie in */
};

/*
 * Reads all that the name service enumerates, getpwent(3) and getgrent(3), into ACCOUNTS, which has
 * to be empty.  Of several accounts of one name the first counts, as in a look-up.  What enumerates
 * nothing (SSSD, unless told to) is missing.  Not for several threads at a time.  -ENOMEM, or what
 * the name service reported.
 */
int accounts_enumerate(struct accounts *accounts) IMP_MUST_CHECK;

/*
 * Looks one up, by name or number, and adds it where it is not there yet; *INDEX, where not NULL,
 * is where it is.  Pointers into the list end there, those to names and groups do not.  Errors as
 * account_of_user.
 */
int accounts_add(struct accounts *accounts, const char *user, size_t *index) IMP_MUST_CHECK;
/* The same by uid alone; a uid without an account is added as such. */
int accounts_add_uid(struct accounts *accounts, uid_t uid, size_t *index) IMP_MUST_CHECK;

/*
 * Adds those members of a group that KNOWN, which was enumerated, does not have: what the group
 * names in vain there, and, where it has no such group at all, what a look-up of it tells.  Members
 * without an account are none.
 */
int accounts_add_members(struct accounts *accounts, gid_t gid,
			 const struct accounts *known) IMP_MUST_CHECK;

/* NULL: not on the list. */
const struct listed_account *accounts_find(const struct accounts *accounts, const char *name);

/* A group's name, as enumerated; NULL: it was not. */
const char *accounts_group_name(const struct accounts *accounts, gid_t gid);

/* Leaves it empty. */
void accounts_clear(struct accounts *accounts);

#endif
