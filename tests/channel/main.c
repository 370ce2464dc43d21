/* SPDX-License-Identifier: MIT */
/* Channels, a promise at a time. */
#include <string.h>

#include "stage.h"

int main(int argc, char **argv)
{
	const struct check_case *const lists[] = {life_cases, fault_cases};

	for (int i = 0; argc > 1 && i < 2; i++)
		for (const struct check_case *each = lists[i]; each->name; each++)
			if (strcmp(each->name, argv[1]) == 0)
				return check_main(argc, argv, lists[i]);
	return check_main(argc, argv, identity_cases);
}
