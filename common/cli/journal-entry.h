/* SPDX-License-Identifier: MIT */
/* One record of the log, as it is handed from the thread that it is about to the one that writes.
 */
#ifndef CLI_JOURNAL_ENTRY_H
#define CLI_JOURNAL_ENTRY_H

#include "impersonate.h"

/* Each has a rate of its own, and an id in the journal. */
enum journal_kind {
	JOURNAL_SERVICE, /* the tool's own messages */
	JOURNAL_NOTE,
	JOURNAL_FLOW_REFUSED,
	JOURNAL_MISMATCH,
	JOURNAL_SWITCH_FAILED,
	JOURNAL_NOT_AUTHENTICATED,
	JOURNAL_ABORT,
	JOURNAL_KINDS
};

enum {
	JOURNAL_MESSAGE_MAX = 1024, /* what is longer is cut */
	JOURNAL_SITE_MAX = 128,
	JOURNAL_TEXT_MAX = 8 * 1024
};

struct journal_entry {
	enum journal_kind kind;
	int priority;
	pid_t tid;	    /* 0, here and below: not told */
	uid_t expected_uid; /* IMP_NO_UID, here and below: not told */
	uid_t actual_uid;
	int error;	   /* a positive errno */
	uint64_t left_out; /* so many of this kind were; then this is all that is told of them */
	char site[JOURNAL_SITE_MAX];
	char message[JOURNAL_MESSAGE_MAX]; /* as it came, from a client perhaps */
};

/* "service", "flow_refused", ... */
const char *journal_kind_name(enum journal_kind kind);

/* What RECORD says. */
void journal_entry_of(const struct imp_log_record *record, struct journal_entry *entry);

/* The message on one line, in at least JOURNAL_TEXT_MAX bytes: printable(), see message.h. */
const char *journal_message(const struct journal_entry *entry, char *text);

/*
 * All of it on one line, in JOURNAL_TEXT_MAX bytes: the message, and then, of what is neither a
 * note nor the tool's own, " event=mismatch tid=123 ...".  Nothing but these has an equal sign: one
 * in the message, or in a value, is \075; and a blank in a value \040.
 */
const char *journal_text(const struct journal_entry *entry, char *text);

#endif
