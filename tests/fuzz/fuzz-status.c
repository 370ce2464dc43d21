/* SPDX-License-Identifier: MIT */
/* The parser of /proc/PID/task/TID/status. */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "identity.h"
#include "procfs.h"

static void check(const char *text, const struct procfs_thread *thread)
{
	PROMISED(thread->pid > 0);
	PROMISED(thread->tid > 0);
	PROMISED(thread->uids[ID_FILESYSTEM] != IMP_NO_UID);
	PROMISED(thread->gids[ID_FILESYSTEM] != IMP_NO_GID);
	PROMISED(memchr(thread->command, '\0', sizeof(thread->command)));
	PROMISED(strstr(text, "Uid:") && strstr(text, "Gid:"));
	/* A digit and what keeps it from the next. */
	PROMISED(thread->n_groups <= strlen(text) / 2);
	PROMISED(thread->n_groups == 0 || thread->groups);
	/* Reads them all. */
	PROMISED(groups_hash(thread->groups, thread->n_groups) ==
		 groups_hash(thread->groups, thread->n_groups));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct procfs_thread thread;
	char *text = malloc(size + 1); /* of that size, for a read beyond it to be seen */

	PROMISED(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';

	int error = procfs_parse_status(text, &thread);

	PROMISED(error == 0 || error == -EPROTO);
	if (error == 0)
		check(text, &thread);
	procfs_clear_thread(&thread);
	/* Nothing is left of it, also where it was refused. */
	PROMISED(!thread.groups && thread.n_groups == 0);
	free(text);
	return 0;
}
