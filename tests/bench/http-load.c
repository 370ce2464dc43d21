/* SPDX-License-Identifier: MIT */
/*
 * http-load SERVER PATH CONNECTIONS REQUESTS [close | TOKENS] - asks for PATH so many times, over
 * so many connections at once that are kept, or with "close" over a new one for each request;
 * prints the requests a second.  SERVER is a socket's path, or ADDRESS:PORT.  TOKENS is a file: its
 * lines authenticate the connections, one each, with their first requests, which are not counted.
 * With 0 requests it keeps the connections idle, says "idle", and waits for the end of its input.
 * In one thread: on a small machine it takes little from the server.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct connection {
	int fd;
	size_t expected; /* bytes of the whole answer; 0: its head is not there yet */
	size_t received;
};

static struct {
	union {
		struct sockaddr any;
		struct sockaddr_un local;
		struct sockaddr_in network;
	} address;
	socklen_t address_size;
	char request[1024];
	size_t request_size;
	bool close;
	unsigned long left, outstanding;
	int epoll_fd;
} load;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "http-load: %s: %s\n", what, errno ? strerror(errno) : "not as expected");
	exit(1);
}

static void connect_to_server(struct connection *connection)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

	connection->fd = socket(load.address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connection->fd < 0)
		fail("socket");
	if (connect(connection->fd, &load.address.any, load.address_size) < 0)
		fail("connect");
	if (epoll_ctl(load.epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) < 0)
		fail("epoll");
}

/* With 200 and the client's name, or not at all; the answer is in one piece. */
static void authenticate(struct connection *connection, const char *token)
{
	char buffer[65537];
	int n = snprintf(buffer, sizeof(buffer),
			 "GET /whoami HTTP/1.1\r\nHost: a.test\r\nAuthorization: %s\r\n\r\n",
			 token);

	if (n >= (int)sizeof(buffer) || write(connection->fd, buffer, (size_t)n) != n)
		fail("write");

	ssize_t size = read(connection->fd, buffer, sizeof(buffer) - 1);

	errno = size < 0 ? errno : 0;
	if (size <= 0)
		fail("read");
	buffer[size] = '\0';
	if (strncmp(buffer, "HTTP/1.1 200 ", 13) != 0 || !strstr(buffer, "\"alice\""))
		fail("authentication");
}

static void authenticate_all(const char *tokens, struct connection *connections, size_t count)
{
	static char token[32768];
	FILE *file = fopen(tokens, "re");

	if (!file)
		fail(tokens);
	for (size_t i = 0; i < count; i++) {
		if (!fgets(token, sizeof(token), file))
			fail(tokens);
		token[strcspn(token, "\n")] = '\0';
		authenticate(&connections[i], token);
	}
	fclose(file);
}

static void ask(struct connection *connection)
{
	if (load.left == 0)
		return;
	load.left--;
	load.outstanding++;
	connection->expected = connection->received = 0;
	if (write(connection->fd, load.request, load.request_size) != (ssize_t)load.request_size)
		fail("write");
}

/* The head is in the first part of an answer, whole: the server writes it in one piece. */
static void read_head(struct connection *connection, const char *text)
{
	const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "Content-Length:");

	errno = 0;
	if (strncmp(text, "HTTP/1.1 200 ", 13) != 0 || !end || !length || length > end)
		fail("the answer");
	connection->expected = (size_t)(end + 4 - text) + (size_t)strtoul(length + 15, NULL, 10);
}

static void take_answer(struct connection *connection)
{
	char buffer[65537];
	ssize_t n = read(connection->fd, buffer, sizeof(buffer) - 1);

	errno = n < 0 ? errno : 0;
	if (n <= 0)
		fail("read");
	buffer[n] = '\0';
	if (connection->received == 0)
		read_head(connection, buffer);
	connection->received += (size_t)n;
	if (connection->received < connection->expected)
		return;
	load.outstanding--;
	if (load.close) {
		close(connection->fd);
		if (load.left == 0)
			return;
		connect_to_server(connection);
	}
	ask(connection);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void run(struct connection *connections, size_t count)
{
	unsigned long requests = load.left;
	double start = now();

	for (size_t i = 0; i < count; i++)
		ask(&connections[i]);
	while (load.outstanding > 0) {
		struct epoll_event events[64];
		int n = epoll_wait(load.epoll_fd, events, 64, -1);

		if (n < 0 && errno != EINTR)
			fail("epoll");
		for (int i = 0; i < n; i++)
			take_answer(events[i].data.ptr);
	}
	printf("%.0f\n", (double)requests / (now() - start));
}

static void find_server(const char *name)
{
	char host[64];
	unsigned int port;

	if (name[0] == '/') {
		load.address.local.sun_family = AF_UNIX;
		snprintf(load.address.local.sun_path, sizeof(load.address.local.sun_path), "%s",
			 name);
		load.address_size = sizeof(load.address.local);
		return;
	}
	load.address.network.sin_family = AF_INET;
	if (sscanf(name, "%63[0-9.]:%u", host, &port) != 2 ||
	    inet_pton(AF_INET, host, &load.address.network.sin_addr) != 1)
		fail(name);
	load.address.network.sin_port = htons((uint16_t)port);
	load.address_size = sizeof(load.address.network);
}

int main(int argc, char **argv)
{
	struct rlimit files = {65536, 65536};
	const char *tokens = NULL;

	if (argc < 5 || argc > 6) {
		fprintf(stderr,
			"usage: http-load SERVER PATH CONNECTIONS REQUESTS [close | TOKENS]\n");
		return 2;
	}

	size_t count = strtoul(argv[3], NULL, 10);
	struct connection *connections = calloc(count, sizeof(*connections));

	load.left = strtoul(argv[4], NULL, 10);
	load.close = argc == 6 && strcmp(argv[5], "close") == 0;
	if (argc == 6 && !load.close)
		tokens = argv[5];
	find_server(argv[1]);
	load.request_size = (size_t)snprintf(
		load.request, sizeof(load.request), "GET %s HTTP/1.1\r\nHost: x\r\n%s%s\r\n",
		argv[2], load.close ? "Connection: close\r\n" : "",
		tokens ? "Impersonation-Level: impersonation\r\n" : "");
	if (count + 16 > 1024 && setrlimit(RLIMIT_NOFILE, &files) < 0)
		fail("RLIMIT_NOFILE");
	load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (load.epoll_fd < 0 || !connections)
		fail("epoll");
	for (size_t i = 0; i < count; i++)
		connect_to_server(&connections[i]);
	if (tokens)
		authenticate_all(tokens, connections, count);
	if (load.left > 0) {
		run(connections, count);
	} else {
		puts("idle");
		fflush(stdout);
		while (getchar() != EOF)
			;
	}
	free(connections);
	return 0;
}
