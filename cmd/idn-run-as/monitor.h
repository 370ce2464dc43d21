/* SPDX-License-Identifier: MIT */
/* The process between the relay and the command: the leader of the new session. */
#ifndef RUN_AS_MONITOR_H
#define RUN_AS_MONITOR_H

#include "terminal.h"

/*
 * Starts the command in a session of its own.  What comes over RELAY, a signal's number, is sent to
 * the command; what goes over it is the command's wait status whenever it stops or ends.  SIGNALS
 * is that of take_signals().
 */
_Noreturn void monitor_command(const struct options *options, const struct target *target,
			       const struct terminals *terminals, int signals, int relay);

#endif
