/* SPDX-License-Identifier: MIT */
/* In the place of the network, where this is built without Kerberos. */
#include <errno.h>

#include "net/open.h"
#include "net/remote.h"

static const char missing[] = "this was built without Kerberos";

int imp_acceptor_new(const struct imp_acceptor_options *options, struct imp_acceptor **acceptor,
		     const char **problem)
{
	(void)options;
	(void)acceptor;
	if (problem)
		*problem = missing;
	return -ENOTSUP;
}

struct imp_acceptor *imp_acceptor_ref(struct imp_acceptor *acceptor)
{
	return acceptor;
}

void imp_acceptor_unref(struct imp_acceptor *acceptor)
{
	(void)acceptor;
}

int imp_handshake_new(struct imp_acceptor *acceptor, struct imp_handshake **handshake)
{
	(void)acceptor;
	(void)handshake;
	return -ENOTSUP;
}

void imp_handshake_set_connection(struct imp_handshake *handshake, int fd)
{
	(void)handshake;
	(void)fd;
}

int imp_handshake_step(struct imp_handshake *handshake, const void *message, size_t size,
		       void **reply, size_t *reply_size)
{
	(void)handshake;
	(void)message;
	(void)size;
	(void)reply;
	(void)reply_size;
	return -ENOTSUP;
}

int imp_handshake_token(struct imp_handshake *handshake, struct imp_policy *policy,
			struct imp_token **token)
{
	(void)handshake;
	(void)policy;
	(void)token;
	return -ENOTSUP;
}

void imp_handshake_free(struct imp_handshake *handshake)
{
	(void)handshake;
}

int acceptor_of_remote(const struct remote *remote, struct imp_acceptor **acceptor)
{
	(void)remote;
	(void)acceptor;
	return -ENOTSUP;
}

int handshake_outcome(struct imp_handshake *handshake, struct outcome *outcome)
{
	(void)handshake;
	(void)outcome;
	return -ENOTSUP;
}

void outcome_clear(struct outcome *outcome)
{
	(void)outcome;
}

int imp_target_new(const char *host, const char *port, const char *principal,
		   struct imp_target **target, const char **problem)
{
	(void)host;
	(void)port;
	(void)principal;
	(void)target;
	if (problem)
		*problem = missing;
	return -ENOTSUP;
}

struct imp_target *imp_target_ref(struct imp_target *target)
{
	return target;
}

void imp_target_unref(struct imp_target *target)
{
	(void)target;
}

int network_open(const struct network_way *way, enum imp_level level, int64_t *expires_ns)
{
	(void)way;
	(void)level;
	(void)expires_ns;
	return -ENOTSUP;
}

const char *network_name(const struct imp_target *target)
{
	(void)target;
	return "";
}
