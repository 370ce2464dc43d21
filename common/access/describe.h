/* SPDX-License-Identifier: MIT */
/* Steps and verdicts in words. */
#ifndef ACCESS_DESCRIBE_H
#define ACCESS_DESCRIBE_H

#include "access/judge.h"

/* "search", "write", "read, write", "delete", ... */
const char *describe_want(const struct walk_step *step, char *buffer, size_t size);
/* The same of a whole question: "write", "list", ... */
const char *describe_question(unsigned want, char *buffer, size_t size);

/* "mode rwxr-xr-x, other r-x", "acl user:alice:rw- limited by mask r--".  Names by the name
 * service. */
const char *describe_rule(const struct walk_step *step, const struct access_verdict *verdict,
			  char *buffer, size_t size);

/* "user:alice:rw-"; the same that setfacl(1) takes. */
const char *describe_entry(const struct acl_entry *entry, char *buffer, size_t size);

/* "rwx" of BITS, in 4 bytes of buffer. */
const char *describe_bits(unsigned bits, char *buffer);

#endif
