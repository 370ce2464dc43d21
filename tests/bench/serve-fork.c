/* SPDX-License-Identifier: MIT */
/*
 * serve-fork SOCKET - what idn-serve-demo is measured against: an HTTP server in the old style,
 * that forks for each connection, becomes the client for good, answers one GET /files/PATH and
 * ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* Linux 4.13 */
#endif

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "serve-fork: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void become_client(int fd)
{
	struct ucred peer;
	gid_t groups[1024];
	socklen_t size = sizeof(peer), groups_size = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size) < 0)
		fail("the client");
	if (setgroups(groups_size / sizeof(gid_t), groups) < 0 ||
	    setresgid(peer.gid, peer.gid, peer.gid) < 0 ||
	    setresuid(peer.uid, peer.uid, peer.uid) < 0)
		fail("becoming the client");
}

static void answer(int fd)
{
	char request[4096], path[4096], content[65536], head[256];
	ssize_t n = read(fd, request, sizeof(request) - 1);
	struct stat status;

	if (n <= 0)
		return;
	request[n] = '\0';
	if (sscanf(request, "GET /files%4095s HTTP/1.1", path) != 1)
		fail("the request");

	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0 || fstat(file, &status) < 0)
		fail(path);
	n = read(file, content, sizeof(content));
	close(file);

	int length = snprintf(head, sizeof(head),
			      "HTTP/1.1 200 OK\r\nContent-Length: %zd\r\n"
			      "Connection: close\r\n\r\n",
			      n);
	struct iovec parts[] = {{head, (size_t)length}, {content, (size_t)n}};

	if (n < 0 || writev(fd, parts, 2) < 0)
		fail("answering");
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc != 2)
		return 2;
	signal(SIGCHLD, SIG_IGN);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(argv[1], 0666) < 0 || listen(listener, SOMAXCONN) < 0)
		fail(argv[1]);
	puts("listening");
	fflush(stdout);
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pid_t pid;

		if (fd < 0)
			continue;
		pid = fork();
		if (pid == 0) {
			become_client(fd);
			answer(fd);
			_exit(0);
		}
		if (pid < 0)
			fail("fork");
		close(fd);
	}
}
