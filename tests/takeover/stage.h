/* SPDX-License-Identifier: MIT */
/*
 * The takeover test's stage: a service with the ring engine, in whose process the cases run, with
 * its uid, its descriptors, its rings and its connections to the broker; and players, which are
 * processes of others.
 */
#ifndef TESTS_TAKEOVER_STAGE_H
#define TESTS_TAKEOVER_STAGE_H

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "lib/check.h"
#include "ring/message.h"
#include "ring/operation.h"
#include "ring/seat.h"

/* How long anything may take that is waited for, in seconds. */
enum { PATIENCE = 20 };

/* ---------------------------------------------------------------------------------- players -- */

enum { ARGUMENT = 256 };

/* A process of somebody's, which calls what it is told to; same program, same addresses. */
struct player {
	pid_t pid;
	int line;
};

typedef long player_fn(const void *argument);

/* NULL: root.  To be made before the stage is set. */
struct player player_new(const char *user);
/* What WHAT returns there; ARGUMENT is copied, up to 256 bytes. */
long player_do(struct player *player, player_fn *what, const void *argument, size_t size);
/* It ends, and with it its connections. */
void player_end(struct player *player);

/* Connects the player to an address, from one that is bound to NAME if that is not empty. */
struct call {
	struct sockaddr_un to;
	socklen_t length;
	int type;
	char name[80]; /* abstract, without the first byte */
};
player_fn connect_player, hang_up;
/* Whose pid_t ARGUMENT is. */
player_fn kill_process;

/* ------------------------------------------------------------------------------------ stage -- */

struct setting {
	const char *kind; /* "root" or "ordinary": what the service was before it gave that up */
	bool abstract, keep_tokens, stays, without_connect;
	unsigned int seats;
	rlim_t descriptors; /* 0: as they are */
	struct imp_policy *policy;
};

struct stage {
	int listener;
	struct sockaddr_un address;
	socklen_t length;
	pid_t guard, broker;
};

extern struct stage stage;

/* From then on the process is the service, without any privilege. */
void stage_set(const struct setting *setting);

/* The service's end of a connection of PLAYER's to the service; LEVEL as client_at() has it. */
int stage_connection(struct player *player, const char *level);
void call_to(struct call *call, const struct sockaddr_un *address, socklen_t length,
	     const char *level);
/* A listening socket of the calling process, of whom that is, at a path. */
int listen_at(const struct sockaddr_un *address, socklen_t length);
void address_at(struct sockaddr_un *address, socklen_t *length, const char *path);

/* ------------------------------------------------------------------------------- the broker -- */

/* What came of it: 0, with *ANSWER, or -EPIPE: everything has ended. */
int tell(const void *bytes, size_t size, const int *fds, unsigned int n_fds);
int hear(struct message_answer *answer);
int hand_over(const int *fds, unsigned int n_fds, struct message_answer *answer);
/* The answer's number, which is another than 0. */
uint32_t number_of(int connection);
/* What NUMBER was given for last; or any. */
void let_go(uint32_t number);
void let_go_of(uint32_t holding);

/* The broker serves, so that it has also done all that it was to do before. */
void check_serves(struct player *player);
/* Nothing is left of guard, broker and tokens; looks at these numbers. */
void check_ended(const uint32_t *numbers, unsigned int count);

/* -------------------------------------------------------------------------------- the rings -- */

/* openat2(2) as that identity: a descriptor, or the negative errno. */
int open_by(uint32_t number, const char *path, int flags);
/* One entry that is given to a ring as it is: its result. */
int give(unsigned int seat, const struct io_uring_sqe *entry);
/* The uid that the kernel has a file be made by. */
uid_t uid_of(uint32_t number);
/* Until that number means nobody any more, to any ring or to that one. */
void wait_revoked(uint32_t number);
void wait_revoked_by(unsigned int seat, uint32_t number);

#endif
