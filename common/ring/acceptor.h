/* SPDX-License-Identifier: MIT */
/* The acceptor: a process that has the service's keys, and tells the broker who a client is. */
#ifndef RING_ACCEPTOR_H
#define RING_ACCEPTOR_H

#include "impersonate.h"

struct acceptor_setup {
	const struct imp_acceptor_options *options; /* NULL: there is to be none */
	uid_t uid;				    /* 0: stays who it is, with GID */
	gid_t gid;
	int service; /* a connection to it; -1: none */
};

/* In a process of its own, with a connection to the broker. */
_Noreturn void acceptor_run(const struct acceptor_setup *setup, int broker);

#endif
