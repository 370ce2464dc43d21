/* SPDX-License-Identifier: MIT */
/* The header that tells which services a request came through: anybody's word. */
#include <string.h>

#include "cli/json.h"
#include "fuzz.h"
#include "idn-serve-demo/serve.h"

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* Each entry once, and each with its three words. */
static void is_whole(const char *via, json_t *array)
{
	size_t index;
	json_t *entry;

	PROMISED(json_array_size(array) == count(via, ", ") + 1);
	json_array_foreach(array, index, entry)
	{
		/* An object where it is no UTF-8. */
		PROMISED(json_object_get(entry, "service"));
		PROMISED(json_is_string(json_object_get(entry, "thread")));
		PROMISED(json_is_string(json_object_get(entry, "transport")));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *via = malloc(size + 1); /* of that size, for a read beyond it to be seen */

	PROMISED(via);
	if (size)
		memcpy(via, data, size);
	via[size] = '\0';

	/* What is no list ends where it stops being one. */
	json_t *array = via_array(via);

	PROMISED(array);
	if (via_is_valid(via)) {
		PROMISED(via[strcspn(via, "\r\n\"\\")] == '\0');
		is_whole(via, array);
	}
	json_decref(array);
	free(via);
	return 0;
}
