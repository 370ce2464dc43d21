/* SPDX-License-Identifier: MIT */
/* Whether a connection was accepted from this service's own listening socket. */
#ifndef RING_LISTENER_H
#define RING_LISTENER_H

#include <sys/stat.h>
#include <sys/un.h>

#include "impersonate.h"

struct listener {
	struct sockaddr_un address;
	socklen_t length;
	bool is_unix;
	bool by_file; /* the kernel tells which file a socket is bound to */
	dev_t device;
	ino_t inode;
	uint64_t network; /* of an abstract address: its network namespace */
};

/* -EINVAL for a socket that does not listen, or not for streams; what the kernel reports. */
int listener_describe(int fd, struct listener *listener) IMP_MUST_CHECK;

/* -EAFNOSUPPORT, -EPROTOTYPE, -EINVAL for no such socket at all; -EPERM for another's connection.
 */
int listener_check(const struct listener *listener, int fd) IMP_MUST_CHECK;

#endif
