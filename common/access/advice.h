/* SPDX-License-Identifier: MIT */
/* The smallest change that would allow it. */
#ifndef ACCESS_ADVICE_H
#define ACCESS_ADVICE_H

#include "access/judge.h"

struct advice {
	char *command;	     /* for a shell, owned; NULL: there is none, and REASON says why */
	const char *reason;  /* static, or NULL */
	const char *note;    /* what else the change does; static, or NULL */
	char **also_lets_in; /* names of who gets in too, NULL at the end, owned; NULL: nobody */
};

/*
 * Finds it for a walk that SUBJECT may not go.  Each change is tried on a copy of what was read,
 * and judged again, before it is given.  -ENOMEM.
 */
int advice_find(const struct walk *walk, const struct access_subject *subject,
		struct advice *advice) IMP_MUST_CHECK;
void advice_clear(struct advice *advice);

#endif
