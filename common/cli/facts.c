/* SPDX-License-Identifier: MIT */
/* Facts of a thread, a line each. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/facts.h"
#include "cli/message.h"
#include "cli/names.h"
#include "cli/sid.h"

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
	if (uid == IMP_NO_UID)
		snprintf(buffer, size, "Anonymous (unmapped), group %s", group);
	else if (user_name(uid, name, sizeof(name)))
		snprintf(buffer, size, "%s (%u), group %s", name, uid, group);
	else
		snprintf(buffer, size, "%u (no account), group %s", uid, group);
	return buffer;
}

void put_user(FILE *out, uid_t uid)
{
	char sid[256], user[300];

	fprintf(out, "User: %s (%s)\n", sid_of(uid, sid, sizeof(sid)),
		describe_user(uid, user, sizeof(user)));
}

void put_fact(FILE *out, const char *label, const char *format, ...)
{
	va_list arguments;

	fprintf(out, "%-22s ", label);
	va_start(arguments, format);
	vfprintf(out, format, arguments);
	va_end(arguments);
	fputc('\n', out);
}

void put_groups(FILE *out, const char *label, const gid_t *gids, size_t count)
{
	fprintf(out, "%-22s ", label);
	for (size_t i = 0; i < count; i++) {
		char group[300];

		fprintf(out, "%s%s", i ? ", " : "", describe_group(gids[i], group, sizeof(group)));
	}
	fprintf(out, "%s\n", count ? "" : "none");
}

void put_ids(FILE *out, const char *label, const uint32_t ids[N_IDS])
{
	put_fact(out, label, "real %u, effective %u, saved %u, filesystem %u", ids[ID_REAL],
		 ids[ID_EFFECTIVE], ids[ID_SAVED], ids[ID_FILESYSTEM]);
}

void put_capabilities(FILE *out, const uint64_t sets[N_SETS])
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
		put_fact(out, i ? "" : "Capabilities:", "%-11s %s", rows[i].name,
			 capability_text(sets[rows[i].set], text, sizeof(text)));
}

const char *principal_of(const struct imp_ledger_entry *entry)
{
	return entry->level > IMP_LEVEL_ANONYMOUS && entry->principal[0] ? entry->principal : NULL;
}

void warn_of_ring(const char *subject, pid_t pid, pid_t tid)
{
	struct imp_ledger *ledger;
	struct imp_ledger_entry entry;
	char who[300];

	if (imp_ledger_open(pid, &ledger) < 0)
		return;
	if (imp_ledger_read(ledger, tid ? tid : pid, &entry) == 0 && entry.impersonating &&
	    entry.engine == IMP_ENGINE_RING)
		warn_of("%s: by the ring engine, and its own word, it acts as %s; taken here is "
			"what "
			"it is itself, its service",
			subject, describe_user(entry.access_uid, who, sizeof(who)));
	imp_ledger_close(ledger);
}

const char *why_no_ledger(int error)
{
	switch (error) {
	case 0:
	case -ENOENT:
		return "no ledger";
	case -EPERM:
		return "ledger not believed: wrong owner or mode, or a symbolic link";
	case -ESTALE:
		return "ledger not believed: another process's";
	case -ENOTSUP:
		return "ledger not believed: unknown version";
	case -EPROTO:
		return "ledger not believed: it makes no sense";
	case -ENOSPC:
		return "no room for it in the ledger";
	default:
		return reason_of(error);
	}
}
