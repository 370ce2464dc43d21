/* SPDX-License-Identifier: MIT */
/* idn-check service: what each of its threads has, and is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/facts.h"
#include "cli/message.h"
#include "cli/names.h"
#include "core/capability.h"
#include "look/watch.h"
#include "service.h"

/* ------------------------------------------------------------------------------ capabilities -- */

static size_t count_without(const struct service *service, uint64_t capability)
{
	size_t count = 0;

	for (size_t i = 0; i < service->list.count; i++)
		count +=
			!(service->list.threads[i].kernel.capabilities[SET_PERMITTED] & capability);
	return count;
}

/* By the ring engine the privilege is the broker's, and the service is to be without. */
static void check_privilege_given_up(struct service *service)
{
	size_t threads = service->list.count;
	size_t with = threads - count_without(service, CAPABILITIES_TO_SWITCH);

	if (with)
		answer(service, "capabilities", RESULT_WARN,
		       "CAP_SETUID or CAP_SETGID is permitted (threads: %zu of %zu): taken over, "
		       "it "
		       "is anybody, ring or not",
		       with, threads);
	else
		answer(service, "capabilities", RESULT_OK,
		       "ring: the service holds no privilege to switch; a broker does");
}

void check_capabilities(struct service *service)
{
	static const struct {
		uint64_t set;
		const char *name;
	} needed[] = {
		{CAPABILITY(CAP_SETUID), "CAP_SETUID"},
		{CAPABILITY(CAP_SETGID), "CAP_SETGID"},
	};
	const char *where = service->other_namespace ? ", in a user namespace of its own" : "";
	size_t threads = service->list.count;
	char missing[256] = "";
	bool all_without = false;

	for (size_t i = 0; i < 2; i++) {
		size_t without = count_without(service, needed[i].set), used = strlen(missing);

		all_without = all_without || without == threads;
		if (without)
			snprintf(missing + used, sizeof(missing) - used,
				 "%s%s is missing (threads: %zu of %zu)", used ? ", " : "",
				 needed[i].name, without, threads);
	}
	if (service->by_ring)
		check_privilege_given_up(service);
	else if (all_without)
		answer(service, "capabilities", RESULT_FAIL,
		       "%s: it can impersonate nobody but itself", missing);
	else if (missing[0])
		answer(service, "capabilities", RESULT_WARN, "%s%s", missing, where);
	else
		answer(service, "capabilities", RESULT_OK,
		       "CAP_SETUID and CAP_SETGID are permitted in every thread%s", where);
}

void check_account(struct service *service)
{
	uint64_t permitted = 0;
	char who[600], names[2048];

	for (size_t i = 0; i < service->list.count; i++)
		permitted |= service->list.threads[i].kernel.capabilities[SET_PERMITTED];

	bool switching = permitted & CAPABILITIES_TO_SWITCH;

	permitted &= ~CAPABILITIES_TO_SWITCH;
	describe_identity(service->uid, service->gid, who, sizeof(who));
	if (service->uid == 0)
		answer(service, "account", RESULT_WARN, "%s: an ordinary user with %s would do",
		       who, service->by_ring ? "no capability" : "the two capabilities");
	else if (permitted)
		answer(service, "account", RESULT_WARN, "%s, who may use %s besides", who,
		       capability_text(permitted, names, 256));
	else
		answer(service, "account", RESULT_OK, "%s, with no %scapability", who,
		       service->by_ring && !switching ? "" : "other ");
}

/* ------------------------------------------------------------------------------- securebits -- */

/* What a client other than root must not have in effect, where the ledger says who it is. */
static uint64_t kept_capabilities(const struct look_thread *thread)
{
	uint64_t effective = thread->kernel.capabilities[SET_EFFECTIVE];

	/* By the ring engine it has the service's, which its operations for clients have not. */
	if (!thread->level_known || !thread->certain || thread->by_ring ||
	    thread->access_uid == 0 || thread->access_uid == thread->service_uid)
		return 0;
	return thread->entry.scope == IMP_SCOPE_FILES ? effective & CAPABILITIES_OF_FILES
						      : effective;
}

/* /proc does not show them: what shows is what SECBIT_NO_SETUID_FIXUP would do. */
void check_securebits(struct service *service)
{
	size_t acting = 0;

	for (size_t i = 0; i < service->list.count; i++) {
		const struct look_thread *thread = &service->list.threads[i];
		uint64_t kept = kept_capabilities(thread);
		char who[300], names[2048];

		acting += thread->level_known && !thread->by_ring;
		if (!kept)
			continue;
		answer(service, "securebits", RESULT_FAIL,
		       "%d/%d acts as %s with %s in effect, as under SECBIT_NO_SETUID_FIXUP",
		       (int)thread->kernel.pid, (int)thread->kernel.tid,
		       describe_user(thread->access_uid, who, sizeof(who)),
		       capability_text(kept, names, 256));
		return;
	}
	answer(service, "securebits", RESULT_SKIP, "cannot be seen from outside%s",
	       acting ? "; no thread that acts for a client has capabilities in effect" : "");
}

/* ------------------------------------------------------------------------------------ sandbox --
 */

void check_no_new_privs(struct service *service)
{
	size_t set = 0, threads = service->list.count;

	for (size_t i = 0; i < threads; i++)
		set += service->list.threads[i].kernel.no_new_privs;
	if (set == threads)
		answer(service, "no_new_privs", RESULT_OK,
		       "set: no program that it runs gains any");
	else if (set == 0)
		answer(service, "no_new_privs", RESULT_OK,
		       "not set: a program that it runs may be set-user-ID");
	else
		answer(service, "no_new_privs", RESULT_WARN, "not everywhere (threads: %zu of %zu)",
		       set, threads);
}

void check_seccomp(struct service *service)
{
	size_t strict = 0, filtered = 0, threads = service->list.count;

	for (size_t i = 0; i < threads; i++) {
		strict += service->list.threads[i].kernel.seccomp == 1;
		filtered += service->list.threads[i].kernel.seccomp > 1;
	}
	if (strict)
		answer(service, "seccomp", RESULT_FAIL, "strict (threads: %zu of %zu): no %s there",
		       strict, threads,
		       service->by_ring ? "operation for a client can be done"
					: "identity can be taken");
	else if (!filtered)
		answer(service, "seccomp", RESULT_OK, "no filter");
	else if (service->counted && service->totals.counters.impersonations > 0)
		answer(service, "seccomp", RESULT_OK,
		       "a filter (threads: %zu of %zu), with which they have impersonated",
		       filtered, threads);
	else
		answer(service, "seccomp", RESULT_WARN,
		       "a filter (threads: %zu of %zu): whether %s cannot be seen", filtered,
		       threads,
		       service->by_ring ? "io_uring_enter passes"
					: "setgroups, setresgid, setresuid and capset pass");
}

/* ------------------------------------------------------------------------------------- states --
 */

struct states {
	size_t counts[LOOK_UNRECORDED + 1];
	size_t wrong;
};

static void count_state(const struct look_finding *finding, void *data)
{
	struct states *states = data;

	if (finding->kind != LOOK_FOUND_THREAD)
		return;
	states->counts[finding->state]++;
	states->wrong++;
}

/* What is wrong with its threads; by the watch, which tells only what is sure. */
static int find_states(const struct service *service, struct states *states)
{
	const struct look_item item = {.pid = service->pid};
	const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};
	struct look_watch *watch = look_watch_new(&item, 1, false);
	int error = watch ? look_watch_sample(watch, count_state, states, NULL) : -ENOMEM;

	if (error == 0 && look_watch_is_waiting(watch)) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		error = look_watch_again(watch, count_state, states);
	}
	look_watch_free(watch);
	return error;
}

void check_states(struct service *service)
{
	struct states states = {.wrong = 0};
	size_t acting = 0, unrecorded = 0, threads = service->list.count;
	int error = find_states(service, &states);

	if (error < 0) {
		answer(service, "threads", RESULT_SKIP, "%s", reason_of(error));
		return;
	}
	if (states.wrong) {
		answer(service, "threads", RESULT_FAIL,
		       "%zu lost, %zu leaked, %zu mismatched: idn-check threads %d",
		       states.counts[LOOK_LOST], states.counts[LOOK_LEAKED],
		       states.counts[LOOK_MISMATCHED], (int)service->pid);
		return;
	}
	for (size_t i = 0; i < threads; i++) {
		acting += service->list.threads[i].impersonating;
		unrecorded += service->list.threads[i].impersonating &&
			      service->list.threads[i].state == LOOK_UNRECORDED;
	}
	if (unrecorded)
		answer(service, "threads", RESULT_WARN,
		       "%zu in all, of which %zu act for somebody without being recorded", threads,
		       unrecorded);
	else
		answer(service, "threads", RESULT_OK, "%zu in all, of which %zu act for clients",
		       threads, acting);
}
