/* SPDX-License-Identifier: MIT */
/* Tokens: their level and what decided it, and what they say. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "engine.h"
#include "level.h"
#include "token-client.h"

/* ------------------------------------------------------------------------------- clients -- */

struct client *client_new(void)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client) {
		atomic_init(&client->references, 1);
		client->limit = IMP_LEVEL_DELEGATION;
		client->limit_by = IMP_DECIDED_BY_DEFAULT;
	}
	return client;
}

void client_unref(struct client *client)
{
	if (atomic_fetch_sub_explicit(&client->references, 1, memory_order_acq_rel) != 1)
		return;
	identity_clear(&client->identity);
	identity_clear(&client->anonymous);
	if (client->holding && engine)
		engine->release(client->holding);
	if (client->lent)
		client->lent->destroy(client->lent);
	free(client->principal);
	free(client);
}

void client_limit(struct client *client, enum imp_level level, enum imp_decided_by by)
{
	if (level < client->limit) {
		client->limit = level;
		client->limit_by = by;
	}
}

bool token_time_is_over(int64_t expires_ns)
{
	struct timespec now;

	if (expires_ns == 0)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	return expires_ns <= (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* -------------------------------------------------------------------------------- tokens -- */

int token_new(struct client *client, enum imp_level level, enum imp_decided_by by,
	      enum imp_level ceiling, struct imp_token **token)
{
	struct imp_token *new = malloc(sizeof(*new));

	if (!new) {
		client_unref(client);
		return -ENOMEM;
	}
	atomic_init(&new->references, 1);
	new->client = client;
	new->ceiling = ceiling;
	new->scope = IMP_SCOPE_ALL;
	new->level = level;
	new->decided_by = by;
	if (client->limit < new->level) {
		new->level = client->limit;
		new->decided_by = client->limit_by;
	}
	if (ceiling < new->level) {
		new->level = ceiling;
		new->decided_by = IMP_DECIDED_BY_SERVICE;
	}

	/* Whoever has no anonymous account must not find that out in the middle of the work. */
	if (new->level < IMP_LEVEL_IMPERSONATION && !client->anonymous.groups) {
		imp_token_unref(new);
		return -ESRCH;
	}
	*token = new;
	return 0;
}

/* Another token of the same client and scope. */
static int token_derived(const struct imp_token *token, enum imp_level level,
			 enum imp_decided_by by, enum imp_level ceiling, struct imp_token **out)
{
	atomic_fetch_add_explicit(&token->client->references, 1, memory_order_relaxed);

	int error = token_new(token->client, level, by, ceiling, out);

	if (error == 0)
		(*out)->scope = token->scope;
	return error;
}

struct imp_token *imp_token_ref(struct imp_token *token)
{
	atomic_fetch_add_explicit(&token->references, 1, memory_order_relaxed);
	return token;
}

void imp_token_unref(struct imp_token *token)
{
	if (!token || atomic_fetch_sub_explicit(&token->references, 1, memory_order_acq_rel) != 1)
		return;
	client_unref(token->client);
	free(token);
}

/* ----------------------------------------------------------------------------- variations -- */

int imp_token_at_request(struct imp_token *token, enum imp_level level, struct imp_token **out)
{
	const struct client *client = token->client;

	if (!level_is_valid(level))
		return -EINVAL;
	if (client->bound && level >= client->stated)
		return token_derived(token, client->stated, IMP_DECIDED_BY_ADDRESS, token->ceiling,
				     out);
	return token_derived(token, level, IMP_DECIDED_BY_REQUEST, token->ceiling, out);
}

int imp_token_lowered(struct imp_token *token, enum imp_level level, struct imp_token **out)
{
	if (!level_is_valid(level))
		return -EINVAL;
	if (level >= token->ceiling) {
		*out = imp_token_ref(token);
		return 0;
	}
	/* Also where the level is no higher now: a later request is not to raise it above this. */
	if (level >= token->level)
		return token_derived(token, token->level, token->decided_by, level, out);
	return token_derived(token, level, IMP_DECIDED_BY_SERVICE, level, out);
}

int imp_token_scoped(struct imp_token *token, enum imp_scope scope, struct imp_token **out)
{
	if (scope != IMP_SCOPE_ALL && scope != IMP_SCOPE_FILES)
		return -EINVAL;

	int error = token_derived(token, token->level, token->decided_by, token->ceiling, out);

	if (error == 0)
		(*out)->scope = scope;
	return error;
}

/* ---------------------------------------------------------------------------- what they say -- */

const struct identity *token_access(const struct imp_token *token)
{
	return token->level < IMP_LEVEL_IMPERSONATION ? &token->client->anonymous
						      : &token->client->identity;
}

const struct engine *engine;

enum imp_engine imp_token_engine(const struct imp_token *token)
{
	return token->client->in_ring ? IMP_ENGINE_RING : IMP_ENGINE_THREAD;
}

uint32_t token_number(const struct imp_token *token)
{
	return token->level < IMP_LEVEL_IMPERSONATION ? token->client->anonymous_number
						      : token->client->number;
}

unsigned int imp_token_number(const struct imp_token *token)
{
	return token_number(token);
}

const char *imp_engine_name(enum imp_engine which)
{
	static const char *const names[] = {
		[IMP_ENGINE_THREAD] = "thread",
		[IMP_ENGINE_RING] = "ring",
	};

	return (size_t)which < sizeof(names) / sizeof(names[0]) ? names[which] : NULL;
}

uint64_t token_capabilities(const struct imp_token *token)
{
	return token->level < IMP_LEVEL_IMPERSONATION ? 0 : token->client->capabilities;
}

const struct imp_identity *imp_token_identity(const struct imp_token *token)
{
	return token->level == IMP_LEVEL_ANONYMOUS ? &token->client->anonymous.view
						   : &token->client->identity.view;
}

const struct imp_identity *imp_token_access(const struct imp_token *token)
{
	return &token_access(token)->view;
}

enum imp_level imp_token_level(const struct imp_token *token)
{
	return token->level;
}

enum imp_decided_by imp_token_level_decided_by(const struct imp_token *token)
{
	return token->decided_by;
}

enum imp_scope imp_token_scope(const struct imp_token *token)
{
	return token->scope;
}

enum imp_transport imp_token_transport(const struct imp_token *token)
{
	return token->client->transport;
}

enum imp_delegated imp_token_delegated(const struct imp_token *token)
{
	return token->level == IMP_LEVEL_ANONYMOUS ? IMP_DELEGATED_NONE : token->client->delegated;
}

int64_t imp_token_expires(const struct imp_token *token)
{
	return token->client->expires_ns;
}

int token_is_current(const struct imp_token *token)
{
	return token_time_is_over(token->client->expires_ns) ? -EKEYEXPIRED : 0;
}

pid_t imp_token_client_pid(const struct imp_token *token)
{
	return token->level == IMP_LEVEL_ANONYMOUS ? 0 : token->client->pid;
}
