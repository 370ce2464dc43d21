/* SPDX-License-Identifier: MIT */
/* Capability sets as 64-bit masks, and their names. */
#ifndef CORE_CAPABILITY_H
#define CORE_CAPABILITY_H

#include <linux/capability.h>

#include "impersonate.h"

#define CAPABILITY(number) (UINT64_C(1) << (number))

/* What impersonation takes: this system's SeImpersonatePrivilege. */
#define CAPABILITIES_TO_SWITCH (CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID))

/*
 * What the kernel takes out of the effective set as the filesystem uid leaves 0, and puts back as
 * it returns (include/linux/capability.h, CAP_FS_SET): the capabilities that decide about files.
 */
#define CAPABILITIES_OF_FILES                                                                      \
	(CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_DAC_OVERRIDE) |            \
	 CAPABILITY(CAP_DAC_READ_SEARCH) | CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_FSETID) |       \
	 CAPABILITY(CAP_LINUX_IMMUTABLE) | CAPABILITY(CAP_MAC_OVERRIDE))

/* The calling thread's permitted set.  -errno of capget(2). */
int capability_permitted(uint64_t *permitted) IMP_MUST_CHECK;

/* All that this kernel has. */
uint64_t capability_all(void);

/* "cap_setuid", into BUFFER; "cap_63" for one that has no name here. */
const char *capability_name(int number, char *buffer, size_t size);

/* One by its name, "cap_" before it or not, in either case.  -EINVAL for what names none. */
int capability_parse(const char *name, uint64_t *set) IMP_MUST_CHECK;

/* The lowest capability in a set that is not empty. */
int capability_lowest(uint64_t set);

#endif
