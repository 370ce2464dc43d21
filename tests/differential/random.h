/* SPDX-License-Identifier: MIT */
/* Numbers that a seed gives again, ids that meet, and ACLs of them. */
#ifndef DIFFERENTIAL_RANDOM_H
#define DIFFERENTIAL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { MOST_ACL = 16 };

void random_seed(uint64_t seed);
unsigned random_below(unsigned limit);
bool one_in(unsigned count);
uid_t random_uid(void);
gid_t random_gid(void);
void random_bytes(uint64_t *seed); /* from the kernel */

/* As the extended attribute has it. */
void random_list(uint8_t list[4 + 8 * MOST_ACL], size_t *size);

#endif
