/* SPDX-License-Identifier: MIT */
/* The parser of /proc/keys: the first line is the description that is looked for. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "procfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;

	if (!end)
		return 0;
	size_t length = (size_t)(end - data), rest = size - length - 1, count;
	/* Of that size, for a read beyond it to be seen. */
	char *description = strndup((const char *)data, length), *text = malloc(rest + 1);
	int32_t *serials;

	PROMISED(description && text);
	memcpy(text, end + 1, rest);
	text[rest] = '\0';
	PROMISED(procfs_parse_keys(text, description, &serials, &count) == 0);
	/* What was not in it was not made up: a line for each, with the type and the description.
	 */
	PROMISED(count <= rest / 24);
	PROMISED(count == 0 || (serials && strstr(text, description) &&
				(strstr(text, " user ") || strstr(text, " logon "))));
	for (size_t i = 0; i < count; i++)
		PROMISED(serials[i] >= 0);
	free(serials);
	free(description);
	free(text);
	return 0;
}
