/* SPDX-License-Identifier: MIT */
/* The systemd journal, where the tools were built with it. */
#ifndef CLI_JOURNAL_NATIVE_H
#define CLI_JOURNAL_NATIVE_H

#include "cli/journal-entry.h"

/* 0 where there is a journal; -ENOENT; -ENOTSUP where the tools were built without. */
int journal_native_find(void) IMP_MUST_CHECK;

/* Is stderr what JOURNAL_STREAM says is connected to the journal (sd_journal_stream_fd(3))? */
bool journal_native_is_stderr(void);

/* Sends one record; a negative errno of sd_journal_sendv(3). */
int journal_native_send(const char *program, const struct journal_entry *entry) IMP_MUST_CHECK;

#endif
