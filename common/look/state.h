/* SPDX-License-Identifier: MIT */
/* A thread seen from outside: what the kernel does, held against what the ledger says. */
#ifndef LOOK_STATE_H
#define LOOK_STATE_H

#include "core/procfs.h"
#include "impersonate.h"

enum look_state {
	LOOK_CONSISTENT, /* ledger and kernel agree */
	LOOK_LOST,	 /* recorded as acting for a client; the kernel has the primary identity */
	LOOK_LEAKED, /* the kernel has another identity for it, and nothing says why; or for good */
	LOOK_MISMATCHED, /* another client than the one recorded */
	LOOK_UNRECORDED	 /* nothing is said of it: the kernel's facts alone */
};

const char *look_state_name(enum look_state state);

/* Whether a process that works by the ring engine, as it says, has the means. */
enum look_ring {
	LOOK_RING_UNASKED, /* it does not say so */
	LOOK_RING_UNKNOWN, /* its descriptors cannot be read */
	LOOK_RING_NONE,
	LOOK_RING_THERE
};

struct look_thread {
	struct procfs_thread kernel;
	enum look_state state;
	bool impersonating;
	bool level_known; /* false: the level, and what decided it, is anybody's guess */
	bool recorded;	  /* there is an entry, whatever it is worth */
	bool certain;	  /* it was not switching, nor beginning to, while it was looked at */
	bool worker;	  /* the kernel's own, which acts for whoever asks it */
	bool by_ring; /* it acts for a client, and to the kernel it is the service all the same */
	enum look_ring ring;
	struct imp_ledger_entry entry;
	int ledger_error; /* 0; -ENOENT: none; -ENOSPC: it had no room for this thread; or why it
			     is not believed, as imp_ledger_open */

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
	bool own_user_namespace; /* the reader's; where it is not, what the ids are in it: */
	uid_t uids_there[N_IDS]; /* IMP_NO_UID: not mapped there */
	gid_t gids_there[N_IDS];
	char process[64]; /* the command of the main thread */
};

/* A process, open to look at its threads; by one thread at a time. */
struct look_process {
	pid_t pid;
	struct procfs_thread first; /* its main thread, as it was then */
	struct imp_ledger *ledger;  /* NULL: ledger_error says why */
	int ledger_error;
	int patience;	     /* how often what does not fit may still be looked at again */
	enum look_ring ring; /* looked for when first asked for */
};

/* -ESRCH when there is no such process; -EACCES when /proc hides it; -ENOMEM; -EPROTO. */
int look_open(pid_t pid, struct look_process *process) IMP_MUST_CHECK;
void look_close(struct look_process *process);

/*
 * Looks at one of its threads.  What does not fit together is looked at again, since the thread may
 * be in the middle of a switch, before it is reported.  Label and user namespace are left out.
 * Errors as look_open.
 *
 * Without a ledger a thread is leaked that has become somebody else for good: of its real,
 * effective and saved uids, or gids, none is that of its process's main thread, nor has it the
 * capability to take it.  Who switches on purpose keeps a way back.
 */
int look_at(struct look_process *process, pid_t tid, struct look_thread *thread) IMP_MUST_CHECK;

/*
 * Whether a thread, with a third of the work, is seen to be nothing but its process's primary
 * identity. False, too, where that takes a closer look.
 */
bool look_is_plain(const struct look_process *process, pid_t tid);

/* Whether the process has a ring. */
enum look_ring look_for_ring(struct look_process *process, pid_t tid);

/* Whether that is because there is a ledger, and it is not believed. */
bool look_disbelieves(int ledger_error);

/* All in one, for one thread (TID 0: the main thread), with its label and user namespace. */
int look_at_thread(pid_t pid, pid_t tid, struct look_thread *thread) IMP_MUST_CHECK;
void look_fill_details(struct look_thread *thread);
void look_clear(struct look_thread *thread);

/* Whether two threads of a process differ in what they act as. */
bool look_differ(const struct look_thread *a, const struct look_thread *b);

#endif
