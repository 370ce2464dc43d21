/* SPDX-License-Identifier: MIT */
/* A thread seen from outside: what the kernel does, held against what the ledger says. */
#ifndef LOOK_STATE_H
#define LOOK_STATE_H

#include "core/procfs.h"
#include "impersonate.h"

enum look_state {
	LOOK_CONSISTENT, /* ledger and kernel agree */
	LOOK_LOST,	 /* recorded as acting for a client; the kernel has the primary identity */
	LOOK_LEAKED,	 /* the kernel has another identity; nothing is recorded */
	LOOK_MISMATCHED, /* another client than the one recorded */
	LOOK_UNRECORDED	 /* no ledger: the kernel's facts alone */
};

const char *look_state_name(enum look_state state);

struct look_thread {
	struct procfs_thread kernel;
	enum look_state state;
	bool impersonating;
	bool level_known; /* false: the level, and what decided it, is anybody's guess */
	bool recorded;	  /* there is an entry, whatever it is worth */
	struct imp_ledger_entry entry;
	int ledger_error; /* 0; -ENOENT: none; or why it is not believed, as imp_ledger_open */

	uid_t user_uid;	  /* whose work this is; IMP_NO_UID: Anonymous */
	uid_t access_uid; /* whose file accesses these are */
	gid_t access_gid;
	uid_t service_uid; /* the primary identity */
	gid_t service_gid;
	bool service_groups_known;
	size_t n_service_groups;
	gid_t *service_groups; /* owned */

	char label[256];	 /* "" when there is none */
	uint64_t user_namespace; /* 0 when /proc hides it */
	bool own_user_namespace; /* the reader's */
};

/*
 * Looks at one thread (TID 0: the main thread).  What does not fit together is looked at again,
 * since the thread may be in the middle of a switch, before it is reported. -ESRCH when there is no
 * such thread; -EACCES when /proc hides it; -ENOMEM; -EPROTO.
 */
int look_at_thread(pid_t pid, pid_t tid, struct look_thread *thread) IMP_MUST_CHECK;
void look_clear(struct look_thread *thread);

/* Whether two threads of a process differ in what they act as. */
bool look_differ(const struct look_thread *a, const struct look_thread *b);

#endif
