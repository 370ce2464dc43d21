/* SPDX-License-Identifier: MIT */
/* The text of /proc/keys (proc_keys(5)), which procfs.c reads: nothing is opened here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "procfs.h"

/*
 * "0a1b2c3d I--Q---     1 perm 3f010000  2001  2001 user      DESCRIPTION: LENGTH", which is
 * the payload's.  The type takes nine columns at least, and a blank.
 */
static const char *description_of(const char *line, uint32_t *serial)
{
	char head[128], flags[8], timeout[16];
	size_t length = strcspn(line, "\n");
	int at = 0;

	/* Not the whole text, whose end sscanf(3) would look for, and go on behind the line. */
	length = length < sizeof(head) ? length : sizeof(head) - 1;
	memcpy(head, line, length);
	head[length] = '\0';
	if (sscanf(head, "%8x %7[-IRDQUNi] %*d %15s %*8x %*d %*d %n", serial, flags, timeout,
		   &at) != 3 ||
	    at == 0 || head[at - 1] != ' ' || strlen(flags) != 7)
		return NULL;
	/* Instantiated, neither revoked nor dead, not negative, not invalidated, not expired. */
	if (flags[0] != 'I' || strpbrk(flags + 1, "RDNi") || strcmp(timeout, "expd") == 0)
		return NULL;
	if (strncmp(line + at, "user      ", 10) != 0 && strncmp(line + at, "logon     ", 10) != 0)
		return NULL;
	return line + at + 10;
}

/* Whether the rest of a line, or of several, is this description and no more. */
static bool is_described(const char *text, const char *description)
{
	size_t length = strlen(description);

	if (strncmp(text, description, length) != 0 || strncmp(text + length, ": ", 2) != 0)
		return false;
	text += length + 2;

	size_t digits = strspn(text, "0123456789");

	return digits > 0 && (text[digits] == '\n' || text[digits] == '\0');
}

int procfs_parse_keys(const char *text, const char *description, int32_t **serials, size_t *count)
{
	size_t room = 0;

	*serials = NULL;
	*count = 0;
	for (; *text; text = strchrnul(text, '\n'), text += *text == '\n') {
		uint32_t serial;
		const char *found = description_of(text, &serial);

		if (!found || !is_described(found, description) || serial > INT32_MAX)
			continue;
		if (*count == room) {
			room = room ? room * 2 : 4;
			int32_t *larger = reallocarray(*serials, room, sizeof(**serials));

			if (!larger) {
				free(*serials);
				*serials = NULL;
				return -ENOMEM;
			}
			*serials = larger;
		}
		(*serials)[(*count)++] = (int32_t)serial;
	}
	return 0;
}
