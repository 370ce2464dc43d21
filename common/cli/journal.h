/* SPDX-License-Identifier: MIT */
/*
 * A service's log: what the library and the service itself have to say, one record each, with
 * fields where there is a journal, and as a line to syslog(3) or stderr elsewhere.  No kind of
 * record can flood it, but for those of an abort, and the last words of a service that cannot go
 * on.
 */
#ifndef CLI_JOURNAL_H
#define CLI_JOURNAL_H

#include "impersonate.h"

enum journal_target { JOURNAL_AUTO, JOURNAL_NATIVE, JOURNAL_SYSLOG, JOURNAL_STDERR };

/* "auto", "journal", "syslog" or "stderr"; false for anything else. */
bool journal_parse(const char *name, enum journal_target *target);

/*
 * From here on all that the library logs, and all messages of the tool (message.h), go to TARGET.
 * JOURNAL_AUTO: to the journal where stderr leads there, as JOURNAL_STREAM says; to syslog where
 * stderr is closed or /dev/null; to stderr otherwise.  On stderr, and only there, warnings and
 * notices are left out by a tool that is to be quiet.
 *
 * -ENOENT where there is no journal, or no syslog; -ENOTSUP for the journal where the tool was
 * built without it; then all is as before.
 */
int journal_open(const char *program, enum journal_target target) IMP_MUST_CHECK;

/*
 * Has a thread of its own write the log, where that is not stderr: finding the journal's socket, or
 * syslog's again, is an access, and decided by who asks.  That thread is the service for as long as
 * it lives, whoever the others are.  To be called after privilege has been dropped, and before the
 * first thread impersonates.  A negative errno of pthread_create(3).
 */
int journal_start(void) IMP_MUST_CHECK;

/* Tells what was left out, and waits, though not for long, until all is written. */
void journal_close(void);

#endif
