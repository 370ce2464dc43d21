/* SPDX-License-Identifier: MIT */
/* Levels, their names, and the socket addresses that carry them. */
#ifndef CORE_LEVEL_H
#define CORE_LEVEL_H

#include <sys/socket.h>
#include <sys/un.h>

#include "impersonate.h"

bool level_is_valid(enum imp_level level);

/*
 * Reads the level from the address that a client bound, LENGTH as getpeername(2) returned it.
 * -ENOENT when the address says nothing of levels; -EPROTO when it begins with impersonate/ but is
 * not impersonate/LEVEL/HEX.
 */
int level_from_address(const struct sockaddr_un *address, socklen_t length,
		       enum imp_level *level) IMP_MUST_CHECK;

/* Makes an address of that form that no other socket has.  -errno of getrandom(2). */
int level_to_address(enum imp_level level, struct sockaddr_un *address,
		     socklen_t *length) IMP_MUST_CHECK;

#endif
