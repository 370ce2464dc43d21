/* SPDX-License-Identifier: MIT */
/* Within the witness: a question, and those who may put it. */
#ifndef ACCESS_WITNESS_ASK_H
#define ACCESS_WITNESS_ASK_H

#include "access/witness.h"

struct ask {
	const struct access_subject *subject;
	const struct walk_base *base;
	const char *path;
	unsigned want;
	const struct walk *walk;
	struct witness *witness;
};

/* Asks as whoever the calling thread is by now. */
void witness_testify(const struct ask *ask);
/* ERROR: 0, or a negative errno. */
void witness_not_asked(struct witness *witness, const char *why, int error);

/* By a child in the subject's user namespace.  -EAGAIN, -ENOMEM: there could be none. */
int witness_ask_there(const struct ask *ask) IMP_MUST_CHECK;

#endif
