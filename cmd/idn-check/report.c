/* SPDX-License-Identifier: MIT */
/* A list of findings; it grows. */
#include <stdarg.h>
#include <stdlib.h>

#include "report.h"

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[] = {
		[OUTCOME_OK] = "ok", [OUTCOME_WARN] = "warn", [OUTCOME_FAIL] = "fail"};

	return names[outcome];
}

void report_add(struct report *report, enum outcome outcome, const char *check, unsigned int line,
		unsigned int column, const char *format, ...)
{
	struct finding *findings =
		reallocarray(report->findings, report->count + 1, sizeof(*findings));
	char *detail;
	va_list arguments;

	va_start(arguments, format);
	if (!findings || vasprintf(&detail, format, arguments) < 0)
		abort();
	va_end(arguments);
	report->findings = findings;
	findings[report->count++] = (struct finding){.outcome = outcome,
						     .check = check,
						     .line = line,
						     .column = column,
						     .detail = detail};
	report->problems += outcome != OUTCOME_OK;
}

void report_clear(struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		free(report->findings[i].detail);
	free(report->findings);
	*report = (struct report){.count = 0};
}
