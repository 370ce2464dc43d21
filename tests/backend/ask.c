/* SPDX-License-Identifier: MIT */
/* A client of the next server; see ask.h. */
#include <stdio.h>
#include <string.h>

#include "ask.h"

struct backend *backend;

struct answer got;

static bool take_head(void *data, const struct backend_head *head)
{
	struct answer *answer = data;
	const char *value = backend_header(head, "x-test");

	answer->heads++;
	answer->status = head->status;
	answer->length = head->length;
	snprintf(answer->type, sizeof(answer->type), "%s", head->type ? head->type : "none");
	snprintf(answer->header, sizeof(answer->header), "%s", value ? value : "none");
	return head->status != 599;
}

static bool take_data(void *data, const void *bytes, size_t size)
{
	struct answer *answer = data;

	SAME(answer->heads, 1);
	if (answer->size + size < sizeof(answer->body))
		memcpy(answer->body + answer->size, bytes, size);
	answer->size += size;
	return !answer->stop_at || answer->size < answer->stop_at;
}

struct backend_request request;
static int expected;

void call(int error)
{
	const size_t stop_at = got.stop_at;
	const struct backend_sink sink = {take_head, take_data, &got};

	memset(&got, 0, sizeof(got));
	got.stop_at = stop_at;
	SAME(backend_call(backend, &request, &sink), error);
}

static void call_as_expected(void)
{
	call(expected);
}

void ask(struct imp_token *token, const char *method, int error)
{
	request.method = method;
	expected = error;
	in_thread(token, call_as_expected);
}

void start(const char *kind, long timeout_seconds)
{
	MUST(backend_prepare());
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	MUST(backend_new(path, IMP_LEVEL_IMPERSONATION, timeout_seconds, &backend));
	request = (struct backend_request){.method = "GET", .target = "/a%20b?c=d"};
}

void next_play(const struct scene *scenes)
{
	backend_free(backend);
	MUST(backend_new(path, IMP_LEVEL_IMPERSONATION, 0, &backend));
	play(listener, scenes);
}
