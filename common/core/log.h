/* SPDX-License-Identifier: MIT */
/* How the library says what it has to say: through the one callback, never by printing. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <syslog.h>

#include "impersonate.h"

/* Hands one line to the callback, if there is one.  errno is kept. */
void log_line(int priority, const char *format, ...) IMP_PRINTF(2, 3);

/*
 * The same, of an event; FACTS says what is known of it, but for the message, and for the thread
 * where that is the caller.
 */
void log_event(const struct imp_log_record *facts, const char *format, ...) IMP_PRINTF(2, 3);

/* What an errno means; static. */
const char *log_error_text(int error);

/* "EACCES"; "E<number>" for one without a name. */
const char *error_name(int error);

/* Says why the process cannot go on (ERROR is 0 or a negative errno), and aborts it. */
_Noreturn void log_die(const char *action, const char *reason, int error);

#endif
