/* SPDX-License-Identifier: MIT */
/* idn-show: a thread as JSON, as idn-show.schema.json says. */
#include "cli/facts.h"
#include "cli/names.h"
#include "show.h"

static json_t *client_object(const struct look_thread *thread)
{
	struct procfs_thread client;
	json_t *object;

	if (!thread->level_known || thread->entry.level == IMP_LEVEL_ANONYMOUS)
		return json_null();
	object = json_object();
	json_put(object, "pid",
		 thread->entry.client_pid > 0 ? json_integer(thread->entry.client_pid)
					      : json_null());
	if (thread->entry.client_pid > 0 &&
	    procfs_read_thread(thread->entry.client_pid, 0, &client) == 0) {
		json_put(object, "command", json_text(client.command));
		procfs_clear_thread(&client);
	} else {
		json_put(object, "command", json_null());
	}
	json_put(object, "transport", json_string(imp_transport_name(thread->entry.transport)));
	return object;
}

static bool is_below_impersonation(const struct look_thread *thread)
{
	return thread->level_known && thread->entry.level < IMP_LEVEL_IMPERSONATION;
}

static json_t *access_object(const struct look_thread *thread)
{
	const struct procfs_thread *kernel = &thread->kernel;
	bool client = thread->level_known && !is_below_impersonation(thread);

	/* By the ring engine the thread's own groups are the service's. */
	return json_identity(thread->access_uid, thread->access_gid, kernel->groups,
			     kernel->n_groups, !thread->by_ring,
			     client ? principal_of(&thread->entry) : NULL);
}

/* ACCESS is who the thread acts as, put together already: with many groups that takes its time. */
static json_t *user_object(const struct look_thread *thread, const json_t *access)
{
	/* The groups that the thread has are not the user's there. */
	if (is_below_impersonation(thread))
		return json_identity(thread->user_uid, thread->entry.client_gid, NULL, 0, false,
				     principal_of(&thread->entry));
	return json_deep_copy(access);
}

json_t *thread_object(const struct look_thread *thread)
{
	const struct procfs_thread *kernel = &thread->kernel;
	bool known = thread->level_known;
	json_t *object = json_object();
	json_t *access = access_object(thread);
	char text[64];

	json_put(object, "pid", json_integer(kernel->pid));
	json_put(object, "tid", json_integer(kernel->tid));
	json_put(object, "command", json_text(kernel->command));
	json_put(object, "user", user_object(thread, access));
	json_put(object, "impersonating", json_boolean(thread->impersonating));
	json_put(object, "level",
		 !thread->impersonating
			 ? json_null()
			 : json_string(known ? imp_level_name(thread->entry.level) : "unknown"));
	json_put(object, "level_decided_by",
		 known ? json_string(imp_decided_by_name(thread->entry.decided_by)) : json_null());
	json_put(object, "scope",
		 known ? json_string(thread->entry.scope == IMP_SCOPE_FILES ? "files" : "all")
		       : json_null());
	json_put(object, "access_as", access);
	json_put(object, "service",
		 json_identity(thread->service_uid, thread->service_gid, thread->service_groups,
			       thread->n_service_groups, thread->service_groups_known, NULL));
	json_put(object, "client", client_object(thread));
	json_put(object, "delegated",
		 known ? json_string(imp_delegated_name(thread->entry.delegated)) : json_null());
	json_put(object, "since",
		 known ? json_string(time_text(thread->entry.since_ns, text, sizeof(text)))
		       : json_null());
	json_put(object, "uids", json_ids(kernel->uids));
	json_put(object, "gids", json_ids(kernel->gids));
	json_put(object, "capabilities", json_capability_sets(kernel->capabilities));
	json_put(object, "securebits", json_null()); /* /proc does not tell them */
	json_put(object, "no_new_privs", json_boolean(kernel->no_new_privs));
	json_put(object, "seccomp", json_integer(kernel->seccomp));
	json_put(object, "label", json_text(thread->label[0] ? thread->label : NULL));
	json_put(object, "user_namespace",
		 thread->user_namespace ? json_integer((json_int_t)thread->user_namespace)
					: json_null());
	json_put(object, "uids_there",
		 thread->own_user_namespace ? json_null() : json_ids_there(thread->uids_there));
	json_put(object, "gids_there",
		 thread->own_user_namespace ? json_null() : json_ids_there(thread->gids_there));
	json_put(object, "engine",
		 known ? json_string(imp_engine_name(thread->entry.engine)) : json_null());
	json_put(object, "token",
		 thread->by_ring ? json_integer(thread->entry.number) : json_null());
	json_put(object, "counters",
		 thread->recorded ? json_entry_counters(&thread->entry) : json_null());
	json_put(object, "state", json_string(look_state_name(thread->state)));
	return object;
}
