/* SPDX-License-Identifier: MIT */
/* Connections over the network that are somebody's. */
#ifndef NET_OPEN_H
#define NET_OPEN_H

#include "impersonate.h"

/* How a connection is made. */
struct network_way {
	struct imp_target *target;
	unsigned int connect_seconds;
	imp_carry_fn *carry;
	void *data;
};

/*
 * Connects as the calling thread's client, at LEVEL; below impersonation, as one that does not
 * authenticate.  A descriptor; *EXPIRES_NS gets when that ends, in nanoseconds of CLOCK_REALTIME,
 * or 0.  Errors of imp_channel_new_network's channels.
 */
int network_open(const struct network_way *way, enum imp_level level,
		 int64_t *expires_ns) IMP_MUST_CHECK;

/* For a line. */
const char *network_name(const struct imp_target *target);

#endif
