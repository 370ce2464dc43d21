/* SPDX-License-Identifier: MIT */
/* Levels, their names, and the socket addresses that carry them (unix(7), "Abstract sockets"). */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "level.h"

#define ADDRESS_PREFIX "impersonate/"

static const char *const level_names[] = {
	[IMP_LEVEL_ANONYMOUS] = "anonymous",
	[IMP_LEVEL_IDENTIFICATION] = "identification",
	[IMP_LEVEL_IMPERSONATION] = "impersonation",
	[IMP_LEVEL_DELEGATION] = "delegation",
};

static const struct {
	const char *name;
	enum imp_level level;
} rpc_names[] = {
	{"identify", IMP_LEVEL_IDENTIFICATION},
	{"impersonate", IMP_LEVEL_IMPERSONATION},
	{"delegate", IMP_LEVEL_DELEGATION},
};

static const char *const decided_by_names[] = {
	[IMP_DECIDED_BY_DEFAULT] = "default",
	[IMP_DECIDED_BY_ADDRESS] = "address",
	[IMP_DECIDED_BY_REQUEST] = "request",
	[IMP_DECIDED_BY_POLICY] = "max_level",
	[IMP_DECIDED_BY_PRIVILEGED_CLIENT] = "privileged_client",
	[IMP_DECIDED_BY_UNMAPPED_CLIENT] = "unmapped_client",
	[IMP_DECIDED_BY_SERVICE] = "service",
	[IMP_DECIDED_BY_UNAUTHENTICATED] = "unauthenticated",
	[IMP_DECIDED_BY_TICKET] = "ticket",
};

static const char *const transport_names[] = {
	[IMP_TRANSPORT_NONE] = "none",
	[IMP_TRANSPORT_UNIX] = "unix",
	[IMP_TRANSPORT_TCP] = "tcp",
};

static const char *const delegated_names[] = {
	[IMP_DELEGATED_NONE] = "none",
	[IMP_DELEGATED_FORWARDED] = "forwarded",
	[IMP_DELEGATED_CONSTRAINED] = "constrained",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool level_is_valid(enum imp_level level)
{
	return (size_t)level < COUNT(level_names);
}

const char *imp_level_name(enum imp_level level)
{
	return level_is_valid(level) ? level_names[level] : NULL;
}

const char *imp_decided_by_name(enum imp_decided_by by)
{
	return (size_t)by < COUNT(decided_by_names) ? decided_by_names[by] : NULL;
}

const char *imp_transport_name(enum imp_transport transport)
{
	return (size_t)transport < COUNT(transport_names) ? transport_names[transport] : NULL;
}

const char *imp_delegated_name(enum imp_delegated delegated)
{
	return (size_t)delegated < COUNT(delegated_names) ? delegated_names[delegated] : NULL;
}

int imp_level_parse(const char *text, enum imp_level *level)
{
	for (size_t i = 0; i < COUNT(level_names); i++)
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum imp_level)i;
			return 0;
		}
	for (size_t i = 0; i < COUNT(rpc_names); i++)
		if (strcmp(text, rpc_names[i].name) == 0) {
			*level = rpc_names[i].level;
			return 0;
		}
	return -EINVAL;
}

int imp_level_from_environment(enum imp_level fallback, enum imp_level *level)
{
	const char *text = getenv("IMPERSONATION_LEVEL");

	if (!text) {
		*level = fallback;
		return 0;
	}
	return imp_level_parse(text, level);
}

int level_from_address(const struct sockaddr_un *address, socklen_t length, enum imp_level *level)
{
	size_t header = offsetof(struct sockaddr_un, sun_path);
	size_t prefix = strlen(ADDRESS_PREFIX);

	/* Unnamed, or a path: a path that is named like ours is still only a path. */
	if (length <= header + 1 || length > sizeof(*address) || address->sun_path[0] != '\0')
		return -ENOENT;

	/* An abstract name may hold any byte and does not end in NUL: copy, and refuse NULs inside.
	 */
	char name[sizeof(address->sun_path)];
	size_t size = length - header - 1;

	memcpy(name, address->sun_path + 1, size);
	name[size] = '\0';
	if (size < prefix || memcmp(name, ADDRESS_PREFIX, prefix) != 0)
		return -ENOENT;
	if (strlen(name) != size)
		return -EPROTO;

	char *word = name + prefix;
	char *slash = strchr(word, '/');

	if (!slash || slash[1] == '\0' || slash[1 + strspn(slash + 1, "0123456789abcdef")] != '\0')
		return -EPROTO;
	*slash = '\0';
	return imp_level_parse(word, level) == 0 ? 0 : -EPROTO;
}

int level_to_address(enum imp_level level, struct sockaddr_un *address, socklen_t *length)
{
	uint64_t random[2];

	if (!level_is_valid(level))
		return -EINVAL;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -errno;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	int size = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
			    ADDRESS_PREFIX "%s/%016llx%016llx", level_names[level],
			    (unsigned long long)random[0], (unsigned long long)random[1]);

	*length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
	return 0;
}
