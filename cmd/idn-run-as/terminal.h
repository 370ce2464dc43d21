/* SPDX-License-Identifier: MIT */
/* The two terminals of --pty: the caller's, and the one that the command gets. */
#ifndef RUN_AS_TERMINAL_H
#define RUN_AS_TERMINAL_H

#include <termios.h>

#include "run-as.h"

struct terminals {
	int master;
	int slave;
	int callers;	 /* the caller's terminal, or -1 */
	int input;	 /* what is read for the command, or -1 */
	int output;	 /* where goes what the command's terminal says */
	bool replace[3]; /* which of the descriptors 0 to 2 the command's terminal takes the place
			    of */
	bool raw;	 /* the caller's is, and has to be put back */
	struct termios saved;
};

/* Finds the caller's, makes the command's, the user's own, and sets it up alike. */
void terminals_open(struct terminals *terminals, const struct target *target);

/* The window's size, from the caller's to the command's. */
void terminals_copy_size(const struct terminals *terminals);

/* Passes every key on, while this process may read them at all. */
void terminals_go_raw(struct terminals *terminals);
void terminals_restore(struct terminals *terminals);
bool terminals_in_foreground(const struct terminals *terminals);

#endif
