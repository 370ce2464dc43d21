/* SPDX-License-Identifier: MIT */
/*
 * The thread that looks at all others, itself the service and nobody else: some times a second
 * while anybody listens, once when /metrics is asked for, and else not at all.  What is known of
 * the service it tells to whoever asks.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/message.h"
#include "status.h"

enum { PERIOD_MS = 125 };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* on the monotonic clock */
	pthread_t thread;
	struct exchange *asking; /* for /metrics; a reference each */
	bool woken;
	bool stopping;
} sampler = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ------------------------------------------------------------------------------ answering -- */

/* Takes over the list. */
static void answer(struct exchange *asking, const struct snapshot *snapshot, int error)
{
	char *text = error == 0 ? metrics_text(snapshot) : NULL;

	while (asking) {
		struct exchange *exchange = asking;

		asking = exchange->next;
		if (text) {
			reply_text(&exchange->reply, MHD_HTTP_OK, "%s", text);
			reply_type(&exchange->reply, "text/plain; version=0.0.4; charset=utf-8");
		} else if (error == -ECANCELED) {
			reply_not_done(&exchange->reply, error);
		} else {
			reply_error(&exchange->reply, "metrics", error < 0 ? -error : ENOMEM);
		}
		exchange->reply.tid = gettid();
		exchange_announce(exchange);
		exchange_unref(exchange);
	}
	free(text);
}

static void look_around(struct exchange *asking)
{
	struct snapshot snapshot;
	int error = snapshot_take(&snapshot);

	answer(asking, &snapshot, error);
	if (error < 0)
		return;
	if (events_listeners() > 0)
		events_publish(snapshot_line(&snapshot));
	snapshot_clear(&snapshot);
}

/* --------------------------------------------------------------------------------- the thread --
 */

/* With the lock held: for one period, or until somebody new has to be told. */
static void rest(void)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PERIOD_MS * 1000000L;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	while (!sampler.stopping && !sampler.asking && !sampler.woken &&
	       pthread_cond_timedwait(&sampler.changed, &sampler.lock, &until) == 0)
		;
}

static void *sample(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "status");
	pthread_mutex_lock(&sampler.lock);
	while (!sampler.stopping) {
		struct exchange *asking = sampler.asking;

		sampler.asking = NULL;
		sampler.woken = false;
		if (!asking && events_listeners() == 0) {
			pthread_cond_wait(&sampler.changed, &sampler.lock);
			continue;
		}
		pthread_mutex_unlock(&sampler.lock);
		look_around(asking);
		pthread_mutex_lock(&sampler.lock);
		rest();
	}

	struct exchange *asking = sampler.asking;

	sampler.asking = NULL;
	pthread_mutex_unlock(&sampler.lock);
	answer(asking, NULL, -ECANCELED);
	events_cut();
	return NULL;
}

void sampler_wake(void)
{
	pthread_mutex_lock(&sampler.lock);
	sampler.woken = true;
	pthread_cond_signal(&sampler.changed);
	pthread_mutex_unlock(&sampler.lock);
}

/* --------------------------------------------------------------------------------- being asked --
 */

static bool ask_for_metrics(struct exchange *exchange)
{
	bool accepted;

	pthread_mutex_lock(&sampler.lock);
	accepted = !sampler.stopping;
	if (accepted) {
		MHD_suspend_connection(exchange->connection);
		exchange->next = sampler.asking;
		sampler.asking = exchange_ref(exchange);
		pthread_cond_signal(&sampler.changed);
	}
	pthread_mutex_unlock(&sampler.lock);
	if (!accepted)
		reply_not_done(&exchange->reply, -ECANCELED);
	return !accepted;
}

static void reply_page(struct reply *reply)
{
	reply->response = page_response();
	if (!reply->response) {
		reply_error(reply, "", ENOMEM);
		return;
	}
	reply->status = MHD_HTTP_OK;
	reply_type(reply, "text/html; charset=utf-8");
}

static void reply_events(struct exchange *exchange)
{
	struct reply *reply = &exchange->reply;

	if (exchange->errand.method == METHOD_HEAD) {
		reply_text(reply, MHD_HTTP_OK, "%s", "");
		reply_type(reply, "text/event-stream");
		return;
	}
	reply->response = events_listen(exchange->connection);
	if (!reply->response) {
		reply_text(reply, MHD_HTTP_SERVICE_UNAVAILABLE,
			   "nobody else can listen just now\n");
		return;
	}
	reply->status = MHD_HTTP_OK;
	reply_type(reply, "text/event-stream");
	MHD_add_response_header(reply->response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	sampler_wake();
}

bool status_start(struct exchange *exchange)
{
	switch (exchange->errand.kind) {
	case WORK_METRICS:
		return ask_for_metrics(exchange);
	case WORK_EVENTS:
		reply_events(exchange);
		return true;
	default:
		reply_page(&exchange->reply);
		return true;
	}
}

/* ------------------------------------------------------------------------ beginning and end -- */

void status_prepare(void)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&sampler.changed, &attributes);
	pthread_condattr_destroy(&attributes);

	int error = imp_thread_create(&sampler.thread, NULL, sample, NULL);

	if (error < 0)
		die(EXIT_FAILED, "cannot start a thread: %s", reason_of(error));
}

void status_stop(void)
{
	events_end();
	pthread_mutex_lock(&sampler.lock);
	sampler.stopping = true;
	pthread_cond_signal(&sampler.changed);
	pthread_mutex_unlock(&sampler.lock);
}

void status_end(void)
{
	pthread_join(sampler.thread, NULL);
}
