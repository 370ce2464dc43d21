/* SPDX-License-Identifier: MIT */
/* idn-check service: what the process as a whole has, and leaves to be seen. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/facts.h"
#include "cli/message.h"
#include "service.h"

void check_dumpable(struct service *service)
{
	bool dumpable;
	int error = procfs_is_dumpable(service->pid, &dumpable);

	if (error == -ENODATA)
		answer(service, "dumpable", RESULT_SKIP, "of root it cannot be seen");
	else if (error < 0)
		answer(service, "dumpable", RESULT_SKIP, "%s", reason_of(error));
	else if (!dumpable)
		answer(service, "dumpable", RESULT_OK, "no: its own user cannot trace it");
	else if (!service->counted)
		answer(service, "dumpable", RESULT_WARN, "yes: its own user can trace it");
	else if (service->by_ring)
		answer(service, "dumpable", RESULT_FAIL,
		       "yes: its own user can trace it, and do what it may do for clients");
	else if (service->totals.counters.impersonations == 0)
		answer(service, "dumpable", RESULT_OK, "until it impersonates for the first time");
	else
		answer(service, "dumpable", RESULT_FAIL,
		       "it was made so again (PR_SET_DUMPABLE): its own user can trace it while it "
		       "acts for clients");
}

/* ---------------------------------------------------------------------------------- ledger -- */

void check_ledger(struct service *service)
{
	int error = service->process.ledger_error;

	if (error == -ENOENT)
		answer(service, "ledger", RESULT_WARN,
		       "none in %s: it has not impersonated yet, or not by this library, or cannot "
		       "write there",
		       ledger_directory());
	else if (error < 0)
		answer(service, "ledger", RESULT_FAIL, "%s", why_no_ledger(error));
	else if (!service->counted)
		answer(service, "ledger", RESULT_FAIL, "%s", why_no_ledger(-EPROTO));
	else if (service->totals.overflow)
		answer(service, "ledger", RESULT_WARN, "%u times a thread found no room in it",
		       service->totals.overflow);
	else
		answer(service, "ledger", RESULT_OK, "in %s; threads in it: %zu",
		       ledger_directory(), service->totals.threads);
}

void check_directory(struct service *service)
{
	const char *directory = ledger_directory();
	struct stat status;
	char owner[300];

	if (stat(directory, &status) < 0) {
		answer(service, "directory", errno == ENOENT ? RESULT_WARN : RESULT_SKIP, "%s: %s",
		       directory, strerror(errno));
		return;
	}
	bool safe = ledger_directory_is_safe(&status, service->uid);

	answer(service, "directory", safe ? RESULT_OK : RESULT_FAIL, "%s: of %s, mode %04o%s",
	       directory, describe_user(status.st_uid, owner, sizeof(owner)),
	       (unsigned)status.st_mode & 07777,
	       safe ? "" : ": others could exchange ledgers in it");
}

void check_counters(struct service *service)
{
	const struct ledger_totals *totals = &service->totals;

	if (!service->counted)
		answer(service, "counters", RESULT_SKIP, "no ledger");
	else
		answer(service, "counters",
		       totals->counters.flows_refused || totals->counters.mismatches ? RESULT_WARN
										     : RESULT_OK,
		       "%llu impersonations, %llu flows, %llu refused, %llu mismatches, %llu of "
		       "these of channels",
		       (unsigned long long)totals->counters.impersonations,
		       (unsigned long long)totals->counters.flows,
		       (unsigned long long)totals->counters.flows_refused,
		       (unsigned long long)totals->counters.mismatches,
		       (unsigned long long)totals->counters.channel_mismatches);
}

/* ------------------------------------------------------------------------------------ keys -- */

/*
 * Which keys a process possesses the kernel tells nobody else.  But what is nearly always in a
 * session keyring is its user's own, and these its user may view.
 */

struct keys {
	uid_t owner;
	int error;
	size_t count;
	char names[256]; /* the first few */
};

static bool is_of_use(const char *flags, const char *timeout, const char *type,
		      const char *description)
{
	static const char *const types[] = {"user", "logon", "big_key", "encrypted", "trusted"};

	/* Revoked, dead, expired; and what systemd(1) gives each service. */
	if (strpbrk(flags, "RD") || strcmp(timeout, "expd") == 0 ||
	    strncmp(description, "invocation_id:", 14) == 0)
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

static void add_key(struct keys *keys, const char *line)
{
	char flags[16], timeout[16], type[16], description[64];
	size_t used = strlen(keys->names);
	unsigned uid;

	if (sscanf(line, "%*x %15s %*d %15s %*x %u %*d %15s %63[^\n]", flags, timeout, &uid, type,
		   description) != 5 ||
	    uid != keys->owner || !is_of_use(flags, timeout, type, description))
		return;
	description[strcspn(description, ":")] = '\0';
	if (keys->count++ < 3)
		snprintf(keys->names + used, sizeof(keys->names) - used, "%s%s", used ? ", " : "",
			 description);
	else if (keys->count == 4)
		snprintf(keys->names + used, sizeof(keys->names) - used, ", ...");
}

static void read_keys(void *data)
{
	struct keys *keys = data;
	char *text;

	keys->error = procfs_keys(&text);
	if (keys->error < 0)
		return;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		add_key(keys, line);
	free(text);
}

void check_keys(struct service *service)
{
	struct keys keys = {.owner = service->uid};
	int error = ask_as_service(service, read_keys, &keys);

	if (error == 0)
		error = keys.error;
	if (error == -EPERM)
		answer(service, "keys", RESULT_SKIP, "its user's are seen by root and its user");
	else if (error < 0)
		answer(service, "keys", RESULT_SKIP, "/proc/keys: %s",
		       reason_of(error == -ESRCH ? -ENOENT : error));
	else if (keys.count)
		answer(service, "keys", RESULT_WARN,
		       "its user owns %zu (%s): those that its session keyring leads to stay "
		       "usable while it acts for a client",
		       keys.count, keys.names);
	else
		answer(service, "keys", RESULT_OK, "its user owns none");
}
