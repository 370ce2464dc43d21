/* SPDX-License-Identifier: MIT */
/* access-test: the traps by their names. */
#include <stddef.h>

#include "stage.h"

int main(int argc, char **argv)
{
	static const struct check_case *const rooms[] = {permission_traps, object_traps,
							 mount_traps};
	struct check_case cases[64];
	size_t count = 0;

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
		for (const struct check_case *each = rooms[i]; each->name; each++)
			cases[count++] = *each;
	cases[count] = (struct check_case){.name = NULL};
	return check_main(argc, argv, cases);
}
