/* SPDX-License-Identifier: MIT */
/* Security identifiers: of the domain where there is one, else the well-known form for Unix users.
 */
#ifndef CLI_SID_H
#define CLI_SID_H

#include "impersonate.h"

/* "S-1-5-21-...-1013", "S-1-22-1-1000", or "S-1-5-7" for IMP_NO_UID, which is Anonymous. */
const char *sid_of(uid_t uid, char *buffer, size_t size);

#endif
