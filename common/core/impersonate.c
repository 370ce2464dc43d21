/* SPDX-License-Identifier: MIT */
/* Joins token, switch and ledger: what the calling thread impersonates, and how it comes back. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "credentials.h"
#include "engine.h"
#include "identity.h"
#include "impersonate-thread.h"
#include "ledger.h"
#include "log.h"
#include "peer.h"
#include "policy.h"
#include "switch.h"
#include "token.h"

static _Thread_local struct {
	bool ready;
	bool powerless;
	struct imp_token *current; /* a reference; NULL: the primary identity */
	struct ledger_slot *slot;
} thread;

static pthread_key_t at_thread_end;

/* ------------------------------------------------------------------- process and thread -- */

static void end_thread(void *unused)
{
	(void)unused;
	ledger_release(thread.slot);
	imp_token_unref(thread.current);
	switch_forget_thread();
	memset(&thread, 0, sizeof(thread));
}

static int prepare_error;
static atomic_bool prepared; /* at_thread_end is a key */

static unsigned int forks; /* written where there is one thread */

unsigned int process_forks(void)
{
	return forks;
}

/* The slot and the ledger are the parent's; who the one thread of the child is, it still knows. */
static void in_child(void)
{
	forks++;
	ledger_forget();
	thread.slot = NULL;
	thread.ready = false; /* a ledger of its own, once it is at the primary identity again */
}

/* What is loaded, or looked up once, would otherwise be so during a switch: as the client. */
static void load_early(void)
{
	struct imp_policy *policy;
	char name[256];
	struct identity root;

	identity_user_name(0, name, sizeof(name));
	identity_group_name(0, name, sizeof(name));
	if (identity_of_user("root", &root) == 0)
		identity_clear(&root);
	if (policy_resolve(NULL, &policy) < 0)
		log_line(LOG_WARNING, "the built-in policy cannot be made: out of memory");
	else
		imp_policy_unref(policy);
	peer_prepare();
}

static void prepare_once(void)
{
	prepare_error = -pthread_key_create(&at_thread_end, end_thread);
	atomic_store(&prepared, prepare_error == 0);
	if (prepare_error == 0)
		prepare_error = -pthread_atfork(NULL, NULL, in_child);
	if (prepare_error == 0)
		load_early();
}

int imp_prepare(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int error = switch_record_primary();

	/* Not part of what is done once: what could not be read may be tried again. */
	if (error < 0)
		return error;
	pthread_once(&once, prepare_once);
	if (prepare_error == 0)
		ledger_open(switch_primary());
	return prepare_error;
}

static int ready_thread(void)
{
	/* Nothing is opened as a client: one who impersonates since before a fork goes without. */
	if (thread.ready || thread.current)
		return 0;

	int error = imp_prepare();

	if (error == 0)
		error = -pthread_setspecific(at_thread_end, &thread);
	if (error < 0)
		return error;
	thread.slot = ledger_claim();
	thread.ready = true;
	return 0;
}

/* --------------------------------------------------------------------- impersonate, revert -- */

/* What the slot says, once the switch has come to its end. */
static void settle(bool repeated)
{
	if (thread.current)
		ledger_settle_token(thread.slot, thread.current, repeated);
	else
		ledger_settle_primary(thread.slot);
}

/* For whom the ring engine works the thread itself is nobody but the service. */
static int become(const struct imp_token *token, const char **step)
{
	if (imp_token_engine(token) == IMP_ENGINE_THREAD)
		return switch_to(token_access(token), token->scope, token_capabilities(token),
				 step);
	*step = "the broker has given the client no identity";
	if (token_number(token) == 0)
		return -EKEYREVOKED;
	switch_back();
	return 0;
}

/* Also with what was current a moment ago: to come back to it. */
static int take(struct imp_token *token)
{
	const char *step = "cannot get ready";
	int error = ready_thread();

	if (error == 0) {
		ledger_begin(thread.slot);
		error = become(token, &step);
	}
	if (error < 0) {
		const struct imp_log_record facts = {
			.priority = LOG_ERR,
			.event = IMP_EVENT_SWITCH_FAILED,
			.expected_uid = token_access(token)->view.uid,
			.actual_uid = thread.current ? token_access(thread.current)->view.uid
				      : switch_has_primary() ? switch_primary()->view.uid
							     : IMP_NO_UID,
			.error = error,
		};

		settle(true);
		log_event(&facts, "cannot impersonate: %s: %s", step, log_error_text(-error));
		return error;
	}

	bool repeated = thread.current == token;

	if (!repeated) {
		imp_token_unref(thread.current);
		thread.current = imp_token_ref(token);
	}
	settle(repeated);
	return 0;
}

int imp_impersonate(struct imp_token *token)
{
	if (imp_token_engine(token) == IMP_ENGINE_THREAD)
		return imp_serve(token);
	log_line(LOG_ERR,
		 "cannot impersonate uid %u: it is served by the ring engine, and no thread of "
		 "this process can be anybody else",
		 token_access(token)->view.uid);
	return -ENOTSUP;
}

int imp_serve(struct imp_token *token)
{
	int error = token_is_current(token);

	if (error < 0)
		log_line(LOG_NOTICE, "cannot impersonate uid %u: its authentication has ended",
			 token_access(token)->view.uid);
	return error < 0 ? error : take(token);
}

int imp_impersonate_connection(int fd, struct imp_policy *policy)
{
	struct imp_token *token;
	int error = imp_token_from_connection(fd, policy, &token);

	if (error < 0)
		return error;
	error = imp_impersonate(token);
	imp_token_unref(token);
	return error;
}

void imp_revert(void)
{
	/* A thread that has never impersonated is looked at too, and what that finds is freed at
	 * its end. */
	if (!thread.ready && atomic_load(&prepared))
		pthread_setspecific(at_thread_end, &thread);
	ledger_begin(thread.slot);
	switch_back();
	imp_token_unref(thread.current);
	thread.current = NULL;
	ledger_settle_primary(thread.slot);
}

void imp_revert_from(const struct imp_token *token)
{
	if (thread.current == token)
		imp_revert();
}

int imp_token_current(struct imp_token **token)
{
	if (!thread.current)
		return -ENOENT;
	*token = imp_token_ref(thread.current);
	return 0;
}

/* ---------------------------------------------------------------------- for who hands over -- */

struct imp_token *thread_token(void)
{
	return thread.current;
}

uint32_t thread_number(void)
{
	return thread.current && imp_token_engine(thread.current) == IMP_ENGINE_RING
		       ? token_number(thread.current)
		       : 0;
}

struct ledger_slot *thread_slot(void)
{
	/* Whatever this thread is now, neither the primary identity nor the ledger is to be its. */
	if (!thread.slot && atomic_load(&prepared) && ready_thread() < 0)
		return NULL;
	return thread.slot;
}

void thread_expect(const struct imp_token *token)
{
	struct ledger_slot *slot = thread_slot();

	ledger_begin(slot);
	if (!token)
		ledger_settle_primary(slot);
	else if (token == thread.current)
		ledger_settle_token(slot, token, true);
	else
		ledger_settle_expected(slot, token);
}

/* What the kernel is to have for a thread that has TOKEN; no identity: the primary one. */
struct expectation {
	const struct identity *access;
	enum imp_scope scope;
	uint64_t capabilities;
};

static struct expectation expected_of(const struct imp_token *token)
{
	if (!token || imp_token_engine(token) == IMP_ENGINE_RING)
		return (struct expectation){.scope = IMP_SCOPE_ALL};
	return (struct expectation){token_access(token), token->scope, token_capabilities(token)};
}

bool thread_agrees(const struct imp_token *token)
{
	const struct expectation expected = expected_of(token);

	return switch_agrees(expected.access, expected.scope, expected.capabilities);
}

bool thread_agrees_on_files(const struct imp_token *token)
{
	const struct expectation expected = expected_of(token);

	return switch_agrees_on_files(expected.access, expected.scope, expected.capabilities);
}

/*
 * To the kernel a thread is the service for whomever it works by the ring engine, and its next
 * operation whosever the library says: so that is the library's to hold against TOKEN.
 */
static bool works_for(const struct imp_token *token)
{
	if (!token || imp_token_engine(token) == IMP_ENGINE_THREAD)
		return thread_number() == 0;
	return thread.current && thread_number() == token_number(token);
}

int thread_confirm(const struct imp_token *token)
{
	const struct expectation expected = expected_of(token);

	if (works_for(token) &&
	    switch_confirms(expected.access, expected.scope, expected.capabilities))
		return 0;
	return imp_assert(token);
}

int thread_credentials(struct credentials *credentials)
{
	int error = credentials_read(credentials);

	if (error < 0 || !thread.current || imp_token_engine(thread.current) == IMP_ENGINE_THREAD)
		return error;

	const struct identity *access = token_access(thread.current);

	groups_unref(credentials->groups);
	credentials->effective_uid = credentials->filesystem_uid = access->view.uid;
	credentials->effective_gid = credentials->filesystem_gid = access->view.gid;
	credentials->groups = groups_ref(access->groups);
	credentials->effective = 0;
	return 0;
}

void thread_restore(struct imp_token *before)
{
	/* One that is not known to be at the primary identity may not go anywhere but there. */
	if (!before || !switch_knows_thread())
		imp_revert();
	if (!before)
		return;

	int error = take(before);

	if (error < 0)
		log_die("coming back to a former identity", "cannot take its token again", error);
	imp_token_unref(before);
}

/* ----------------------------------------------------------------------------- assert, run -- */

/* Without a capability, and with one uid and one gid, there is nobody it could become. */
static bool is_powerless(void)
{
	struct credentials now;

	if (credentials_read(&now) < 0)
		return false;
	groups_unref(now.groups);
	return now.permitted == 0 && now.real_uid == now.effective_uid &&
	       now.saved_uid == now.effective_uid && now.real_gid == now.effective_gid &&
	       now.saved_gid == now.effective_gid;
}

/*
 * What the kernel has for the thread.  A service that has given up its privilege to the ring engine
 * is asked once for each thread: it stays what it was found to be.
 */
static int verify_kernel(const struct imp_token *token)
{
	const struct expectation expected = expected_of(token);
	int error;

	if (thread.powerless && !expected.access)
		return 0;
	error = switch_verify(expected.access, expected.scope, expected.capabilities);
	if (error == 0 && engine && !expected.access && thread.ready)
		thread.powerless = is_powerless();
	return error;
}

static int verify(const struct imp_token *token)
{
	int error = verify_kernel(token);

	if (error < 0 || works_for(token))
		return error;

	const struct imp_log_record facts = {
		.priority = LOG_ERR,
		.event = IMP_EVENT_MISMATCH,
		.expected_uid = token ? token_access(token)->view.uid : switch_primary()->view.uid,
		.actual_uid = thread.current ? token_access(thread.current)->view.uid
					     : switch_primary()->view.uid,
		.error = -ESTALE,
	};

	log_event(&facts, "the thread does not work for whom it should: uid %u, expected %u",
		  facts.actual_uid, facts.expected_uid);
	return -ESTALE;
}

int imp_assert(const struct imp_token *token)
{
	int error = verify(token);

	if (error == -ESTALE) {
		thread_expect(token);
		ledger_count_mismatch(thread.slot);
	}
	return error;
}

/*
 * At the primary identity, and so nothing to switch: what the ledger says of the thread stays, also
 * that its work is somebody's whose identity it has not.
 */
static bool is_service(void)
{
	return !thread.current && switch_has_primary() && thread_agrees(NULL);
}

int imp_run(struct imp_token *token, int (*work)(void *argument), void *argument, int *result)
{
	struct imp_token *before = thread.current ? imp_token_ref(thread.current) : NULL;
	int error = 0;

	if (token)
		error = imp_impersonate(token);
	else if (!is_service())
		imp_revert();
	if (error < 0) {
		imp_token_unref(before);
		return error;
	}
	error = imp_assert(token);
	if (error == 0) {
		int value = work(argument);

		if (result)
			*result = value;
		error = imp_assert(thread.current);
	}
	if (error < 0)
		imp_revert(); /* from whoever the thread is by now */
	if (before || !is_service())
		thread_restore(before);
	return error;
}
