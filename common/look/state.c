/* SPDX-License-Identifier: MIT */
/* A thread seen from outside: what the kernel does, held against what the ledger says. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/ledger.h"
#include "core/pidfd.h"
#include "look/compare.h"
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

/* ------------------------------------------------------------------------- with a ledger -- */

/* What the ledger said at one moment. */
struct reading {
	int error;
	uint64_t stamp;
	struct imp_ledger_entry entry;
};

static bool is_worker(pid_t pid, pid_t tid)
{
	uint64_t start;
	bool worker;

	return procfs_thread_start(pid, tid, &start, &worker) == 0 && worker;
}

static void read_ledger(struct imp_ledger *ledger, pid_t tid, struct reading *reading)
{
	reading->error = ledger_read_stamped(ledger, tid, &reading->entry, &reading->stamp);
}

enum look_ring look_for_ring(struct look_process *process, pid_t tid)
{
	bool found;

	if (process->ring == LOOK_RING_UNASKED)
		process->ring = procfs_has_ring(process->pid, tid, &found) < 0 ? LOOK_RING_UNKNOWN
				: found					       ? LOOK_RING_THERE
									       : LOOK_RING_NONE;
	return process->ring;
}

/* Holds the kernel's facts, which are there, against one reading. */
static void judge(struct look_process *process, const struct reading *reading,
		  struct look_thread *thread)
{
	const struct imp_ledger_entry *entry = reading->error == 0 ? &reading->entry : NULL;

	thread->recorded = entry;
	thread->entry = entry ? *entry : (struct imp_ledger_entry){.tid = 0};
	thread->ring = entry && acts_by_ring(entry) ? look_for_ring(process, thread->kernel.tid)
						    : LOOK_RING_UNASKED;
	thread->state = compare_with_ledger(process->ledger, &thread->kernel, entry, thread->ring);
	if (reading->error == -ENOSPC && thread->state == LOOK_LEAKED)
		thread->state = LOOK_UNRECORDED;
	thread->ledger_error = thread->state == LOOK_UNRECORDED ? -ENOSPC : 0;
}

/*
 * Ledger, kernel, ledger again.  If both readings are one, the kernel's facts lie between two
 * moments at which nothing was being switched, and what they amount to is certain.  If not, the
 * thread was busy meanwhile: that they fit one of the readings is all that can be asked for.
 */
static int look_once(struct look_process *process, pid_t tid, struct look_thread *thread)
{
	struct reading before, after;

	read_ledger(process->ledger, tid, &before);
	int error = procfs_read_thread(process->pid, tid, &thread->kernel);

	if (error < 0)
		return error;
	read_ledger(process->ledger, tid, &after);
	thread->certain = before.error == after.error && before.stamp == after.stamp &&
			  (before.error < 0 || (before.entry.settled && after.entry.settled));
	judge(process, &before, thread);
	if (!thread->certain && thread->state != LOOK_CONSISTENT)
		judge(process, &after, thread);
	return 0;
}

static int look_with_ledger(struct look_process *process, pid_t tid, struct look_thread *thread)
{
	struct imp_ledger *ledger = process->ledger;
	pid_t pid = process->pid;
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		int error;

		if (attempt > 0 && process->patience-- <= 0)
			break;
		if (attempt > 0) {
			procfs_clear_thread(&thread->kernel);
			clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		}
		error = look_once(process, tid, thread);
		if (error < 0)
			return error;
		if (thread->certain || thread->state == LOOK_CONSISTENT)
			break;
	}
	if (thread->state == LOOK_LEAKED && !thread->recorded && is_worker(pid, tid)) {
		thread->state = LOOK_UNRECORDED;
		thread->worker = true;
	}

	bool recorded = thread->recorded &&
			(thread->entry.settled ? thread->entry.impersonating
					       : !acts_as_primary(ledger, &thread->kernel));

	thread->impersonating =
		thread->state == LOOK_CONSISTENT ? recorded : thread->state != LOOK_LOST;
	thread->level_known = thread->state == LOOK_CONSISTENT && recorded;
	thread->by_ring = thread->level_known && acts_by_ring(&thread->entry);
	return 0;
}

/* --------------------------------------------------------------------------- without one -- */

static int look_without_ledger(struct look_process *process, pid_t tid, struct look_thread *thread)
{
	struct procfs_thread *first = &process->first;
	struct procfs_thread fresh;
	int error = procfs_read_thread(process->pid, tid, &thread->kernel);

	if (error < 0)
		return error;
	thread->certain = true;
	thread->impersonating = acts_as_another(thread->kernel.uids, thread->kernel.gids, first);
	thread->worker = thread->impersonating && is_worker(process->pid, tid);
	if (thread->worker)
		return 0;
	/* The whole process may have become another since its main thread was read. */
	if (tid != process->pid && is_for_good(&thread->kernel, first) &&
	    procfs_read_thread(process->pid, 0, &fresh) == 0) {
		procfs_clear_thread(first);
		*first = fresh;
		if (is_for_good(&thread->kernel, first))
			thread->state = LOOK_LEAKED;
		thread->impersonating =
			acts_as_another(thread->kernel.uids, thread->kernel.gids, first);
	}
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
	if (thread->by_ring) {
		thread->access_uid = thread->entry.access_uid;
		thread->access_gid = thread->entry.access_gid;
	}
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
	process->ring = LOOK_RING_UNASKED;
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
	int error;

	*thread = (struct look_thread){
		.state = LOOK_UNRECORDED,
		.ledger_error = process->ledger_error,
	};
	error = process->ledger ? look_with_ledger(process, tid, thread)
				: look_without_ledger(process, tid, thread);
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

bool look_disbelieves(int ledger_error)
{
	return ledger_error == -EPERM || ledger_error == -ESTALE || ledger_error == -EPROTO ||
	       ledger_error == -ENOTSUP;
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

static bool same_groups(const struct procfs_thread *a, const struct procfs_thread *b)
{
	return a->n_groups == b->n_groups &&
	       (a->n_groups == 0 || memcmp(a->groups, b->groups, a->n_groups * sizeof(gid_t)) == 0);
}

bool look_differ(const struct look_thread *a, const struct look_thread *b)
{
	return a->impersonating != b->impersonating || a->state != b->state ||
	       a->user_uid != b->user_uid || a->access_uid != b->access_uid ||
	       memcmp(a->kernel.uids, b->kernel.uids, sizeof(a->kernel.uids)) != 0 ||
	       memcmp(a->kernel.gids, b->kernel.gids, sizeof(a->kernel.gids)) != 0 ||
	       memcmp(a->kernel.capabilities, b->kernel.capabilities,
		      sizeof(a->kernel.capabilities)) != 0 ||
	       !same_groups(&a->kernel, &b->kernel);
}
