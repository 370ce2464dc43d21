/* SPDX-License-Identifier: MIT */
/* The next server over the network: how a handshake travels, and requests that need none. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../cmd/idn-serve-demo/backend-handshake.h"
#include "ask.h"

#define HOST "b.test:8080"

static struct sockaddr_in server;
static int tcp;

static void listen_tcp(void)
{
	socklen_t size = sizeof(server);

	server = (struct sockaddr_in){.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	tcp = (int)SYSTEM(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	SYSTEM(bind(tcp, (struct sockaddr *)&server, sizeof(server)));
	SYSTEM(listen(tcp, 8));
	SYSTEM(getsockname(tcp, (struct sockaddr *)&server, &size));
}

static int connect_tcp(void)
{
	int fd = (int)SYSTEM(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	SYSTEM(connect(fd, (struct sockaddr *)&server, sizeof(server)));
	return fd;
}

/* ------------------------------------------------------------------------------ handshakes -- */

/* One message, over a connection of its own. */
static int carry(int fd, const char *message, size_t size, char **answer)
{
	const struct handshake_peer peer = {fd, HOST, 5};
	void *bytes = (void *)(uintptr_t) "untouched";
	size_t length = 99;
	int result = handshake_carry(&peer, message, size, &bytes, &length);

	*answer = bytes ? strndup(bytes, length) : NULL;
	SAME(bytes == NULL, length == 0);
	free(bytes);
	return result;
}

#define UNAUTHORIZED "HTTP/1.1 401 Unauthorized\r\nContent-Length: 17\r\n"
#define NEGOTIATE "WWW-Authenticate: Negotiate"

/* To "hello". */
static const struct verdict {
	struct scene scenes[2];
	int result;
	const char *answer;
} verdicts[] = {
	/* Accepted, with the other end's own proof or without. */
	{{{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" NEGOTIATE " cHJvb2Y=\r\n\r\n"}},
	 1,
	 "proof"},
	{{{.answer = "HTTP/1.1 204 OK\r\n\r\n"}}, 1, NULL},
	{{{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" NEGOTIATE "\r\n\r\n"}}, 1, NULL},
	/* It goes on, also where there are other ways. */
	{{{.answer = UNAUTHORIZED NEGOTIATE " bW9yZQ==\r\n\r\n"}}, 0, "more"},
	{{{.answer = UNAUTHORIZED "WWW-Authenticate: Basic realm=\"x\"\r\n"
				  "www-authenticate: negotiate bW9yZQ==\r\n\r\n"}},
	 0,
	 "more"},
	/* Not accepted. */
	{{{.answer = UNAUTHORIZED NEGOTIATE "\r\n\r\n"}}, -EREMOTEIO, NULL},
	{{{.answer = UNAUTHORIZED "\r\n"}}, -EREMOTEIO, NULL},
	{{{.answer = UNAUTHORIZED "WWW-Authenticate: Basic realm=\"x\"\r\n\r\n"}},
	 -EREMOTEIO,
	 NULL},
	{{{.answer = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", .closes = true}},
	 -EREMOTEIO,
	 NULL},
	/* What a handshake is not answered with. */
	{{{.answer = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"}}, -EPROTO, NULL},
	{{{.answer = "HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n"}},
	 -EPROTO,
	 NULL},
	{{{.answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n" NEGOTIATE " bW9yZQ==\r\n\r\n"}},
	 -EPROTO,
	 NULL},
	{{{.answer = UNAUTHORIZED NEGOTIATE " b?\r\n\r\n"}}, -EPROTO, NULL},
	{{{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" NEGOTIATE " =\r\n\r\n"}},
	 -EPROTO,
	 NULL},
	{{{.answer = "SSH-2.0-OpenSSH\r\n\r\n", .closes = true}}, -EPROTO, NULL},
	/* The connection is what is authenticated: one that ends is of no use. */
	{{{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n" NEGOTIATE
		     " cHJvb2Y=\r\n\r\n"}},
	 -EPROTO,
	 NULL},
	{{{.answer = UNAUTHORIZED "Connection: close\r\n" NEGOTIATE " bW9yZQ==\r\n\r\n"}},
	 -EPROTO,
	 NULL},
	{{{.answer = "HTTP/1.0 200 OK\r\n\r\n", .closes = true}}, -EPROTO, NULL},
	{{{.closes = true}}, -ECONNRESET, NULL},
};

static void handshake(const char *kind)
{
	char *answer;

	start(kind, 0);
	listen_tcp();
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		int fd;

		play(tcp, verdicts[i].scenes);
		fd = connect_tcp();
		SAME(carry(fd, "hello", 5, &answer), verdicts[i].result);
		SAME_TEXT(answer ? answer : "none",
			  verdicts[i].answer ? verdicts[i].answer : "none");
		free(answer);
		close(fd);
		end_play();
		SAME(n_asked, 1);
		SAME_TEXT(asked[0].text, "HEAD /whoami HTTP/1.1\r\nHost: " HOST "\r\n"
					 "User-Agent: idn-serve-demo\r\nAccept: */*\r\n"
					 "Authorization: Negotiate aGVsbG8=\r\n\r\n");
	}
}

/* A ticket may be long; and of what libcurl had nothing is left, so that the next message goes. */
static void long_message(const char *kind)
{
	static const struct scene scenes[] = {
		{.answer = UNAUTHORIZED NEGOTIATE " bW9yZQ==\r\n\r\n"},
		{.answer =
			 "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" NEGOTIATE " cHJvb2Y=\r\n\r\n"},
		{.answer = NULL}};
	const size_t size = 200000;
	char *message = malloc(size), *answer;
	int before, fd;

	start(kind, 0);
	listen_tcp();
	memset(message, 'm', size);
	before = count_descriptors();
	play(tcp, scenes);
	fd = connect_tcp();
	SAME(carry(fd, message, size, &answer), 0);
	SAME(carry(fd, "hello", 5, &answer), 1);
	close(fd);
	end_play();
	SAME(count_descriptors(), before);
	SAME(n_asked, 2);
	SAME(asked[1].connection, 1);
	SAME(asked[0].size > size / 3 * 4, true);
	CONTAINS(asked[1].text, "\r\nAuthorization: Negotiate aGVsbG8=\r\n");
}

static void silent(const char *kind)
{
	static const struct scene scenes[] = {{.forgets = true}, {.answer = NULL}};
	const struct handshake_peer peer = {.host = HOST, .timeout_seconds = 1};
	struct handshake_peer connected = peer;
	void *answer;
	size_t size;

	start(kind, 0);
	listen_tcp();
	play(tcp, scenes);
	connected.fd = connect_tcp();
	SAME(handshake_carry(&connected, "hello", 5, &answer, &size), -ETIMEDOUT);
	close(connected.fd);
	end_play();
}

/* --------------------------------------------------------------------------------- requests -- */

/* As somebody who need not be known: a handshake would find nobody to have it with. */
static void start_remote(const char *kind, enum imp_level level, long timeout_seconds)
{
	struct imp_target *target;
	const char *problem = NULL;
	char port[8];
	int error;

	start(kind, 0);
	listen_tcp();
	backend_free(backend);
	snprintf(port, sizeof(port), "%u", (unsigned)ntohs(server.sin_port));
	error = imp_target_new("127.0.0.1", port, "HTTP/b.test", &target, &problem);
	if (error == -ENOTSUP)
		SKIP("%s", problem);
	MUST(error);
	MUST(backend_new_network(target, HOST, level, timeout_seconds, &backend));
	imp_target_unref(target);
}

static void unknown(const char *kind)
{
	static const struct scene scenes[] = {{.answer = OK_X},
					      {.answer = OK_X},
					      {.closes = true},
					      {.answer = OK_X},
					      {.answer = NULL}};

	start_remote(kind, IMP_LEVEL_IDENTIFICATION, 5);
	play(tcp, scenes);
	ask(as_alice, "GET", 0);
	SAME_TEXT(got.body, "x");
	ask(as_alice, "PUT", 0);
	ask(as_alice, "GET", 0); /* which is made once more, over a new one */
	end_play();
	SAME_TEXT(asked[0].text, "GET /a%20b?c=d HTTP/1.1\r\nHost: " HOST "\r\n"
				 "User-Agent: idn-serve-demo\r\nAccept: */*\r\n"
				 "Impersonation-Level: anonymous\r\n\r\n");
	CONTAINS(asked[1].text, "\r\nImpersonation-Level: anonymous\r\n");
	SAME(asked[1].connection, 1);
	SAME(asked[3].connection, 2);
	CONTAINS(asked[3].text, "\r\nImpersonation-Level: anonymous\r\n");
}

/* A server that no longer knows the client is asked over a new connection next time. */
static void disowned(const char *kind)
{
	static const struct scene scenes[] = {
		{.answer = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", .forgets = true},
		{.answer = OK_X},
		{.answer = NULL}};

	start_remote(kind, IMP_LEVEL_ANONYMOUS, 5);
	play(tcp, scenes);
	ask(as_alice, "GET", 0);
	SAME(got.status, 401);
	ask(as_alice, "GET", 0);
	end_play();
	SAME(asked[1].connection, 2);
}

static void not_there(const char *kind)
{
	start_remote(kind, IMP_LEVEL_ANONYMOUS, 5);
	close(tcp);
	ask(as_alice, "GET", -ECONNREFUSED);
}

/* One waits, and no other may: the kernel does not answer. */
static void full(const char *kind)
{
	int first;

	start_remote(kind, IMP_LEVEL_ANONYMOUS, 1);
	SYSTEM(listen(tcp, 0));
	first = connect_tcp();
	ask(as_alice, "GET", -ETIMEDOUT);
	close(first);
}

const struct check_case network_cases[] = {
	{"handshake", handshake}, {"long-message", long_message},
	{"silent", silent},	  {"unknown", unknown},
	{"disowned", disowned},	  {"not-there", not_there},
	{"full", full},		  {NULL, NULL},
};
