/* SPDX-License-Identifier: MIT */
/* The kernel as witness: the same question, asked in a thread that is the subject. */
#ifndef ACCESS_WITNESS_H
#define ACCESS_WITNESS_H

#include "access/subject.h"
#include "access/walk.h"

struct witness {
	bool asked;
	bool allowed;
	int error;	   /* where refused: a positive errno */
	char question[64]; /* "faccessat2(W_OK)"; empty where nothing was asked */
	char why_not[160]; /* not asked: why */
};

/*
 * Asks faccessat2(2) with AT_EACCESS about PATH, in a disposable thread that becomes SUBJECT for
 * good.  What access(2) has no question for is asked as far as it goes: for create and delete the
 * directory, for chmod, chown and link the way there.  Nothing is changed by asking.  WALK is that
 * of the same base, path and want.  Held against access_answer.permitted.  -EAGAIN: no thread could
 * be had.
 */
int witness_ask(const struct access_subject *subject, const struct walk_base *base,
		const char *path, unsigned want, const struct walk *walk,
		struct witness *witness) IMP_MUST_CHECK;

/*
 * Makes the calling thread SUBJECT, for good: to be called in a thread that then ends.  On failure
 * -errno and *STEP, and the thread must not go on.
 */
int witness_become(const struct access_subject *subject, const char **step) IMP_MUST_CHECK;

/*
 * Gives the calling thread alone the root, the mounts and the directory of BASE; NULL, or the
 * caller's own, and nothing changes.  Before it becomes anybody.
 */
int witness_stand_at(const struct walk_base *base) IMP_MUST_CHECK;

#endif
