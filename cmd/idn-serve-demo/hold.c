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
	struct MHD_Connection *connection;
	struct imp_token *token;
	unsigned int milliseconds;
	int references; /* the request's, and its thread's while it works; under the lock */
	int error;	/* of the impersonation */
	pid_t tid;
	char *first, *second; /* lines: who it is, and that it is over */
	size_t sent;
	bool waiting; /* the connection is suspended until there is something to send */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed; /* on the monotonic clock */
static struct hold *queue;
static pthread_t holders[HOLDERS_MAXIMUM];
static int n_holders, n_idle;
static bool stopping;

static void resume(struct hold *hold)
{
	if (hold->waiting) {
		hold->waiting = false;
		MHD_resume_connection(hold->connection);
	}
}

static void unref_locked(struct hold *hold)
{
	if (--hold->references > 0)
		return;
	imp_token_unref(hold->token);
	free(hold->first);
	free(hold->second);
	free(hold);
}

void hold_unref(struct hold *hold)
{
	pthread_mutex_lock(&lock);
	unref_locked(hold);
	pthread_mutex_unlock(&lock);
}

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

static char *last_line(bool stayed)
{
	json_t *object = json_object();
	char thread[32];

	snprintf(thread, sizeof(thread), "%d/%d", (int)getpid(), (int)gettid());
	json_put(object, "thread", json_string(thread));
	json_put(object, "reverted", json_true());
	json_put(object, "stayed", json_boolean(stayed));
	return json_line(object);
}

/* Announces itself before it waits. */
static void hold_it(struct hold *hold)
{
	struct procfs_thread kernel;
	char *line = NULL;
	json_t *description = work_describe(hold->token);
	int error = imp_impersonate(hold->token);

	if (error == 0)
		error = imp_assert(hold->token);
	if (error == 0)
		error = procfs_read_thread(getpid(), gettid(), &kernel);
	if (error == 0) {
		line = work_describe_thread(description, &kernel);
		procfs_clear_thread(&kernel);
	} else {
		json_decref(description);
	}

	pthread_mutex_lock(&lock);
	hold->tid = gettid();
	hold->error = error;
	hold->first = line;
	resume(hold);
	pthread_mutex_unlock(&lock);

	bool stayed = false;

	if (error == 0) {
		wait_out(hold->milliseconds);
		stayed = imp_assert(hold->token) == 0;
	}
	imp_revert();

	line = last_line(stayed);
	pthread_mutex_lock(&lock);
	hold->second = line;
	resume(hold);
	unref_locked(hold);
	pthread_mutex_unlock(&lock);
}

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

static void set_up(void)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* Called with the lock held: one more thread, where none is idle. */
static bool ensure_holder(void)
{
	int queued = 0;

	for (struct hold *hold = queue; hold; hold = hold->next)
		queued++;
	if (n_idle > queued)
		return true;
	if (n_holders == HOLDERS_MAXIMUM ||
	    pthread_create(&holders[n_holders], NULL, hold_them, NULL))
		return false;
	n_holders++;
	return true;
}

struct hold *hold_start(struct MHD_Connection *connection, struct imp_token *token,
			unsigned int milliseconds)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct hold *hold = calloc(1, sizeof(*hold));

	pthread_once(&once, set_up);
	if (!hold)
		return NULL;
	*hold = (struct hold){
		.connection = connection,
		.token = imp_token_ref(token),
		.milliseconds = milliseconds,
		.references = 2,
		.waiting = true,
	};

	pthread_mutex_lock(&lock);
	if (stopping || !ensure_holder()) {
		hold->references = 1;
		unref_locked(hold);
		pthread_mutex_unlock(&lock);
		return NULL;
	}
	struct hold **last = &queue;

	while (*last)
		last = &(*last)->next;
	*last = hold;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return hold;
}

void hold_drain(void)
{
	pthread_mutex_lock(&lock);
	stopping = true;
	if (n_holders)
		pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < n_holders; i++)
		pthread_join(holders[i], NULL);
}

/* ------------------------------------------------------------------------------ answering -- */

/* A line that ends in a newline on the wire: one more than its length. */
static ssize_t send_line(const char *line, size_t *sent, size_t offset, char *buffer, size_t room)
{
	size_t length = strlen(line) + 1, at = *sent - offset;
	size_t n = length - at < room ? length - at : room;

	for (size_t i = 0; i < n; i++)
		buffer[i] = at + i == length - 1 ? '\n' : line[at + i];
	*sent += n;
	return (ssize_t)n;
}

static ssize_t read_lines(void *data, uint64_t position, char *buffer, size_t room)
{
	struct hold *hold = data;
	size_t first;
	ssize_t n;

	(void)position;
	pthread_mutex_lock(&lock);
	first = strlen(hold->first) + 1;
	if (hold->sent < first) {
		n = send_line(hold->first, &hold->sent, 0, buffer, room);
	} else if (!hold->second) {
		hold->waiting = true;
		MHD_suspend_connection(hold->connection);
		n = 0;
	} else if (hold->sent < first + strlen(hold->second) + 1) {
		n = send_line(hold->second, &hold->sent, first, buffer, room);
	} else {
		n = MHD_CONTENT_READER_END_OF_STREAM;
	}
	pthread_mutex_unlock(&lock);
	return n;
}

static void free_lines(void *data)
{
	hold_unref(data);
}

int hold_response(struct hold *hold, struct MHD_Response **response, struct reply *reply)
{
	if (hold->error < 0) {
		reply_not_impersonated(reply, hold->error);
		reply->tid = hold->tid;
		return hold->error;
	}
	pthread_mutex_lock(&lock);
	hold->references++;
	pthread_mutex_unlock(&lock);
	*response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_lines, hold,
						      free_lines);
	if (*response) {
		MHD_add_response_header(*response, MHD_HTTP_HEADER_CONTENT_TYPE,
					"application/json");
		return 0;
	}
	hold_unref(hold);
	return -ENOMEM;
}

pid_t hold_thread(struct hold *hold)
{
	return hold->tid;
}
