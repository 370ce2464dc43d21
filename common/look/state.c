/* SPDX-License-Identifier: MIT */
/* A thread seen from outside: what the kernel does, held against what the ledger says. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/identity.h"
#include "core/pidfd.h"
#include "look/state.h"

/* How often what does not fit is looked at again, and after what pause. */
enum { ATTEMPTS = 100, PAUSE_NS = 200000 };

/* ... and how often in one process: one that never fits must not hold up who looks at all. */
enum { PATIENCE = 200 };

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

static bool ids_differ(const uid_t uids[N_IDS], const gid_t gids[N_IDS])
{
	return uids[ID_EFFECTIVE] != uids[ID_SAVED] || gids[ID_EFFECTIVE] != gids[ID_SAVED] ||
	       uids[ID_FILESYSTEM] != uids[ID_EFFECTIVE] ||
	       gids[ID_FILESYSTEM] != gids[ID_EFFECTIVE];
}

static bool same_groups(const struct procfs_thread *a, const struct procfs_thread *b)
{
	return a->n_groups == b->n_groups &&
	       (a->n_groups == 0 || memcmp(a->groups, b->groups, a->n_groups * sizeof(gid_t)) == 0);
}

/* The main thread may be somebody else itself: its saved ids are the measure. */
static bool differs_from_main(const uid_t uids[N_IDS], const gid_t gids[N_IDS],
			      const struct procfs_thread *first)
{
	return uids[ID_SAVED] != first->uids[ID_SAVED] || gids[ID_SAVED] != first->gids[ID_SAVED];
}

static bool acts_as_another(const uid_t uids[N_IDS], const gid_t gids[N_IDS],
			    const struct procfs_thread *first)
{
	return ids_differ(uids, gids) || differs_from_main(uids, gids, first);
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

	/*
	 * Below impersonation the accesses are the anonymous identity's.  Who says so and accesses
	 * as itself, as any process can, could otherwise name any client.
	 */
	if (entry && entry->settled && entry->impersonating &&
	    entry->level < IMP_LEVEL_IMPERSONATION &&
	    thread->uids[ID_FILESYSTEM] == thread->uids[ID_SAVED])
		return primary ? LOOK_LOST : LOOK_MISMATCHED;
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
static int look_once(struct imp_ledger *ledger, pid_t pid, pid_t tid, struct look_thread *thread,
		     bool *certain)
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

static int look_with_ledger(struct look_process *process, pid_t tid, struct look_thread *thread)
{
	struct imp_ledger *ledger = process->ledger;
	pid_t pid = process->pid;
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	bool certain = false;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		int error;

		if (attempt > 0 && process->patience-- <= 0)
			break;
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
					      : !ids_differ(first->uids, first->gids) ? first
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
	/* Not the account that happens to have that number. */
	if (procfs_uid_is_unmapped(thread->access_uid)) {
		if (thread->user_uid == thread->access_uid)
			thread->user_uid = IMP_NO_UID;
		thread->access_uid = IMP_NO_UID;
	}
	if (procfs_uid_is_unmapped(thread->service_uid))
		thread->service_uid = IMP_NO_UID;
}

void look_fill_details(struct look_thread *thread)
{
	pid_t pid = thread->kernel.pid, tid = thread->kernel.tid;
	uint64_t own;

	if (procfs_label(pid, tid, thread->label, sizeof(thread->label)) < 0)
		thread->label[0] = '\0';
	if (procfs_user_namespace(pid, tid, &thread->user_namespace) < 0)
		thread->user_namespace = 0;
	if (thread->user_namespace && procfs_user_namespace(getpid(), getpid(), &own) == 0)
		thread->own_user_namespace = thread->user_namespace == own;
	else
		thread->own_user_namespace = procfs_same_id_map(pid, getpid());
	if (!thread->own_user_namespace &&
	    (procfs_translate_ids(pid, "uid_map", thread->kernel.uids, thread->uids_there, N_IDS) <
		     0 ||
	     procfs_translate_ids(pid, "gid_map", thread->kernel.gids, thread->gids_there, N_IDS) <
		     0))
		thread->own_user_namespace =
			true; /* gone meanwhile: there is no "there" any more */
}

/* The primary identity that the ledger tells must be one that the kernel knows of, too. */
static bool is_primary(const struct imp_ledger *ledger, const struct procfs_thread *first)
{
	bool uid_known = false, gid_known = false;
	uint64_t hash;
	uid_t uid;
	gid_t gid;

	imp_ledger_primary(ledger, &uid, &gid, &hash);
	for (int id = ID_REAL; id <= ID_SAVED; id++) {
		uid_known = uid_known || first->uids[id] == uid;
		gid_known = gid_known || first->gids[id] == gid;
	}
	return uid_known && gid_known;
}

int look_open(pid_t pid, struct look_process *process)
{
	int error = procfs_read_thread(pid, pid, &process->first);

	if (error < 0)
		return error;
	if (process->first.pid != pid) { /* a thread's id, which /proc knows too, is no process */
		procfs_clear_thread(&process->first);
		return -ESRCH;
	}
	process->pid = pid;
	process->ledger = NULL;
	process->patience = PATIENCE;
	process->ledger_error = imp_ledger_open(pid, &process->ledger);
	if (process->ledger_error == 0 && !is_primary(process->ledger, &process->first)) {
		imp_ledger_close(process->ledger);
		process->ledger = NULL;
		process->ledger_error = -EPROTO;
	}
	return 0;
}

void look_close(struct look_process *process)
{
	imp_ledger_close(process->ledger);
	process->ledger = NULL;
	procfs_clear_thread(&process->first);
}

int look_at(struct look_process *process, pid_t tid, struct look_thread *thread)
{
	const struct procfs_thread *kernel = &thread->kernel;
	int error;

	*thread = (struct look_thread){
		.state = LOOK_UNRECORDED,
		.ledger_error = process->ledger_error,
	};
	if (process->ledger) {
		error = look_with_ledger(process, tid, thread);
	} else {
		error = procfs_read_thread(process->pid, tid, &thread->kernel);
		if (error == 0)
			thread->impersonating =
				acts_as_another(kernel->uids, kernel->gids, &process->first);
	}
	if (error < 0) {
		look_clear(thread);
		return error;
	}
	fill_service(process->ledger, &process->first, thread);
	fill_user(thread);
	memcpy(thread->process, process->first.command, sizeof(thread->process));
	return 0;
}

bool look_is_plain(const struct look_process *process, pid_t tid)
{
	uid_t uids[N_IDS];
	gid_t gids[N_IDS];

	return !process->ledger && pidfd_read_ids(tid, uids, gids) == 0 &&
	       !acts_as_another(uids, gids, &process->first);
}

int look_at_thread(pid_t pid, pid_t tid, struct look_thread *thread)
{
	struct look_process process;
	int error = look_open(pid, &process);

	if (error < 0)
		return error;
	error = look_at(&process, tid ? tid : pid, thread);
	look_close(&process);
	if (error == 0)
		look_fill_details(thread);
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
