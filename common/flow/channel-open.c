/* SPDX-License-Identifier: MIT */
/*
 * Channels: opening them, and whose they are.  A connection is its opener's, since that is when the
 * kernel records, or Kerberos proves, who it is; here each call is held against that.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "core/impersonate-thread.h"
#include "core/log.h"
#include "core/peer.h"
#include "core/policy.h"
#include "core/switch.h"
#include "core/token.h"
#include "flow/channel.h"

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
	if (!token || !channel->token)
		return token == channel->token;
	/* At another level of its own it may be that it could not have opened this one. */
	return token->client == channel->token->client && token->level == channel->token->level;
}

/* That the connection is the calling thread's; without an allocation where it is. */
static int check_identity(const struct imp_channel *channel, enum imp_level level,
			  enum purpose purpose)
{
	const struct party connection = {&channel->opener, channel->bound};
	struct credentials caller;

	if (thread_number() == 0 && level == channel->bound && is_same_client(channel) &&
	    !is_split(&channel->opener) && credentials_match(&channel->opener, CREDENTIALS_ALL))
		return 0;

	int error = thread_credentials(&caller);

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

/* What a client of this machine has for the network is opened by a thread that is the client. */
static bool is_local(const struct imp_token *token)
{
	return imp_token_transport(token) == IMP_TRANSPORT_UNIX;
}

static int connect_as(struct imp_channel *channel, const struct credentials *caller,
		      enum imp_level level, enum purpose purpose)
{
	const struct party both = {caller, level};
	int error = 0;

	if (channel->way.target && thread_number() && level >= IMP_LEVEL_IMPERSONATION &&
	    is_local(thread_token()))
		return -ENOTSUP;
	if (is_split(caller))
		error = tell_of_mismatch(channel, purpose, both, both,
					 "filesystem and effective ids");
	if (error < 0)
		return error;

	int fd = channel->way.target
			 ? network_open(&channel->way, level, &channel->expires_ns)
			 : peer_connect_unix(channel->path, level, channel->connect_seconds);

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
		error = thread_credentials(&caller);
	if (error < 0)
		return error;
	error = connect_as(channel, &caller, level, purpose);
	if (error < 0)
		groups_unref(caller.groups);
	return error;
}

/* Closed by the other end; or there are bytes in it, the answer to nobody's call. */
static bool is_unusable(const struct imp_channel *channel)
{
	struct pollfd state = {.fd = channel->fd, .events = POLLIN | POLLRDHUP};

	return token_time_is_over(channel->expires_ns) || poll(&state, 1, 0) != 0;
}

int channel_make_ready(struct imp_channel *channel, enum purpose purpose)
{
	const enum imp_level level = level_of_call(channel);

	if (channel->fd >= 0 && is_unusable(channel))
		channel_close_connection(channel);
	return channel->fd < 0 ? open_as_caller(channel, level, purpose)
			       : check_identity(channel, level, purpose);
}

void channel_close_connection(struct imp_channel *channel)
{
	if (channel->fd < 0)
		return;
	close(channel->fd);
	groups_unref(channel->opener.groups);
	imp_token_unref(channel->token);
	channel->token = NULL;
	channel->fd = -1;
}
