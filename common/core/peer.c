/* SPDX-License-Identifier: MIT */
/* What the kernel says of the other end of a connection (socket(7), unix(7), getpeername(2)). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "level.h"
#include "log.h"
#include "peer.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* Linux 4.13 */
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/* ------------------------------------------------------------------------ unmapped uids -- */

/* What the kernel reports for a uid that only another user namespace knows (user_namespaces(7)). */
static uid_t overflow_uid = 65534;

static void read_overflow_uid(void)
{
	FILE *file = fopen("/proc/sys/kernel/overflowuid", "re");
	unsigned long value;

	if (!file)
		return;
	if (fscanf(file, "%lu", &value) == 1 && value < UINT32_MAX)
		overflow_uid = (uid_t)value;
	fclose(file);
}

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

static int read_level(int fd, struct peer *peer)
{
	struct sockaddr_un address = {.sun_family = AF_UNSPEC};
	socklen_t length = sizeof(address);

	if (getpeername(fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;

	int error = level_from_address(&address, length, &peer->level);

	peer->bound = error == 0;
	return error == -ENOENT ? 0 : error;
}

/* Without a label, or without a security module, there is nothing to tell. */
static int read_label(int fd, struct peer *peer)
{
	char few[256], *label = few;
	socklen_t size = sizeof(few) - 1;
	int error = 0;

	while (getsockopt(fd, SOL_SOCKET, SO_PEERSEC, label, &size) < 0) {
		error = errno;
		if (label != few)
			free(label);
		if (error != ERANGE)
			return 0;
		label = malloc(size + 1u);
		if (!label)
			return -ENOMEM;
	}
	label[size] = '\0';
	error = 0;
	if (label[0] != '\0') {
		peer->label = strdup(label);
		error = peer->label ? 0 : -ENOMEM;
	}
	if (label != few)
		free(label);
	return error;
}

int peer_read(int fd, struct peer *peer)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct ucred credentials;
	struct groups *groups;
	int family = AF_UNSPEC;
	socklen_t size = sizeof(family);

	pthread_once(&once, read_overflow_uid);
	*peer = (struct peer){.pidfd = -1};

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0)
		return -errno;
	if (family != AF_UNIX)
		return -EAFNOSUPPORT;

	/* First of all whether it is connected: SO_PEERCRED of a socket that is not says uid -1. */
	int error = read_level(fd, peer);

	if (error < 0)
		return error;
	size = sizeof(credentials);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return -errno;
	if (credentials.uid == IMP_NO_UID || credentials.gid == IMP_NO_GID)
		return -ENOTCONN;
	error = read_groups(fd, &groups);
	if (error < 0)
		return error;

	identity_init(&peer->identity, credentials.uid, credentials.gid, groups);
	peer->pid = credentials.pid;
	peer->unmapped = credentials.uid == overflow_uid;

	size = sizeof(peer->pidfd);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &peer->pidfd, &size) < 0)
		peer->pidfd = -1;
	error = read_label(fd, peer);
	if (error < 0)
		peer_clear(peer);
	return error;
}

void peer_clear(struct peer *peer)
{
	identity_clear(&peer->identity);
	if (peer->pidfd >= 0)
		close(peer->pidfd);
	free(peer->label);
	*peer = (struct peer){.pidfd = -1};
}

/* ------------------------------------------------------------------------------- client -- */

int imp_connect_unix(const char *path, enum imp_level level)
{
	struct sockaddr_un own, service = {.sun_family = AF_UNIX};
	socklen_t own_length = 0;
	size_t length = strlen(path);

	if (length >= sizeof(service.sun_path))
		return -ENAMETOOLONG;
	memcpy(service.sun_path, path, length + 1);

	int error = level_to_address(level, &own, &own_length);

	if (error < 0)
		return error;

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&own, own_length) < 0 ||
	    connect(fd, (struct sockaddr *)&service, sizeof(service)) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}
