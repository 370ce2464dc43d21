/* SPDX-License-Identifier: MIT */
/*
 * journal-reader SOCKET FILE [COMMAND...] - the end of a log that daemons have: binds SOCKET, and
 * writes each datagram to FILE as one line: those of the journal's native protocol as
 * FIELD=value, with tabs between, those of syslog as they are; control characters as \ooo.  Ends as
 * COMMAND does, once all is read that it has sent; without one, when it is told to.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
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
	fprintf(stderr, "journal-reader: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	umask(0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail(path);
	return fd;
}

static void put_escaped(FILE *file, const char *text, size_t size)
{
	for (const char *c = text; c < text + size; c++)
		fprintf(file, (unsigned char)*c < 0x20 || *c == 0x7f ? "\\%03o" : "%c",
			(unsigned char)*c);
}

/* "NAME=value\n", or "NAME\n", the value's size in 8 bytes, lowest first, the value, and "\n". */
static const char *put_field(FILE *file, const char *field, const char *end)
{
	const char *line_end = memchr(field, '\n', (size_t)(end - field));
	uint64_t size = 0;

	if (!line_end)
		return NULL;
	put_escaped(file, field, (size_t)(line_end - field));
	if (memchr(field, '=', (size_t)(line_end - field)))
		return line_end + 1;
	if (end - line_end < 10)
		return NULL;
	for (int i = 8; i > 0; i--)
		size = size << 8 | (unsigned char)line_end[i];
	if (size > (uint64_t)(end - line_end - 10))
		return NULL;
	fputc('=', file);
	put_escaped(file, line_end + 9, size);
	return line_end + 9 + size + 1;
}

static void put_entry(FILE *file, const char *text, size_t size)
{
	const char *end = text + size;

	while (text && text < end) {
		text = put_field(file, text, end);
		if (text && text < end)
			fputc('\t', file);
	}
	if (!text)
		fputs("\tMALFORMED", file);
}

/* False where there is nothing to read. */
static bool read_one(int fd, FILE *file)
{
	static char text[65536];
	ssize_t size = recv(fd, text, sizeof(text), MSG_DONTWAIT | MSG_TRUNC);

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (size < 0)
		fail("recv");
	errno = EMSGSIZE; /* none here is so long, nor sent as a file, which comes empty */
	if (size == 0 || size > (ssize_t)sizeof(text))
		fail("datagram");
	if (text[0] == '<')
		put_escaped(file, text, (size_t)size);
	else
		put_entry(file, text, (size_t)size);
	fputc('\n', file);
	if (fflush(file) != 0)
		fail("output");
	return true;
}

static pid_t start(char **command)
{
	pid_t child = fork();

	if (child < 0)
		fail("fork");
	if (child == 0) {
		execvp(command[0], command);
		fail(command[0]);
	}
	return child;
}

static int end_as(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) < 0)
		fail("wait");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: journal-reader SOCKET FILE [COMMAND...]\n");
		return 2;
	}
	int fd = open_socket(argv[1]);
	FILE *file = fopen(argv[2], "we");

	if (!file)
		fail(argv[2]);

	pid_t child = argc > 3 ? start(argv + 3) : 0;
	struct pollfd events[] = {
		{.fd = fd, .events = POLLIN},
		{.fd = child ? (int)syscall(SYS_pidfd_open, child, 0) : -1, .events = POLLIN},
	};

	if (child && events[1].fd < 0)
		fail("pidfd_open");
	while (!events[1].revents) {
		if (poll(events, 2, -1) < 0 && errno != EINTR)
			fail("poll");
		while (read_one(fd, file))
			;
	}
	/* What it sent before it ended is here by now. */
	while (read_one(fd, file))
		;
	return end_as(child);
}
