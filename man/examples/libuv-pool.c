/* SPDX-License-Identifier: MIT */
/*
 * libuv-pool [--without-capture] SOCKET - work in libuv's thread pool, each piece done as the
 * client that it is for, and the event loop the service throughout.
 *
 *     cc libuv-pool.c request.c $(pkg-config --cflags --libs impersonate libuv)
 *
 * With --without-capture it does what uv_queue_work does by itself, which knows nothing of
 * identities: the work is done as the service, or would be, if nobody asked the kernel before.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "request.h"

static bool without_capture;

/* In a thread of the pool: the service, the client for one request, and the service again. */
static void work(uv_work_t *piece)
{
	struct request *request = piece->data;
	int error = request->context
			    ? imp_context_run(request->context, request_answer, request, NULL)
			    : request_answer(request);

	if (error < 0)
		fprintf(stderr, "libuv-pool: %s\n", strerror(-error));
	if (imp_assert(NULL) < 0)
		abort(); /* nothing is done by a thread of which nobody knows who it is */
}

/* In the event loop. */
static void after_work(uv_work_t *piece, int status)
{
	(void)status;
	request_free(piece->data);
	free(piece);
}

/* Called while the event loop's thread impersonates: from here the client's identity goes along. */
static int hand_over(void *data)
{
	struct request *request = data;
	uv_work_t *piece = calloc(1, sizeof(*piece));
	int error = !piece ? -1 : without_capture ? 0 : imp_context_capture(&request->context);

	if (error == 0) {
		piece->data = request;
		error = uv_queue_work(uv_default_loop(), piece, work, after_work);
	}
	if (error < 0)
		free(piece);
	return error;
}

static void on_client(uv_poll_t *poll, int status, int events)
{
	uv_os_fd_t listener;
	struct request *request = NULL;
	int handed = -1;

	if (status == 0 && (events & UV_READABLE) && uv_fileno((uv_handle_t *)poll, &listener) == 0)
		request = request_accept(listener);
	if (!request)
		return;
	if (imp_run(request->token, hand_over, request, &handed) < 0)
		fprintf(stderr, "libuv-pool: a client cannot be impersonated\n");
	if (handed < 0)
		request_free(request);
}

static void nothing(uv_work_t *piece)
{
	(void)piece;
}

int main(int argc, char **argv)
{
	static uv_work_t first;
	static uv_poll_t poll;

	without_capture = argc == 3 && strcmp(argv[1], "--without-capture") == 0;

	int listener = argc == 2 || without_capture ? request_listen(argv[argc - 1]) : -1;

	/*
	 * libuv makes its threads when it is given the first piece of work.  Given while a client
	 * is impersonated, it would make them that client for life.
	 */
	if (listener < 0 || imp_prepare() < 0 ||
	    uv_queue_work(uv_default_loop(), &first, nothing, NULL) < 0 ||
	    uv_poll_init(uv_default_loop(), &poll, listener) < 0 ||
	    uv_poll_start(&poll, UV_READABLE, on_client) < 0)
		return 1;
	printf("listening on %s\n", argv[argc - 1]);
	fflush(stdout);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
