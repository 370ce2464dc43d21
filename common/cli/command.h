/* SPDX-License-Identifier: MIT */
/* Running a command as somebody, for the tools that do: idn-run-as, idn-check run. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "core/identity.h"

/* What such a tool promises; anything else is the command's own. */
enum { EXIT_FAILED = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

/* All of these end the tool with EXIT_FAILED where they fail, unless they say otherwise. */

/* NULL takes it out of the environment. */
void set_variable(const char *name, const char *value);
/* HOME, SHELL, USER and LOGNAME. */
void set_account_variables(const struct account *account);

/* SAID is what messages call BECOME. */
void become_or_die(const struct imp_become *become, const char *said);
/*
 * The same, where a command is run next: RLIMIT_NPROC of who is helped does not stand in the way
 * unless LIMIT_PROCESSES, and the caller's session keyring is left where LEAVE_KEYRING.
 */
void become_for_command(const struct imp_become *become, const char *said, bool limit_processes,
			bool leave_keyring);

/* Runs it, or ends with EXIT_CANNOT_RUN or EXIT_NOT_FOUND. */
_Noreturn void execute_command(char *const *command, const char *said);

/* That of the command, 128 and the signal's number where a signal has ended it. */
int exit_status_of(int wait_status);

#endif
