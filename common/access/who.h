/* SPDX-License-Identifier: MIT */
/*
 * "Who can read this key?": every account held against one walk, and whom only the objects on the
 * way name; grouped by the rule that lets them in.
 */
#ifndef ACCESS_WHO_H
#define ACCESS_WHO_H

#include "access/judge.h"
#include "access/witness.h"
#include "core/accounts.h"

enum who_kind {
	WHO_ACCOUNT,
	WHO_UID,  /* one that an object names, and that has no account */
	WHO_GROUP /* one that an object names, and that nobody here is in: whoever will be */
};

/* Those who get in by one rule. */
struct who_rule {
	size_t step; /* of the walk: the last that permissions decided; where a capability did, that
		      */
	struct access_verdict verdict;
	size_t count, room;
	uint32_t *identities; /* for who_identity, ascending */
};

struct who {
	const struct walk *walk;
	const char *path; /* of that walk, and what is wanted */
	unsigned want;
	const struct accounts *accounts; /* the caller's */
	struct accounts named;		 /* looked up, since objects name them */
	struct listed_account *groups;	 /* WHO_GROUP: gid, and the group's name, or NULL */
	size_t n_groups;
	size_t count;	   /* of all identities */
	size_t n_accounts; /* of these, those with an account */
	uint64_t capabilities_of_root;

	struct who_rule *rules; /* the mode's and the list's in their order, capabilities last */
	size_t n_rules, rules_room;
	bool anybody;		/* a uid without account that nothing names may too */
	size_t rule_of_anybody; /* in rules, where they may */
	size_t denied;		/* how many may not */
	uint32_t first_denied;	/* the first of them */

	/* Of those who could not be judged, nor the kernel asked about. */
	bool not_asked;
	size_t unknown;
	uint32_t first_unknown;
	size_t unknown_step;
	struct access_verdict unknown_verdict;
};

/* The step at which the way ends for everybody, or for the walker's eyes; NULL: it does not. */
const struct walk_step *who_end(const struct walk *walk);

/*
 * Judges all of ACCOUNTS, and whom the walk's objects name.  ENUMERATED: that list is meant to be
 * everybody, so that members of a named group that it lacks are looked up.  Where the rules do not
 * know, the kernel is asked about each.  WALK, that of PATH and WANT, and ACCOUNTS are used until
 * who_clear.  -ENOMEM, or what the name service reported.
 */
int who_find(const struct walk *walk, const char *path, unsigned want,
	     const struct accounts *accounts, bool enumerated, struct who *who) IMP_MUST_CHECK;
void who_clear(struct who *who);

/* One of the identities, 0 to count - 1. */
const struct listed_account *who_identity(const struct who *who, uint32_t index,
					  enum who_kind *kind);
/* The rule that lets it in, or NULL. */
const struct who_rule *who_rule_of(const struct who *who, uint32_t index);

/* The same in the form that judge.h and witness.h ask for, with references of its own. */
int who_subject(const struct who *who, uint32_t index,
		struct access_subject *subject) IMP_MUST_CHECK;

/* ------------------------------------------------------------------------------ the kernel -- */

struct who_difference {
	uint32_t identity;
	bool expected; /* what was judged */
	struct witness kernel;
};

struct who_asked {
	size_t count;	   /* of those whom the kernel was asked about */
	size_t refused;	   /* of those whom it could not be asked about */
	char why_not[160]; /* the first of these: why */
	struct who_difference *differences;
	size_t n_differences, room;
};

/*
 * Asks the kernel about one of each rule and one of those who may not; EVERY: about all.  That
 * it may not be asked is no error.  -ENOMEM, -EAGAIN.
 */
int who_ask(const struct who *who, const char *path, unsigned want, bool every,
	    struct who_asked *asked) IMP_MUST_CHECK;
void who_asked_clear(struct who_asked *asked);

#endif
