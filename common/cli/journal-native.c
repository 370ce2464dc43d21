/* SPDX-License-Identifier: MIT */
/* A record of the log as an entry of the systemd journal, with its fields. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef WITH_JOURNAL
#define SD_JOURNAL_SUPPRESS_LOCATION /* that of the event is of interest */
#include <systemd/sd-journal.h>
#endif

#include "cli/journal-native.h"
#include "core/log.h"

bool journal_native_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

#ifdef WITH_JOURNAL

/* To be found by "journalctl MESSAGE_ID=...": never to be changed. */
static const char *const ids[JOURNAL_KINDS] = {
	[JOURNAL_SERVICE] = "5cdc4dcfee6e40b89c56a37c7a1d5112",
	[JOURNAL_NOTE] = "f1737e66b39645809d4c667d92aabc80",
	[JOURNAL_FLOW_REFUSED] = "d4c01a4b8e3045fb82ce555059714679",
	[JOURNAL_MISMATCH] = "798a33407b924ae18edd1420ab85bb51",
	[JOURNAL_SWITCH_FAILED] = "8c0b55c45d3141c8ba9e5ab1598c1e2d",
	[JOURNAL_NOT_AUTHENTICATED] = "cc6a6eb128a34d2ba00e2dd216ab0e2e",
	[JOURNAL_ABORT] = "342173b58ed544d9a2643d0a8961eb93",
};
static const char left_out_id[] = "2e69d4a1861e40b0ad4272984e8c76af";

struct fields {
	struct iovec vector[16];
	int count;
	size_t used;
	char text[JOURNAL_TEXT_MAX + 2048];
};

static void add(struct fields *fields, const char *format, ...) IMP_PRINTF(2, 3);

static void add(struct fields *fields, const char *format, ...)
{
	char *field = fields->text + fields->used;
	size_t room = sizeof(fields->text) - fields->used;
	va_list arguments;

	va_start(arguments, format);
	int size = vsnprintf(field, room, format, arguments);
	va_end(arguments);
	if (size < 0 || (size_t)size >= room)
		return;
	fields->vector[fields->count++] = (struct iovec){field, (size_t)size};
	fields->used += (size_t)size;
}

/* "work.c:12", and what the journal has for that of every program. */
static void add_site(struct fields *fields, const char *site)
{
	const char *colon = strrchr(site, ':');

	add(fields, "IDN_SITE=%s", site);
	if (!colon || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")])
		return;
	add(fields, "CODE_FILE=%.*s", (int)(colon - site), site);
	add(fields, "CODE_LINE=%s", colon + 1);
}

int journal_native_find(void)
{
	return access("/run/systemd/journal/socket", W_OK) < 0 ? -ENOENT : 0;
}

int journal_native_send(const char *program, const struct journal_entry *entry)
{
	char message[JOURNAL_TEXT_MAX];
	struct fields fields = {.count = 0};

	add(&fields, "MESSAGE=%s", journal_message(entry, message));
	add(&fields, "PRIORITY=%d", entry->priority);
	add(&fields, "SYSLOG_IDENTIFIER=%s", program);
	add(&fields, "MESSAGE_ID=%s", entry->left_out ? left_out_id : ids[entry->kind]);
	add(&fields, "IDN_EVENT=%s", journal_kind_name(entry->kind));
	if (entry->left_out)
		add(&fields, "IDN_LEFT_OUT=%llu", (unsigned long long)entry->left_out);
	if (entry->tid)
		add(&fields, "IDN_TID=%d", (int)entry->tid);
	if (entry->expected_uid != IMP_NO_UID)
		add(&fields, "IDN_EXPECTED_UID=%u", entry->expected_uid);
	if (entry->actual_uid != IMP_NO_UID)
		add(&fields, "IDN_ACTUAL_UID=%u", entry->actual_uid);
	if (entry->error) {
		add(&fields, "IDN_ERROR=%s", error_name(entry->error));
		add(&fields, "ERRNO=%d", entry->error);
	}
	if (entry->site[0])
		add_site(&fields, entry->site);
	return sd_journal_sendv(fields.vector, fields.count);
}

#else

int journal_native_find(void)
{
	return -ENOTSUP;
}

int journal_native_send(const char *program, const struct journal_entry *entry)
{
	(void)program;
	(void)entry;
	return -ENOTSUP;
}

#endif
