/* SPDX-License-Identifier: MIT */
/* A service with a channel to another one, whose listening socket is here too. */
#ifndef TESTS_CHANNEL_STAGE_H
#define TESTS_CHANNEL_STAGE_H

#include "lib/check.h"

extern struct who alice, bob, anonymous, service;
extern struct imp_token *as_alice, *as_bob;

/* A channel of that level, and the socket that it leads to, where nobody has connected yet. */
extern struct imp_channel *channel;
extern const char *path;
extern int listener;

/* Sets all of these up, and has the process become a service of that kind. */
void set_out(const char *kind, enum imp_level level);

/* From now on with channel_mismatch = warn. */
void let_mismatches_warn(void);

/* A socket of that name where everyone may connect. */
int listen_at(const char *name);
/* The server's end of a connection that was made already. */
int accept_one(int from);
void nobody_came(int to);
/* By SO_PEERCRED, SO_PEERGROUPS and the address that it has bound. */
void peer_is(int fd, const struct who *who, const char *level);

/* A byte there and another back. */
void exchange(int client, int server);
/* The other end has closed it. */
void is_closed(int fd);

/* In a thread of its own; as TOKEN, or for NULL at the primary identity. */
void in_thread(struct imp_token *token, void (*work)(void));

int begin(void); /* a call, and ends it: what imp_channel_begin returned */
/* A call, which must succeed; SERVER is the other end, -1: of a connection that is made for it. */
int call_over(int server);

/* How many mismatches were logged so far, and the last of them: uids, priority, error. */
struct mismatch {
	int count;
	uid_t expected, actual;
	int priority, error;
	char message[512];
};
extern struct mismatch told;

int count_descriptors(void);

/* identity.c, life.c and faults.c */
extern const struct check_case identity_cases[], life_cases[], fault_cases[];

#endif
