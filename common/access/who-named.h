/* SPDX-License-Identifier: MIT */
/* Whom the objects on a way name; for who.c alone. */
#ifndef ACCESS_WHO_NAMED_H
#define ACCESS_WHO_NAMED_H

#include "access/who.h"

/*
 * Adds to WHO those whom modes and lists of its walk name and its accounts lack.  ANYBODY becomes
 * one whom nothing names.  ENUMERATED and errors as who_find.
 */
int who_add_named(struct who *who, bool enumerated, struct listed_account *anybody) IMP_MUST_CHECK;

#endif
