/* SPDX-License-Identifier: MIT */
/* What the parts of the switch share, and nobody else may see. */
#ifndef CORE_SWITCH_STATE_H
#define CORE_SWITCH_STATE_H

#include "credentials.h"
#include "switch.h"

/* The calling thread, as it is known to be. */
struct switch_thread {
	bool known;  /* false: not looked at yet, or in the middle of a change */
	bool proven; /* what it remembers was once compared with what a switch really did */
	bool keepcaps_locked; /* off, for good: who is not root comes back from root without
				 capabilities */
	bool fixup; /* the kernel adjusts capabilities as uids change: SECBIT_NO_SETUID_FIXUP is off
		     */
	unsigned set; /* what calls have set, effective and filesystem ids together, since the last
			 doubt */
	struct credentials now;
};
extern _Thread_local struct switch_thread switch_thread;

/* What the process had when it was looked at first; to be read once it is recorded. */
extern struct credentials switch_primary_credentials;

/* What a thread is to have; borrows the groups of ACCESS, which for NULL are the primary ones. */
struct credentials switch_wanted(const struct identity *access, enum imp_scope scope,
				 uint64_t capabilities);

/* Effective and filesystem ids, and groups. */
bool switch_ids_differ(const struct credentials *a, const struct credentials *b);

#endif
