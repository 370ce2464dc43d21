/* SPDX-License-Identifier: MIT */
/* Connections to targets. */
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include "core/token.h"

/*
 * Connects, at one of the target's addresses after the other, each tried for SECONDS.  A
 * descriptor, close-on-exec and blocking; a negative errno of socket(2) or connect(2); -ETIMEDOUT.
 */
int target_connect(const struct imp_target *target, unsigned int seconds) IMP_MUST_CHECK;

/* ---------------------------------------------------------------------------- initiator.c -- */

/* What a network connection is made with: the client's credentials, and how they are to be used. */
struct initiator;

/*
 * Finds what the calling thread may authenticate with to TARGET at LEVEL, impersonation or more;
 * the table at imp_channel_new_network says what.  Nothing has been sent when that fails; errors as
 * there, and told to the log.  The thread is what it was afterwards.
 */
int initiator_new(struct imp_target *target, enum imp_level level,
		  struct initiator **initiator) IMP_MUST_CHECK;

/*
 * The next message: of what the other end has sent, or NULL at first.  1: *MESSAGE, which the
 * caller frees, is to be sent, or, where it is NULL, the other end has to say more.  0: both ends
 * are proven, and what was asked for was granted; *MESSAGE, if not NULL, is still to be sent.
 */
int initiator_step(struct initiator *initiator, const void *answer, size_t answer_size,
		   void **message, size_t *size) IMP_MUST_CHECK;

/* When that ends, in nanoseconds of CLOCK_REALTIME; 0: it does not. */
int64_t initiator_expires(const struct initiator *initiator);
void initiator_free(struct initiator *initiator); /* NULL is allowed */

#endif
