/* SPDX-License-Identifier: MIT */
/* What a client writes behind "Authorization:": the framing of a handshake's messages in HTTP. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "net/negotiate.h"

static const char scheme[] = "Negotiate";

/* What was read is written in one way only, but for the scheme's case and the blanks behind it. */
static void is_written_so(const char *value, const void *message, size_t size)
{
	char *again = negotiate_encode(message, size);

	PROMISED(again);
	value += strlen(scheme);
	PROMISED(strcmp(value + strspn(value, " "), again + strlen(scheme) + 1) == 0);
	free(again);
}

static void decode(const char *value)
{
	void *message = NULL;
	size_t size = SIZE_MAX, length = strlen(scheme);
	int error = negotiate_decode(value, &message, &size);
	bool ours = strncasecmp(value, scheme, length) == 0 &&
		    (value[length] == '\0' || value[length] == ' ');

	PROMISED(error == 0 || error == -ENOENT || error == -EPROTO || error == -EMSGSIZE);
	PROMISED(ours == (error != -ENOENT));
	PROMISED(error == 0 || message == NULL); /* else it is nobody's to free */
	if (error == 0) {
		PROMISED(size <= NEGOTIATE_MAXIMUM);
		is_written_so(value, message, size);
	}
	free(message);
}

/* Whatever is sent arrives. */
static void there_and_back(const uint8_t *data, size_t size)
{
	void *message = NULL;
	size_t back = SIZE_MAX;
	char *value = negotiate_encode(data, size);

	PROMISED(value);
	PROMISED(negotiate_decode(value, &message, &back) == 0);
	PROMISED(back == size);
	PROMISED(size == 0 || memcmp(message, data, size) == 0);
	free(message);
	free(value);
}

/* The bytes as they are, as a text behind the scheme, and as a message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *value = malloc(strlen(scheme) + 1 + size + 1);

	PROMISED(value);
	memcpy(value, "Negotiate ", strlen(scheme) + 1);
	if (size)
		memcpy(value + strlen(scheme) + 1, data, size);
	value[strlen(scheme) + 1 + size] = '\0';
	decode(value);

	/* Of that size, for a read beyond it to be seen. */
	char *alone = strdup(value + strlen(scheme) + 1);

	PROMISED(alone);
	decode(alone);
	free(alone);
	free(value);
	there_and_back(data, size);
	return 0;
}
