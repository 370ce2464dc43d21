/* SPDX-License-Identifier: MIT */
/* Clients and services of the network, a promise at a time. */
#include <string.h>

#include "stage.h"

int main(int argc, char **argv)
{
	const struct check_case *const lists[] = {acceptor_cases, handshake_cases, held_cases,
						  target_cases, channel_refused_cases};

	for (size_t i = 0; argc > 1 && i < sizeof(lists) / sizeof(lists[0]); i++)
		for (const struct check_case *each = lists[i]; each->name; each++)
			if (strcmp(each->name, argv[1]) == 0)
				return check_main(argc, argv, lists[i]);
	return check_main(argc, argv, channel_cases);
}
