/* SPDX-License-Identifier: MIT */
/* Bytes on their way from a thread that works to a connection, a bounded number at a time. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "serve.h"

enum { STREAM_ROOM = 65536 };

struct stream {
	pthread_mutex_t lock;
	pthread_cond_t room_or_nobody;
	struct MHD_Connection *connection;
	int references; /* under the lock */
	bool waiting;	/* the connection is suspended until there is something to send */
	bool abandoned; /* nobody reads any more */
	bool ended, whole;
	size_t first, used; /* in a ring */
	char bytes[STREAM_ROOM];
};

struct stream *stream_new(struct MHD_Connection *connection)
{
	struct stream *stream = malloc(sizeof(*stream));

	if (!stream)
		return NULL;
	*stream = (struct stream){.connection = connection, .references = 1};
	pthread_mutex_init(&stream->lock, NULL);
	pthread_cond_init(&stream->room_or_nobody, NULL);
	return stream;
}

struct stream *stream_ref(struct stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	stream->references++;
	pthread_mutex_unlock(&stream->lock);
	return stream;
}

/* With the lock held, which it takes away. */
static void unref_locked(struct stream *stream)
{
	bool last = --stream->references == 0;

	pthread_mutex_unlock(&stream->lock);
	if (!last)
		return;
	pthread_cond_destroy(&stream->room_or_nobody);
	pthread_mutex_destroy(&stream->lock);
	free(stream);
}

void stream_release(struct stream *stream)
{
	pthread_mutex_lock(&stream->lock);
	unref_locked(stream);
}

/* With the lock held. */
static void wake_reader(struct stream *stream)
{
	if (stream->waiting) {
		stream->waiting = false;
		loop_resume(stream->connection);
	}
}

/* ------------------------------------------------------------------------------- writing -- */

static size_t put(struct stream *stream, const char *data, size_t size)
{
	size_t end = (stream->first + stream->used) % STREAM_ROOM;
	size_t n = STREAM_ROOM - stream->used;

	if (n > size)
		n = size;
	if (n > STREAM_ROOM - end)
		n = STREAM_ROOM - end;
	memcpy(stream->bytes + end, data, n);
	stream->used += n;
	return n;
}

bool stream_write(struct stream *stream, const void *data, size_t size)
{
	const char *rest = data;
	bool read;

	pthread_mutex_lock(&stream->lock);
	while (size > 0 && !stream->abandoned) {
		size_t n = put(stream, rest, size);

		rest += n;
		size -= n;
		if (n > 0)
			wake_reader(stream);
		else
			pthread_cond_wait(&stream->room_or_nobody, &stream->lock);
	}
	read = !stream->abandoned;
	pthread_mutex_unlock(&stream->lock);
	return read;
}

void stream_end(struct stream *stream, bool whole)
{
	pthread_mutex_lock(&stream->lock);
	stream->ended = true;
	stream->whole = whole;
	wake_reader(stream);
	pthread_mutex_unlock(&stream->lock);
}

/* ------------------------------------------------------------------------------- reading -- */

static size_t take(struct stream *stream, char *buffer, size_t room)
{
	size_t n = stream->used < room ? stream->used : room;

	if (n > STREAM_ROOM - stream->first)
		n = STREAM_ROOM - stream->first;
	memcpy(buffer, stream->bytes + stream->first, n);
	stream->first = (stream->first + n) % STREAM_ROOM;
	stream->used -= n;
	return n;
}

static ssize_t read_some(void *data, uint64_t position, char *buffer, size_t room)
{
	struct stream *stream = data;
	ssize_t n = 0;

	(void)position;
	pthread_mutex_lock(&stream->lock);
	if (stream->used > 0) {
		n = (ssize_t)take(stream, buffer, room);
		pthread_cond_signal(&stream->room_or_nobody);
	} else if (stream->ended) {
		n = stream->whole ? MHD_CONTENT_READER_END_OF_STREAM
				  : MHD_CONTENT_READER_END_WITH_ERROR;
	} else {
		stream->waiting = true;
		MHD_suspend_connection(stream->connection);
	}
	pthread_mutex_unlock(&stream->lock);
	return n;
}

static void abandon(void *data)
{
	struct stream *stream = data;

	pthread_mutex_lock(&stream->lock);
	stream->abandoned = true;
	stream->waiting = false;
	pthread_cond_signal(&stream->room_or_nobody);
	unref_locked(stream);
}

struct MHD_Response *stream_response(struct stream *stream, uint64_t size)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
		size, STREAM_ROOM, read_some, stream_ref(stream), abandon);

	if (!response)
		abandon(stream);
	return response;
}
