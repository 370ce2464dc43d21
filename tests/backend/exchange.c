/* SPDX-License-Identifier: MIT */
/* What goes out to the next server, and what comes back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"

/* ---------------------------------------------------------------------------- what goes out -- */

static void sent(const char *kind)
{
	static const struct scene scenes[] = {{.answer = OK_X},
					      {.answer = OK_X},
					      {.answer = OK_X},
					      {.answer = OK_X},
					      {.answer = NULL}};
	static const struct backend_header headers[] = {{"Impersonation-Level", "identification"},
							{"X-Empty", ""},
							{"Content-Type", "a/b"}};

	SYSTEM(setenv("http_proxy", "http://127.0.0.1:9", 1));
	SYSTEM(setenv("all_proxy", "http://127.0.0.1:9", 1));
	start(kind, 0);
	play(listener, scenes);
	ask(as_alice, "GET", 0);
	request.headers = headers;
	request.n_headers = 3;
	ask(as_alice, "DELETE", 0);
	request.body = "four";
	request.size = 4;
	ask(as_alice, "PUT", 0);
	request.size = 0;
	request.n_headers = 0;
	ask(as_alice, "PUT", 0);
	end_play();

	SAME(n_asked, 4);
	SAME_TEXT(asked[0].text, "GET /a%20b?c=d HTTP/1.1\r\nHost: localhost\r\n"
				 "User-Agent: idn-serve-demo\r\nAccept: */*\r\n\r\n");
	CONTAINS(asked[1].text, "DELETE /a%20b?c=d HTTP/1.1\r\n");
	CONTAINS(asked[1].text, "\r\nImpersonation-Level: identification\r\nX-Empty:\r\n");
	CONTAINS(asked[2].text, "PUT /a%20b?c=d HTTP/1.1\r\n");
	CONTAINS(asked[2].text, "\r\nContent-Type: a/b\r\nContent-Length: 4\r\n\r\nfour");
	SAME_TEXT(asked[3].text,
		  "PUT /a%20b?c=d HTTP/1.1\r\nHost: localhost\r\nUser-Agent: idn-serve-demo\r\n"
		  "Accept: */*\r\nContent-Length: 0\r\n\r\n");
	for (int i = 0; i < 4; i++) {
		SAME(asked[i].connection, 1);
		SAME(asked[i].uid, alice.uid);
	}
}

static void large_body(const char *kind)
{
	static const struct scene scenes[] = {{.answer = OK_X}, {.answer = NULL}};
	const size_t size = 2 << 20;
	char *body = malloc(size);

	start(kind, 0);
	play(listener, scenes);
	memset(body, 'b', size);
	request.body = body;
	request.size = size;
	ask(as_alice, "PUT", 0);
	end_play();
	const char *end = strstr(asked[0].text, "\r\n\r\n");

	SAME(strstr(asked[0].text, "100-continue") == NULL, true);
	SAME(asked[0].size - (size_t)(end + 4 - asked[0].text), size);
	SAME(memcmp(end + 4, body, size), 0);
}

static void unsendable(const char *kind)
{
	static const char *const methods[] = {"", "get", "GET ", "GET\r\n"};
	static const char *const targets[] = {"", "a", "*", "/a b", "/a\r\nX: y", "/\x7f"};
	static const struct backend_header headers[] = {{"", "a"},	    {"A b", "c"},
							{"A:", "b"},	    {"A\r\nB", "c"},
							{"A", "b\r\nC: d"}, {"A", "b\n"}};

	start(kind, 0);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		ask(as_alice, methods[i], -EINVAL);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		request.target = targets[i];
		ask(as_alice, "GET", -EINVAL);
	}
	request.target = "/";
	request.n_headers = 1;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		request.headers = &headers[i];
		ask(as_alice, "GET", -EINVAL);
	}
	nobody_came(listener);
}

/* ------------------------------------------------------------------------------ what comes -- */

/* As the sink has seen it: status, type, X-Test, length, body. */
static const char *seen(void)
{
	static char text[sizeof(got) + 64];

	snprintf(text, sizeof(text), "%u %s %s %lld %s", got.status, got.type, got.header,
		 (long long)got.length, got.body);
	return got.heads ? text : "nothing";
}

#define HEAD_200 "HTTP/1.1 200 OK\r\n"

static const struct dialogue {
	const char *method;
	struct scene scenes[2];
	int error;
	const char *seen;
} dialogues[] = {
	{"GET",
	 {{.answer = "HTTP/1.1 404 No\r\nContent-Length: 2\r\nContent-Type: a/b; c=d\r\nX-Test: "
		     "1\r\n\r\nno"}},
	 0,
	 "404 a/b; c=d 1 2 no"},
	{"GET",
	 {{.answer = HEAD_200
	   "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nX-Test: 1\r\n\r\n"}},
	 0,
	 "200 none none -1 abc"},
	{"HEAD",
	 {{.answer = HEAD_200 "Content-Length: 77\r\nX-Test: 2\r\n\r\n"}},
	 0,
	 "200 none 2 77 "},
	{"GET",
	 {{.answer = "HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n"}},
	 0,
	 "302 none none 0 "},
	{"PUT",
	 {{.answer = "HTTP/1.1 100 Go\r\nX-Test: 100\r\n\r\n"
		     "HTTP/1.1 201 Made\r\nContent-Length: 0\r\nX-Test: 201\r\n\r\n"}},
	 0,
	 "201 none 201 0 "},
	{"GET",
	 {{.answer = "HTTP/1.0 200 OK\r\n\r\nto the end", .closes = true}},
	 0,
	 "200 none none -1 to the end"},
	{"GET",
	 {{.answer = "HTTP/1.1 599 Unwanted\r\nContent-Length: 1\r\n\r\nx"}},
	 -ECANCELED,
	 "599 none none 1 "},
	{"GET",
	 {{.answer = HEAD_200 "Content-Length: 9\r\n\r\nhalf", .closes = true}},
	 -ECONNRESET,
	 "200 none none 9 half"},
	{"GET", {{.answer = "SSH-2.0-OpenSSH\r\n\r\n", .closes = true}}, -EPROTO, "nothing"},
	{"GET",
	 {{.answer = HEAD_200 "Content-Length: x\r\n\r\n", .closes = true}},
	 -EPROTO,
	 "nothing"},
	{"GET", {{.closes = true}}, -ECONNRESET, "nothing"},
};

static void answers(const char *kind)
{
	static const struct scene empty[] = {{.answer = "HTTP/1.1 204 None\r\n\r\n"},
					     {.answer = NULL}};

	start(kind, 0);
	for (size_t i = 0; i < sizeof(dialogues) / sizeof(dialogues[0]); i++) {
		next_play(dialogues[i].scenes);
		ask(as_alice, dialogues[i].method, dialogues[i].error);
		end_play();
		SAME(n_asked, 1);
		SAME_TEXT(seen(), dialogues[i].seen);
	}

	/* Of whose length some say that it is 0, and others nothing. */
	next_play(empty);
	ask(as_alice, "DELETE", 0);
	end_play();
	SAME(got.status, 204);
	SAME(got.length <= 0, true);
}

/* A head without an end is not collected for ever. */
static void endless_head(const char *kind)
{
	enum { LINES = 5000 };
	static char answer[64 + LINES * 32] = "HTTP/1.1 200 OK\r\n";
	const struct scene scenes[] = {{.answer = answer, .closes = true}, {.answer = NULL}};
	size_t size = strlen(answer);

	for (int i = 0; i < LINES; i++)
		size += (size_t)snprintf(answer + size, sizeof(answer) - size,
					 "X-%d: some more\r\n", i);
	start(kind, 0);
	play(listener, scenes);
	ask(as_alice, "GET", -EPROTO);
	end_play();
	SAME(got.heads, 0);
}

static void stopped(const char *kind)
{
	static const struct scene scenes[] = {
		{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n12345678", .forgets = true},
		{.answer = OK_X},
		{.answer = NULL}};

	start(kind, 0);
	play(listener, scenes);
	got.stop_at = 1;
	ask(as_alice, "GET", -ECANCELED);
	got.stop_at = 0;
	ask(as_alice, "GET", 0); /* not the rest of the former answer */
	SAME_TEXT(got.body, "x");
	end_play();
	SAME(asked[1].connection, 2);
}

static void timed_out(const char *kind)
{
	static const struct scene scenes[] = {
		{.forgets = true}, {.answer = OK_X}, {.answer = NULL}};

	start(kind, 1);
	play(listener, scenes);
	ask(as_alice, "GET", -ETIMEDOUT);
	ask(as_alice, "GET", 0);
	end_play();
	SAME(asked[1].connection, 2);
}

/* What is given up is closed at once, not only when the next call needs another. */
static void given_up(const char *kind)
{
	static const struct scene scenes[] = {
		{.answer = OK_X},
		{.answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n1"},
		{.closes = true},
		{.answer = NULL}};

	start(kind, 1);
	play(listener, scenes);
	ask(as_alice, "GET", 0);
	ask(as_alice, "GET", -ETIMEDOUT);
	end_play(); /* has seen the end: of a request that it waits for */
	SAME(asked[2].size, 0);
}

const struct check_case exchange_cases[] = {
	{"sent", sent},		  {"large-body", large_body},	  {"unsendable", unsendable},
	{"answers", answers},	  {"endless-head", endless_head}, {"stopped", stopped},
	{"timed-out", timed_out}, {"given-up", given_up},	  {NULL, NULL},
};
