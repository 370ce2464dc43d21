/* SPDX-License-Identifier: MIT */
/* Capability sets as 64-bit masks, and their names (libcap). */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>

#include "capability.h"

int capability_permitted(uint64_t *permitted)
{
	cap_t state = cap_get_proc();

	if (!state)
		return -errno;
	*permitted = 0;
	for (int number = 0; number < 64 && number < cap_max_bits(); number++) {
		cap_flag_value_t value = CAP_CLEAR;

		if (cap_get_flag(state, number, CAP_PERMITTED, &value) == 0 && value == CAP_SET)
			*permitted |= CAPABILITY(number);
	}
	cap_free(state);
	return 0;
}

int imp_check_privilege(const char **missing)
{
	uint64_t permitted;
	int error = capability_permitted(&permitted);

	if (error < 0)
		return error;
	if ((permitted & CAPABILITIES_TO_SWITCH) == CAPABILITIES_TO_SWITCH)
		return 0;
	if (missing)
		*missing = permitted & CAPABILITY(CAP_SETUID) ? "CAP_SETGID" : "CAP_SETUID";
	return -EPERM;
}

uint64_t capability_all(void)
{
	/* libcap has asked the kernel as it was loaded, once. */
	int count = cap_max_bits();

	return count >= 64 ? UINT64_MAX : CAPABILITY(count) - 1;
}

const char *capability_name(int number, char *buffer, size_t size)
{
	char *name = number < cap_max_bits() ? cap_to_name(number) : NULL;

	/* libcap gives a number, too, as the name of one that it does not know. */
	if (name && isalpha((unsigned char)name[0]))
		snprintf(buffer, size, "%s", name);
	else
		snprintf(buffer, size, "cap_%d", number);
	if (name)
		cap_free(name);
	return buffer;
}

int capability_parse(const char *name, uint64_t *set)
{
	char full[64];
	cap_value_t number;
	const char *prefix = strncasecmp(name, "cap_", 4) == 0 ? "" : "cap_";

	if (isdigit((unsigned char)name[0])) /* libcap's own form for one without a name */
		prefix = "";
	snprintf(full, sizeof(full), "%s%s", prefix, name);
	if (cap_from_name(full, &number) < 0 || number < 0 || number >= cap_max_bits())
		return -EINVAL;
	*set = CAPABILITY(number);
	return 0;
}

int capability_lowest(uint64_t set)
{
	return __builtin_ctzll(set);
}
