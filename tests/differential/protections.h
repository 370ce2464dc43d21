/* SPDX-License-Identifier: MIT */
#ifndef DIFFERENTIAL_PROTECTIONS_H
#define DIFFERENTIAL_PROTECTIONS_H

#include "access/judge.h"

void protections_read(struct judge_protections *protections);
/*
 * Raises the sysctls fs.protected_* to 1, or to 2 the ones that know it, and tells the evaluator.
 * They are the machine's: put back when the process ends, by exit(3) or by a signal that can be
 * caught.
 */
void protections_raise(int level);
/* Async-signal-safe; for who ends otherwise. */
void protections_restore(void);

#endif
