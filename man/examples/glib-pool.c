/* SPDX-License-Identifier: MIT */
/*
 * glib-pool [--without-capture] SOCKET - work in a GThreadPool, each piece done as the client that
 * it is for.
 *
 *     cc glib-pool.c request.c $(pkg-config --cflags --libs impersonate glib-2.0)
 *
 * With --without-capture it does what g_thread_pool_push does by itself, which knows nothing of
 * identities: the work is done as the service, or would be, if nobody asked the kernel before.
 */
#include <glib.h>
#include <stdio.h>

#include "request.h"

enum { WORKERS = 4 };

static gboolean without_capture;
static GThreadPool *pool;

/* In a thread of the pool: the service, the client for one request, and the service again. */
static void work(gpointer data, gpointer unused)
{
	struct request *request = data;
	int error = request->context
			    ? imp_context_run(request->context, request_answer, request, NULL)
			    : request_answer(request);

	(void)unused;
	if (error < 0)
		g_warning("%s", g_strerror(-error));
	request_free(request);
	if (imp_assert(NULL) < 0)
		g_error("a thread of which nobody knows who it is"); /* which aborts */
}

/* Called while the accepting thread impersonates: from here on the client's identity goes along. */
static int hand_over(void *data)
{
	struct request *request = data;
	int error = without_capture ? 0 : imp_context_capture(&request->context);

	/* What it may report is a thread that could not be made: here all have been. */
	if (error == 0)
		g_thread_pool_push(pool, request, NULL);
	return error;
}

int main(int argc, char **argv)
{
	without_capture = argc == 3 && g_str_equal(argv[1], "--without-capture");

	int listener = argc == 2 || without_capture ? request_listen(argv[argc - 1]) : -1;

	if (listener < 0 || imp_prepare() < 0)
		return 1;
	/*
	 * An exclusive pool makes all its threads now.  Another makes them when it has work for
	 * them, which may be while a client is impersonated: they would be that client for life.
	 */
	pool = g_thread_pool_new(work, NULL, WORKERS, TRUE, NULL);
	if (!pool)
		return 1;
	g_print("listening on %s\n", argv[argc - 1]);
	for (;;) {
		struct request *request = request_accept(listener);
		int handed = -1;

		if (!request)
			continue;
		if (imp_run(request->token, hand_over, request, &handed) < 0)
			g_warning("a client cannot be impersonated");
		if (handed < 0)
			request_free(request);
	}
}
