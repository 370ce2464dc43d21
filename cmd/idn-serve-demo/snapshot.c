/* SPDX-License-Identifier: MIT */
/* The service at one moment, as anybody could see it from outside, and what it has counted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/names.h"
#include "core/policy.h"
#include "status.h"

/* -------------------------------------------------------------------------------- looking -- */

static int look_at_all(struct look_process *process, struct snapshot *snapshot)
{
	pid_t *tids;
	size_t count;
	int error = procfs_list_threads(process->pid, &tids, &count);

	if (error < 0)
		return error;
	snapshot->threads = calloc(count, sizeof(*snapshot->threads));
	if (!snapshot->threads)
		error = -ENOMEM;
	for (size_t i = 0; i < count && error == 0; i++) {
		error = look_at(process, tids[i], &snapshot->threads[snapshot->n_threads]);
		if (error == 0)
			snapshot->n_threads++;
		else if (error == -ESRCH) /* it has ended meanwhile */
			error = 0;
	}
	free(tids);
	return error;
}

int snapshot_take(struct snapshot *snapshot)
{
	struct look_process process;
	int error = look_open(getpid(), &process);

	*snapshot = (struct snapshot){.n_threads = 0};
	if (error < 0)
		return error;
	error = look_at_all(&process, snapshot);
	look_close(&process);
	if (error < 0) {
		snapshot_clear(snapshot);
		return error;
	}
	snapshot->counted = ledger_own_counters(&snapshot->totals);
	connection_count(&snapshot->connections);
	return 0;
}

void snapshot_clear(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_threads; i++)
		look_clear(&snapshot->threads[i]);
	free(snapshot->threads);
	*snapshot = (struct snapshot){.n_threads = 0};
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t process_start;

static void find_process_start(void)
{
	uint64_t ticks;
	int64_t per_tick = 1000000000 / sysconf(_SC_CLK_TCK);

	process_start = clock_ns(CLOCK_REALTIME);
	if (procfs_start_time(getpid(), &ticks) == 0)
		process_start += (int64_t)ticks * per_tick - clock_ns(CLOCK_BOOTTIME);
}

int64_t snapshot_process_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find_process_start);
	return process_start;
}

/* ---------------------------------------------------------------------------------- telling -- */

static json_t *user_object(uid_t uid)
{
	char buffer[256];
	json_t *object = json_object();

	json_put(object, "uid", uid == IMP_NO_UID ? json_null() : json_integer(uid));
	json_put(object, "name",
		 json_text(uid == IMP_NO_UID ? "Anonymous"
					     : user_name(uid, buffer, sizeof(buffer))));
	return object;
}

/* At anonymous there is nothing to tell: the ledger has none. */
static json_t *client_object(const struct look_thread *thread)
{
	const struct imp_ledger_entry *entry = &thread->entry;
	json_t *object;

	if (!thread->level_known || entry->level == IMP_LEVEL_ANONYMOUS)
		return json_null();
	object = user_object(entry->client_uid);
	json_put(object, "pid",
		 entry->client_pid > 0 ? json_integer(entry->client_pid) : json_null());
	json_put(object, "transport", json_string(imp_transport_name(entry->transport)));
	json_put(object, "principal", json_text(entry->principal[0] ? entry->principal : NULL));
	json_put(object, "delegated", json_string(imp_delegated_name(entry->delegated)));
	return object;
}

/* Of a thread that is not what is recorded of it. */
static json_t *expected_object(const struct look_thread *thread)
{
	if ((thread->state != LOOK_LOST && thread->state != LOOK_MISMATCHED) || !thread->recorded ||
	    !thread->entry.impersonating)
		return json_null();
	return user_object(thread->entry.access_uid);
}

static json_t *thread_object(const struct look_thread *thread)
{
	const struct imp_ledger_entry *entry = &thread->entry;
	bool known = thread->level_known;
	json_t *object = json_object();
	char text[64];

	json_put(object, "tid", json_integer(thread->kernel.tid));
	json_put(object, "command", json_text(thread->kernel.command));
	json_put(object, "state", json_string(look_state_name(thread->state)));
	json_put(object, "impersonating", json_boolean(thread->impersonating));
	json_put(object, "access_as", user_object(thread->access_uid));
	json_put(object, "expected_as", expected_object(thread));
	json_put(object, "client", client_object(thread));
	json_put(object, "level",
		 !thread->impersonating
			 ? json_null()
			 : json_string(known ? imp_level_name(entry->level) : "unknown"));
	json_put(object, "level_decided_by",
		 known ? json_string(imp_decided_by_name(entry->decided_by)) : json_null());
	json_put(object, "since",
		 known ? json_string(time_text(entry->since_ns, text, sizeof(text))) : json_null());
	json_put(object, "counters", thread->recorded ? json_entry_counters(entry) : json_null());
	return object;
}

static json_t *service_object(void)
{
	json_t *object = user_object(geteuid());
	char text[64];

	json_put(object, "pid", json_integer(getpid()));
	json_put(object, "started",
		 json_string(time_text(snapshot_process_start(), text, sizeof(text))));
	json_put(object, "version", json_string(PACKAGE_VERSION));
	json_put(object, "engine", json_string(imp_engine_name(engine_chosen())));
	return object;
}

static json_t *policy_object(void)
{
	json_t *object;
	struct imp_policy *policy;

	if (policy_resolve(NULL, &policy) < 0)
		return json_null();
	object = json_object();
	json_put(object, "anonymous_user",
		 policy->anonymous.groups ? user_object(policy->anonymous.view.uid) : json_null());
	json_put(object, "max_level", json_string(imp_level_name(policy->max_level)));
	json_put(object, "default_level_local",
		 json_string(imp_level_name(policy->default_level_local)));
	json_put(object, "default_level_network",
		 json_string(imp_level_name(policy->default_level_network)));
	json_put(object, "privileged_clients",
		 json_string(policy->privileged_clients_allowed ? "allow" : "identify"));
	json_put(object, "legacy_impersonation_policy",
		 json_boolean(policy->switches.legacy_impersonation_policy));
	json_put(object, "always_flow_impersonation_policy",
		 json_boolean(policy->switches.always_flow_impersonation_policy));
	json_put(object, "channel_mismatch",
		 json_string(policy->switches.channel_mismatch_warns ? "warn" : "fail"));
	imp_policy_unref(policy);
	return object;
}

static json_t *requests_object(void)
{
	json_t *object = json_object();
	char code[16];

	for (unsigned int status = STATUS_FIRST; status <= STATUS_LAST; status++) {
		uint64_t count = metrics_responses(status);

		if (count == 0)
			continue;
		snprintf(code, sizeof(code), "%u", status);
		json_put(object, code, json_integer((json_int_t)count));
	}
	return object;
}

static json_t *totals_object(const struct snapshot *snapshot)
{
	const struct ledger_counters *totals = &snapshot->totals;
	json_t *object = json_object();

	json_put(object, "requests", requests_object());
	json_put(object, "connections", json_integer(snapshot->connections.open));
	json_put(object, "users", json_integer(snapshot->connections.users));
	json_put(object, "failed_assertions",
		 json_integer((json_int_t)metrics_failed_assertions()));
	json_put(object, "counters", snapshot->counted ? json_counters(totals) : json_null());
	return object;
}

char *snapshot_line(const struct snapshot *snapshot)
{
	json_t *object = json_object();
	json_t *threads = json_array();

	for (size_t i = 0; i < snapshot->n_threads; i++)
		json_append(threads, thread_object(&snapshot->threads[i]));
	json_put(object, "service", service_object());
	json_put(object, "policy", policy_object());
	json_put(object, "totals", totals_object(snapshot));
	json_put(object, "threads", threads);
	return json_line(object);
}
