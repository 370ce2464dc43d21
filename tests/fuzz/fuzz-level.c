/* SPDX-License-Identifier: MIT */
/* What clients and command lines say in words: levels, addresses that carry them, and ids. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "fuzz.h"
#include "identity.h"
#include "level.h"
#include "procfs.h"

static const char prefix[] = "impersonate/";

static void parse_level(const char *text)
{
	enum imp_level level = (enum imp_level)99;
	int error = imp_level_parse(text, &level);

	PROMISED(error == 0 || error == -EINVAL);
	PROMISED((error == 0) == level_is_valid(level));
	if (error == 0) /* "identify" for "identification": the beginning is the same */
		PROMISED(strncmp(text, imp_level_name(level), 7) == 0);
}

/* What was read as an id is written in one way only. */
static void parse_id(const char *text)
{
	uint32_t id;
	char again[16];
	int error = identity_parse_id(text, &id);

	PROMISED(error == 0 || error == -EINVAL || error == -ERANGE);
	if (error < 0)
		return;
	snprintf(again, sizeof(again), "%u", id);
	PROMISED(strcmp(text, again) == 0);
	PROMISED(id != UINT32_MAX && id != UINT16_MAX);
}

static void parse_address(const struct sockaddr_un *address, socklen_t length)
{
	enum imp_level level = (enum imp_level)99;
	int error = level_from_address(address, length, &level);
	struct sockaddr_un again;

	PROMISED(error == 0 || error == -ENOENT || error == -EPROTO);
	PROMISED((error == 0) == level_is_valid(level));
	if (error == -ENOENT)
		return;
	/* An address that is none of ours must not be refused as one. */
	PROMISED(length <= sizeof(*address) && address->sun_path[0] == '\0');
	PROMISED(memcmp(address->sun_path + 1, prefix, strlen(prefix)) == 0);
	if (error < 0)
		return;
	PROMISED(level_to_address(level, &again, &length) == 0);
	PROMISED(level_from_address(&again, length, &level) == 0);
}

/* Bytes as an abstract name, and bytes as what getpeername(2) fills in. */
static void parse_addresses(const uint8_t *data, size_t size)
{
	const size_t header = offsetof(struct sockaddr_un, sun_path);
	/* Of that size, for a read beyond it to be seen. */
	struct sockaddr_un *address = calloc(1, sizeof(*address));
	size_t part = size < sizeof(address->sun_path) - 1 ? size : sizeof(address->sun_path) - 1;

	PROMISED(address);
	address->sun_family = AF_UNIX;
	if (part)
		memcpy(address->sun_path + 1, data, part);
	parse_address(address, (socklen_t)(header + 1 + part));
	/* Longer than the buffer was: cut off. */
	if (size > part)
		parse_address(address, (socklen_t)(header + 1 + size));

	memset(address, 0, sizeof(*address));
	part = size < sizeof(*address) ? size : sizeof(*address);
	if (part)
		memcpy(address, data, part);
	parse_address(address, (socklen_t)size);
	free(address);
}

static void parse_thread(const char *text)
{
	pid_t pid, tid;

	if (procfs_parse_thread(text, &pid, &tid) < 0)
		return;
	PROMISED(pid > 0 && tid >= 0);
	PROMISED(text[strspn(text, "0123456789/")] == '\0');
	PROMISED((tid > 0) == (strchr(text, '/') != NULL));
	PROMISED(atoll(text) == pid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	PROMISED(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	parse_level(text);
	parse_id(text);
	parse_thread(text);
	free(text);
	parse_addresses(data, size);
	return 0;
}
