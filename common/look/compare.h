/* SPDX-License-Identifier: MIT */
/* A thread's ids, held against those of its process and against what the ledger says of it. */
#ifndef LOOK_COMPARE_H
#define LOOK_COMPARE_H

#include "look/state.h"

/* Does it act as another than it can come back to? */
bool ids_differ(const uid_t uids[N_IDS], const gid_t gids[N_IDS]);

/* Or as another than FIRST, the main thread of its process? */
bool acts_as_another(const uid_t uids[N_IDS], const gid_t gids[N_IDS],
		     const struct procfs_thread *first);

/* Can it not come back to FIRST's identity, neither by its ids nor by a capability? */
bool is_for_good(const struct procfs_thread *thread, const struct procfs_thread *first);

/* Does the ledger say that it works for a client by the ring engine? */
bool acts_by_ring(const struct imp_ledger_entry *entry);

bool acts_as_primary(const struct imp_ledger *ledger, const struct procfs_thread *thread);

/* ENTRY NULL: there is none.  RING: whether the thread has one, where the entry says that it works
 * by it. */
enum look_state compare_with_ledger(const struct imp_ledger *ledger,
				    const struct procfs_thread *thread,
				    const struct imp_ledger_entry *entry, enum look_ring ring);

#endif
