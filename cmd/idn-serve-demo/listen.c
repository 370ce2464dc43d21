/* SPDX-License-Identifier: MIT */
/* The listening socket, and what a service manager has to do with it. */
#include <errno.h>
#include <fcntl.h>
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

static int take_passed(void)
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
	    family != AF_UNIX ||
	    getsockopt(FIRST_PASSED_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 ||
	    !listening)
		die(EXIT_FAILED, "LISTEN_FDS: descriptor %d is not a listening Unix socket",
		    FIRST_PASSED_FD);
	/* Not blocking: of the threads that wait for a connection one gets it, and the others go
	 * on. */
	if (fcntl(FIRST_PASSED_FD, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(FIRST_PASSED_FD, F_SETFL, O_NONBLOCK) < 0)
		die(EXIT_FAILED, "LISTEN_FDS: %s", strerror(errno));
	return FIRST_PASSED_FD;
}

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

int listen_open(const struct options *options)
{
	int fd = take_passed();

	if (fd >= 0)
		return fd;
	if (!options->socket_path)
		die(EXIT_USAGE, "nothing to listen on: try --unix PATH");

	const char *path = options->socket_path;
	struct sockaddr_un address = address_of(path);

	remove_abandoned(path, &address);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die(EXIT_FAILED, "socket: %s", strerror(errno));

	/* The mode is the inode's before the name is there: at no time does it have another. */
	mode_t umask_before = umask(0);

	if (fchmod(fd, options->socket_mode) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		die(EXIT_FAILED, "%s: %s", path, strerror(errno));
	umask(umask_before);
	return fd;
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
