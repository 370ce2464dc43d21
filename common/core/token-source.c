/* SPDX-License-Identifier: MIT */
/* Where tokens come from: a connection, somebody who has proven who it is, a user or a thread. */
#include <errno.h>
#include <string.h>

#include "capability.h"
#include "engine.h"
#include "level.h"
#include "peer.h"
#include "policy.h"
#include "procfs.h"
#include "token-client.h"

static int add_anonymous(struct client *client, const struct imp_policy *policy)
{
	int error = policy_anonymous(policy, &client->anonymous);

	return error == -ESRCH ? 0 : error;
}

/* What holds for whoever connects, however. */
static int limit_client(struct client *client, const struct imp_policy *policy)
{
	if (client->identity.view.uid == 0 && !policy->privileged_clients_allowed)
		client_limit(client, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_PRIVILEGED_CLIENT);
	client_limit(client, policy->max_level, IMP_DECIDED_BY_POLICY);
	return add_anonymous(client, policy);
}

/* But for the holding.  What the broker has not made for the client nobody can have: a request goes
 * no higher. */
static void take_grant(struct client *client, const struct grant *grant)
{
	client->in_ring = true;
	client->number = grant->number;
	client->anonymous_number = engine->anonymous;
	if (grant->level < IMP_LEVEL_IMPERSONATION)
		client_limit(client, grant->level, grant->decided_by);
}

/* With the ring engine the broker has the last word, by a look of its own. */
static int admit(int fd, struct client *client)
{
	struct grant grant;
	int error = engine->admit(fd, &grant);

	if (error < 0)
		return error;
	take_grant(client, &grant);
	client->holding = grant.holding;
	return 0;
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
		client_limit(client, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_UNMAPPED_CLIENT);

	error = limit_client(client, policy);
	if (error == 0 && engine)
		error = admit(fd, client);
	if (error < 0) {
		client_unref(client);
		return error;
	}
	return token_new(client, client->stated,
			 client->bound ? IMP_DECIDED_BY_ADDRESS : IMP_DECIDED_BY_DEFAULT,
			 IMP_LEVEL_DELEGATION, token);
}

/* What is lent by a client that never comes to delegation could not be used, and is not held. */
static bool is_of_use(const struct client *client)
{
	return client->limit == IMP_LEVEL_DELEGATION;
}

/* Whom the realm's rules have no account for is nobody here. */
static int identify(struct client *client, const struct network_client *from,
		    const struct imp_policy *policy)
{
	if (!from->principal || (!from->account && !from->identity)) {
		client_limit(client, IMP_LEVEL_ANONYMOUS,
			     from->principal ? IMP_DECIDED_BY_UNMAPPED_CLIENT
					     : IMP_DECIDED_BY_UNAUTHENTICATED);
		return policy_anonymous(policy, &client->identity);
	}
	if (from->delegated != IMP_DELEGATED_FORWARDED)
		client_limit(client, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_TICKET);
	client->principal = strdup(from->principal);
	if (!client->principal)
		return -ENOMEM;
	if (!from->identity)
		return identity_of_account(from->account, &client->identity);
	identity_copy(&client->identity, from->identity);
	return 0;
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
	/* Of who is nobody here the ring engine has the anonymous identity alone. */
	if (engine && from->grant)
		take_grant(client, from->grant);
	else if (engine && !client->principal)
		take_grant(client, &(struct grant){.level = IMP_LEVEL_ANONYMOUS});
	client->identity.view.principal = client->principal;
	client->transport = IMP_TRANSPORT_TCP;
	client->stated = policy->default_level_network;
	client->expires_ns = from->expires_ns;
	client->delegated = from->delegated == IMP_DELEGATED_FORWARDED && !is_of_use(client)
				    ? IMP_DELEGATED_NONE
				    : from->delegated;
	error = token_new(client, client->stated, IMP_DECIDED_BY_DEFAULT, IMP_LEVEL_DELEGATION,
			  token);
	if (error < 0)
		return error;
	if (from->grant)
		client->holding = from->grant->holding;
	if (is_of_use(client))
		client->lent = from->lent;
	else if (from->lent)
		from->lent->destroy(from->lent);
	return 0;
}

int token_of_network_client(const struct network_client *client, struct imp_policy *given,
			    struct imp_token **token)
{
	struct imp_policy *policy;
	int error = token_time_is_over(client->expires_ns) ? -EKEYEXPIRED
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
