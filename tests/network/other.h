/* SPDX-License-Identifier: MIT */
/*
 * Another service of the network, in threads of this process.  Its protocol is a length and so many
 * bytes, and in answer '+' (accepted), '?' (go on) or '-' (refused), a length and so many bytes;
 * and where the length is ASK, 'A' for a client that it knows and 'N' for nobody.
 */
#ifndef TESTS_NETWORK_OTHER_H
#define TESTS_NETWORK_OTHER_H

#include "stage.h"

enum manners {
	HONEST,
	WITHOUT_PROOF, /* accepts everybody, and shows nothing of itself */
	WITH_GARBAGE   /* accepts everybody, with an answer that is none */
};

/* Starts it with that keytab of the realm; sets other_port. */
void other_start(const char *keytab, enum manners manners);
extern char other_port[16];

/* How many have connected, and whom the last of them has proven to be: NULL, nobody. */
extern int other_connections;
extern struct imp_token *other_saw;

/* A channel's way to it; *DATA, when not NULL, is an errno to fail with. */
int carry(void *data, int fd, const void *message, size_t size, void **answer, size_t *answer_size);

/* What it says of the client at the other end of FD. */
char other_answers(int fd);

/* What came of opening a channel as TOKEN, or for NULL as the service, and of a call over it. */
struct outcome {
	int error;
	enum imp_level level; /* which the other end is told */
	char answer;
};
struct outcome call_as(struct imp_token *token, const char *principal, enum imp_level level);

#endif
