/* SPDX-License-Identifier: MIT */
/*
 * Those who listen: each is sent the newest message there is, whole, whenever it has taken the one
 * before.  Who is slow misses some, and holds nobody up.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "status.h"

enum {
	LISTENERS_MAXIMUM = 64,
	RETRY_MS = 1000, /* after which a browser connects again */
	HEARTBEAT_SECONDS =
		10, /* so long without a message, and it is seen whether they are there */
	BLOCK = 16384
};

/* A comment, which listeners pass over. */
static const char heartbeat[] = ":\n\n";

struct message {
	int references; /* under the lock */
	uint64_t id;
	size_t size;
	const char *line; /* in the text */
	char *text;
};

struct listener {
	struct listener *next, **previous;
	struct MHD_Connection *connection;
	bool waiting;		 /* the connection is suspended until there is news */
	struct message *message; /* on its way, a reference */
	uint64_t seen;		 /* the id of the last one; 0: none */
	unsigned int beats;	 /* how many heartbeats it has had, or passed over */
	const char *text;	 /* what is left of what is on its way */
	size_t size;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t gone; /* the last listener */
	struct listener *listeners;
	int count;
	struct message *newest;
	uint64_t last_id;
	unsigned int beats;
	time_t last_sent;
	bool ended;
} events = {.lock = PTHREAD_MUTEX_INITIALIZER, .gone = PTHREAD_COND_INITIALIZER};

/* ------------------------------------------------------------------------------ messages -- */

/* With the lock held, here and below.  NULL is allowed. */
static void unref_message(struct message *message)
{
	if (!message || --message->references > 0)
		return;
	free(message->text);
	free(message);
}

/* NULL: out of memory, and nothing is sent. */
static struct message *make_message(const char *line)
{
	struct message *message = malloc(sizeof(*message));
	int before = 0;

	if (!message)
		return NULL;
	*message = (struct message){.references = 1, .id = events.last_id + 1};

	int size = asprintf(&message->text, "retry: %d\nevent: status\nid: %llu\ndata: %n%s\n\n",
			    RETRY_MS, (unsigned long long)message->id, &before, line);

	if (size < 0) {
		free(message);
		return NULL;
	}
	message->size = (size_t)size;
	message->line = message->text + before;
	return message;
}

/* ------------------------------------------------------------------------------ listening -- */

/* What it has not had yet, if there is anything. */
static bool take_next(struct listener *listener)
{
	unref_message(listener->message);
	listener->message = NULL;
	listener->size = 0;
	if (events.newest && events.newest->id != listener->seen) {
		listener->message = events.newest;
		listener->message->references++;
		listener->seen = events.newest->id;
		listener->text = events.newest->text;
		listener->size = events.newest->size;
	} else if (listener->beats != events.beats) {
		listener->text = heartbeat;
		listener->size = sizeof(heartbeat) - 1;
	}
	listener->beats = events.beats;
	return listener->size > 0;
}

static ssize_t read_events(void *data, uint64_t position, char *buffer, size_t room)
{
	struct listener *listener = data;
	size_t n = 0;

	(void)position;
	pthread_mutex_lock(&events.lock);
	if (listener->size == 0 && (events.ended || !take_next(listener))) {
		if (events.ended) {
			pthread_mutex_unlock(&events.lock);
			return MHD_CONTENT_READER_END_OF_STREAM;
		}
		listener->waiting = true;
		MHD_suspend_connection(listener->connection);
	} else {
		n = listener->size < room ? listener->size : room;
		memcpy(buffer, listener->text, n);
		listener->text += n;
		listener->size -= n;
	}
	pthread_mutex_unlock(&events.lock);
	return (ssize_t)n;
}

static void leave(void *data)
{
	struct listener *listener = data;

	pthread_mutex_lock(&events.lock);
	*listener->previous = listener->next;
	if (listener->next)
		listener->next->previous = listener->previous;
	unref_message(listener->message);
	if (--events.count == 0) {
		/* Whoever comes next is to be told what is so then. */
		unref_message(events.newest);
		events.newest = NULL;
		pthread_cond_signal(&events.gone);
	}
	pthread_mutex_unlock(&events.lock);
	free(listener);
}

static bool join(struct listener *listener)
{
	bool fits;

	pthread_mutex_lock(&events.lock);
	fits = events.count < LISTENERS_MAXIMUM && !events.ended;
	if (fits) {
		listener->beats = events.beats;
		listener->next = events.listeners;
		listener->previous = &events.listeners;
		if (listener->next)
			listener->next->previous = &listener->next;
		events.listeners = listener;
		events.count++;
	}
	pthread_mutex_unlock(&events.lock);
	return fits;
}

struct MHD_Response *events_listen(struct MHD_Connection *connection)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	struct MHD_Response *response;

	if (!listener)
		return NULL;
	listener->connection = connection;
	if (!join(listener)) {
		free(listener);
		return NULL;
	}
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_events, listener,
						     leave);
	if (!response)
		leave(listener);
	return response;
}

int events_listeners(void)
{
	int count;

	pthread_mutex_lock(&events.lock);
	count = events.count;
	pthread_mutex_unlock(&events.lock);
	return count;
}

/* -------------------------------------------------------------------------------- sending -- */

static void wake_all(void)
{
	for (struct listener *listener = events.listeners; listener; listener = listener->next)
		if (listener->waiting) {
			listener->waiting = false;
			loop_resume(listener->connection);
		}
}

static bool is_news(const char *line)
{
	const struct message *newest = events.newest;
	size_t size = strlen(line);

	/* The message ends with two line feeds behind it. */
	return !newest || newest->size - (size_t)(newest->line - newest->text) != size + 2 ||
	       memcmp(newest->line, line, size) != 0;
}

static time_t now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* With the lock held: what there is to send, if only a heartbeat. */
static bool take_over(const char *line)
{
	struct message *message = is_news(line) ? make_message(line) : NULL;

	if (message) {
		unref_message(events.newest);
		events.newest = message;
		events.last_id = message->id;
		return true;
	}
	if (now_seconds() - events.last_sent < HEARTBEAT_SECONDS)
		return false;
	events.beats++;
	return true;
}

void events_publish(char *line)
{
	pthread_mutex_lock(&events.lock);
	if (events.count > 0 && take_over(line)) {
		events.last_sent = now_seconds();
		wake_all();
	}
	pthread_mutex_unlock(&events.lock);
	free(line);
}

/* ------------------------------------------------------------------------------------ end -- */

void events_end(void)
{
	pthread_mutex_lock(&events.lock);
	events.ended = true;
	wake_all();
	pthread_mutex_unlock(&events.lock);
}

void events_cut(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	pthread_mutex_lock(&events.lock);
	while (events.count > 0 && pthread_cond_timedwait(&events.gone, &events.lock, &until) == 0)
		;
	for (struct listener *listener = events.listeners; listener; listener = listener->next) {
		const union MHD_ConnectionInfo *info = MHD_get_connection_info(
			listener->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

		/* Its connection is there as long as the response is, which it leaves by. */
		if (info)
			shutdown(info->connect_fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&events.lock);
}
