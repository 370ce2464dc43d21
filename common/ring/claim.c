/* SPDX-License-Identifier: MIT */
/*
 * What the broker makes of the acceptor's word: who a client is it believes; how far that goes is
 * for its own policy to say, and for the rule on privileged clients.
 */
#include "ring/claim.h"

int claim_judge(const struct message_claim *claim, struct imp_policy *policy,
		struct imp_token **token)
{
	struct identity identity;
	const struct network_client client = {
		.principal = "",
		.identity = &identity,
		.delegated = IMP_DELEGATED_FORWARDED, /* which is no matter of the kernel's */
		.expires_ns = claim->ends_ns,
	};
	struct groups *groups;
	int error = groups_new(claim->groups, claim->n_groups, &groups);

	if (error < 0)
		return error;
	identity_init(&identity, claim->uid, claim->gid, groups);
	error = token_of_network_client(&client, policy, token);
	identity_clear(&identity);
	return error;
}
