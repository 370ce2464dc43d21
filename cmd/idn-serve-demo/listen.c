/* SPDX-License-Identifier: MIT */
/* The listening socket, and what a service manager has to do with it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/message.h"
#include "serve.h"

enum { FIRST_PASSED_FD = 3 }; /* sd_listen_fds(3) */

static char tcp_name[80]; /* "127.0.0.1:8080" */
static const char *name;

int listen_passed(const struct options *options)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	int family = AF_UNSPEC, listening = 0;
	socklen_t size = sizeof(family);

	if (!pid || !count || strtol(pid, NULL, 10) != getpid())
		return -1;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (strcmp(count, "1") != 0)
		die(EXIT_FAILED, "LISTEN_FDS: %s: one socket is expected", count);
	if (getsockopt(FIRST_PASSED_FD, SOL_SOCKET, SO_DOMAIN, &family, &size) < 0 ||
	    (family != AF_UNIX && family != AF_INET && family != AF_INET6) ||
	    getsockopt(FIRST_PASSED_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 ||
	    !listening)
		die(EXIT_FAILED, "LISTEN_FDS: descriptor %d is not a listening Unix or TCP socket",
		    FIRST_PASSED_FD);
	if (family == AF_UNIX && options->keytab)
		die(EXIT_FAILED,
		    "LISTEN_FDS: --keytab is for TCP, and descriptor %d is a Unix socket",
		    FIRST_PASSED_FD);
	/* Not blocking: of the threads that wait for a connection one gets it, and the others go
	 * on. */
	if (fcntl(FIRST_PASSED_FD, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(FIRST_PASSED_FD, F_SETFL, O_NONBLOCK) < 0)
		die(EXIT_FAILED, "LISTEN_FDS: %s", strerror(errno));
	return FIRST_PASSED_FD;
}

/* --------------------------------------------------------------------------- Unix sockets -- */

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		die(EXIT_FAILED, "%s: too long for a socket: at most %zu bytes", path,
		    sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	return address;
}

/* A socket that nobody listens on is what is left of a service that was killed. */
static void remove_abandoned(const char *path, const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return; /* bind(2) will have the better reason */
	if (!S_ISSOCK(status.st_mode))
		die(EXIT_FAILED, "%s: exists and is not a socket", path);

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die(EXIT_FAILED, "socket: %s", strerror(errno));
	int connected = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	int error = errno;

	close(fd);
	if (connected == 0 || error != ECONNREFUSED)
		die(EXIT_FAILED, "%s: %s", path,
		    connected == 0 ? strerror(EADDRINUSE) : strerror(error));
	if (unlink(path) < 0)
		die(EXIT_FAILED, "%s: %s", path, strerror(errno));
}

static int listen_unix(const struct options *options)
{
	const char *path = options->socket_path;
	struct sockaddr_un address = address_of(path);

	remove_abandoned(path, &address);

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die(EXIT_FAILED, "socket: %s", strerror(errno));

	/* The mode is the inode's before the name is there: at no time does it have another. */
	mode_t umask_before = umask(0);

	if (fchmod(fd, options->socket_mode) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		die(EXIT_FAILED, "%s: %s", path, strerror(errno));
	umask(umask_before);
	name = path;
	return fd;
}

/* ------------------------------------------------------------------------------------ TCP -- */

union tcp_address {
	struct sockaddr any;
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;
};

static bool parse_port(const char *text, in_port_t *port)
{
	if (!text[0] || strlen(text) > 5 || text[strspn(text, "0123456789")] != '\0')
		return false;

	unsigned long number = strtoul(text, NULL, 10);

	*port = htons((in_port_t)number);
	return number <= UINT16_MAX;
}

/* "127.0.0.1:8080" or "[::1]:8080": what a name means is not asked of anybody. */
static bool parse_tcp(const char *text, union tcp_address *address)
{
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[' && colon && colon > text && colon[-1] == ']';
	char host[INET6_ADDRSTRLEN + 1];
	in_port_t port;

	if (!colon || !parse_port(colon + 1, &port) ||
	    snprintf(host, sizeof(host), "%.*s", (int)(colon - text) - 2 * bracketed,
		     text + bracketed) >= (int)sizeof(host))
		return false;
	memset(address, 0, sizeof(*address));
	if (bracketed) {
		address->ipv6.sin6_family = AF_INET6;
		address->ipv6.sin6_port = port;
		return inet_pton(AF_INET6, host, &address->ipv6.sin6_addr) == 1;
	}
	address->ipv4.sin_family = AF_INET;
	address->ipv4.sin_port = port;
	return inet_pton(AF_INET, host, &address->ipv4.sin_addr) == 1;
}

/* As it came out, where any port was asked for. */
static void name_tcp(int fd)
{
	union tcp_address address;
	socklen_t size = sizeof(address);
	char host[INET6_ADDRSTRLEN];

	if (getsockname(fd, &address.any, &size) < 0)
		die(EXIT_FAILED, "socket: %s", strerror(errno));
	if (address.any.sa_family == AF_INET6)
		snprintf(tcp_name, sizeof(tcp_name), "[%s]:%u",
			 inet_ntop(AF_INET6, &address.ipv6.sin6_addr, host, sizeof(host)),
			 ntohs(address.ipv6.sin6_port));
	else
		snprintf(tcp_name, sizeof(tcp_name), "%s:%u",
			 inet_ntop(AF_INET, &address.ipv4.sin_addr, host, sizeof(host)),
			 ntohs(address.ipv4.sin_port));
	name = tcp_name;
}

static int listen_tcp(const char *text)
{
	union tcp_address address;
	const int on = 1;

	if (!parse_tcp(text, &address))
		die(EXIT_USAGE, "--tcp: %s: not as 127.0.0.1:8080 or [::1]:8080", text);

	bool ipv6 = address.any.sa_family == AF_INET6;
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die(EXIT_FAILED, "%s: %s", text, strerror(errno));
	/* Connections of one that has ended may still be there. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, &address.any, ipv6 ? sizeof(address.ipv6) : sizeof(address.ipv4)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		die(EXIT_FAILED, "%s: %s", text, strerror(errno));
	name_tcp(fd);
	return fd;
}

/* --------------------------------------------------------------------------------- either -- */

int listen_open(const struct options *options)
{
	if (options->tcp_address)
		return listen_tcp(options->tcp_address);
	if (options->socket_path)
		return listen_unix(options);
	die(EXIT_USAGE, "nothing to listen on: try --unix PATH or --tcp ADDR:PORT");
}

const char *listen_name(void)
{
	return name;
}

void listen_close(const struct options *options, int fd)
{
	close(fd);
	/* After dropping privilege the directory may not allow it; the next start removes it then.
	 */
	if (options->socket_path)
		unlink(options->socket_path);
}

void notify_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';

	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0)
		warn_of("NOTIFY_SOCKET: %s", strerror(errno));
	close(fd);
}

void notify_reloading(void)
{
	struct timespec now;
	char state[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify_manager(state);
}
