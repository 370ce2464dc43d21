/* SPDX-License-Identifier: MIT */
/*
 * claim broker|connections - a service that has been taken over tells the broker who a client is,
 * as the acceptor does; or, which connections the broker would take at the acceptor's word.  Prints
 * what came of it.  The first is to be run as root.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ring/listener.h"
#include "ring/message.h"
#include "ring/seat.h"

static void need(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "claim: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int listen_somewhere(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	need(fd >= 0 && bind(fd, (struct sockaddr *)address, size) == 0 && listen(fd, 4) == 0 &&
		     getsockname(fd, (struct sockaddr *)address, &size) == 0,
	     "listening");
	return fd;
}

/* The end that was accepted; the other one stays open. */
static int connect_to(int listener, const struct sockaddr_in *address, int *client)
{
	int fd;

	*client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	need(*client >= 0 &&
		     connect(*client, (const struct sockaddr *)address, sizeof(*address)) == 0,
	     "connecting");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	need(fd >= 0, "accepting");
	return fd;
}

/* -------------------------------------------------------------------------------- to the broker --
 */

/* By a seat, which is what a service has. */
static void claim_by_seat(int listener, int connection)
{
	static const struct message_claim claim = {
		.magic = MESSAGE_MAGIC, .serial = 1, .uid = 1000, .gid = 1000};
	const struct imp_ring_options options = {.listen_fd = listener, .seats = 1};
	const char *problem = NULL;
	char bytes[64];
	int error = imp_ring_start(&options, &problem);
	ssize_t n;

	if (error < 0) {
		fprintf(stderr, "claim: %s: %s\n", problem, strerror(-error));
		exit(1);
	}
	need(message_send(seat_at(0)->broker, &claim, sizeof(claim), connection) == 0, "sending");
	n = recv(seat_at(0)->broker, bytes, sizeof(bytes), 0);
	puts(n > 0 ? "believed" : "the broker has ended");
}

/* ---------------------------------------------------------------------------- other sockets -- */

static void tell(const char *what, int error)
{
	printf("%s: %s\n", what, error == 0 ? "taken" : strerror(-error));
}

static void check_connections(int listener, int accepted, int client)
{
	struct sockaddr_in elsewhere;
	struct listener own;
	int pair[2], other = listen_somewhere(&elsewhere), to_other;
	int of_other = connect_to(other, &elsewhere, &to_other);
	int datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int unconnected = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && datagrams >= 0 && unconnected >= 0,
	     "making sockets");
	need(listener_describe(listener, &own) == 0, "describing");
	tell("accepted here", listener_check_network(&own, accepted));
	tell("the client's end", listener_check_network(&own, client));
	tell("accepted elsewhere", listener_check_network(&own, of_other));
	tell("the listening socket", listener_check_network(&own, listener));
	tell("a socketpair", listener_check_network(&own, pair[0]));
	tell("datagrams", listener_check_network(&own, datagrams));
	tell("unconnected", listener_check_network(&own, unconnected));
	tell("a pipe", listener_check_network(&own, STDIN_FILENO));
}

int main(int argc, char **argv)
{
	struct sockaddr_in address;
	int listener = listen_somewhere(&address), client;
	int accepted = connect_to(listener, &address, &client);

	need(argc == 2, "usage");
	if (strcmp(argv[1], "broker") == 0)
		claim_by_seat(listener, accepted);
	else
		check_connections(listener, accepted, client);
	return 0;
}
