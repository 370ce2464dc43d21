/* SPDX-License-Identifier: MIT */
/* A server of HTTP that does as it is told, well or badly, and remembers what it was asked. */
#ifndef TESTS_BACKEND_SCRIPT_H
#define TESTS_BACKEND_SCRIPT_H

#include <pthread.h>

#include "lib/check.h"

enum { MOST_REQUESTS = 8 };

/* What is done with one request, with the connection that is open, or the next where none is. */
struct scene {
	const char *answer; /* as it is sent; NULL: nothing */
	bool closes;	    /* the connection, after that */
	bool forgets;	    /* answers no more on this connection, and leaves it open */
};

struct asked {
	char *text; /* head and body */
	size_t size;
	int connection; /* the first is 1 */
	uid_t uid;	/* who has connected */
};

extern struct asked asked[MOST_REQUESTS];
extern int n_asked;

/* Plays the scenes, of which the last has an answer of NULL and does not close. */
void play(int listener, const struct scene *scenes);
/* Waits until they are over; from then on nobody may be left unanswered. */
void end_play(void);

#endif
