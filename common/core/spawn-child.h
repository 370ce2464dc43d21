/* SPDX-License-Identifier: MIT */
/*
 * What a command inherits of the process that it is started by, done in a child of that process: by
 * system calls alone.
 */
#ifndef CORE_SPAWN_CHILD_H
#define CORE_SPAWN_CHILD_H

#include "impersonate.h"

/* Where the descriptor of the command's directory is, if there is one; close-on-exec. */
enum { SPAWN_DIRECTORY = 3 };

/* Has the three descriptors and the directory in their places, whichever they were, and no others.
 */
int spawn_descriptors(const struct imp_spawn *command) IMP_MUST_CHECK;

/* Every signal at its default. */
int spawn_signals(void) IMP_MUST_CHECK;

/*
 * Has the kernel kill this process unless it has called exec in time, which ends the timer: whoever
 * it becomes may stop it, and somebody waits for it.
 */
int spawn_limit_time(void) IMP_MUST_CHECK;

#endif
