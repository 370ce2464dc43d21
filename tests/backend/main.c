/* SPDX-License-Identifier: MIT */
/* Connections to the next server: whose they are, how long they live, what is repeated. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ask.h"

/* "close" is heeded, also where the server takes its time with it. */
static void kept(const char *kind)
{
	static const struct scene scenes[] = {
		{.answer = OK_X},
		{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
		 .forgets = true},
		{.answer = "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", .forgets = true},
		{.answer = OK_X},
		{.answer = NULL}};
	static const int connections[] = {1, 1, 2, 3};

	start(kind, 0);
	play(listener, scenes);
	for (int i = 0; i < 4; i++)
		ask(as_alice, "GET", 0);
	end_play();
	for (int i = 0; i < 4; i++)
		SAME(asked[i].connection, connections[i]);
}

static void repeated(const char *kind)
{
	/* Alive when the call begins, and ended over it. */
	static const struct scene once[] = {
		{.answer = OK_X}, {.closes = true}, {.answer = OK_X}, {.answer = NULL}};
	static const struct scene twice[] = {
		{.answer = OK_X}, {.closes = true}, {.closes = true}, {.answer = NULL}};
	static const struct scene never[] = {{.answer = OK_X}, {.closes = true}, {.answer = NULL}};
	static const char *const methods[] = {"PUT", "DELETE", "POST"};

	start(kind, 0);
	next_play(once);
	ask(as_alice, "GET", 0);
	ask(as_alice, "GET", 0);
	SAME_TEXT(got.body, "x");
	end_play();
	SAME(n_asked, 3);
	SAME(asked[2].connection, 2);
	SAME(asked[2].uid, alice.uid);

	next_play(twice);
	ask(as_alice, "GET", 0);
	ask(as_alice, "HEAD", -ECONNRESET);
	end_play();
	SAME(n_asked, 3);

	for (size_t i = 0; i < 3; i++) {
		next_play(never);
		ask(as_alice, "GET", 0);
		ask(as_alice, methods[i], -ECONNRESET);
		end_play();
		SAME(n_asked, 2);
		nobody_came(listener);
	}
}

/* Under strace(1), which makes the eleventh send of the thread fail, and with it the second call.
 */
static void put_after_ten(void)
{
	for (int i = 0; i < 9; i++)
		syscall(SYS_sendto, -1, "", 0, MSG_NOSIGNAL, NULL, 0);
	call(0);
	request.method = "PUT";
	call(0);
}

static void unsent(const char *kind)
{
	static const struct scene scenes[] = {
		{.answer = OK_X}, {.closes = true}, {.answer = OK_X}, {.answer = NULL}};

	start(kind, 0);
	play(listener, scenes);
	in_thread(as_alice, put_after_ten);
	end_play();
	SAME(n_asked, 3);
	SAME(asked[1].size, 0); /* nothing of it had been sent */
	CONTAINS(asked[2].text, "PUT ");
	SAME(asked[2].connection, 2);
}

static void mismatch(const char *kind)
{
	static const struct scene scenes[] = {{.answer = OK_X}, {.answer = OK_X}, {.answer = NULL}};

	start(kind, 0);
	play(listener, scenes);
	ask(as_alice, "GET", 0);
	ask(as_bob, "GET", -ESTALE);
	SAME(got.heads, 0);
	ask(as_alice, "GET", 0);
	end_play();
	SAME(n_asked, 2);
	SAME(asked[1].connection, 1);
}

static void refused(const char *kind)
{
	start(kind, 0);
	close(listener);
	ask(as_alice, "GET", -ECONNREFUSED);
	SYSTEM(unlink(path));
	ask(as_alice, "GET", -ENOENT);
	SAME(backend_new("", IMP_LEVEL_IMPERSONATION, 0, &backend), -EINVAL);
	backend_free(NULL);
}

/* It listens, and accepts nobody. */
static void crowded(const char *kind)
{
	start(kind, 1);
	SYSTEM(listen(listener, 0));
	SAME(imp_connect_unix(path, IMP_LEVEL_IMPERSONATION) >= 0, true);
	ask(as_alice, "GET", -ETIMEDOUT);
}

static void *answer_all(void *unused)
{
	char bytes[4096];
	int fd = (int)SYSTEM(accept4(listener, NULL, NULL, SOCK_CLOEXEC));

	while (read(fd, bytes, sizeof(bytes)) > 0)
		SAME(write(fd, OK_X, strlen(OK_X)), strlen(OK_X));
	close(fd);
	return unused;
}

static void call_often(void)
{
	call(0);

	const int before = count_descriptors();

	for (int i = 0; i < 300; i++)
		call(0);
	SAME(count_descriptors(), before);
}

static void many(const char *kind)
{
	pthread_t server;

	start(kind, 0);
	const int before = count_descriptors();

	SAME(pthread_create(&server, NULL, answer_all, NULL), 0);
	in_thread(as_alice, call_often);
	nobody_came(listener);
	backend_free(backend); /* and with it all connections */
	SAME(pthread_join(server, NULL), 0);
	SAME(count_descriptors(), before);
}

/* For strace(1): between these two lines nothing is opened and no thread is made. */
static void call_between_lines(void)
{
	SAME(write(STDOUT_FILENO, "begin\n", 6), 6);
	call(0);
	call(0);
	SAME(write(STDOUT_FILENO, "end\n", 4), 4);
}

static void nothing_lazy(const char *kind)
{
	static const struct scene scenes[] = {{.answer = OK_X}, {.answer = OK_X}, {.answer = NULL}};

	start(kind, 0);
	play(listener, scenes);
	in_thread(as_alice, call_between_lines);
	end_play();
}

/* ------------------------------------------------------------------------------ a real one -- */

static void ask_demo(const char *target, int error)
{
	request.target = target;
	ask(as_alice, "GET", error);
}

static void demo(const char *kind)
{
	const char *socket = getenv("SOCKET");
	char uids[64];

	start(kind, 10);
	backend_free(backend);
	MUST(backend_new(socket, IMP_LEVEL_IMPERSONATION, 10, &backend));
	for (int i = 0; i < 3; i++) {
		ask_demo("/whoami", 0);
		SAME(got.status, 200);
		SAME_TEXT(got.type, "application/json");
		SAME(got.length, got.size);
		CONTAINS(got.body, "\"identity\":{\"uid\":2001,\"name\":\"alice\"");
		CONTAINS(got.body, "\"level\":\"impersonation\",\"level_decided_by\":\"address\"");
		snprintf(uids, sizeof(uids), "\"effective\":%u", alice.uid);
		CONTAINS(got.body, uids);
	}
	ask_demo(getenv("HERS"), 0);
	SAME(got.status, 200);
	SAME_TEXT(got.body, "hers");
	ask_demo(getenv("BOBS"), 0);
	SAME(got.status, 403);
}

static bool has_case(const struct check_case *cases, const char *name)
{
	while (cases->name && strcmp(cases->name, name) != 0)
		cases++;
	return cases->name;
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"kept", kept},		{"repeated", repeated},		{"unsent", unsent},
		{"mismatch", mismatch}, {"refused", refused},		{"crowded", crowded},
		{"many", many},		{"nothing-lazy", nothing_lazy}, {"demo", demo},
		{NULL, NULL},
	};

	if (argc > 1 && has_case(exchange_cases, argv[1]))
		return check_main(argc, argv, exchange_cases);
	if (argc > 1 && has_case(network_cases, argv[1]))
		return check_main(argc, argv, network_cases);
	return check_main(argc, argv, cases);
}
