/* SPDX-License-Identifier: MIT */
/* Places in the program where work is handed over: each is told of once. */
#ifndef FLOW_SITE_H
#define FLOW_SITE_H

#include <stdbool.h>

/*
 * Whether this is the first time that SITE loses an identity; safe in threads.  Once there are more
 * places than are remembered, every time is a first.
 */
bool site_is_new(const char *site);

#endif
