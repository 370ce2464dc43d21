/* SPDX-License-Identifier: MIT */
/*
 * The services that a request came through, and at which level its client was known there: "SERVICE
 * PID/TID TRANSPORT LEVEL DECIDED-BY CLIENT, ...", nearest last.  It is their
 * own word, and the client's who may have made it up: told, never relied on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "serve.h"

enum { VIA_MAXIMUM = 2048, SERVICE_MAXIMUM = 1024 };

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZ" LETTERS "0123456789/._~@-"

/* Of one entry: the lengths of its words, the last three of which may be missing together. */
struct words {
	size_t service, thread, transport, level, by, client;
};

/* Takes SIZE bytes, of 1 to MOST, and what is to be behind them. */
static bool take(const char **entry, size_t size, size_t most, const char *behind)
{
	if (size == 0 || size > most || strncmp(*entry + size, behind, strlen(behind)) != 0)
		return false;
	*entry += size + strlen(behind);
	return true;
}

static bool measure_thread(const char **entry, size_t *length)
{
	static const char digits[] = "0123456789";
	const char *begin = *entry;

	if (!take(entry, strspn(*entry, digits), 10, "/") ||
	    !take(entry, strspn(*entry, digits), 10, " "))
		return false;
	*length = (size_t)(*entry - begin) - 1;
	return true;
}

/* Levels are told by services that know of them. */
static bool measure_level(const char **entry, struct words *words)
{
	words->level = strspn(*entry, LETTERS);
	if (!take(entry, words->level, 16, " "))
		return false;
	words->by = strspn(*entry, LETTERS "_");
	if (!take(entry, words->by, 24, " "))
		return false;
	words->client = strspn(*entry, PLAIN "%");
	return take(entry, words->client, SERVICE_MAXIMUM, "");
}

static bool measure(const char *entry, struct words *words)
{
	*words = (struct words){.service = strspn(entry, PLAIN "%")};
	if (!take(&entry, words->service, SERVICE_MAXIMUM, " ") ||
	    !measure_thread(&entry, &words->thread))
		return false;
	words->transport = strspn(entry, LETTERS);
	if (!take(&entry, words->transport, 16, ""))
		return false;
	if (*entry == ' ' && (entry++, !measure_level(&entry, words)))
		return false;
	return entry[0] == '\0' || (strncmp(entry, ", ", 2) == 0 && entry[2] != '\0');
}

static const char *next_entry(const char *entry, const struct words *words)
{
	entry += words->service + 1 + words->thread + 1 + words->transport;
	if (words->level)
		entry += 1 + words->level + 1 + words->by + 1 + words->client;
	return *entry ? entry + 2 : entry;
}

bool via_is_valid(const char *via)
{
	struct words words;

	if (!via)
		return true;
	if (!via[0] || strlen(via) > VIA_MAXIMUM)
		return false;
	while (*via) {
		if (!measure(via, &words))
			return false;
		via = next_entry(via, &words);
	}
	return true;
}

/* -------------------------------------------------------------------------------- writing -- */

static void escape(const char *text, char escaped[3 * SERVICE_MAXIMUM + 1])
{
	size_t used = 0;

	escaped[0] = '\0';
	for (size_t i = 0; text[i] && i < SERVICE_MAXIMUM / 3; i++)
		used += (size_t)snprintf(escaped + used, 3 * SERVICE_MAXIMUM + 1 - used,
					 strchr(PLAIN, text[i]) ? "%c" : "%%%02X",
					 (unsigned char)text[i]);
}

/* No name is looked up: a thread that is a client does not. */
static void client_text(const struct imp_token *token, char text[3 * SERVICE_MAXIMUM + 1])
{
	const struct imp_identity *identity = imp_token_identity(token);

	if (identity->principal)
		escape(identity->principal, text);
	else
		snprintf(text, 3 * SERVICE_MAXIMUM + 1, "%u", identity->uid);
}

char *via_with(const char *via, const char *service, const struct imp_token *token,
	       enum imp_level told)
{
	char name[3 * SERVICE_MAXIMUM + 1], client[3 * SERVICE_MAXIMUM + 1] = "-", *text;

	escape(service, name);
	/* Who is anonymous to the next server is so in this, too. */
	if (told >= IMP_LEVEL_IMPERSONATION && imp_token_level(token) >= IMP_LEVEL_IMPERSONATION)
		client_text(token, client);
	if (asprintf(&text, "%s%s%s %d/%d %s %s %s %s", via ? via : "", via ? ", " : "", name,
		     (int)getpid(), (int)gettid(), imp_transport_name(imp_token_transport(token)),
		     imp_level_name(imp_token_level(token)),
		     imp_decided_by_name(imp_token_level_decided_by(token)), client) < 0)
		return NULL;
	return text;
}

/* -------------------------------------------------------------------------------- reading -- */

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

static json_t *entry_object(const char *entry, const struct words *words)
{
	json_t *object = json_object();
	const char *thread = entry + words->service + 1;
	const char *transport = thread + words->thread + 1;
	const char *level = transport + words->transport + 1;
	const char *by = level + words->level + 1, *client = by + words->by + 1;
	const bool is_told = words->level > 0, is_known = is_told && client[0] != '-';

	json_put(object, "service", unescaped(entry, words->service));
	json_put(object, "thread", json_stringn(thread, words->thread));
	json_put(object, "transport", json_stringn(transport, words->transport));
	json_put(object, "level", is_told ? json_stringn(level, words->level) : json_null());
	json_put(object, "level_decided_by", is_told ? json_stringn(by, words->by) : json_null());
	json_put(object, "client", is_known ? unescaped(client, words->client) : json_null());
	return object;
}

struct json_t *via_array(const char *via)
{
	json_t *array = json_array();
	struct words words;

	while (via && *via && measure(via, &words)) {
		json_append(array, entry_object(via, &words));
		via = next_entry(via, &words);
	}
	return array;
}
