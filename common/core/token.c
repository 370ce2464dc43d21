/* SPDX-License-Identifier: MIT */
/* Tokens: from a connection, a user or a thread; their level and what decided it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capability.h"
#include "level.h"
#include "peer.h"
#include "policy.h"
#include "procfs.h"
#include "token.h"

/* ------------------------------------------------------------------------------- clients -- */

static struct client *client_new(void)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client) {
		atomic_init(&client->references, 1);
		client->limit = IMP_LEVEL_DELEGATION;
		client->limit_by = IMP_DECIDED_BY_DEFAULT;
	}
	return client;
}

static void client_unref(struct client *client)
{
	if (atomic_fetch_sub_explicit(&client->references, 1, memory_order_acq_rel) != 1)
		return;
	identity_clear(&client->identity);
	identity_clear(&client->anonymous);
	if (client->lent)
		client->lent->destroy(client->lent);
	free(client->principal);
	free(client);
}

/* One more limit: the lowest counts, and of equal ones the first. */
static void limit(struct client *client, enum imp_level level, enum imp_decided_by by)
{
	if (level < client->limit) {
		client->limit = level;
		client->limit_by = by;
	}
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* -------------------------------------------------------------------------------- tokens -- */

/* Takes over the reference to CLIENT, also when it fails. */
static int token_new(struct client *client, enum imp_level level, enum imp_decided_by by,
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

/* ------------------------------------------------------------------- where they come from -- */

static int add_anonymous(struct client *client, const struct imp_policy *policy)
{
	int error = policy_anonymous(policy, &client->anonymous);

	return error == -ESRCH ? 0 : error;
}

/* What holds for whoever connects, however. */
static int limit_client(struct client *client, const struct imp_policy *policy)
{
	if (client->identity.view.uid == 0 && !policy->privileged_clients_allowed)
		limit(client, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_PRIVILEGED_CLIENT);
	limit(client, policy->max_level, IMP_DECIDED_BY_POLICY);
	return add_anonymous(client, policy);
}

static int token_of_peer(int fd, const struct imp_policy *policy, struct imp_token **token)
{
	struct peer peer;
	int error = peer_read(fd, &peer);

	if (error < 0)
		return error;

	struct client *client = client_new();

	if (!client) {
		peer_clear(&peer);
		return -ENOMEM;
	}
	client->identity = peer.identity;
	client->transport = IMP_TRANSPORT_UNIX;
	client->pid = peer.pid;
	client->bound = peer.bound;
	client->stated = peer.bound ? peer.level : policy->default_level_local;

	if (peer.unmapped)
		limit(client, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_UNMAPPED_CLIENT);

	error = limit_client(client, policy);
	if (error < 0) {
		client_unref(client);
		return error;
	}
	return token_new(client, client->stated,
			 client->bound ? IMP_DECIDED_BY_ADDRESS : IMP_DECIDED_BY_DEFAULT,
			 IMP_LEVEL_DELEGATION, token);
}

/* Whom the realm's rules have no account for is nobody here. */
static int identify(struct client *client, const struct network_client *from,
		    const struct imp_policy *policy)
{
	if (!from->principal || !from->account) {
		limit(client, IMP_LEVEL_ANONYMOUS,
		      from->principal ? IMP_DECIDED_BY_UNMAPPED_CLIENT
				      : IMP_DECIDED_BY_UNAUTHENTICATED);
		return policy_anonymous(policy, &client->identity);
	}
	if (from->delegated != IMP_DELEGATED_FORWARDED)
		limit(client, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_TICKET);
	client->principal = strdup(from->principal);
	return client->principal ? identity_of_account(from->account, &client->identity) : -ENOMEM;
}

static int token_of_network(const struct network_client *from, const struct imp_policy *policy,
			    struct imp_token **token)
{
	struct client *client = client_new();
	int error;

	if (!client)
		return -ENOMEM;
	error = identify(client, from, policy);
	if (error == 0)
		error = limit_client(client, policy);
	if (error < 0) {
		client_unref(client);
		return error;
	}
	client->identity.view.principal = client->principal;
	client->transport = IMP_TRANSPORT_TCP;
	client->stated = policy->default_level_network;
	client->expires_ns = from->expires_ns;
	client->delegated = from->delegated;
	error = token_new(client, client->stated, IMP_DECIDED_BY_DEFAULT, IMP_LEVEL_DELEGATION,
			  token);
	if (error == 0)
		client->lent = from->lent;
	return error;
}

int token_of_network_client(const struct network_client *client, struct imp_policy *given,
			    struct imp_token **token)
{
	struct imp_policy *policy;
	int error = client->expires_ns && client->expires_ns <= now_ns()
			    ? -EKEYEXPIRED
			    : policy_resolve(given, &policy);

	if (error < 0)
		return error;
	error = token_of_network(client, policy, token);
	imp_policy_unref(policy);
	return error;
}

static int token_of_unauthenticated(const struct imp_policy *policy, struct imp_token **token)
{
	const struct network_client nobody = {.principal = NULL};

	return token_of_network(&nobody, policy, token);
}

int imp_token_from_connection(int fd, struct imp_policy *given, struct imp_token **token)
{
	struct imp_policy *policy;
	int error = policy_resolve(given, &policy);

	if (error < 0)
		return error;
	error = token_of_peer(fd, policy, token);
	if (error == -EAFNOSUPPORT && peer_is_network(fd))
		error = token_of_unauthenticated(policy, token);
	imp_policy_unref(policy);
	return error;
}

static int token_of_account(const char *user, enum imp_level level, const struct imp_policy *policy,
			    struct imp_token **token)
{
	struct client *client = client_new();

	if (!client)
		return -ENOMEM;

	int error = identity_of_user(user, &client->identity);

	if (error == 0)
		error = add_anonymous(client, policy);
	if (error == 0 && client->identity.view.uid == 0)
		error = capability_permitted(&client->capabilities);
	if (error < 0) {
		client_unref(client);
		return error;
	}
	client->stated = level;
	/* The level is the service's: no request goes above it. */
	return token_new(client, level, IMP_DECIDED_BY_SERVICE, level, token);
}

int imp_token_from_user(const char *user, enum imp_level level, struct imp_policy *given,
			struct imp_token **token)
{
	struct imp_policy *policy;
	int error = level_is_valid(level) ? policy_resolve(given, &policy) : -EINVAL;

	if (error < 0)
		return error;
	error = token_of_account(user, level, policy, token);
	imp_policy_unref(policy);
	return error;
}

/* Takes over the reference to GROUPS. */
static int token_of_ids(uid_t uid, gid_t gid, struct groups *groups, uint64_t capabilities,
			pid_t pid, struct imp_token **token)
{
	struct client *client = client_new();

	if (!client) {
		groups_unref(groups);
		return -ENOMEM;
	}
	identity_init(&client->identity, uid, gid, groups);
	client->capabilities = capabilities;
	client->pid = pid;
	client->stated = IMP_LEVEL_IMPERSONATION;
	return token_new(client, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_SERVICE,
			 IMP_LEVEL_IMPERSONATION, token);
}

int imp_token_from_thread(pid_t pid, pid_t tid, struct imp_token **token)
{
	struct procfs_thread thread;
	struct groups *groups;
	int error = procfs_read_thread(pid, tid, &thread);

	if (error < 0)
		return error;
	error = groups_new(thread.groups, thread.n_groups, &groups);
	if (error < 0) {
		procfs_clear_thread(&thread);
		return error;
	}
	error = token_of_ids(thread.uids[ID_FILESYSTEM], thread.gids[ID_FILESYSTEM], groups,
			     thread.capabilities[SET_EFFECTIVE], thread.pid, token);
	procfs_clear_thread(&thread);
	return error;
}

int token_from_credentials(const struct credentials *credentials, struct imp_token **token)
{
	int error = token_of_ids(credentials->filesystem_uid, credentials->filesystem_gid,
				 groups_ref(credentials->groups), credentials->effective, 0, token);

	if (error == 0 && (credentials->filesystem_uid != credentials->effective_uid ||
			   credentials->filesystem_gid != credentials->effective_gid))
		(*token)->scope = IMP_SCOPE_FILES;
	return error;
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
	const int64_t expires_ns = token->client->expires_ns;

	return expires_ns && expires_ns <= now_ns() ? -EKEYEXPIRED : 0;
}

pid_t imp_token_client_pid(const struct imp_token *token)
{
	return token->level == IMP_LEVEL_ANONYMOUS ? 0 : token->client->pid;
}
