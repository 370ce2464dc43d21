/* SPDX-License-Identifier: MIT */
/*
 * Whether a connection was accepted from this service's own listening socket.  An accepted socket
 * has the address of the one that listens (unix(7)), which others can have too, in a mount or
 * network namespace of theirs; so that it is the very same is asked as well: of a file by
 * SIOCUNIXFILE (net/unix/af_unix.c, unix_open_file; since Linux 4.13, with CAP_NET_ADMIN), of an
 * abstract address by the network namespace, in which it is bound once, and to ours.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/level.h"
#include "ring/listener.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

static int option(int fd, int name, int *value)
{
	socklen_t size = sizeof(*value);

	return getsockopt(fd, SOL_SOCKET, name, value, &size) < 0 ? -errno : 0;
}

/* A stream socket of Unix's, which does, or does not, listen. */
static int check_kind(int fd, int listens)
{
	int domain, type, accepts;
	int error = option(fd, SO_DOMAIN, &domain);

	if (error == 0)
		error = option(fd, SO_TYPE, &type);
	if (error == 0)
		error = option(fd, SO_ACCEPTCONN, &accepts);
	if (error < 0)
		return error;
	if (domain != AF_UNIX)
		return -EAFNOSUPPORT;
	if (type != SOCK_STREAM)
		return -EPROTOTYPE;
	return accepts == listens ? 0 : -EINVAL;
}

static int read_address(int fd, struct sockaddr_un *address, socklen_t *length)
{
	*length = sizeof(*address);
	memset(address, 0, sizeof(*address));
	return getsockname(fd, (struct sockaddr *)address, length) < 0 ? -errno : 0;
}

static int read_file(int fd, dev_t *device, ino_t *inode)
{
	struct stat status;
	int file = ioctl(fd, SIOCUNIXFILE, 0), error = 0;

	if (file < 0)
		return -errno;
	if (fstat(file, &status) < 0)
		error = -errno;
	close(file);
	*device = status.st_dev;
	*inode = status.st_ino;
	return error;
}

/* 0 on a kernel that does not tell: then all are the same. */
static uint64_t network_of(int fd)
{
	uint64_t cookie;
	socklen_t size = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) < 0 ? 0 : cookie;
}

static bool has_file(const struct listener *listener)
{
	return listener->length > offsetof(struct sockaddr_un, sun_path) &&
	       listener->address.sun_path[0] != '\0';
}

/* A stream of TCP, which does, or does not, listen. */
static int check_network_kind(int fd, int listens)
{
	int domain, protocol, accepts;
	int error = option(fd, SO_DOMAIN, &domain);

	if (error == 0)
		error = option(fd, SO_PROTOCOL, &protocol);
	if (error == 0)
		error = option(fd, SO_ACCEPTCONN, &accepts);
	if (error < 0)
		return error;
	if (domain != AF_INET && domain != AF_INET6)
		return -EAFNOSUPPORT;
	if (protocol != IPPROTO_TCP)
		return -EPROTOTYPE;
	return accepts == listens ? 0 : -EINVAL;
}

static int read_local(int fd, struct listener *listener)
{
	socklen_t size = sizeof(listener->local);

	return getsockname(fd, &listener->local.any, &size) < 0 ? -errno : 0;
}

/* Of what else the network has nobody is anybody, and asks for nothing. */
static int describe_network(int fd, struct listener *listener)
{
	listener->is_tcp = check_network_kind(fd, 1) == 0;
	listener->network = network_of(fd);
	return listener->is_tcp ? read_local(fd, listener) : 0;
}

int listener_describe(int fd, struct listener *listener)
{
	int error = check_kind(fd, 1);

	memset(listener, 0, sizeof(*listener));
	if (error == -EAFNOSUPPORT)
		return describe_network(fd, listener);
	if (error == 0)
		error = read_address(fd, &listener->address, &listener->length);
	if (error < 0)
		return error;
	listener->is_unix = true;
	if (has_file(listener))
		listener->by_file = read_file(fd, &listener->device, &listener->inode) == 0;
	else
		listener->network = network_of(fd);
	return 0;
}

/*
 * What listens has an address: without one, or with that which states a level, the other end is
 * whoever connected, and not whom the service itself has connected to from a socket with this
 * address.
 */
static int check_peer(int fd)
{
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	enum imp_level level;

	memset(&address, 0, sizeof(address));
	if (getpeername(fd, (struct sockaddr *)&address, &length) < 0)
		return -errno;
	if (length <= offsetof(struct sockaddr_un, sun_path))
		return 0;
	return level_from_address(&address, length, &level) == -ENOENT ? -EPERM : 0;
}

/* That one file is bound to one socket, whose kind is known. */
static int check_file(const struct listener *listener, int fd)
{
	dev_t device;
	ino_t inode;
	int error = read_file(fd, &device, &inode);

	if (error < 0)
		return error == -ENOENT ? -EPERM : error;
	return device == listener->device && inode == listener->inode ? 0 : -EPERM;
}

static int check_address(const struct listener *listener, int fd)
{
	struct sockaddr_un address;
	socklen_t length;
	int error = check_kind(fd, 0);

	if (error == 0)
		error = read_address(fd, &address, &length);
	if (error < 0)
		return error;
	if (!listener->is_unix || length <= offsetof(struct sockaddr_un, sun_path) ||
	    length != listener->length || memcmp(&address, &listener->address, length) != 0)
		return -EPERM;
	if (!has_file(listener) && network_of(fd) != listener->network)
		return -EPERM;
	return check_peer(fd);
}

int listener_check(const struct listener *listener, int fd)
{
	return listener->by_file ? check_file(listener, fd) : check_address(listener, fd);
}

/* The one address that was bound, or any of them. */
static bool is_at(const struct listener *listener, const struct listener *connection)
{
	if (listener->local.any.sa_family != connection->local.any.sa_family)
		return false;
	if (listener->local.any.sa_family == AF_INET) {
		const struct sockaddr_in *bound = &listener->local.ipv4;
		const struct sockaddr_in *local = &connection->local.ipv4;

		return bound->sin_port == local->sin_port &&
		       (bound->sin_addr.s_addr == htonl(INADDR_ANY) ||
			bound->sin_addr.s_addr == local->sin_addr.s_addr);
	}
	return listener->local.ipv6.sin6_port == connection->local.ipv6.sin6_port &&
	       (IN6_IS_ADDR_UNSPECIFIED(&listener->local.ipv6.sin6_addr) ||
		IN6_ARE_ADDR_EQUAL(&listener->local.ipv6.sin6_addr,
				   &connection->local.ipv6.sin6_addr));
}

int listener_check_network(const struct listener *listener, int fd)
{
	struct listener connection = {.is_tcp = true};
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	int error = check_network_kind(fd, 0);

	if (error == 0)
		error = read_local(fd, &connection);
	if (error < 0)
		return error;
	if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0)
		return -errno;
	return listener->is_tcp && is_at(listener, &connection) &&
			       network_of(fd) == listener->network
		       ? 0
		       : -EPERM;
}
