/* SPDX-License-Identifier: MIT */
/* One thing to be done as a client, for either engine. */
#ifndef RING_OPERATION_H
#define RING_OPERATION_H

#include <sys/socket.h>

#include "ring/ring.h"

struct operation {
	int (*call)(const struct operation *self); /* by the thread that calls it */
	void (*undo)(int result);		   /* of a success; NULL: nothing */
	ring_prepare_fn *prepare;		   /* by a ring; NULL: by none */

	int directory, new_directory; /* or the file, or the socket */
	const char *path, *new_path;
	unsigned int flags, mask;
	mode_t mode;
	const struct open_how *how;
	struct statx *status;
	const char *name;
	const void *value;
	void *room;
	size_t size;
	const struct sockaddr *address;
	socklen_t length;
};

ring_prepare_fn prepare_open, prepare_stat, prepare_mkdir, prepare_unlink, prepare_rename,
	prepare_link, prepare_symlink, prepare_get, prepare_set, prepare_connect, prepare_nothing;

#endif
