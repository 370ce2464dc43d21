/* SPDX-License-Identifier: MIT */
/*
 * The next server: where it is, who it has to be, and how far it may go for a client.  All of that
 * is the options' to say: never the server's, nor the network's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "next.h"

enum { HOST_MAXIMUM = 253 };

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static struct {
	const char *path;	     /* of its Unix socket; NULL: it is in the network */
	const char *authority;	     /* HOST:PORT, as requests call it */
	char host[HOST_MAXIMUM + 1]; /* without brackets */
	const char *port;
	struct imp_target *target;
} next;

/* ------------------------------------------------------------------------------- options -- */

/* A name, or an address of IPv6 in brackets; what follows it, or NULL. */
static const char *take_host(const char *text)
{
	const bool is_bracketed = text[0] == '[';
	const char *host = text + is_bracketed;
	const size_t length =
		is_bracketed ? strcspn(host, "]") : strspn(host, LETTERS DIGITS "-._");
	struct in6_addr address;

	if (length == 0 || length > HOST_MAXIMUM)
		return NULL;
	memcpy(next.host, host, length);
	next.host[length] = '\0';
	if (!is_bracketed)
		return host + length;
	return host[length] == ']' && inet_pton(AF_INET6, next.host, &address) == 1
		       ? host + length + 1
		       : NULL;
}

static bool is_port(const char *text)
{
	const size_t length = strspn(text, DIGITS);
	const long number = length <= 5 ? strtol(text, NULL, 10) : 0;

	return text[length] == '\0' && number > 0 && number <= 65535;
}

static void parse_url(const char *text)
{
	const char *rest;

	next.authority = text + strlen("http://");
	rest = take_host(next.authority);
	if (!rest || rest[0] != ':' || !is_port(rest + 1))
		die(EXIT_USAGE, "--backend: %s: not http://HOST:PORT", text);
	next.port = rest + 1;
}

/* "unix:PATH", or a path. */
static void parse_path(const char *text)
{
	next.path = strncmp(text, "unix:", 5) == 0 ? text + 5 : text;
	if (next.path[0] != '/')
		die(EXIT_USAGE,
		    "--backend: %s: neither http://HOST:PORT nor unix: and an absolute path", text);
}

void next_parse(const struct options *options)
{
	if (options->backend && strncmp(options->backend, "http://", 7) == 0)
		parse_url(options->backend);
	else if (options->backend)
		parse_path(options->backend);
	if (options->backend_principal && !next_is_remote())
		die(EXIT_USAGE, "--backend-principal: only with --backend http://HOST:PORT");
}

bool next_is_remote(void)
{
	return next.authority;
}

/* ---------------------------------------------------------------------------------- calls -- */

static void make_target(const char *principal)
{
	char usual[HOST_MAXIMUM + sizeof("HTTP/")];
	const char *problem = NULL;
	int error;

	snprintf(usual, sizeof(usual), "HTTP/%s", next.host);
	error = imp_target_new(next.host, next.port, principal ? principal : usual, &next.target,
			       &problem);
	if (error < 0)
		die(EXIT_FAILED, "--backend: %s", problem ? problem : reason_of(error));
}

void next_prepare(const struct options *options)
{
	int error = options->backend ? backend_prepare() : 0;

	if (error == -ENOTSUP)
		die(EXIT_FAILED, "--backend: this was built without libcurl");
	if (error < 0)
		die(EXIT_FAILED, "--backend: %s", reason_of(error));
	if (next_is_remote())
		make_target(options->backend_principal);
}

int next_backend(enum imp_level level, long timeout_seconds, struct backend **backend)
{
	return next_is_remote() ? backend_new_network(next.target, next.authority, level,
						      timeout_seconds, backend)
				: backend_new(next.path, level, timeout_seconds, backend);
}
