/* SPDX-License-Identifier: MIT */
/* Channels: clients of other services, by one thread at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/level.h"
#include "core/token.h"
#include "flow/channel.h"

/* ---------------------------------------------------------------------- one at a time -- */

static int take(struct imp_channel *channel)
{
	int error = 0;

	/* The parent's lock may be held for ever in here, and its connection is still in use there.
	 */
	if (channel->pid != getpid())
		return -ECHILD;
	pthread_mutex_lock(&channel->lock);
	if (channel->taken && pthread_equal(channel->taker, pthread_self())) {
		error = -EDEADLK;
	} else {
		while (channel->taken)
			pthread_cond_wait(&channel->released, &channel->lock);
		channel->taken = true;
		channel->taker = pthread_self();
	}
	pthread_mutex_unlock(&channel->lock);
	return error;
}

static void release(struct imp_channel *channel, bool broken)
{
	pthread_mutex_lock(&channel->lock);
	if (broken || channel->to_be_closed)
		channel_close_connection(channel);
	channel->to_be_closed = false;
	channel->taken = false;
	pthread_cond_signal(&channel->released);
	pthread_mutex_unlock(&channel->lock);
}

/* --------------------------------------------------------------------------------- calls -- */

/* What a line may not hold is a question mark there. */
static void make_name(struct imp_channel *channel, const char *text)
{
	for (size_t i = 0; text[i] && i + 1 < sizeof(channel->name); i++) {
		const unsigned char byte = (unsigned char)text[i];

		channel->name[i] = byte < ' ' || byte == 127 ? '?' : text[i];
	}
}

static int channel_new(enum imp_level level, struct imp_channel **channel)
{
	struct imp_channel *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->level = level;
	new->pid = getpid();
	new->fd = -1;
	pthread_mutex_init(&new->lock, NULL);
	pthread_cond_init(&new->released, NULL);
	*channel = new;
	return 0;
}

int imp_channel_new(const char *path, enum imp_level level, struct imp_channel **channel)
{
	const size_t length = strlen(path);
	int error;

	if (length >= PATH_SIZE)
		return -ENAMETOOLONG;
	if (length == 0 || !level_is_valid(level))
		return -EINVAL;
	error = channel_new(level, channel);
	if (error < 0)
		return error;
	memcpy((*channel)->path, path, length);
	make_name(*channel, path);
	return 0;
}

int imp_channel_new_network(struct imp_target *target, enum imp_level level,
			    unsigned int connect_seconds, imp_carry_fn *carry, void *data,
			    struct imp_channel **channel)
{
	int error = level_is_valid(level) ? channel_new(level, channel) : -EINVAL;

	if (error < 0)
		return error;
	(*channel)->way = (struct network_way){
		.target = imp_target_ref(target),
		.connect_seconds = connect_seconds,
		.carry = carry,
		.data = data,
	};
	make_name(*channel, network_name(target));
	return 0;
}

void imp_channel_set_timeout(struct imp_channel *channel, unsigned int seconds)
{
	channel->connect_seconds = seconds;
}

enum imp_level imp_channel_level(const struct imp_channel *channel)
{
	return channel->bound;
}

int imp_channel_open(struct imp_channel *channel)
{
	int error = take(channel);

	if (error < 0)
		return error;
	error = channel_make_ready(channel, TO_OPEN);
	release(channel, false);
	return error;
}

int imp_channel_begin(struct imp_channel *channel, int *fd, bool *fresh)
{
	int error = take(channel);

	if (error < 0)
		return error;
	error = channel_make_ready(channel, TO_CALL);
	if (error < 0) {
		release(channel, false);
		return error;
	}
	if (fresh)
		*fresh = !channel->is_used;
	channel->is_used = true;
	*fd = channel->fd;
	return 0;
}

void imp_channel_end(struct imp_channel *channel, bool broken)
{
	bool is_ours;

	if (channel->pid != getpid())
		return;
	pthread_mutex_lock(&channel->lock);
	is_ours = channel->taken && pthread_equal(channel->taker, pthread_self());
	pthread_mutex_unlock(&channel->lock);
	if (is_ours)
		release(channel, broken);
}

void imp_channel_close(struct imp_channel *channel)
{
	if (channel->pid != getpid())
		return;
	pthread_mutex_lock(&channel->lock);
	if (channel->taken)
		channel->to_be_closed = true;
	else
		channel_close_connection(channel);
	pthread_mutex_unlock(&channel->lock);
}

void imp_channel_free(struct imp_channel *channel)
{
	if (!channel)
		return;
	channel_close_connection(channel);
	imp_target_unref(channel->way.target);
	/* Destroying waits for those who wait, and in a child these never come. */
	if (channel->pid == getpid()) {
		pthread_cond_destroy(&channel->released);
		pthread_mutex_destroy(&channel->lock);
	}
	free(channel);
}
