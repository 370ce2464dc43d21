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

/* The work that the thread does was to have this identity, and was refused it. */
static _Thread_local struct lost {
	struct imp_token *token; /* of the context that is being run; NULL: nothing is lost */
	enum imp_flow why;
} lost;

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

/* Whose work the thread does. */
struct found {
	struct imp_token *token; /* a reference; NULL: the service's own */
	bool unrecorded;	 /* the library does not know of it ... */
	bool whole;		 /* ... and can switch another thread to it */
};

static int find_behind_the_back(struct found *found)
{
	struct credentials kernel;
	int error = credentials_read(&kernel);

	if (error < 0)
		return error;
	error = token_from_credentials(&kernel, &found->token);
	if (error == 0) {
		const struct imp_token *token = found->token;

		found->unrecorded = true;
		found->whole = switch_can_be(&kernel, token_access(token), token->scope,
					     token_capabilities(token));
	}
	groups_unref(kernel.groups);
	return error;
}

/* One that does impersonate: where nothing else may flow, it is the record that does. */
static int find_recorded(struct imp_token *current, bool always, struct found *found)
{
	if (always && !thread_agrees(current))
		return find_behind_the_back(found);
	if (!always && !thread_agrees_on_files(current)) {
		int error = imp_assert(current); /* which tells of it */

		if (error < 0)
			return error;
	}
	found->token = imp_token_ref(current);
	return 0;
}

static int find_identity(bool always, struct found *found)
{
	struct imp_token *current = thread_token();
	int error;

	*found = (struct found){.whole = true};
	if (current)
		return find_recorded(current, always, found);
	error = switch_has_primary() ? 0 : imp_prepare();
	if (error < 0 || thread_agrees(NULL))
		return error;
	return find_behind_the_back(found);
}

static enum imp_flow decide(const struct found *found, const struct policy_switches *switches)
{
	if (!found->token)
		return IMP_FLOW_NOTHING;
	if (switches->legacy_impersonation_policy)
		return IMP_FLOW_LEGACY;
	if (suppressed)
		return IMP_FLOW_SUPPRESSED;
	if (found->unrecorded && !switches->always_flow_impersonation_policy)
		return IMP_FLOW_UNRECORDED;
	return IMP_FLOW_IDENTITY;
}

int context_capture(const char *site, struct imp_context *context)
{
	const struct policy_switches switches = policy_switches();
	struct found found;
	int error = find_identity(switches.always_flow_impersonation_policy, &found);

	if (error < 0)
		return error;
	*context = (struct imp_context){.flow = decide(&found, &switches)};
	atomic_init(&context->references, 1);
	if (context->flow == IMP_FLOW_IDENTITY) {
		if (!found.whole) {
			imp_token_unref(found.token);
			return -ENOTSUP;
		}
		context->token = found.token;
		return 0;
	}
	/* Lost further: what has no identity to take along since it was refused it before. */
	if (!found.token && lost.token && !suppressed) {
		context->flow = lost.why;
		found.token = imp_token_ref(lost.token);
	}
	if (found.token)
		tell_of_refusal(site, context->flow, found.token);
	/* The service's own choice is no loss. */
	if (context->flow == IMP_FLOW_SUPPRESSED)
		imp_token_unref(found.token);
	else
		context->lost = found.token;
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

static int take(const struct imp_context *context)
{
	int error = 0;

	switch_doubt();
	if (context->token)
		error = imp_serve(context->token);
	else
		imp_revert();
	if (error == 0)
		error = thread_confirm(context->token);
	if (error < 0)
		return error;
	if (context->token)
		ledger_count_flow(thread_slot());
	if (context->lost)
		thread_expect(context->lost);
	return 0;
}

/*
 * What the work did behind the library's back is looked for before the way back covers it up: the
 * real and saved ids and the permitted capabilities, which no switch changes, and the effective
 * ones.  Where there is no way to go, all of it is read then.
 */
static int look_at_what_is_left(const struct imp_token *before)
{
	/* Unknown since the work's own assert has found something. */
	if (switch_knows_thread() && (thread_token() == before || switch_is_undisturbed()))
		return 0;
	return imp_assert(thread_token());
}

/*
 * Back to BEFORE, by the kernel's word, whatever the work did, also to the library's own record; or
 * the process ends.  DOUBTFUL: nothing of what was remembered is to be relied on.
 */
static int come_back(struct imp_token *before, bool doubtful)
{
	switch_doubt();
	thread_restore(before ? imp_token_ref(before) : NULL);
	if (doubtful)
		switch_doubt();

	int error = thread_confirm(before);

	if (error < 0) {
		imp_revert(); /* looks first, now that nothing is remembered */
		thread_restore(before ? imp_token_ref(before) : NULL);
		if (!thread_agrees(before))
			log_die("coming back from work", "the thread is somebody else", error);
	}
	return error;
}

int imp_context_run(struct imp_context *context, int (*work)(void *argument), void *argument,
		    int *result)
{
	struct imp_token *before = thread_token() ? imp_token_ref(thread_token()) : NULL;
	const struct lost lost_before = lost;
	const bool suppressed_before = suppressed;
	int error = take(context);

	if (error == 0) {
		suppressed = false;
		lost = (struct lost){.token = context->lost, .why = context->flow};

		int value = work(argument);

		if (result)
			*result = value;
		lost = lost_before;
		suppressed = suppressed_before;
		error = look_at_what_is_left(before);
	}

	int back = come_back(before, error < 0);

	if (lost.token && !before)
		thread_expect(lost.token);
	imp_token_unref(before);
	return error < 0 ? error : back;
}

void context_leave(void)
{
	imp_revert();
	lost = (struct lost){.token = NULL};
	suppressed = false;
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
