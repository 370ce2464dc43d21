/* SPDX-License-Identifier: MIT */
/* A record of the log, and its form as a line of text. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/journal-entry.h"
#include "cli/message.h"
#include "core/log.h"

static const enum imp_event events[JOURNAL_KINDS] = {
	[JOURNAL_NOTE] = IMP_EVENT_NOTE,
	[JOURNAL_FLOW_REFUSED] = IMP_EVENT_FLOW_REFUSED,
	[JOURNAL_MISMATCH] = IMP_EVENT_MISMATCH,
	[JOURNAL_SWITCH_FAILED] = IMP_EVENT_SWITCH_FAILED,
	[JOURNAL_NOT_AUTHENTICATED] = IMP_EVENT_NOT_AUTHENTICATED,
	[JOURNAL_ABORT] = IMP_EVENT_ABORT,
};

const char *journal_kind_name(enum journal_kind kind)
{
	return kind == JOURNAL_SERVICE ? "service" : imp_event_name(events[kind]);
}

static enum journal_kind kind_of(enum imp_event event)
{
	for (enum journal_kind kind = JOURNAL_NOTE; kind < JOURNAL_KINDS; kind++)
		if (events[kind] == event)
			return kind;
	return JOURNAL_NOTE;
}

void journal_entry_of(const struct imp_log_record *record, struct journal_entry *entry)
{
	entry->kind = kind_of(record->event);
	entry->priority = record->priority;
	entry->tid = record->tid;
	entry->expected_uid = record->expected_uid;
	entry->actual_uid = record->actual_uid;
	entry->error = -record->error;
	entry->left_out = 0;
	snprintf(entry->site, sizeof(entry->site), "%s", record->site ? record->site : "");
	snprintf(entry->message, sizeof(entry->message), "%s", record->message);
}

/* ---------------------------------------------------------------------------------- as text -- */

static void append(char *text, const char *format, ...) IMP_PRINTF(2, 3);

static void append(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + used, JOURNAL_TEXT_MAX - used, format, arguments);
	va_end(arguments);
}

/* Printable, and those of MORE as \ooo. */
static void append_escaped(char *text, const char *value, const char *more)
{
	char safe[4 * JOURNAL_MESSAGE_MAX + 8];

	for (const char *c = printable(value, safe, sizeof(safe)); *c; c++)
		append(text, strchr(more, *c) ? "\\%03o" : "%c", (unsigned char)*c);
}

const char *journal_message(const struct journal_entry *entry, char *text)
{
	text[0] = '\0';
	append_escaped(text, entry->message, "");
	return text;
}

const char *journal_text(const struct journal_entry *entry, char *text)
{
	text[0] = '\0';
	append_escaped(text, entry->message, "=");
	if (entry->left_out || entry->kind > JOURNAL_NOTE)
		append(text, " event=%s", journal_kind_name(entry->kind));
	if (entry->left_out)
		append(text, " left_out=%llu", (unsigned long long)entry->left_out);
	if (entry->kind <= JOURNAL_NOTE || entry->left_out)
		return text;
	if (entry->tid)
		append(text, " tid=%d", (int)entry->tid);
	if (entry->expected_uid != IMP_NO_UID)
		append(text, " expected=%u", entry->expected_uid);
	if (entry->actual_uid != IMP_NO_UID)
		append(text, " actual=%u", entry->actual_uid);
	if (entry->error)
		append(text, " error=%s", error_name(entry->error));
	if (entry->site[0]) {
		append(text, " site=");
		append_escaped(text, entry->site, " =");
	}
	return text;
}
