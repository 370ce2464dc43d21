/* SPDX-License-Identifier: MIT */
/* The switch: from any identity to any other and back, for the calling thread. */
#ifndef CORE_SWITCH_H
#define CORE_SWITCH_H

#include "credentials.h"
#include "identity.h"

/*
 * Records the calling thread's credentials as the primary identity of the process.  Once; later
 * calls return what the first did.  -ESTALE when the effective and the filesystem ids differ;
 * -ENOMEM.
 */
int switch_record_primary(void) IMP_MUST_CHECK;

/* Whether that was done. */
bool switch_has_primary(void);

/* The primary identity; its references belong to the process.  Only after switch_record_primary. */
const struct identity *switch_primary(void);

/*
 * Switches the calling thread from whatever it is now to ACCESS, with CAPABILITIES in the effective
 * set (in scope files: of the file capabilities).  On failure it is what it was, or the process
 * aborts. *STEP gets the name of the step that failed.  Errors as imp_impersonate.
 */
int switch_to(const struct identity *access, enum imp_scope scope, uint64_t capabilities,
	      const char **step) IMP_MUST_CHECK;

/* Brings the calling thread back to the primary identity, or aborts. */
void switch_back(void);

/*
 * Reads what the kernel has and compares, as imp_assert.  ACCESS NULL is the primary identity.
 */
int switch_verify(const struct identity *access, enum imp_scope scope,
		  uint64_t capabilities) IMP_MUST_CHECK;

/*
 * The same without a word, and in less time: false also where the kernel cannot be asked. Only
 * after switch_record_primary.
 */
bool switch_agrees(const struct identity *access, enum imp_scope scope, uint64_t capabilities);

/* Of the filesystem ids and the groups alone: the ids follow every change of an effective one. */
bool switch_agrees_on_files(const struct identity *access, enum imp_scope scope,
			    uint64_t capabilities);

/*
 * Proof at the price of few system calls, for who switches, has others' code run, and switches
 * back. switch_doubt: anything may have changed.  switch_confirms is switch_agrees, but does not
 * read what a call has set since then, whose success is the kernel's word; nor then, as
 * switch_to and switch_back do not, what no such call changes: switch_is_undisturbed looks at just
 * that, and at the ids, and holds it against what the thread was switched to last.
 */
void switch_doubt(void);
bool switch_confirms(const struct identity *access, enum imp_scope scope, uint64_t capabilities);
bool switch_is_undisturbed(void);

/* Whether the thread is known, so that it can be switched from whatever it is now. */
bool switch_knows_thread(void);

/*
 * Whether a thread that is switched to ACCESS acts as one that has HAVE, and with no capability
 * more: no switch leads to an effective id of one and a filesystem id of another.
 */
bool switch_can_be(const struct credentials *have, const struct identity *access,
		   enum imp_scope scope, uint64_t capabilities);

/* Releases what the calling thread, about to end, has remembered. */
void switch_forget_thread(void);

#endif
