/* SPDX-License-Identifier: MIT */
/*
 * Named traps of access evaluation: each is set up on a file system of its own, judged, and tried
 * as that identity, and all three have to agree: the test, the evaluator, the kernel.
 */
#ifndef TRAPS_STAGE_H
#define TRAPS_STAGE_H

#include "access/judge.h"
#include "lib/check.h"

/* Ids of the private world's accounts, whom their names are not needed for. */
enum { ROOT = 0, ALICE = 2001, BOB = 2002, CAROL = 2003, PROJECTS = 2100, REPORTS = 2101 };

/* Enters an empty file system of TYPE ("tmpfs", "ramfs") that ends with the process. */
void stage_set(const char *type);
/* A path in it, absolute; valid until the fourth next call. */
const char *stage(const char *name);

/* Make something of that owner and mode; names are relative. */
void make_file(const char *name, uid_t uid, gid_t gid, mode_t mode);
void make_directory(const char *name, uid_t uid, gid_t gid, mode_t mode);
/* "u::rw-,u:2001:r--,g::---,m::r--,o::---" */
void set_acl(const char *name, const char *text);
/* FS_IMMUTABLE_FL, FS_APPEND_FL; skips where the file system has none. */
void set_flags(const char *name, int flags);
/* What is at FROM once more at TO, with MS_ flags.  Idmapped: see differential/idmap.h. */
void bind_mount(const char *from, const char *to, unsigned long flags);
void bind_idmapped(const char *from, const char *to);

/* "alice": 2001:2001,2100,2101 by numbers; no capability but these. */
struct access_subject *person(const char *ids, uint64_t capabilities);
struct access_subject *alice(void), *bob(void), *carol(void);
struct access_subject *root(void); /* with every capability that there is */

/*
 * SUBJECT asks WANT of NAME: the evaluator says ERROR (0: allowed) by RULE, and so does the kernel.
 * Returns the verdict of the step that decided, valid until the next call.
 */
const struct access_verdict *check_trap(const char *file, int line,
					const struct access_subject *subject, unsigned want,
					const char *name, int error, enum access_rule rule);
#define ALLOWS(subject, want, name, rule)                                                          \
	check_trap(__FILE__, __LINE__, subject, want, name, 0, rule)
#define DENIES(subject, want, name, error, rule)                                                   \
	check_trap(__FILE__, __LINE__, subject, want, name, error, rule)

extern const struct check_case permission_traps[], object_traps[], mount_traps[];

#endif
