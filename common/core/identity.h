/* SPDX-License-Identifier: MIT */
/* Who somebody is: ids, groups that may be shared, and the accounts behind names. */
#ifndef CORE_IDENTITY_H
#define CORE_IDENTITY_H

#include <stdatomic.h>

#include "impersonate.h"

/* A list of supplementary groups: immutable, ascending, each once; shared by reference. */
struct groups {
	atomic_uint references;
	size_t count;
	uint64_t hash; /* groups_hash() of them, for the ledger */
	gid_t gids[];
};

/* Copies, sorts and dedupes.  -ENOMEM. */
int groups_new(const gid_t *gids, size_t count, struct groups **groups) IMP_MUST_CHECK;
struct groups *groups_ref(struct groups *groups);
void groups_unref(struct groups *groups); /* NULL is allowed */
bool groups_equal(const struct groups *a, const struct groups *b);
bool groups_contain(const struct groups *groups, gid_t gid);

/* FNV-1a over the ids of an ascending list, doubles once: what the ledger knows of groups. */
uint64_t groups_hash(const gid_t *gids, size_t count);

/* An identity and the reference that its group list stands on. */
struct identity {
	struct imp_identity view; /* view.groups points into groups */
	struct groups *groups;
};

/* Takes over the reference to GROUPS. */
void identity_init(struct identity *identity, uid_t uid, gid_t gid, struct groups *groups);
/* COPY gets references of its own. */
void identity_copy(struct identity *copy, const struct identity *identity);
void identity_clear(struct identity *identity);
bool identity_equal(const struct identity *a, const struct identity *b);

/* An account: an identity with all its groups, and what goes with it.  All of it owned. */
struct account {
	struct identity identity;
	char *name; /* NULL, with the next two: a number without an account */
	char *home;
	char *shell;
};

/*
 * Looks an account up, by name or decimal number, in the name service.  A number without an account
 * is itself, with the gid of the same number and no groups. -ESRCH, -EINVAL, -ENOMEM, or what the
 * name service reported; see imp_token_from_user.
 */
int account_of_user(const char *user, struct account *account) IMP_MUST_CHECK;
/* The same without supplementary groups, which take the longest to look up. */
int account_without_groups(const char *user, struct account *account) IMP_MUST_CHECK;
int account_of_uid(uid_t uid, struct account *account) IMP_MUST_CHECK;
void account_clear(struct account *account);

/* The same, where the identity is all that is wanted. */
int identity_of_user(const char *user, struct identity *identity) IMP_MUST_CHECK;

/* By name alone: of a name made of digits no number is meant.  Otherwise the same. */
int identity_of_account(const char *name, struct identity *identity) IMP_MUST_CHECK;

/* A group's gid, by name or decimal number.  Errors as account_of_user. */
int identity_of_group(const char *group, gid_t *gid) IMP_MUST_CHECK;

/*
 * Reads a decimal uid or gid: no sign, no leading zero, nothing behind it, below 2^32 - 1 and not
 * 65535 (the -1 of 16-bit interfaces).  -EINVAL, or -ERANGE for a number that is no id.
 */
int identity_parse_id(const char *text, uint32_t *id) IMP_MUST_CHECK;

/* The name service's name of a uid or gid into a buffer: NULL when it has none. */
char *identity_user_name(uid_t uid, char *buffer, size_t size);
char *identity_group_name(gid_t gid, char *buffer, size_t size);
/* The same, or the number of what has none. */
const char *identity_user_text(uid_t uid, char *buffer, size_t size);
const char *identity_group_text(gid_t gid, char *buffer, size_t size);

#endif
