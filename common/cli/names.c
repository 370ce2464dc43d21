/* SPDX-License-Identifier: MIT */
/* Ids, capabilities and times as people read them. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/message.h"
#include "cli/names.h"
#include "core/capability.h"
#include "core/identity.h"

const char *sid_of(uid_t uid, char *buffer, size_t size)
{
	if (uid == IMP_NO_UID)
		snprintf(buffer, size, "S-1-5-7");
	else
		snprintf(buffer, size, "S-1-22-1-%u", uid);
	return buffer;
}

const char *user_name(uid_t uid, char *buffer, size_t size)
{
	char name[256];

	return identity_user_name(uid, name, sizeof(name)) ? printable(name, buffer, size) : NULL;
}

const char *group_name(gid_t gid, char *buffer, size_t size)
{
	char name[256];

	return identity_group_name(gid, name, sizeof(name)) ? printable(name, buffer, size) : NULL;
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
	time_t seconds = (time_t)(realtime_ns / 1000000000);
	struct tm broken;
	char date[64];

	if (!gmtime_r(&seconds, &broken) ||
	    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &broken) == 0)
		date[0] = '\0';
	snprintf(buffer, size, "%s.%03dZ", date, (int)(realtime_ns / 1000000 % 1000));
	return buffer;
}

const char *level_title(enum imp_level level, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s", imp_level_name(level));
	buffer[0] = (char)toupper((unsigned char)buffer[0]);
	return buffer;
}
