/* SPDX-License-Identifier: MIT */
/* Whether a connection was accepted from this service's own listening socket. */
#ifndef RING_LISTENER_H
#define RING_LISTENER_H

#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "impersonate.h"

/* Which file a socket is bound to (net/unix/af_unix.c). */
#ifndef SIOCUNIXFILE
#define SIOCUNIXFILE (SIOCPROTOPRIVATE + 0)
#endif

struct listener {
	struct sockaddr_un address;
	socklen_t length;
	bool is_unix;
	bool is_tcp;
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} local;      /* of TCP */
	bool by_file; /* the kernel tells which file a socket is bound to */
	dev_t device;
	ino_t inode;
	uint64_t network; /* of an abstract address, or TCP: its network namespace */
};

/* -EINVAL for a socket that does not listen, or not for streams; what the kernel reports. */
int listener_describe(int fd, struct listener *listener) IMP_MUST_CHECK;

/* -EAFNOSUPPORT, -EPROTOTYPE, -EINVAL for no such socket at all; -EPERM for another's connection.
 */
int listener_check(const struct listener *listener, int fd) IMP_MUST_CHECK;

/*
 * The same of TCP: a connection that is whole, at the listening socket's address.  Whether it was
 * accepted there, or made from there, is not to be seen.
 */
int listener_check_network(const struct listener *listener, int fd) IMP_MUST_CHECK;

#endif
