/* SPDX-License-Identifier: MIT */
/*
 * The services that a request came through: "SERVICE PID/TID unix, ...", nearest last.  It is their
 * own word, and the client's who may have made it up: told, never relied on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "serve.h"

enum { VIA_MAXIMUM = 2048, SERVICE_MAXIMUM = 1024 };

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._~@-"

/* One entry: the lengths of its words, of which there are three. */
static bool measure(const char *entry, size_t *service, size_t *thread, size_t *transport)
{
	static const char digits[] = "0123456789";

	*service = strspn(entry, PLAIN "%");
	if (*service == 0 || *service > SERVICE_MAXIMUM || entry[*service] != ' ')
		return false;
	entry += *service + 1;

	size_t pid = strspn(entry, digits);

	if (pid == 0 || pid > 10 || entry[pid] != '/')
		return false;

	size_t tid = strspn(entry + pid + 1, digits);

	if (tid == 0 || tid > 10 || entry[pid + 1 + tid] != ' ')
		return false;
	*thread = pid + 1 + tid;
	entry += *thread + 1;
	*transport = strspn(entry, "abcdefghijklmnopqrstuvwxyz");
	entry += *transport;
	return *transport > 0 && *transport <= 16 &&
	       (entry[0] == '\0' || (strncmp(entry, ", ", 2) == 0 && entry[2] != '\0'));
}

static const char *next_entry(const char *entry, size_t length)
{
	entry += length;
	return *entry ? entry + 2 : entry;
}

bool via_is_valid(const char *via)
{
	size_t service, thread, transport;

	if (!via)
		return true;
	if (!via[0] || strlen(via) > VIA_MAXIMUM)
		return false;
	while (*via) {
		if (!measure(via, &service, &thread, &transport))
			return false;
		via = next_entry(via, service + thread + transport + 2);
	}
	return true;
}

char *via_with(const char *via, const char *service, enum imp_transport transport)
{
	char escaped[3 * SERVICE_MAXIMUM + 1], *text;
	size_t used = 0;

	for (size_t i = 0; service[i] && i < SERVICE_MAXIMUM / 3; i++)
		used += (size_t)snprintf(escaped + used, sizeof(escaped) - used,
					 strchr(PLAIN, service[i]) ? "%c" : "%%%02X",
					 (unsigned char)service[i]);
	if (asprintf(&text, "%s%s%s %d/%d %s", via ? via : "", via ? ", " : "", escaped,
		     (int)getpid(), (int)gettid(), imp_transport_name(transport)) < 0)
		return NULL;
	return text;
}

/* Undoes %XX; LENGTH bytes of TEXT. */
static json_t *unescaped(const char *text, size_t length)
{
	char buffer[SERVICE_MAXIMUM + 1];
	size_t used = 0;

	for (size_t i = 0; i < length && used < SERVICE_MAXIMUM; i++) {
		unsigned int byte;

		if (text[i] == '%' && i + 2 < length && sscanf(text + i + 1, "%2x", &byte) == 1 &&
		    byte != 0) {
			buffer[used++] = (char)byte;
			i += 2;
		} else {
			buffer[used++] = text[i];
		}
	}
	buffer[used] = '\0';
	return json_text(buffer);
}

struct json_t *via_array(const char *via)
{
	json_t *array = json_array();
	size_t service, thread, transport;

	while (via && *via && measure(via, &service, &thread, &transport)) {
		json_t *object = json_object();

		json_put(object, "service", unescaped(via, service));
		json_put(object, "thread", json_stringn(via + service + 1, thread));
		json_put(object, "transport", json_stringn(via + service + thread + 2, transport));
		json_append(array, object);
		via = next_entry(via, service + thread + transport + 2);
	}
	return array;
}
