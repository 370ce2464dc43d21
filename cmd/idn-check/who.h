/* SPDX-License-Identifier: MIT */
/* idn-check who: what its parts share. */
#ifndef CHECK_WHO_H
#define CHECK_WHO_H

#include "access/who.h"
#include "check.h"

struct who_options {
	char *want_text, *users, *only_text; /* owned */
	int json, null, quiet, verbose;
	unsigned want;
	const char **paths;
};

/* One path, and all that was found. */
struct who_answer {
	const char *path;
	unsigned want;
	bool enumerated; /* the accounts are all that there are */
	struct walk walk;
	char reason[512]; /* why nobody was judged; else empty */
	int error;	  /* where the path does not lead anywhere: a positive errno */
	struct who who;
	struct who_asked asked;
	/* --only: who else may. */
	bool limited;
	uint32_t *others;
	size_t n_others;
	bool anybody_else;
};

/* ------------------------------------------------------------------------------- who-only.c -- */

struct only;

/* Reads LIST; ends the tool on a name that is none. */
struct only *only_parse(const char *list, const struct accounts *accounts);
/* Fills in who else may; false: nobody. */
bool only_hold(const struct only *only, struct who_answer *answer);
void only_free(struct only *only);

/* ------------------------------------------------------------------------------- who-text.c -- */

/* "owner rw-", "acl user:alice:r--", "CAP_DAC_OVERRIDE at /srv". */
const char *who_rule_text(const struct who_answer *answer, const struct who_rule *rule,
			  char *buffer, size_t size);
/* "alice", "uid 4444 (no account)", "group staff (no members)". */
const char *who_name_text(const struct who_answer *answer, uint32_t index, bool number,
			  char *buffer, size_t size);
/* "read"; "read and write". */
const char *who_want_text(unsigned want, char *buffer, size_t size);

void who_print(FILE *out, const struct who_answer *answer, bool verbose);
/* What breaks --only, a line each. */
void who_print_others(FILE *out, const struct who_answer *answer);
/* Names alone, each with a NUL behind it. */
void who_print_names(FILE *out, const struct who_answer *answer);

/* ----------------------------------------------------------------------------- who-object.c -- */

json_t *who_object(const struct who_answer *answer);

#endif
