/* SPDX-License-Identifier: MIT */
/* A thread's ids, held against those of its process and against what the ledger says of it. */
#include "look/compare.h"
#include "core/capability.h"
#include "core/identity.h"

/* --------------------------------------------------------------- by the kernel alone -- */

bool ids_differ(const uid_t uids[N_IDS], const gid_t gids[N_IDS])
{
	return uids[ID_EFFECTIVE] != uids[ID_SAVED] || gids[ID_EFFECTIVE] != gids[ID_SAVED] ||
	       uids[ID_FILESYSTEM] != uids[ID_EFFECTIVE] ||
	       gids[ID_FILESYSTEM] != gids[ID_EFFECTIVE];
}

/* The main thread may be somebody else itself: its saved ids are the measure. */
static bool differs_from_main(const uid_t uids[N_IDS], const gid_t gids[N_IDS],
			      const struct procfs_thread *first)
{
	return uids[ID_SAVED] != first->uids[ID_SAVED] || gids[ID_SAVED] != first->gids[ID_SAVED];
}

bool acts_as_another(const uid_t uids[N_IDS], const gid_t gids[N_IDS],
		     const struct procfs_thread *first)
{
	return ids_differ(uids, gids) || differs_from_main(uids, gids, first);
}

bool is_for_good(const struct procfs_thread *thread, const struct procfs_thread *first)
{
	bool uid_kept = false, gid_kept = false;

	for (int id = ID_REAL; id <= ID_SAVED; id++) {
		uid_kept = uid_kept || thread->uids[id] == first->uids[ID_SAVED];
		gid_kept = gid_kept || thread->gids[id] == first->gids[ID_SAVED];
	}
	return (!uid_kept && !(thread->capabilities[SET_PERMITTED] & CAPABILITY(CAP_SETUID))) ||
	       (!gid_kept && !(thread->capabilities[SET_PERMITTED] & CAPABILITY(CAP_SETGID)));
}

/* ------------------------------------------------------------------ against the ledger -- */

bool acts_by_ring(const struct imp_ledger_entry *entry)
{
	return entry->impersonating && entry->engine == IMP_ENGINE_RING;
}

bool acts_as_primary(const struct imp_ledger *ledger, const struct procfs_thread *thread)
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

/*
 * By the ring engine a thread is nobody but the service, and its operations are the client's.  For
 * whom they are the kernel does not show: all that can be asked for is that they could be.
 */
static enum look_state compare_by_ring(bool primary, const struct imp_ledger_entry *entry,
				       enum look_ring ring)
{
	if (!primary)
		return LOOK_LEAKED;
	return entry->number == 0 || ring == LOOK_RING_NONE ? LOOK_LOST : LOOK_CONSISTENT;
}

enum look_state compare_with_ledger(const struct imp_ledger *ledger,
				    const struct procfs_thread *thread,
				    const struct imp_ledger_entry *entry, enum look_ring ring)
{
	bool primary = acts_as_primary(ledger, thread);

	if (entry && entry->settled && acts_by_ring(entry))
		return compare_by_ring(primary, entry, ring);
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
