/* SPDX-License-Identifier: MIT */
/* Facts of a thread, a line each. */
#include <stdio.h>

#include "cli/facts.h"
#include "cli/names.h"

const char *describe_user(uid_t uid, char *buffer, size_t size)
{
	char name[256];

	if (uid == IMP_NO_UID)
		snprintf(buffer, size, "Anonymous");
	else if (user_name(uid, name, sizeof(name)))
		snprintf(buffer, size, "%s", name);
	else
		snprintf(buffer, size, "uid %u", uid);
	return buffer;
}

const char *describe_group(gid_t gid, char *buffer, size_t size)
{
	char name[256];

	if (group_name(gid, name, sizeof(name)))
		snprintf(buffer, size, "%s (%u)", name, gid);
	else
		snprintf(buffer, size, "%u (no name)", gid);
	return buffer;
}

const char *describe_identity(uid_t uid, gid_t gid, char *buffer, size_t size)
{
	char name[256], group[300];

	describe_group(gid, group, sizeof(group));
	if (user_name(uid, name, sizeof(name)))
		snprintf(buffer, size, "%s (%u), group %s", name, uid, group);
	else
		snprintf(buffer, size, "%u (no account), group %s", uid, group);
	return buffer;
}

void print_fact(const char *label, const char *value)
{
	printf("%-18s %s\n", label, value);
}

void print_groups(const char *label, const gid_t *gids, size_t count)
{
	printf("%-18s ", label);
	for (size_t i = 0; i < count; i++) {
		char group[300];

		printf("%s%s", i ? ", " : "", describe_group(gids[i], group, sizeof(group)));
	}
	printf("%s\n", count ? "" : "none");
}

void print_ids(const char *label, const uint32_t ids[N_IDS])
{
	printf("%-18s real %u, effective %u, saved %u, filesystem %u\n", label, ids[ID_REAL],
	       ids[ID_EFFECTIVE], ids[ID_SAVED], ids[ID_FILESYSTEM]);
}

void print_capabilities(const uint64_t sets[N_SETS])
{
	static const struct {
		const char *name;
		int set;
	} rows[] = {
		{"effective", SET_EFFECTIVE},	  {"permitted", SET_PERMITTED},
		{"inheritable", SET_INHERITABLE}, {"ambient", SET_AMBIENT},
		{"bounding", SET_BOUNDING},
	};
	char text[2048];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("%-18s %-11s %s\n", i ? "" : "Capabilities:", rows[i].name,
		       capability_text(sets[rows[i].set], text, sizeof(text)));
}

void print_user(uid_t uid)
{
	char sid[64], user[300];

	printf("User: %s (%s)\n", sid_of(uid, sid, sizeof(sid)),
	       describe_user(uid, user, sizeof(user)));
}
