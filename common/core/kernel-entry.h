/* SPDX-License-Identifier: MIT */
/* A directory's entry, as getdents64(2) gives it. */
#ifndef CORE_KERNEL_ENTRY_H
#define CORE_KERNEL_ENTRY_H

#include <stdint.h>

struct kernel_entry {
	uint64_t ino;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

#endif
