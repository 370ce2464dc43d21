/* SPDX-License-Identifier: MIT */
/* idn-check threads: what its parts share. */
#ifndef THREADS_H
#define THREADS_H

#include "cli/json.h"
#include "look/watch.h"

/* threads-tell.c: one finding as a line, as JSON (idn-check.schema.json), or as a warning. */
void print_finding(const struct look_finding *finding, bool verbose);
json_t *finding_object(const struct look_finding *finding, bool verbose);
void warn_of_finding(const struct look_finding *finding);

#endif
