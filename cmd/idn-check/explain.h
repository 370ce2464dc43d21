/* SPDX-License-Identifier: MIT */
/* Refused calls explained, once each. */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdio.h>

#include "trace.h"

struct report {
	FILE *out;
	FILE *search; /* of the search for the command, to be told only where that fails */
	bool json, verbose;
	char *search_text;
	size_t search_size;
	void *seen; /* what has been said already (tsearch(3)) */
};

/* Ends the tool without memory. */
void report_init(struct report *report, FILE *out);
/* For trace_run; DATA is the report. */
void explain(const struct refused_call *refused, void *data);
/* STARTED: the command was found, and what was refused on the way to it does not matter. */
void report_finish(struct report *report, bool started);

#endif
