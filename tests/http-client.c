/* SPDX-License-Identifier: MIT */
/*
 * http-client SOCKET NAME LINE... - what curl cannot do: connects to a Unix socket from one that is
 * bound first, to the abstract address NAME ("%00" is a NUL byte; "-" binds nothing; a NAME that
 * begins with "/" is a path), sends the LINEs and an empty one, and prints all that comes back.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "http-client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void bind_to(int fd, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = 0;

	if (name[0] != '/')
		size = 1;
	for (; *name && size < sizeof(address.sun_path); size++) {
		if (strncmp(name, "%00", 3) == 0) {
			name += 3;
			continue;
		}
		address.sun_path[size] = *name++;
	}
	if (bind(fd, (struct sockaddr *)&address,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) < 0)
		fail("bind");
}

/* In one piece: a service that refuses the first line may be gone before a second one. */
static void send_request(int fd, char **lines, int count)
{
	char request[65536] = "";
	size_t size = 0;

	for (int i = 0; i <= count && size < sizeof(request); i++)
		size += (size_t)snprintf(request + size, sizeof(request) - size, "%s\r\n",
					 i < count ? lines[i] : "");
	if (size >= sizeof(request) || write(fd, request, size) != (ssize_t)size)
		fail("write");
}

int main(int argc, char **argv)
{
	struct sockaddr_un service = {.sun_family = AF_UNIX};
	char buffer[4096];
	ssize_t n;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (argc < 4 || fd < 0)
		fail("usage: SOCKET NAME LINE...");
	if (strcmp(argv[2], "-") != 0)
		bind_to(fd, argv[2]);
	snprintf(service.sun_path, sizeof(service.sun_path), "%s", argv[1]);
	if (connect(fd, (struct sockaddr *)&service, sizeof(service)) < 0)
		fail("connect");
	send_request(fd, argv + 3, argc - 3);

	/* What was not read of the request is told first, and the answer comes after that. */
	while ((n = read(fd, buffer, sizeof(buffer))) > 0 || (n < 0 && errno == ECONNRESET))
		if (n > 0 && fwrite(buffer, 1, (size_t)n, stdout) != (size_t)n)
			fail("standard output");
	return n < 0 ? fail("read") : 0;
}
