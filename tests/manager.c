/* SPDX-License-Identifier: MIT */
/*
 * manager SOCKET|tcp COMMAND... - the part of a service manager that services see: passes a
 * listening socket (sd_listen_fds(3)), and prints what the service notifies (sd_notify(3)), a line
 * each, after "pid N", and "port N" of one of TCP on the loopback interface.  Ends as the service
 * does.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
	fprintf(stderr, "manager: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_listening(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	umask(0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 16) < 0)
		fail(path);
	return fd;
}

static int open_listening_tcp(unsigned int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 16) < 0 || getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		fail("tcp");
	*port = ntohs(address.sin_port);
	return fd;
}

/* Binds an abstract name of the kernel's choice, and tells it as NOTIFY_SOCKET has it. */
static int open_notify(char *name, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		fail("notify socket");
	snprintf(name, size, "@%.*s", (int)(length - offsetof(struct sockaddr_un, sun_path) - 1),
		 address.sun_path + 1);
	return fd;
}

static void become_service(int listening, const char *notify, char **command)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("NOTIFY_SOCKET", notify, 1);
	if (dup2(listening, 3) < 0)
		fail("dup2");
	execvp(command[0], command);
	fail(command[0]);
}

static volatile pid_t service;

/* Whoever ends the manager ends the service. */
static void pass_on(int signal)
{
	if (service > 0)
		kill(service, signal);
}

int main(int argc, char **argv)
{
	char notify_name[128], message[256];
	int status;

	if (argc < 3)
		fail("usage: SOCKET|tcp COMMAND...");

	int notify = open_notify(notify_name, sizeof(notify_name));
	unsigned int port = 0;
	int listening =
		strcmp(argv[1], "tcp") == 0 ? open_listening_tcp(&port) : open_listening(argv[1]);
	pid_t pid = fork();

	if (pid == 0)
		become_service(listening, notify_name, argv + 2);
	service = pid;
	signal(SIGTERM, pass_on);
	printf("pid %d\n", (int)pid);
	if (port)
		printf("port %u\n", port);
	fflush(stdout);

	int ended = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd events[] = {{.fd = notify, .events = POLLIN},
				  {.fd = ended, .events = POLLIN}};

	if (pid < 0 || ended < 0)
		fail("fork");
	while (poll(events, 2, -1) > 0 || errno == EINTR) {
		if (events[0].revents) {
			ssize_t n = recv(notify, message, sizeof(message), 0);

			printf("%.*s\n", n < 0 ? 0 : (int)n, message);
			fflush(stdout);
		} else if (events[1].revents) {
			break;
		}
	}
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid");
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	printf("status %d\n", status);
	return status;
}
