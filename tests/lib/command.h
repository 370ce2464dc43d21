/* SPDX-License-Identifier: MIT */
/* Commands that a service has started for a client, and what they say. */
#ifndef TESTS_COMMAND_H
#define TESTS_COMMAND_H

#include "check.h"

enum { MOST_SAID = 32768 };

/* Its output, and its exit status (128 and the signal's number where that ended it). */
struct said {
	char text[MOST_SAID];
	int status;
};

/* A command with nothing but /dev/null, in the service's directory; ARGUMENTS ends with NULL. */
struct imp_spawn command_of(const char *const *arguments);

/* imp_spawn with its output into a pipe, that output, and its end; what imp_spawn returned. */
int command_heard(struct imp_token *token, struct imp_spawn *command, struct said *said);

/* The state of "cat /proc/self/status" as TOKEN; everything on the way must go well. */
void command_state(struct imp_token *token, struct state *state);

/* What a command of WHO's is to look like, without capabilities. */
void state_for_good(const struct state *service, const struct who *who, struct state *state);

/* A program beside this one. */
const char *program_here(const char *name);

/* There is no child, of any kind, dead or alive. */
void no_child_is_left(void);

#endif
