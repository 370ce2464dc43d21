/* SPDX-License-Identifier: MIT */
/* Ids, capabilities and times as people read them. */
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/message.h"
#include "cli/names.h"
#include "core/capability.h"
#include "core/identity.h"

/*
 * What was looked up before: a table of threads asks for the same few names again and again, and
 * each question may go over a socket to another process.  For a minute, since some who ask run for
 * months.
 */
enum { REMEMBERED_SECONDS = 60 };

struct cache {
	struct {
		uint32_t id;
		bool known, named;
		time_t since;
		char name[64];
	} slots[256];
};

typedef char *look_up_fn(uint32_t id, char *buffer, size_t size);

/* Under the lock.  False where the name is too long to be remembered, or there is no memory for it.
 */
static bool remember(struct cache **cache, look_up_fn *look_up, uint32_t id, size_t *slot)
{
	struct timespec now;
	char name[256];

	/* Made at first use: most runs of most tools ask for no name. */
	if (!*cache && !(*cache = calloc(1, sizeof(**cache))))
		return false;
	*slot = (id * 2654435761u) >> 24;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if ((*cache)->slots[*slot].known && (*cache)->slots[*slot].id == id &&
	    now.tv_sec - (*cache)->slots[*slot].since <= REMEMBERED_SECONDS)
		return true;

	bool named = look_up(id, name, sizeof(name)) != NULL;

	if (named && strlen(name) >= sizeof((*cache)->slots[*slot].name))
		return false;
	(*cache)->slots[*slot].id = id;
	(*cache)->slots[*slot].known = true;
	(*cache)->slots[*slot].since = now.tv_sec;
	(*cache)->slots[*slot].named = named;
	snprintf((*cache)->slots[*slot].name, sizeof((*cache)->slots[*slot].name), "%s",
		 named ? name : "");
	return true;
}

static const char *cached(struct cache **cache, look_up_fn *look_up, uint32_t id, char *buffer,
			  size_t size)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	const char *result = NULL;
	char name[256];
	size_t slot;

	pthread_mutex_lock(&lock);
	bool remembered = remember(cache, look_up, id, &slot);

	if (remembered && (*cache)->slots[slot].named)
		result = printable((*cache)->slots[slot].name, buffer, size);
	pthread_mutex_unlock(&lock);
	if (!remembered && look_up(id, name, sizeof(name)))
		result = printable(name, buffer, size);
	return result;
}

const char *user_name(uid_t uid, char *buffer, size_t size)
{
	static struct cache *users;

	return cached(&users, identity_user_name, uid, buffer, size);
}

const char *group_name(gid_t gid, char *buffer, size_t size)
{
	static struct cache *groups;

	return cached(&groups, identity_group_name, gid, buffer, size);
}

static void append(char *buffer, size_t size, const char *text)
{
	size_t used = strlen(buffer);

	snprintf(buffer + used, size - used, "%s", text);
}

const char *capability_text(uint64_t set, char *buffer, size_t size)
{
	uint64_t all = capability_all();
	bool most = set != all && __builtin_popcountll(all & ~set) <= 4 && !(set & ~all);
	uint64_t listed = most ? all & ~set : set;
	bool first = true;

	snprintf(buffer, size, "%s",
		 set == 0     ? "none"
		 : set == all ? "all"
		 : most	      ? "all but "
			      : "");
	if (set == 0 || set == all)
		return buffer;
	for (; listed; listed &= listed - 1) {
		char name[64];

		capability_name(capability_lowest(listed), name, sizeof(name));
		if (!first)
			append(buffer, size, ",");
		append(buffer, size, name);
		first = false;
	}
	return buffer;
}

const char *time_text(int64_t realtime_ns, char *buffer, size_t size)
{
	int64_t milliseconds = realtime_ns / 1000000 - (realtime_ns % 1000000 < 0);
	int64_t within = (milliseconds % 1000 + 1000) % 1000;
	time_t seconds = (time_t)((milliseconds - within) / 1000);
	struct tm broken;
	char date[64];

	if (!gmtime_r(&seconds, &broken) ||
	    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &broken) == 0)
		date[0] = '\0';
	snprintf(buffer, size, "%s.%03dZ", date, (int)within);
	return buffer;
}

const char *level_title(enum imp_level level, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s", imp_level_name(level));
	buffer[0] = (char)toupper((unsigned char)buffer[0]);
	return buffer;
}
