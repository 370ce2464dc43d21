/* SPDX-License-Identifier: MIT */
/* How a handshake's messages travel in HTTP: RFC 4559, "Negotiate" and base64. */
#include <errno.h>
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

#include "net/negotiate.h"

#define SCHEME "Negotiate"

/* RFC 9110, 11.4: a scheme is compared without regard to case, and blanks follow it. */
static const char *behind_scheme(const char *value)
{
	const size_t length = strlen(SCHEME);

	if (strncasecmp(value, SCHEME, length) != 0)
		return NULL;
	value += length;
	return *value == '\0' || *value == ' ' ? value + strspn(value, " ") : NULL;
}

/*
 * Strict: all of the padding, and what nettle would let pass is not: blanks within, and "A===",
 * which stands for no byte at all (RFC 4648, 3.2: at most two).
 */
static int decode(const char *text, size_t length, uint8_t *message, size_t *size)
{
	struct base64_decode_ctx context;

	if (length % 4 != 0 || text[strcspn(text, " \t\r\n\v\f")] != '\0' ||
	    strcspn(text, "=") + 2 < length)
		return -EPROTO;
	base64_decode_init(&context);
	if (!base64_decode_update(&context, size, message, length, text) ||
	    !base64_decode_final(&context))
		return -EPROTO;
	return 0;
}

int negotiate_decode(const char *value, void **message, size_t *size)
{
	const char *text = behind_scheme(value);
	size_t length;
	uint8_t *bytes;
	int error;

	if (!text)
		return -ENOENT;
	length = strlen(text);
	if (length > BASE64_ENCODE_RAW_LENGTH(NEGOTIATE_MAXIMUM))
		return -EMSGSIZE;
	bytes = malloc(BASE64_DECODE_LENGTH(length) + 1);
	if (!bytes)
		return -ENOMEM;
	error = decode(text, length, bytes, size);
	if (error == 0 && *size > NEGOTIATE_MAXIMUM)
		error = -EMSGSIZE;
	if (error < 0)
		free(bytes);
	else
		*message = bytes;
	return error;
}

char *negotiate_encode(const void *message, size_t size)
{
	const size_t scheme = strlen(SCHEME " ");
	char *value = malloc(scheme + BASE64_ENCODE_RAW_LENGTH(size) + 1);

	if (!value)
		return NULL;
	memcpy(value, SCHEME " ", scheme);
	base64_encode_raw(value + scheme, size, message);
	value[scheme + BASE64_ENCODE_RAW_LENGTH(size)] = '\0';
	return value;
}
