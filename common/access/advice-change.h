/* SPDX-License-Identifier: MIT */
/* Within advice: one change to one object, as a command and on the copy. */
#ifndef ACCESS_ADVICE_CHANGE_H
#define ACCESS_ADVICE_CHANGE_H

#include "access/judge.h"

struct change_list {
	char *command;	    /* all so far, owned */
	char **also;	    /* names, NULL at the end, owned */
	const char *note;   /* what else it does; static */
	const char *reason; /* why there is none; static */
	bool hopeless;
};

/*
 * Finds what does away with VERDICT, adds it to LIST and does it to the step's object, which is a
 * copy; BITS are all the permissions that are wanted of that.  1 where something was changed, 0
 * where nothing helps; -ENOMEM.
 */
int change_for(struct change_list *list, struct walk_step *step,
	       const struct access_subject *subject, const struct access_verdict *verdict,
	       unsigned bits) IMP_MUST_CHECK;

void change_free_names(char **names);

#endif
