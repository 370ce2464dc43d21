/* SPDX-License-Identifier: MIT */
/* A channel's inside, for channel.c, which lets one thread at it at a time, and channel-open.c. */
#ifndef FLOW_CHANNEL_H
#define FLOW_CHANNEL_H

#include <sys/un.h>

#include "core/credentials.h"
#include "net/open.h"

enum { PATH_SIZE = sizeof(((struct sockaddr_un *)NULL)->sun_path) };

struct imp_channel {
	char path[PATH_SIZE]; /* empty: over the network */
	struct network_way way;
	char name[PATH_SIZE];	      /* of the other end, as it goes into a line */
	enum imp_level level;	      /* at most */
	unsigned int connect_seconds; /* to a Unix socket; 0: as long as it takes */
	pid_t pid;

	pthread_mutex_t lock; /* of the next four, held for moments only */
	pthread_cond_t released;
	bool taken; /* who has taken it has all that is below to itself */
	bool to_be_closed;
	pthread_t taker;

	int fd;	      /* -1: not open */
	bool is_used; /* a call was made on this connection */
	enum imp_level bound;
	struct credentials opener;
	struct imp_token *token; /* over the network: the opener's, a reference, or NULL for none */
	int64_t expires_ns;	 /* the same: when what it was opened with ends; 0: never */
};

/* What for: to have it open as the caller, or to make a call, which the policy may let go on. */
enum purpose { TO_OPEN, TO_CALL };

/* Opens it where it is not open; else it must be open as the calling thread. */
int channel_make_ready(struct imp_channel *channel, enum purpose purpose) IMP_MUST_CHECK;
void channel_close_connection(struct imp_channel *channel);

#endif
