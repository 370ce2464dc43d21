/* SPDX-License-Identifier: MIT */
/* Becoming somebody for good, in two steps, of which the second does nothing but system calls. */
#ifndef CORE_BECOME_H
#define CORE_BECOME_H

#include "credentials.h"

/* All that is allocated for it; to be cleared. */
struct becoming {
	struct imp_become want;
	struct groups *groups;
	struct credentials before; /* what the calling thread had when this was prepared */
	gid_t *room;
};

/* -EINVAL for an id that is none; what the kernel reports; -ENOMEM.  Nothing is changed yet. */
int becoming_prepare(const struct imp_become *want, struct becoming *becoming,
		     const char **step) IMP_MUST_CHECK;

/* Whether any id, or the groups, are to be others than they were: that takes privilege. */
bool becoming_another(const struct becoming *becoming);

/*
 * Does it, for the thread that prepared it or a child that was forked since, reads it back and
 * proves that no way leads back.  Neither allocates nor locks.  *STEP, static, is what failed.
 */
int becoming_do(const struct becoming *becoming, const char **step) IMP_MUST_CHECK;

/* *STEP of becoming_do, with what is known besides; the thread's, until its next call. */
const char *becoming_step_text(const struct becoming *becoming, const char *step, int error);

void becoming_clear(struct becoming *becoming);

#endif
