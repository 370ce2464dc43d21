/* SPDX-License-Identifier: MIT */
/* Checks that end the program, and the reading of what the kernel has; see check.h. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

/*
 * LeakSanitizer stops all threads by ptrace(2) to look, which it may not do to a process that is
 * not dumpable: every one here, from the first switch on.
 */
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return 1;
}

/* ---------------------------------------------------------------------------------- checks -- */

void check_end(int status, const char *file, int line, const char *format, ...)
{
	va_list arguments;
	char text[4096];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	dprintf(STDERR_FILENO, "%s:%d: %s\n", file, line, text);
	_exit(status);
}

void check_same(const char *file, int line, const char *what, long long seen, long long expected)
{
	if (seen == expected)
		return;
	/* Numbers of this range are errnos more often than not. */
	if (seen < 0 && seen > -200)
		check_end(FAILED, file, line, "%s: expected %lld, saw %lld (%s)", what, expected,
			  seen, strerror((int)-seen));
	check_end(FAILED, file, line, "%s: expected %lld, saw %lld", what, expected, seen);
}

void check_text(const char *file, int line, const char *what, const char *seen,
		const char *expected)
{
	if (!seen || strcmp(seen, expected) != 0)
		check_end(FAILED, file, line, "%s: expected \"%s\", saw \"%s\"", what, expected,
			  seen ? seen : "(null)");
}

void check_contains(const char *file, int line, const char *what, const char *seen,
		    const char *expected)
{
	if (!seen || !strstr(seen, expected))
		check_end(FAILED, file, line, "%s: expected something with \"%s\", saw \"%s\"",
			  what, expected, seen ? seen : "(null)");
}

long check_system(const char *file, int line, const char *what, long result)
{
	if (result == -1)
		check_end(FAILED, file, line, "%s: expected success, saw: %s", what,
			  strerror(errno));
	return result;
}

int check_main(int argc, char **argv, const struct check_case *cases)
{
	const char *kind = argc > 2 ? argv[2] : "root";

	for (const struct check_case *each = cases; argc > 1 && each->name; each++)
		if (strcmp(argv[1], each->name) == 0) {
			log_to_memory();
			each->run(kind);
			return PASSED;
		}
	fprintf(stderr, "usage: %s CASE [root|ordinary]\n", argv[0]);
	for (const struct check_case *each = cases; each->name; each++)
		fprintf(stderr, "  %s\n", each->name);
	return FAILED;
}

/* ----------------------------------------------------------------------------- who they are -- */

static int compare(const void *a, const void *b)
{
	gid_t left = *(const gid_t *)a, right = *(const gid_t *)b;

	return (left > right) - (left < right);
}

void who_is(const char *user, struct who *who)
{
	struct passwd *entry = getpwnam(user);
	int count = MOST_GROUPS;

	if (!entry)
		SKIP("needs the account %s", user);
	who->uid = entry->pw_uid;
	who->gid = entry->pw_gid;
	if (getgrouplist(user, entry->pw_gid, who->groups, &count) < 0)
		FAIL("getgrouplist %s: expected at most %d groups, saw %d", user, MOST_GROUPS,
		     count);
	qsort(who->groups, (size_t)count, sizeof(gid_t), compare);
	who->n_groups = 0;
	for (int i = 0; i < count; i++)
		if (i == 0 || who->groups[i] != who->groups[i - 1])
			who->groups[who->n_groups++] = who->groups[i];
}

void who_with_groups(uid_t uid, size_t n_groups, struct who *who)
{
	*who = (struct who){.uid = uid, .gid = uid, .n_groups = n_groups};
	for (size_t i = 0; i < n_groups; i++)
		who->groups[i] = (gid_t)(1000 * uid + i);
}

/* ------------------------------------------------------------------------------ what there is --
 */

static void parse_groups(const char *text, struct who *who)
{
	char *end;

	who->n_groups = 0;
	for (unsigned long gid = strtoul(text, &end, 10);
	     end != text && who->n_groups < MOST_GROUPS; gid = strtoul(text, &end, 10)) {
		who->groups[who->n_groups++] = (gid_t)gid;
		text = end;
		if (text[strspn(text, " ")] == '\n')
			break;
	}
}

void state_parse(FILE *file, const char *name, struct state *state)
{
	static const char uids[] = "Uid:", gids[] = "Gid:", groups[] = "Groups:";
	char *line = NULL;
	size_t size = 0;
	int found = 0;

	memset(state, 0, sizeof(*state));
	while (getline(&line, &size, file) > 0) {
		found += sscanf(line, "Uid: %u %u %u %u", &state->real_uid, &state->who.uid,
				&state->saved_uid, &state->filesystem_uid) == 4;
		found += sscanf(line, "Gid: %u %u %u %u", &state->real_gid, &state->who.gid,
				&state->saved_gid, &state->filesystem_gid) == 4;
		found += sscanf(line, "CapEff: %llx", &state->effective) == 1;
		found += sscanf(line, "CapPrm: %llx", &state->permitted) == 1;
		found += sscanf(line, "CapInh: %llx", &state->inheritable) == 1;
		found += sscanf(line, "CapAmb: %llx", &state->ambient) == 1;
		found += sscanf(line, "CapBnd: %llx", &state->bounding) == 1;
		if (strncmp(line, groups, strlen(groups)) == 0)
			parse_groups(line + strlen(groups), &state->who);
	}
	free(line);
	if (found != 7)
		FAIL("%s: expected %s, %s and the capability sets, saw %d of 7 lines", name, uids,
		     gids, found);
}

void state_read(pid_t tid, struct state *state)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)(tid ? tid : gettid()));
	FILE *file = fopen(path, "re");

	if (!file)
		FAIL("%s: expected a thread, saw: %s", path, strerror(errno));
	state_parse(file, path, state);
	fclose(file);
}

/* The capabilities of files, as capabilities(7) has them under setfsuid(2) and nobody else's list.
 */
static unsigned long long file_capabilities(void)
{
	return 1ull << 0 | 1ull << 1 | 1ull << 2 | 1ull << 3 | 1ull << 4 | 1ull << 9 | 1ull << 27 |
	       1ull << 32;
}

void state_acting(const struct state *service, const struct who *who, struct state *acting)
{
	*acting = *service;
	acting->who = *who;
	acting->filesystem_uid = who->uid;
	acting->filesystem_gid = who->gid;
	acting->effective = 0;
}

void state_acting_on_files(const struct state *service, const struct who *who, struct state *acting)
{
	state_acting(service, who, acting);
	acting->who.uid = service->who.uid;
	acting->who.gid = service->who.gid;
	acting->effective = service->effective & ~file_capabilities();
}

static void describe(const struct state *state, char *text, size_t size)
{
	int used =
		snprintf(text, size,
			 "uid %u/%u/%u/%u gid %u/%u/%u/%u effective %llx permitted %llx "
			 "inheritable %llx ambient %llx bounding %llx %zu groups",
			 state->real_uid, state->who.uid, state->saved_uid, state->filesystem_uid,
			 state->real_gid, state->who.gid, state->saved_gid, state->filesystem_gid,
			 state->effective, state->permitted, state->inheritable, state->ambient,
			 state->bounding, state->who.n_groups);

	for (size_t i = 0; i < state->who.n_groups && (size_t)used + 16 < size; i++)
		used += snprintf(text + used, size - (size_t)used, " %u", state->who.groups[i]);
}

void check_states(const char *file, int line, const struct state *seen,
		  const struct state *expected)
{
	static _Thread_local char seen_text[32768], expected_text[32768];

	describe(seen, seen_text, sizeof(seen_text));
	describe(expected, expected_text, sizeof(expected_text));
	if (strcmp(seen_text, expected_text) == 0)
		return;
	seen_text[1500] = expected_text[1500] = '\0';
	check_end(FAILED, file, line, "thread: expected %s, saw %s", expected_text, seen_text);
}

void check_state(const char *file, int line, pid_t tid, const struct state *expected)
{
	static _Thread_local struct state seen;

	state_read(tid, &seen);
	check_states(file, line, &seen, expected);
}

unsigned long long start_of(pid_t pid)
{
	char name[64], line[1024] = "";
	char *at;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(name, "re");

	if (!file || !fgets(line, sizeof(line), file))
		FAIL("%s: expected a line, saw: %s", name, strerror(errno));
	fclose(file);
	at = strrchr(line, ')');
	for (int field = 2; field < 22; field++)
		at = strchr(at + 1, ' ');
	return strtoull(at, NULL, 10);
}

const char *ledger_path(pid_t pid)
{
	static char path[256];
	const char *directory = getenv("IMPERSONATION_RUNTIME_DIR");

	snprintf(path, sizeof(path), "%s/%d-%llu", directory ? directory : "/run/impersonate",
		 (int)pid, start_of(pid));
	return path;
}
