/* SPDX-License-Identifier: MIT */
/* Numbers that a seed gives again, and ids out of a small pool, so that they meet. */
#include <sys/random.h>

#include "differential.h"

static uint64_t state;

void random_seed(uint64_t seed)
{
	state = seed;
}

/* splitmix64: neighbouring seeds give rounds that have nothing to do with each other. */
static uint64_t next(void)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

unsigned random_below(unsigned limit)
{
	return (unsigned)((next() >> 32) * limit >> 32);
}

bool one_in(unsigned count)
{
	return random_below(count) == 0;
}

uid_t random_uid(void)
{
	unsigned which = random_below(14);

	return which == 0 ? 0 : which == 1 ? 65534 : 3001 + which % 5;
}

gid_t random_gid(void)
{
	unsigned which = random_below(14);

	return which == 0 ? 0 : which == 1 ? 65534 : 3101 + which % 6;
}

void random_bytes(uint64_t *seed)
{
	if (getrandom(seed, sizeof(*seed), 0) != sizeof(*seed))
		broken("getrandom");
	*seed >>= 16;
}
