/* SPDX-License-Identifier: MIT */
/* All threads of the system, looked at on as many processors as there are. */
#ifndef LOOK_SCAN_H
#define LOOK_SCAN_H

#include "look/state.h"

struct look_list {
	struct look_thread *threads; /* by pid, then tid */
	size_t count;
};

/*
 * Looks at every thread; with EVERY false keeps those that act for somebody, or should.  Threads
 * that end meanwhile, or that /proc hides, are left out.  -ENOMEM, or the error of reading /proc.
 */
int look_scan(bool every, struct look_list *list) IMP_MUST_CHECK;
void look_list_clear(struct look_list *list);

#endif
