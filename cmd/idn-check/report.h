/* SPDX-License-Identifier: MIT */
/* What was looked at and found: a line each, ok, warn or fail. */
#ifndef CHECK_REPORT_H
#define CHECK_REPORT_H

#include <stdio.h>

#include "impersonate.h"

enum outcome { OUTCOME_OK, OUTCOME_WARN, OUTCOME_FAIL };

struct finding {
	enum outcome outcome;
	const char *check; /* what was looked at; static */
	unsigned int line; /* of a file; 0: none */
	unsigned int column;
	char *detail;
};

struct report {
	struct finding *findings;
	size_t count;
	size_t problems; /* those that are not ok */
	bool refused;	 /* and for some of them it is not read at all */
};

/* "ok", "warn", "fail" */
const char *outcome_name(enum outcome outcome);

/* Out of memory is the end of the process. */
void report_add(struct report *report, enum outcome outcome, const char *check, unsigned int line,
		unsigned int column, const char *format, ...) IMP_PRINTF(6, 7);
void report_clear(struct report *report);

#endif
