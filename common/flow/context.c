/* SPDX-License-Identifier: MIT */
/* Identity that goes along with work: captured where it is handed over, run where it is done. */
#include <errno.h>
#include <stdlib.h>
#include <syslog.h>

#include "core/credentials.h"
#include "core/impersonate-thread.h"
#include "core/log.h"
#include "core/policy.h"
#include "core/switch.h"
#include "core/token.h"
#include "flow/context.h"
#include "flow/site.h"

static _Thread_local bool suppressed;

const char *imp_flow_name(enum imp_flow flow)
{
	static const char *const names[] = {
		[IMP_FLOW_NOTHING] = "nothing",	      [IMP_FLOW_IDENTITY] = "identity",
		[IMP_FLOW_LEGACY] = "legacy",	      [IMP_FLOW_SUPPRESSED] = "suppressed",
		[IMP_FLOW_UNRECORDED] = "unrecorded",
	};

	return (size_t)flow < sizeof(names) / sizeof(names[0]) ? names[flow] : NULL;
}

/* ------------------------------------------------------------------------------- capture -- */

/* Why an identity does not flow, in words. */
static const char *reason_of_refusal(enum imp_flow flow)
{
	switch (flow) {
	case IMP_FLOW_LEGACY:
		return "legacy_impersonation_policy is on";
	case IMP_FLOW_SUPPRESSED:
		return "the thread has suppressed it";
	default:
		return "it was not set through the library, and always_flow_impersonation_policy "
		       "is off";
	}
}

/* Never silent: counted always, told the first time at each place. */
static void tell_of_refusal(const char *site, enum imp_flow flow, const struct imp_token *token)
{
	const uid_t uid = token_access(token)->view.uid;

	ledger_count_refused_flow(thread_slot());
	if (!site_is_new(site))
		return;

	const struct imp_log_record facts = {
		.priority = flow == IMP_FLOW_SUPPRESSED ? LOG_NOTICE : LOG_WARNING,
		.event = IMP_EVENT_FLOW_REFUSED,
		.expected_uid = uid,
		.actual_uid = switch_primary()->view.uid,
		.site = site,
	};

	log_event(&facts, "%s: work of uid %u is handed over without its identity: %s", site, uid,
		  reason_of_refusal(flow));
}

/*
 * What the thread acts as: NULL for the primary identity.  UNRECORDED: the library does not know of
 * it.
 */
static int find_identity(struct imp_token **token, bool *unrecorded)
{
	struct imp_token *current = thread_token();
	const bool always = policy_switches().always_flow_impersonation_policy;
	struct credentials kernel;
	int error;

	*token = NULL;
	*unrecorded = false;
	if (!current && !switch_has_primary()) {
		error = imp_prepare();
		if (error < 0)
			return error;
	}
	if (switch_agrees(current ? token_access(current) : NULL,
			  current ? current->scope : IMP_SCOPE_ALL,
			  current ? token_capabilities(current) : 0)) {
		*token = current ? imp_token_ref(current) : NULL;
		return 0;
	}
	if (current && !always) {
		error = imp_assert(current); /* which tells of it */
		if (error < 0)
			return error;
		*token = imp_token_ref(current);
		return 0;
	}
	error = credentials_read(&kernel);
	if (error < 0)
		return error;
	*unrecorded = true;
	error = token_from_credentials(&kernel, token);
	groups_unref(kernel.groups);
	return error;
}

static enum imp_flow decide(const struct imp_token *token, bool unrecorded)
{
	const struct policy_switches switches = policy_switches();

	if (!token)
		return IMP_FLOW_NOTHING;
	if (switches.legacy_impersonation_policy)
		return IMP_FLOW_LEGACY;
	if (suppressed)
		return IMP_FLOW_SUPPRESSED;
	if (unrecorded && !switches.always_flow_impersonation_policy)
		return IMP_FLOW_UNRECORDED;
	return IMP_FLOW_IDENTITY;
}

int context_capture(const char *site, struct imp_context *context)
{
	struct imp_token *token;
	bool unrecorded;
	int error = find_identity(&token, &unrecorded);

	if (error < 0)
		return error;
	*context = (struct imp_context){.flow = decide(token, unrecorded)};
	atomic_init(&context->references, 1);
	if (context->flow == IMP_FLOW_IDENTITY) {
		context->token = token;
		return 0;
	}
	if (token)
		tell_of_refusal(site, context->flow, token);
	/* The service's own choice is no loss. */
	if (context->flow == IMP_FLOW_SUPPRESSED)
		imp_token_unref(token);
	else
		context->lost = token;
	return 0;
}

void context_clear(struct imp_context *context)
{
	imp_token_unref(context->token);
	imp_token_unref(context->lost);
}

int imp_context_capture_at(const char *site, struct imp_context **context)
{
	struct imp_context *new = malloc(sizeof(*new));

	if (!new)
		return -ENOMEM;

	int error = context_capture(site, new);

	if (error < 0)
		free(new);
	else
		*context = new;
	return error;
}

struct imp_context *imp_context_ref(struct imp_context *context)
{
	atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
	return context;
}

void imp_context_unref(struct imp_context *context)
{
	if (!context ||
	    atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
		return;
	context_clear(context);
	free(context);
}

enum imp_flow imp_context_flow(const struct imp_context *context)
{
	return context->flow;
}

struct imp_token *imp_context_token(const struct imp_context *context)
{
	return context->token;
}

/* ----------------------------------------------------------------------------------- run -- */

/* Whatever the work did, also to the library's own record. */
static int prove(const struct imp_token *token)
{
	if (switch_agrees(token ? token_access(token) : NULL, token ? token->scope : IMP_SCOPE_ALL,
			  token ? token_capabilities(token) : 0))
		return 0;
	return imp_assert(token);
}

static int take(const struct imp_context *context)
{
	if (!context->token) {
		imp_revert();
		if (context->lost)
			thread_expect(context->lost);
		return 0;
	}
	int error = imp_impersonate(context->token);

	if (error == 0)
		ledger_count_flow(thread_slot());
	return error;
}

int imp_context_run(struct imp_context *context, int (*work)(void *argument), void *argument,
		    int *result)
{
	struct imp_token *before = thread_token() ? imp_token_ref(thread_token()) : NULL;
	bool suppressed_before = suppressed;
	int error = take(context);

	if (error == 0) {
		suppressed = false;

		int value = work(argument);

		suppressed = suppressed_before;
		if (result)
			*result = value;
	}
	if (before)
		imp_token_ref(before);
	thread_restore(before);

	/* Not where it is back because nothing was taken: that has been told already. */
	int back = prove(before);

	if (back < 0) {
		imp_revert();
		thread_restore(before ? imp_token_ref(before) : NULL);
	}
	imp_token_unref(before);
	return error < 0 ? error : back;
}

/* ---------------------------------------------------------------------------- suppression -- */

bool imp_flow_suppress(void)
{
	bool before = suppressed;

	suppressed = true;
	return before;
}

void imp_flow_restore(bool before)
{
	suppressed = before;
}

bool imp_flow_is_suppressed(void)
{
	return suppressed;
}
