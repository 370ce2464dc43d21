/* SPDX-License-Identifier: MIT */
/* The thread that writes the log, and is nobody but the service. */
#ifndef CLI_JOURNAL_WRITER_H
#define CLI_JOURNAL_WRITER_H

#include "cli/journal-entry.h"

/* Starts it, by a thread that impersonates nobody; it calls WRITE for each entry, one at a time. */
int journal_writer_start(void (*write)(const struct journal_entry *entry)) IMP_MUST_CHECK;

/*
 * Hands it a copy of ENTRY, by any thread, whoever that is.  WAIT: until it is written, or for two
 * seconds; otherwise false where so many wait to be written that there is no room.
 */
bool journal_writer_put(const struct journal_entry *entry, bool wait);

/* Ends it once all is written; leaves it alone where that takes longer than two seconds. */
void journal_writer_stop(void);

#endif
