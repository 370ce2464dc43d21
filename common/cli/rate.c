/* SPDX-License-Identifier: MIT */
/* A token bucket; see rate.h. */
#include "cli/rate.h"

/* Each token that is taken makes the bucket full one interval later. */
bool rate_take(struct rate *rate, int64_t now_ns)
{
	const int64_t empty_ns = (int64_t)(RATE_BURST - 1) * RATE_INTERVAL_NS;
	const int64_t full_at_ns = rate->full_at_ns > now_ns ? rate->full_at_ns : now_ns;

	if (full_at_ns - now_ns > empty_ns)
		return false;
	rate->full_at_ns = full_at_ns + RATE_INTERVAL_NS;
	return true;
}
