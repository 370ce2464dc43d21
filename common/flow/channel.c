/* SPDX-License-Identifier: MIT */
/*
 * Channels: clients of other services.  A connection is its opener's, since that is when the kernel
 * records, or Kerberos proves, who it is; here each call is held against that.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/credentials.h"
#include "core/impersonate-thread.h"
#include "core/level.h"
#include "core/log.h"
#include "core/policy.h"
#include "core/switch.h"
#include "core/token.h"
#include "net/open.h"

enum { PATH_SIZE = sizeof(((struct sockaddr_un *)NULL)->sun_path) };

struct imp_channel {
	char path[PATH_SIZE]; /* empty: over the network */
	struct network_way way;
	char name[PATH_SIZE]; /* of the other end, as it goes into a line */
	enum imp_level level; /* at most */
	pid_t pid;

	pthread_mutex_t lock; /* of the next four, held for moments only */
	pthread_cond_t released;
	bool taken; /* who has taken it has all that is below to itself */
	bool to_be_closed;
	pthread_t taker;

	int fd;	      /* -1: not open */
	bool is_used; /* a call was made on this connection */
	enum imp_level bound;
	struct credentials opener;
	struct imp_token *token; /* over the network: the opener's, a reference, or NULL for none */
	int64_t expires_ns;	 /* the same: when what it was opened with ends; 0: never */
};

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

static void close_connection(struct imp_channel *channel)
{
	if (channel->fd < 0)
		return;
	close(channel->fd);
	groups_unref(channel->opener.groups);
	imp_token_unref(channel->token);
	channel->token = NULL;
	channel->fd = -1;
}

static void release(struct imp_channel *channel, bool broken)
{
	pthread_mutex_lock(&channel->lock);
	if (broken || channel->to_be_closed)
		close_connection(channel);
	channel->to_be_closed = false;
	channel->taken = false;
	pthread_cond_signal(&channel->released);
	pthread_mutex_unlock(&channel->lock);
}

/* ---------------------------------------------------------------------- whose call it is -- */

/* Of a thread that is somebody without a token nobody knows how far it may go. */
static bool is_unrecorded(void)
{
	return switch_has_primary() && !switch_agrees(NULL, IMP_SCOPE_ALL, 0);
}

/* The level that the other end is to be told of. */
static enum imp_level level_of_call(const struct imp_channel *channel)
{
	const struct imp_token *token = thread_token();
	enum imp_level own = channel->level;

	if (token)
		own = token->level;
	else if (own > IMP_LEVEL_IMPERSONATION && is_unrecorded())
		own = IMP_LEVEL_IMPERSONATION;
	if (token && own < IMP_LEVEL_IMPERSONATION)
		own = IMP_LEVEL_ANONYMOUS; /* which is what it acts as */
	return own < channel->level ? own : channel->level;
}

/*
 * In scope files: the kernel records the effective ids, the service's, while the thread acts as
 * another.
 */
static bool is_split(const struct credentials *credentials)
{
	return credentials->effective_uid != credentials->filesystem_uid ||
	       credentials->effective_gid != credentials->filesystem_gid;
}

/* One side of the comparison. */
struct party {
	const struct credentials *credentials;
	enum imp_level level;
};

/* What for: to have it open as the caller, or to make a call, which the policy may let go on. */
enum purpose { TO_OPEN, TO_CALL };

/* Counted and told, each time.  -ESTALE, unless it goes on. */
static int tell_of_mismatch(const struct imp_channel *channel, enum purpose purpose,
			    struct party call, struct party connection, const char *differs)
{
	const bool goes_on = purpose == TO_CALL && policy_switches().channel_mismatch_warns;
	const struct imp_log_record facts = {
		.priority = goes_on ? LOG_WARNING : LOG_ERR,
		.event = IMP_EVENT_MISMATCH,
		.expected_uid = call.credentials->filesystem_uid,
		.actual_uid = connection.credentials->effective_uid,
		.error = goes_on ? 0 : -ESTALE,
	};

	ledger_count_channel_mismatch(thread_slot(), facts.expected_uid, facts.actual_uid);
	log_event(&facts,
		  "channel %s: the call is of uid %u at %s, the connection of uid %u at %s: "
		  "%s differ%s",
		  channel->name, facts.expected_uid, imp_level_name(call.level), facts.actual_uid,
		  imp_level_name(connection.level), differs, goes_on ? "; it goes on" : "");
	return facts.error;
}

/* Over the network it is not the ids that were proven, but what one client had to prove itself
 * with. */
static bool is_same_client(const struct imp_channel *channel)
{
	const struct imp_token *token = thread_token();

	if (!channel->way.target || channel->bound < IMP_LEVEL_IMPERSONATION)
		return true;
	return token && channel->token ? token->client == channel->token->client
				       : token == channel->token;
}

/* That the connection is the calling thread's; without an allocation where it is. */
static int check_identity(const struct imp_channel *channel, enum imp_level level,
			  enum purpose purpose)
{
	const struct party connection = {&channel->opener, channel->bound};
	struct credentials caller;

	if (level == channel->bound && is_same_client(channel) && !is_split(&channel->opener) &&
	    credentials_match(&channel->opener, CREDENTIALS_ALL))
		return 0;

	int error = credentials_read(&caller);

	if (error < 0)
		return error;

	const char *differs = credentials_difference(&caller, &channel->opener);

	if (!differs && is_split(&caller))
		differs = "filesystem and effective ids";
	if (!differs && level != channel->bound)
		differs = "levels";
	if (!differs && !is_same_client(channel))
		differs = "what the clients came with";
	if (differs)
		error = tell_of_mismatch(channel, purpose, (struct party){&caller, level},
					 connection, differs);
	groups_unref(caller.groups);
	return error;
}

/* ------------------------------------------------------------------------------- opening -- */

static int connect_as(struct imp_channel *channel, const struct credentials *caller,
		      enum imp_level level, enum purpose purpose)
{
	const struct party both = {caller, level};
	int error = 0;

	if (is_split(caller))
		error = tell_of_mismatch(channel, purpose, both, both,
					 "filesystem and effective ids");
	if (error < 0)
		return error;

	int fd = channel->way.target ? network_open(&channel->way, level, &channel->expires_ns)
				     : imp_connect_unix(channel->path, level);

	if (fd < 0)
		return fd;
	channel->fd = fd;
	if (channel->way.target && thread_token())
		channel->token = imp_token_ref(thread_token());
	channel->is_used = false;
	channel->bound = level;
	channel->opener = *caller;
	return 0;
}

static int open_as_caller(struct imp_channel *channel, enum imp_level level, enum purpose purpose)
{
	const struct imp_token *token = thread_token();
	struct credentials caller;
	/* Where its own record is wrong it must not go on as whoever it happens to be. */
	int error = token ? imp_assert(token) : 0;

	if (error == 0)
		error = credentials_read(&caller);
	if (error < 0)
		return error;
	error = connect_as(channel, &caller, level, purpose);
	if (error < 0)
		groups_unref(caller.groups);
	return error;
}

static bool has_expired(const struct imp_channel *channel)
{
	struct timespec now;

	if (channel->expires_ns == 0)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	return channel->expires_ns <= (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Closed by the other end; or there are bytes in it, the answer to nobody's call. */
static bool is_unusable(const struct imp_channel *channel)
{
	struct pollfd state = {.fd = channel->fd, .events = POLLIN | POLLRDHUP};

	return has_expired(channel) || poll(&state, 1, 0) != 0;
}

/* Opens it where it is not open; else it must be open as the calling thread. */
static int make_ready(struct imp_channel *channel, enum purpose purpose)
{
	const enum imp_level level = level_of_call(channel);

	if (channel->fd >= 0 && is_unusable(channel))
		close_connection(channel);
	return channel->fd < 0 ? open_as_caller(channel, level, purpose)
			       : check_identity(channel, level, purpose);
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

enum imp_level imp_channel_level(const struct imp_channel *channel)
{
	return channel->bound;
}

int imp_channel_open(struct imp_channel *channel)
{
	int error = take(channel);

	if (error < 0)
		return error;
	error = make_ready(channel, TO_OPEN);
	release(channel, false);
	return error;
}

int imp_channel_begin(struct imp_channel *channel, int *fd, bool *fresh)
{
	int error = take(channel);

	if (error < 0)
		return error;
	error = make_ready(channel, TO_CALL);
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
		close_connection(channel);
	pthread_mutex_unlock(&channel->lock);
}

void imp_channel_free(struct imp_channel *channel)
{
	if (!channel)
		return;
	close_connection(channel);
	imp_target_unref(channel->way.target);
	/* Destroying waits for those who wait, and in a child these never come. */
	if (channel->pid == getpid()) {
		pthread_cond_destroy(&channel->released);
		pthread_mutex_destroy(&channel->lock);
	}
	free(channel);
}
