/* SPDX-License-Identifier: MIT */
/* The parser of a line of /proc/PID/mountinfo. */
#include <string.h>

#include "access/object.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct object object = {.fd = -1};
	char *line = malloc(size + 1); /* of that size, for a read beyond it to be seen */

	PROMISED(line);
	if (size)
		memcpy(line, data, size);
	line[size] = '\0';
	object_parse_mount(line, &object);
	/* What was not in it was not made up. */
	PROMISED(!object.idmapped || strstr(line, "idmapped"));
	PROMISED(!object.fuse_allow_other || strstr(line, "allow_other"));
	PROMISED(!object.fuse_default_permissions || strstr(line, "default_permissions"));
	PROMISED(!object.filesystem_read_only || strstr(line, "ro"));

	object.mount_line = line;
	char *point = object_mount_point(&object);

	PROMISED(!point || strlen(point) <= strlen(line));
	free(point);
	object_clear(&object);
	return 0;
}
