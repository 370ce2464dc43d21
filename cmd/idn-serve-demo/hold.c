/* SPDX-License-Identifier: MIT */
/*
 * /hold: threads that stay somebody for a while, so that they can be looked at from outside.  The
 * threads stay when the hold is over, at the primary identity: that can be looked at too.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/message.h"
#include "serve.h"

enum { HOLDERS_MAXIMUM = 64 };

struct hold {
	struct hold *next;
	struct exchange *exchange;   /* a reference */
	struct imp_context *context; /* whom it is to stay; NULL: the exchange's token */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed; /* on the monotonic clock */
static struct hold *queue;
static pthread_t holders[HOLDERS_MAXIMUM];
static int n_holders, n_idle;
static bool stopping;
static enum defect defect;

/* ------------------------------------------------------------------------------- holding -- */

/* Until the time is over or the service ends. */
static void wait_out(unsigned int milliseconds)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += milliseconds / 1000;
	until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&lock);
	while (!stopping && pthread_cond_timedwait(&changed, &lock, &until) == 0)
		;
	pthread_mutex_unlock(&lock);
}

static json_t *own_thread(void)
{
	char thread[32];

	snprintf(thread, sizeof(thread), "%d/%d", (int)getpid(), (int)gettid());
	return json_string(thread);
}

/* Who the thread is, or that it is not who it should be. */
static char *first_line(struct exchange *exchange, int error)
{
	struct procfs_thread kernel;
	json_t *object;

	if (error == 0)
		error = procfs_read_thread(getpid(), gettid(), &kernel);
	if (error == 0) {
		char *line = work_describe_thread(exchange->description, &kernel);

		exchange->description = NULL;
		procfs_clear_thread(&kernel);
		return line;
	}
	object = json_object();
	json_put(object, "thread", own_thread());
	json_put(object, "error",
		 json_string(error == -ESTALE ? "the thread is not who it should be"
					      : reason_of(error)));
	return json_line(object);
}

static char *last_line(bool stayed)
{
	json_t *object = json_object();

	json_put(object, "thread", own_thread());
	json_put(object, "reverted", json_boolean(defect != DEFECT_FORGOTTEN_REVERT));
	json_put(object, "stayed", json_boolean(stayed));
	return json_line(object);
}

/* Takes over LINE. */
static void send_line(struct stream *stream, char *line)
{
	stream_write(stream, line, strlen(line));
	stream_write(stream, "\n", 1);
	free(line);
}

/*
 * Announces itself before it waits.  A thread that is not who it should be is told of, and stays
 * all the same: nothing is done by it, and that it is lost can be seen.
 */
static int hold_here(void *data)
{
	struct exchange *exchange = data;
	struct stream *stream = stream_new(exchange->connection);
	int error = work_assert(exchange->token);

	if (!stream) {
		reply_error(&exchange->reply, "hold", ENOMEM);
		exchange_announce(exchange);
		return 0;
	}
	exchange->reply.status = error == 0 ? MHD_HTTP_OK : MHD_HTTP_INTERNAL_SERVER_ERROR;
	exchange->reply.tid = gettid();
	exchange->reply.stream = stream_ref(stream);
	exchange->reply.stream_size = MHD_SIZE_UNKNOWN;
	reply_type(&exchange->reply, "application/json");

	char *line = first_line(exchange, error);

	exchange_announce(exchange);
	send_line(stream, line);
	defect_while_holding(defect);
	wait_out(exchange->errand.milliseconds);

	bool stayed = error == 0 && work_assert(exchange->token) == 0;

	if (defect != DEFECT_FORGOTTEN_REVERT)
		imp_revert();
	send_line(stream, last_line(stayed));
	stream_end(stream, true);
	stream_release(stream);
	return 0;
}

static void hold_it(struct hold *hold)
{
	struct exchange *exchange = hold->exchange;
	int error;

	if (hold->context) {
		error = imp_context_run(hold->context, hold_here, exchange, NULL);
	} else {
		error = imp_serve(exchange->token);
		if (error == 0)
			hold_here(exchange);
		/* Whoever goes idle is the service: where it is not, that is known from now on. */
		if (imp_assert(NULL) < 0)
			complain_of("a thread went idle as somebody else");
	}
	if (error < 0 && !exchange->announced) {
		reply_not_done(&exchange->reply, error);
		exchange_announce(exchange);
	}
	imp_context_unref(hold->context);
	exchange_unref(exchange);
	free(hold);
}

/* ------------------------------------------------------------------------------- threads -- */

static void *hold_them(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "hold");
	pthread_mutex_lock(&lock);
	for (;;) {
		while (!queue && !stopping) {
			n_idle++;
			pthread_cond_wait(&changed, &lock);
			n_idle--;
		}
		struct hold *hold = queue;

		if (!hold)
			break;
		queue = hold->next;
		pthread_mutex_unlock(&lock);
		hold_it(hold);
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

void hold_prepare(enum defect chosen)
{
	pthread_condattr_t attributes;

	defect = chosen;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

static int make_holder(void *unused)
{
	(void)unused;
	return imp_thread_create(&holders[n_holders], NULL, hold_them, NULL);
}

/* With the lock held: one more thread, where none is idle.  It is nobody's to begin with. */
static bool ensure_holder(void)
{
	int queued = 0, error = -EAGAIN;

	for (struct hold *hold = queue; hold; hold = hold->next)
		queued++;
	if (n_idle > queued)
		return true;
	if (n_holders == HOLDERS_MAXIMUM || imp_run(NULL, make_holder, NULL, &error) < 0 ||
	    error < 0)
		return false;
	n_holders++;
	return true;
}

bool hold_start(struct exchange *exchange, bool async)
{
	struct hold *hold = calloc(1, sizeof(*hold));
	bool accepted = false;

	if (!hold || (async && imp_context_capture(&hold->context) < 0)) {
		free(hold);
		return false;
	}
	hold->exchange = exchange_ref(exchange);
	pthread_mutex_lock(&lock);
	if (!stopping && ensure_holder()) {
		struct hold **last = &queue;

		while (*last)
			last = &(*last)->next;
		*last = hold;
		accepted = true;
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
	if (!accepted) {
		exchange_unref(exchange);
		imp_context_unref(hold->context);
		free(hold);
	}
	return accepted;
}

void hold_stop(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void hold_join(void)
{
	for (int i = 0; i < n_holders; i++)
		pthread_join(holders[i], NULL);
}
