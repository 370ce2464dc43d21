/* SPDX-License-Identifier: MIT */
/* The places that have lost an identity before. */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/site.h"

enum { SITES = 512 };

bool site_is_new(const char *site)
{
	/* By address: a place has its string to itself, or shares it with one of the same text. */
	static _Atomic(const char *) seen[SITES];
	size_t first = ((uintptr_t)site >> 3) % SITES;

	for (size_t i = 0; i < SITES; i++) {
		_Atomic(const char *) *slot = &seen[(first + i) % SITES];
		const char *nobody = NULL;

		if (atomic_load_explicit(slot, memory_order_relaxed) == site)
			return false;
		if (atomic_compare_exchange_strong(slot, &nobody, site))
			return true;
		if (nobody == site)
			return false;
	}
	return true;
}
