/* SPDX-License-Identifier: MIT */
/* What the broker, and its guard, keep of what a process may do. */
#ifndef RING_CONFINE_H
#define RING_CONFINE_H

#include "impersonate.h"

/*
 * Closes every descriptor but these, which are put in order, and standard error.  In the child of a
 * service with one thread.
 */
int confine_descriptors(int *keep, unsigned int count) IMP_MUST_CHECK;

/*
 * All capabilities that are permitted become effective, and the user root, where that can be had:
 * what is of the service's user could be stopped by it, at the wrong time, or ended.
 */
int confine_user(void) IMP_MUST_CHECK;

/* As many descriptors as can be had: one for each client, and the service is not the one to say how
 * many these are. */
void confine_raise_limit(void);

/* An empty directory that nobody can find becomes the root, where the process may do that. */
void confine_root(void);

/* CAPABILITIES and no others, for good; no program that is run from now on gives more. */
int confine_capabilities(uint64_t capabilities) IMP_MUST_CHECK;

/* No system call but those that they make is there any more: any other ends the process. */
int confine_broker(void) IMP_MUST_CHECK;
int confine_guard(void) IMP_MUST_CHECK;
/* Of an acceptor, which is not known what libkrb5 and the name service need: no other program, no
 * other process's memory, no ring. */
int confine_acceptor(void) IMP_MUST_CHECK;

/* The service itself, all of its threads: it makes no processes (EPERM).  For good. */
int confine_service(void) IMP_MUST_CHECK;

#endif
