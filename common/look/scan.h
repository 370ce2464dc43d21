/* SPDX-License-Identifier: MIT */
/* All threads of the system, looked at on as many processors as there are. */
#ifndef LOOK_SCAN_H
#define LOOK_SCAN_H

#include "look/state.h"

enum look_filter {
	LOOK_EVERY,   /* every thread */
	LOOK_ACTING,  /* those that act for somebody, or should */
	LOOK_DOUBTFUL /* those that are not who they should be, or have used a channel that was not,
			 or of which that cannot be told */
};

/* What to look at. */
struct look_item {
	pid_t pid;
	pid_t tid; /* 0: all threads of the process */
};

struct look_list {
	struct look_thread *threads; /* by pid, then tid */
	size_t count;
	size_t looked_at; /* how many threads there were */
};

/*
 * Looks at every thread of the machine, and keeps those of that kind.  Threads that end meanwhile,
 * or that /proc hides, are left out.  -ENOMEM, or the error of reading /proc.
 */
int look_scan(enum look_filter filter, struct look_list *list) IMP_MUST_CHECK;
/* The same for what is named, each thread once. */
int look_scan_items(enum look_filter filter, const struct look_item *items, size_t count,
		    struct look_list *list) IMP_MUST_CHECK;
void look_list_clear(struct look_list *list);

#endif
