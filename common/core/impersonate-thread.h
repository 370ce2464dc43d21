/* SPDX-License-Identifier: MIT */
/* What the calling thread is by the library's record, for those that hand its work to others. */
#ifndef CORE_IMPERSONATE_THREAD_H
#define CORE_IMPERSONATE_THREAD_H

#include "core/credentials.h"
#include "core/ledger.h"

/* What it impersonates with; NULL: nobody.  No reference is given. */
struct imp_token *thread_token(void);

/* The number that the kernel knows it by, where the ring engine serves it; else 0. */
uint32_t thread_number(void);

/* Its slot in the ledger, to count in; NULL where there is none, nor can be. */
struct ledger_slot *thread_slot(void);

/*
 * Has the ledger say, until the next switch, that the thread's work is TOKEN's, or for NULL the
 * service's own, although it does not act as that.
 */
void thread_expect(const struct imp_token *token);

/* Whether the kernel has TOKEN's identity, or the primary one, for it; switch_agrees. */
bool thread_agrees(const struct imp_token *token);
/* The same of what counts for its file accesses; switch_agrees_on_files. */
bool thread_agrees_on_files(const struct imp_token *token);

/*
 * credentials_read, of whom the thread works for: where that is one that the ring engine serves, as
 * it is to those who are called for it.
 */
int thread_credentials(struct credentials *credentials) IMP_MUST_CHECK;

/* imp_assert, but what has been set since the last doubt is not read; switch_confirms. */
int thread_confirm(const struct imp_token *token) IMP_MUST_CHECK;

/* How many forks lead from the process that first used the library to this one. */
unsigned int process_forks(void);

/*
 * Makes the thread what it was: takes over BEFORE, a reference or NULL for the primary identity.
 * Where that cannot be done the process ends.
 */
void thread_restore(struct imp_token *before);

#endif
