/* SPDX-License-Identifier: MIT */
/* A thread seen from outside: what the kernel does, held against what the ledger says. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/identity.h"
#include "look/state.h"

/* How often what does not fit is looked at again, and after what pause. */
enum { ATTEMPTS = 100, PAUSE_NS = 200000 };

const char *look_state_name(enum look_state state)
{
	static const char *const names[] = {
		[LOOK_CONSISTENT] = "consistent", [LOOK_LOST] = "lost",
		[LOOK_LEAKED] = "leaked",	  [LOOK_MISMATCHED] = "mismatched",
		[LOOK_UNRECORDED] = "unrecorded",
	};

	return names[state];
}

/* --------------------------------------------------------------- by the kernel alone -- */

static bool ids_differ(const struct procfs_thread *thread)
{
	return thread->uids[ID_EFFECTIVE] != thread->uids[ID_SAVED] ||
	       thread->gids[ID_EFFECTIVE] != thread->gids[ID_SAVED] ||
	       thread->uids[ID_FILESYSTEM] != thread->uids[ID_EFFECTIVE] ||
	       thread->gids[ID_FILESYSTEM] != thread->gids[ID_EFFECTIVE];
}

static bool same_groups(const struct procfs_thread *a, const struct procfs_thread *b)
{
	return a->n_groups == b->n_groups &&
	       (a->n_groups == 0 || memcmp(a->groups, b->groups, a->n_groups * sizeof(gid_t)) == 0);
}

/* The main thread is the measure, unless it is somebody else itself: then only its saved ids are.
 */
static bool differs_from_main(const struct procfs_thread *thread, const struct procfs_thread *first)
{
	if (thread->uids[ID_SAVED] != first->uids[ID_SAVED] ||
	    thread->gids[ID_SAVED] != first->gids[ID_SAVED])
		return true;
	return !ids_differ(first) && !same_groups(thread, first);
}

/* ------------------------------------------------------------------ against the ledger -- */

static bool acts_as_primary(const struct imp_ledger *ledger, const struct procfs_thread *thread)
{
	uid_t uid;
	gid_t gid;
	uint64_t hash;

	imp_ledger_primary(ledger, &uid, &gid, &hash);
	return thread->uids[ID_EFFECTIVE] == uid && thread->uids[ID_FILESYSTEM] == uid &&
	       thread->gids[ID_EFFECTIVE] == gid && thread->gids[ID_FILESYSTEM] == gid &&
	       groups_hash(thread->groups, thread->n_groups) == hash;
}

static bool acts_as_recorded(const struct imp_ledger *ledger, const struct procfs_thread *thread,
			     const struct imp_ledger_entry *entry)
{
	uid_t effective_uid = entry->access_uid;
	gid_t effective_gid = entry->access_gid;
	uint64_t hash;

	if (entry->scope == IMP_SCOPE_FILES)
		imp_ledger_primary(ledger, &effective_uid, &effective_gid, &hash);
	return thread->uids[ID_FILESYSTEM] == entry->access_uid &&
	       thread->gids[ID_FILESYSTEM] == entry->access_gid &&
	       thread->uids[ID_EFFECTIVE] == effective_uid &&
	       thread->gids[ID_EFFECTIVE] == effective_gid &&
	       groups_hash(thread->groups, thread->n_groups) == entry->access_groups_hash;
}

static enum look_state compare(const struct imp_ledger *ledger, const struct procfs_thread *thread,
			       const struct imp_ledger_entry *entry)
{
	bool primary = acts_as_primary(ledger, thread);

	/* On the way from one to the other, and not between the two. */
	if (entry && !entry->settled && (primary || acts_as_recorded(ledger, thread, entry)))
		return LOOK_CONSISTENT;
	if (!entry || !entry->impersonating)
		return primary ? LOOK_CONSISTENT : LOOK_LEAKED;
	if (acts_as_recorded(ledger, thread, entry))
		return LOOK_CONSISTENT;
	return primary ? LOOK_LOST : LOOK_MISMATCHED;
}

/*
 * Entry, kernel, entry again.  If both entries are one, the kernel's facts lie between two moments
 * at which nothing was being switched, and what they amount to is certain.  If not, the thread was
 * busy meanwhile: that they fit one of the entries is all that can be asked for.
 */
static int look_once(const struct imp_ledger *ledger, pid_t pid, pid_t tid,
		     struct look_thread *thread, bool *certain)
{
	struct imp_ledger_entry after;

	memset(&thread->entry, 0, sizeof(thread->entry));
	memset(&after, 0, sizeof(after));
	int before_error = imp_ledger_read(ledger, tid, &thread->entry);
	int error = procfs_read_thread(pid, tid, &thread->kernel);

	if (error < 0)
		return error;

	int after_error = imp_ledger_read(ledger, tid, &after);

	*certain = before_error == after_error &&
		   memcmp(&thread->entry, &after, sizeof(after)) == 0 &&
		   (before_error < 0 || after.settled);
	thread->state = compare(ledger, &thread->kernel, before_error == 0 ? &thread->entry : NULL);
	thread->recorded = before_error == 0;
	if (!*certain && thread->state != LOOK_CONSISTENT) {
		thread->state = compare(ledger, &thread->kernel, after_error == 0 ? &after : NULL);
		thread->recorded = after_error == 0;
		thread->entry = after;
	}
	return 0;
}

static int look_with_ledger(const struct imp_ledger *ledger, pid_t pid, pid_t tid,
			    struct look_thread *thread)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	bool certain = false;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		int error;

		if (attempt > 0) {
			procfs_clear_thread(&thread->kernel);
			clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		}
		error = look_once(ledger, pid, tid, thread, &certain);
		if (error < 0)
			return error;
		if (certain || thread->state == LOOK_CONSISTENT)
			break;
	}

	bool recorded = thread->recorded &&
			(thread->entry.settled ? thread->entry.impersonating
					       : !acts_as_primary(ledger, &thread->kernel));

	thread->impersonating =
		thread->state == LOOK_CONSISTENT ? recorded : thread->state != LOOK_LOST;
	thread->level_known = thread->state == LOOK_CONSISTENT && recorded;
	return 0;
}

/* ------------------------------------------------------------------------ put together -- */

static void fill_service(const struct imp_ledger *ledger, const struct procfs_thread *first,
			 struct look_thread *thread)
{
	uint64_t hash;

	thread->service_uid = first->uids[ID_SAVED];
	thread->service_gid = first->gids[ID_SAVED];
	if (ledger)
		imp_ledger_primary(ledger, &thread->service_uid, &thread->service_gid, &hash);

	/* Its groups can be read only where some thread, or its own record, still has them. */
	const struct procfs_thread *at_home = !thread->impersonating ? &thread->kernel
					      : !ids_differ(first)   ? first
								     : NULL;

	if (!at_home || (ledger && groups_hash(at_home->groups, at_home->n_groups) != hash))
		return;
	thread->service_groups = malloc(at_home->n_groups * sizeof(gid_t) + 1);
	if (!thread->service_groups)
		return;
	if (at_home->n_groups)
		memcpy(thread->service_groups, at_home->groups, at_home->n_groups * sizeof(gid_t));
	thread->n_service_groups = at_home->n_groups;
	thread->service_groups_known = true;
}

static void fill_user(struct look_thread *thread)
{
	const struct procfs_thread *kernel = &thread->kernel;

	thread->access_uid = kernel->uids[ID_FILESYSTEM];
	thread->access_gid = kernel->gids[ID_FILESYSTEM];
	thread->user_uid = thread->access_uid;
	if (thread->level_known && thread->entry.level < IMP_LEVEL_IMPERSONATION)
		thread->user_uid = thread->entry.client_uid;
}

static void fill_rest(pid_t pid, pid_t tid, struct look_thread *thread)
{
	uint64_t own;

	if (procfs_label(pid, tid, thread->label, sizeof(thread->label)) < 0)
		thread->label[0] = '\0';
	if (procfs_user_namespace(pid, tid, &thread->user_namespace) < 0)
		thread->user_namespace = 0;
	thread->own_user_namespace = procfs_user_namespace(getpid(), getpid(), &own) == 0 &&
				     thread->user_namespace == own;
}

int look_at_thread(pid_t pid, pid_t tid, struct look_thread *thread)
{
	struct procfs_thread first;
	struct imp_ledger *ledger = NULL;
	int error = procfs_read_thread(pid, pid, &first);

	*thread = (struct look_thread){.state = LOOK_UNRECORDED};
	if (error < 0)
		return error;
	if (first.pid !=
	    pid) { /* a tid was given for a pid: /proc knows it, as PID's it does not count */
		procfs_clear_thread(&first);
		return -ESRCH;
	}
	if (tid == 0)
		tid = pid;

	thread->ledger_error = imp_ledger_open(pid, &ledger);
	if (thread->ledger_error < 0)
		ledger = NULL;
	if (ledger) {
		error = look_with_ledger(ledger, pid, tid, thread);
	} else {
		error = procfs_read_thread(pid, tid, &thread->kernel);
		if (error == 0)
			thread->impersonating =
				ids_differ(&thread->kernel) ||
				(tid != pid && differs_from_main(&thread->kernel, &first));
	}
	if (error == 0) {
		fill_service(ledger, &first, thread);
		fill_user(thread);
		fill_rest(pid, tid, thread);
	}
	imp_ledger_close(ledger);
	procfs_clear_thread(&first);
	if (error < 0)
		look_clear(thread);
	return error;
}

void look_clear(struct look_thread *thread)
{
	procfs_clear_thread(&thread->kernel);
	free(thread->service_groups);
	thread->service_groups = NULL;
}

bool look_differ(const struct look_thread *a, const struct look_thread *b)
{
	return a->impersonating != b->impersonating || a->state != b->state ||
	       memcmp(a->kernel.uids, b->kernel.uids, sizeof(a->kernel.uids)) != 0 ||
	       memcmp(a->kernel.gids, b->kernel.gids, sizeof(a->kernel.gids)) != 0 ||
	       memcmp(a->kernel.capabilities, b->kernel.capabilities,
		      sizeof(a->kernel.capabilities)) != 0 ||
	       !same_groups(&a->kernel, &b->kernel);
}
