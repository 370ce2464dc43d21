/* SPDX-License-Identifier: MIT */
/* Contexts, as those that hand work over use them: without an allocation of their own. */
#ifndef FLOW_CONTEXT_H
#define FLOW_CONTEXT_H

#include <stdatomic.h>

#include "impersonate.h"

struct imp_context {
	atomic_uint references;
	enum imp_flow flow;
	struct imp_token *token; /* under which the work runs; a reference, or NULL */
	struct imp_token *lost;	 /* under which it would have, had the policy let it flow */
};

/* As imp_context_capture_at, into memory of the caller, who clears it. */
int context_capture(const char *site, struct imp_context *context) IMP_MUST_CHECK;
void context_clear(struct imp_context *context);

/* The calling thread ends in the middle of the work that it does: nothing of that is its any more.
 */
void context_leave(void);

#endif
