/* SPDX-License-Identifier: MIT */
/* How many of a kind may pass: a token bucket, whose time the caller tells. */
#ifndef CLI_RATE_H
#define CLI_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* So many at once, and then one in each interval. */
enum { RATE_BURST = 20, RATE_INTERVAL_NS = 1000000000 };

/* Zero at first: the bucket is full. */
struct rate {
	int64_t full_at_ns; /* when the bucket is full again */
};

/* Takes a token, if there is one.  NOW_NS is of a clock that never goes back. */
bool rate_take(struct rate *rate, int64_t now_ns);

#endif
