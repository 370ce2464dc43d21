/* SPDX-License-Identifier: MIT */
/* How a handshake's messages travel in HTTP: RFC 4559, "Negotiate" and base64. */
#ifndef NET_NEGOTIATE_H
#define NET_NEGOTIATE_H

#include "impersonate.h"

/* As much as a message may have of bytes: a ticket with a long list of groups has some 64 KiB. */
enum { NEGOTIATE_MAXIMUM = 1 << 18 };

/*
 * Reads the value of an Authorization or WWW-Authenticate header: *MESSAGE, which the caller frees,
 * of *SIZE bytes, which are 0 where the scheme stands alone.  -ENOENT for another scheme; -EPROTO
 * for what is not base64, or has something behind it; -EMSGSIZE; -ENOMEM.
 */
int negotiate_decode(const char *value, void **message, size_t *size) IMP_MUST_CHECK;

/* The value for a message; the caller frees it.  NULL: out of memory. */
char *negotiate_encode(const void *message, size_t size);

#endif
