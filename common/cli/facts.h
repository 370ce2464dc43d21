/* SPDX-License-Identifier: MIT */
/* Facts of a thread, a line each, "Label:                 value": what idn-show and others print
 * alike.
 */
#ifndef CLI_FACTS_H
#define CLI_FACTS_H

#include <stdio.h>

#include "core/procfs.h"
#include "impersonate.h"

/* "alice", "uid 4444", or "Anonymous" for IMP_NO_UID. */
const char *describe_user(uid_t uid, char *buffer, size_t size);
/* "staff (50)", or "4444 (no name)". */
const char *describe_group(gid_t gid, char *buffer, size_t size);
/* "alice (1000), group staff (50)" */
const char *describe_identity(uid_t uid, gid_t gid, char *buffer, size_t size);

/* "User: S-1-22-1-1000 (alice)", the one line that is not aligned. */
void put_user(FILE *out, uid_t uid);

/* "Label:                 value", the value as printf(3) has it. */
void put_fact(FILE *out, const char *label, const char *format, ...) IMP_PRINTF(3, 4);
void put_groups(FILE *out, const char *label, const gid_t *gids, size_t count);
void put_ids(FILE *out, const char *label, const uint32_t ids[N_IDS]);
/* Five lines: effective, permitted, inheritable, ambient, bounding. */
void put_capabilities(FILE *out, const uint64_t sets[N_SETS]);

/* What the ledger says of a client's principal; NULL for one that came without, or is Anonymous. */
const char *principal_of(const struct imp_ledger_entry *entry);

/*
 * Warns of a thread that is taken for what the kernel has it as, where it works for a client by the
 * ring engine: to the kernel it is its service.  What its ledger tells is not taken: any user's
 * process could say that it works for root.  TID 0 is the main thread.
 */
void warn_of_ring(const char *subject, pid_t pid, pid_t tid);

/* What became of a ledger, by the error of reading it: "no ledger", "ledger not believed: ...". */
const char *why_no_ledger(int error);

#endif
