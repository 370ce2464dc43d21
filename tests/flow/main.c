/* SPDX-License-Identifier: MIT */
/* Identity that goes along with work: what flows, what does not, and that workers come back. */
#include <stdio.h>
#include <string.h>

#include "stage.h"

int main(int argc, char **argv)
{
	static const struct check_case *const parts[] = {
		capture_cases, context_cases, nest_cases,   table_cases,
		work_cases,    pool_cases,    thread_cases,
	};
	static struct check_case all[128];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (const struct check_case *each = parts[i]; each->name; each++)
			all[n++] = *each;
	return check_main(argc, argv, all);
}
