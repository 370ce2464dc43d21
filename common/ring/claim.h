/* SPDX-License-Identifier: MIT */
/* What the broker makes of the acceptor's word. */
#ifndef RING_CLAIM_H
#define RING_CLAIM_H

#include "core/token.h"
#include "ring/message.h"

/* Its client's limit is as far as a request may raise the level.  Errors as
 * token_of_network_client.
 */
int claim_judge(const struct message_claim *claim, struct imp_policy *policy,
		struct imp_token **token) IMP_MUST_CHECK;

#endif
