/* SPDX-License-Identifier: MIT */
/* What the kernel says of the other end of a connection (socket(7), unix(7), getpeername(2)). */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "impersonate-thread.h"
#include "level.h"
#include "log.h"
#include "peer.h"
#include "procfs.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* Linux 4.13 */
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/* ------------------------------------------------------------------------------ reading -- */

static int read_groups(int fd, struct groups **groups)
{
	gid_t few[64], *gids = few;
	socklen_t size = sizeof(few);

	while (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &size) < 0) {
		int error = errno;

		if (gids != few)
			free(gids);
		if (error != ERANGE)
			return -error;
		/* The kernel has put the size that it wants into SIZE. */
		gids = malloc(size);
		if (!gids)
			return -ENOMEM;
	}

	int error = groups_new(gids, size / sizeof(gid_t), groups);

	if (gids != few)
		free(gids);
	return error;
}

/* Of another family, or of ours without a peer? */
static int not_connected(int fd)
{
	int family = AF_UNSPEC;
	socklen_t size = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0)
		return -errno;
	return family == AF_UNIX ? -ENOTCONN : -EAFNOSUPPORT;
}

static int read_level(int fd, struct peer *peer)
{
	struct sockaddr_un address = {.sun_family = AF_UNSPEC};
	socklen_t length = sizeof(address);

	if (getpeername(fd, (struct sockaddr *)&address, &length) < 0)
		return errno == ENOTCONN ? not_connected(fd) : -errno;
	if (address.sun_family != AF_UNIX)
		return -EAFNOSUPPORT;

	int error = level_from_address(&address, length, &peer->level);

	peer->bound = error == 0;
	return error == -ENOENT ? 0 : error;
}

void peer_prepare(void)
{
	(void)procfs_overflow_uid();
}

int peer_read(int fd, struct peer *peer)
{
	struct ucred credentials;
	struct groups *groups;
	socklen_t size = sizeof(credentials);

	*peer = (struct peer){.pid = 0};

	/* First of all whether it is connected: SO_PEERCRED of a socket that is not says uid -1. */
	int error = read_level(fd, peer);

	if (error < 0)
		return error;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return -errno;
	if (credentials.uid == IMP_NO_UID || credentials.gid == IMP_NO_GID)
		return -ENOTCONN;
	error = read_groups(fd, &groups);
	if (error < 0)
		return error;

	identity_init(&peer->identity, credentials.uid, credentials.gid, groups);
	peer->pid = credentials.pid;
	peer->unmapped = credentials.uid == procfs_overflow_uid();
	return 0;
}

void peer_clear(struct peer *peer)
{
	identity_clear(&peer->identity);
}

/* -------------------------------------------------------------- what few services ask for -- */

int imp_connection_pidfd(int fd)
{
	int pidfd;
	socklen_t size = sizeof(pidfd);

	return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0 ? -errno : pidfd;
}

int imp_connection_label(int fd, char **label)
{
	socklen_t room = 256, size;
	char *text = NULL;

	for (;;) {
		char *larger = realloc(text, room + 1u);

		if (!larger) {
			free(text);
			return -ENOMEM;
		}
		text = larger;
		size = room;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERSEC, text, &size) == 0)
			break;
		if (errno != ERANGE || size <= room) {
			int error = -errno;

			free(text);
			return error;
		}
		room = size;
	}
	text[size] = '\0';
	*label = text;
	return 0;
}

/* ------------------------------------------------------------------------------- client -- */

int imp_connect_unix(const char *path, enum imp_level level)
{
	return peer_connect_unix(path, level, 0);
}

enum { SECOND = 1000000 };

static int64_t microseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * SECOND + now.tv_nsec / 1000;
}

/* Of a Unix socket this bounds connect(2), too (socket(7)); 0: nothing does. */
static int set_send_timeout(int fd, int64_t microseconds)
{
	const struct timeval limit = {.tv_sec = (time_t)(microseconds / SECOND),
				      .tv_usec = (suseconds_t)(microseconds % SECOND)};

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ? -errno : 0;
}

/* As whom the thread works for, whatever the engine. */
static int try_to_connect(int fd, const struct sockaddr_un *service)
{
	const uint32_t number = thread_number();

	if (number == 0)
		return connect(fd, (const struct sockaddr *)service, sizeof(*service)) < 0 ? -errno
											   : 0;
	return engine->connect ? engine->connect(number, fd, (const struct sockaddr *)service,
						 sizeof(*service))
			       : -ENOTSUP;
}

/*
 * With a limit the kernel does not go on by itself after an interruption, be it a debugger's or its
 * own.
 */
static int connect_within(int fd, const struct sockaddr_un *service, unsigned int seconds)
{
	const int64_t end = microseconds_now() + (int64_t)seconds * SECOND;
	int error = -EINTR;

	while (error == -EINTR) {
		const int64_t left = end - microseconds_now();

		error = left > 0 ? set_send_timeout(fd, left) : -EAGAIN;
		if (error == 0)
			error = try_to_connect(fd, service);
	}
	/* What is sent later is not this one's to bound. */
	if (error == 0)
		return set_send_timeout(fd, 0);
	return error == -EAGAIN ? -ETIMEDOUT : error;
}

int peer_connect_unix(const char *path, enum imp_level level, unsigned int seconds)
{
	struct sockaddr_un own, service = {.sun_family = AF_UNIX};
	socklen_t own_length = 0;
	size_t length = strlen(path);

	if (length >= sizeof(service.sun_path))
		return -ENAMETOOLONG;
	if (length == 0)
		return -ENOENT; /* to the kernel it would be an abstract address, anybody's */
	memcpy(service.sun_path, path, length + 1);

	int error = level_to_address(level, &own, &own_length);

	if (error < 0)
		return error;

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	error = bind(fd, (struct sockaddr *)&own, own_length) < 0 ? -errno
		: seconds ? connect_within(fd, &service, seconds)
			  : try_to_connect(fd, &service);
	if (error < 0) {
		close(fd);
		return error;
	}
	return fd;
}

bool peer_is_network(int fd)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t length = sizeof(address), size = sizeof(int);
	int type = 0;

	return getpeername(fd, (struct sockaddr *)&address, &length) == 0 &&
	       (address.ss_family == AF_INET || address.ss_family == AF_INET6) &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}
