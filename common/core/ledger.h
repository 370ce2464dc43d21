/* SPDX-License-Identifier: MIT */
/* The ledger: what a process says of its own threads; layout as idn-ledger(5) has it. */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "identity.h"

#define LEDGER_MAGIC "IMPLEDGR"
#define LEDGER_VERSION 2u
#define LEDGER_SLOTS_OFFSET 4096u /* the header has a page to itself */
#define LEDGER_SLOTS_AT_ONCE 1024u
#define LEDGER_SLOTS_MAXIMUM 65536u

/* All numbers are in the byte order of the machine. */
struct ledger_header {
	char magic[8];
	uint32_t version;
	uint32_t slot_size;
	uint32_t pid;
	_Atomic uint32_t
		claims; /* how often a thread has taken a slot: whether a reader's index is old */
	uint64_t start_time;	   /* clock ticks since boot */
	_Atomic uint32_t n_slots;  /* that the file has room for */
	_Atomic uint32_t overflow; /* threads that found no room */
	uint32_t primary_uid;	   /* the primary identity */
	uint32_t primary_gid;
	uint64_t primary_groups_hash;
	uint32_t engine; /* by which its clients are served: enum imp_engine */
	uint32_t reserved;
};

enum ledger_state { LEDGER_FREE, LEDGER_PRIMARY, LEDGER_IMPERSONATING };

/* One thread, in four cache lines of its own; the last two for a principal alone. */
struct ledger_slot {
	_Atomic uint32_t sequence; /* odd: being written */
	_Atomic uint32_t tid;	   /* 0: nobody's */
	uint8_t state;
	uint8_t level;
	uint8_t decided_by;
	uint8_t scope;
	uint8_t transport;
	uint8_t delegated;
	uint8_t engine;
	uint8_t reserved;
	uint32_t client_uid;
	uint32_t client_gid;
	int32_t client_pid;
	uint32_t access_uid;
	uint32_t access_gid;
	uint32_t number; /* of a token that the kernel holds; else 0 */
	uint64_t access_groups_hash;
	int64_t since_ns;
	uint64_t impersonations;
	uint64_t flows;
	uint64_t flows_refused;
	uint64_t mismatches;
	uint64_t channel_mismatches; /* of these, the channels' */
	uint32_t channel_expected_uid;
	uint32_t channel_actual_uid;
	int64_t channel_ns;		      /* of the last one; 0: none yet */
	char principal[IMP_LEDGER_PRINCIPAL]; /* ends with a NUL, and with nothing else behind it */
	uint64_t reserved3[5];
};

_Static_assert(sizeof(struct ledger_slot) == 256, "idn-ledger(5) says 256");

/*
 * Opens this process's ledger for writing, once; a failure is logged once, and everything below
 * then does nothing.  To be called as the primary identity, which it records.
 */
void ledger_open(const struct identity *primary);

/* Forgets the ledger of the parent, in a child. */
void ledger_forget(void);

/* A slot for the calling thread, or NULL. */
struct ledger_slot *ledger_claim(void);
void ledger_release(struct ledger_slot *slot); /* NULL is allowed, here and below */

/* The thread's credentials are about to change: what the slot says does not hold until it is
 * settled. */
void ledger_begin(struct ledger_slot *slot);
/* They have: the thread is at the primary identity ... */
void ledger_settle_primary(struct ledger_slot *slot);
/* ... or TOKEN's; REPEATED: it was before, and this is no further impersonation ... */
void ledger_settle_token(struct ledger_slot *slot, const struct imp_token *token, bool repeated);
/* ... or nobody's that it should be: TOKEN's. */
void ledger_settle_expected(struct ledger_slot *slot, const struct imp_token *token);

/* One more of these; not while something is being switched. */
void ledger_count_flow(struct ledger_slot *slot);
void ledger_count_refused_flow(struct ledger_slot *slot);
void ledger_count_mismatch(struct ledger_slot *slot);
/* A channel that ACTUAL had opened was used, or was about to be, in a call of EXPECTED. */
void ledger_count_channel_mismatch(struct ledger_slot *slot, uid_t expected, uid_t actual);

/* What threads have done so far. */
struct ledger_counters {
	uint64_t impersonations, flows, flows_refused, mismatches, channel_mismatches;
};

/*
 * All threads of this process, those that have ended among them: never less than what was told
 * before.  False: there is no ledger to count in.
 */
bool ledger_own_counters(struct ledger_counters *counters) IMP_MUST_CHECK;

/* ------------------------------------------------------------------------------ directory -- */

/* Where ledgers are: /run/impersonate, or IMPERSONATION_RUNTIME_DIR. */
const char *ledger_directory(void);

/* A directory in which others could swap the file of a service for theirs is not. */
bool ledger_directory_is_safe(const struct stat *status, uid_t service);

/* Opens it for a service of the caller's uid; -EPERM where it is not safe; what open(2) reports. */
int ledger_open_directory(void) IMP_MUST_CHECK;

enum { LEDGER_NAME_SIZE = 64 };
void ledger_make_name(pid_t pid, uint64_t start, char *name, size_t size);
/* False for what no service calls its ledger. */
bool ledger_parse_name(const char *name, pid_t *pid, uint64_t *start);

/* Is the process that this file is named by gone?  If it cannot be seen, it is not. */
bool ledger_is_stale(const char *name);

/* -------------------------------------------------------------------------------- reading -- */

/*
 * imp_ledger_read, with a stamp: between two readings with the same result and stamp, the first of
 * them settled, nothing was written, and no slot taken by a thread that has none.  -ENOSPC, not
 * -ENOENT, where the ledger had no room for some threads, of whom this may be one.
 */
int ledger_read_stamped(struct imp_ledger *ledger, pid_t tid, struct imp_ledger_entry *entry,
			uint64_t *stamp) IMP_MUST_CHECK;

/* By which engine the process serves its clients, says the header. */
enum imp_engine ledger_engine(const struct imp_ledger *ledger);

/* What all of its slots say together. */
struct ledger_totals {
	size_t threads;	      /* that have a slot */
	size_t impersonating; /* of these */
	uint32_t overflow;    /* that found no room */
	struct ledger_counters counters;
};

/* -EPROTO where the file has shrunk. */
int ledger_sum(const struct imp_ledger *ledger, struct ledger_totals *totals) IMP_MUST_CHECK;

#endif
