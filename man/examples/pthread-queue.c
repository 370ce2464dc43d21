/* SPDX-License-Identifier: MIT */
/*
 * pthread-queue [--without-capture] SOCKET - a queue and worker threads of one's own, in which each
 * piece of work is done as the client that it is for.
 *
 *     cc -pthread pthread-queue.c request.c $(pkg-config --cflags --libs impersonate)
 *
 * With --without-capture it does what a pool does that knows nothing of identities: the work is
 * done as the service, or would be, if nobody asked the kernel before.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"

enum { WORKERS = 4, ROOM = 64 };

static bool without_capture;

/* ------------------------------------------------------------------------------- the queue -- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct request *requests[ROOM];
	unsigned first, count;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void put(struct request *request)
{
	pthread_mutex_lock(&queue.lock);
	while (queue.count == ROOM)
		pthread_cond_wait(&queue.changed, &queue.lock);
	queue.requests[(queue.first + queue.count++) % ROOM] = request;
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
}

static struct request *take(void)
{
	pthread_mutex_lock(&queue.lock);
	while (queue.count == 0)
		pthread_cond_wait(&queue.changed, &queue.lock);

	struct request *request = queue.requests[queue.first];

	queue.first = (queue.first + 1) % ROOM;
	queue.count--;
	pthread_cond_broadcast(&queue.changed);
	pthread_mutex_unlock(&queue.lock);
	return request;
}

/* ------------------------------------------------------------------------------- identity -- */

/* Called while the accepting thread impersonates: from here on the client's identity goes along. */
static int hand_over(void *data)
{
	struct request *request = data;
	int error = without_capture ? 0 : imp_context_capture(&request->context);

	if (error == 0)
		put(request);
	return error;
}

/* A worker is the service, the client for one request, and the service again. */
static void *work(void *unused)
{
	for (;;) {
		struct request *request = take();
		int error = request->context ? imp_context_run(request->context, request_answer,
							       request, NULL)
					     : request_answer(request);

		if (error < 0)
			fprintf(stderr, "pthread-queue: %s\n", strerror(-error));
		request_free(request);
		if (imp_assert(NULL) < 0)
			abort(); /* nothing is done by a thread of which nobody knows who it is */
	}
	return unused;
}

int main(int argc, char **argv)
{
	without_capture = argc == 3 && strcmp(argv[1], "--without-capture") == 0;

	int listener = argc == 2 || without_capture ? request_listen(argv[argc - 1]) : -1;

	/* Threads first: one that is made while its maker impersonates is that client for life. */
	if (listener < 0 || imp_prepare() < 0)
		return 1;
	for (int i = 0; i < WORKERS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, work, NULL) != 0)
			return 1;
	}
	printf("listening on %s\n", argv[argc - 1]);
	fflush(stdout);
	for (;;) {
		struct request *request = request_accept(listener);
		int handed = -1;

		if (!request)
			continue;
		if (imp_run(request->token, hand_over, request, &handed) < 0)
			fprintf(stderr, "pthread-queue: a client cannot be impersonated\n");
		if (handed < 0)
			request_free(request);
	}
}
