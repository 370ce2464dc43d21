/* SPDX-License-Identifier: MIT */
/*
 * replay-TARGET FILE... - gives each file to the fuzzer TARGET, without libFuzzer: what was found
 * once is looked for in every test run, with any compiler.  A finding aborts, after the file's
 * name.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"

static int fail(const char *path)
{
	fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
	return 1;
}

static int replay(const char *path)
{
	size_t size = 0, room = 1 << 20;
	uint8_t *data = malloc(room);
	FILE *input = fopen(path, "re");

	if (!input || !data)
		return fail(path);
	size = fread(data, 1, room, input);
	if (ferror(input) || size == room)
		return fail(path);
	fclose(input);

	/* Of its own size, for a read beyond it to be seen. */
	uint8_t *exact = malloc(size);

	if (!exact && size)
		return fail(path);
	if (size)
		memcpy(exact, data, size);
	free(data);
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	int status = argc > 1 ? 0 : 2;

	if (status)
		fprintf(stderr, "usage: %s FILE...\n", argv[0]);
	for (int i = 1; i < argc && status == 0; i++)
		status = replay(argv[i]);
	return status;
}
