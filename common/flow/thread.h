/* SPDX-License-Identifier: MIT */
/* Threads that are born at the primary identity, whoever makes them. */
#ifndef FLOW_THREAD_H
#define FLOW_THREAD_H

#include "impersonate.h"

/*
 * pthread_create(3) from the primary identity, which the caller leaves its own for meanwhile.  A
 * negative errno.  START begins with imp_revert: the caller may be somebody behind the library's
 * back.
 */
int thread_create_at_primary(pthread_t *thread, const pthread_attr_t *attributes,
			     void *(*start)(void *argument), void *argument) IMP_MUST_CHECK;

#endif
