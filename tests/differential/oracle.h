/* SPDX-License-Identifier: MIT */
/* Between the oracle, which becomes somebody, and what it tries as that. */
#ifndef DIFFERENTIAL_ORACLE_H
#define DIFFERENTIAL_ORACLE_H

#include "differential.h"

struct child;

/* Does what QUESTION is about. */
void oracle_try(struct child *child, const struct question *question, struct reply *reply);
/* Has what was just done undone.  FD is what may have been made, or -1. */
void oracle_undo(struct child *child, int fd);
/* After a successful chdir(2). */
void oracle_return(struct child *child);

#endif
