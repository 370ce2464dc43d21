/* SPDX-License-Identifier: MIT */
/* The broker: a process that makes the clients of a service into tokens which the kernel holds. */
#ifndef RING_BROKER_H
#define RING_BROKER_H

#include <stdatomic.h>

#include "impersonate.h"

enum { BROKER_SEATS_MAXIMUM = 64 };

struct broker_setup {
	unsigned int n_seats;
	int rings[BROKER_SEATS_MAXIMUM];   /* one for each operation at a time */
	int sockets[BROKER_SEATS_MAXIMUM]; /* as many ends of connections to the service */
	int listen_fd;
	pid_t service;
	int guard;		   /* readable when the guard is gone */
	struct imp_policy *policy; /* a reference */
	int acceptor;		   /* a connection to it; -1: there is none */
	bool keep_tokens;
	bool connects; /* the service can, as a client */

	/* Which numbers are, for the guard to see as well. */
	atomic_bool *registered;
};

/* In a process of its own. */
_Noreturn void broker_run(const struct broker_setup *setup);

#endif
