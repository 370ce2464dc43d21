/* SPDX-License-Identifier: MIT */
/* Another service, and the way to it; see other.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "other.h"

enum { ASK = 0xffffffff };

char other_port[16];
int other_connections;
struct imp_token *other_saw;

static struct imp_acceptor *acceptor;
static enum manners other_manners;

/* ------------------------------------------------------------------------------- messages -- */

static bool receive(int fd, void *bytes, size_t size)
{
	char *at = bytes;

	while (size > 0) {
		ssize_t n = recv(fd, at, size, 0);

		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

static bool transmit(int fd, const void *bytes, size_t size)
{
	return send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool receive_message(int fd, void **message, uint32_t *size)
{
	if (!receive(fd, size, sizeof(*size)))
		return false;
	*message = NULL;
	if (*size == ASK || *size == 0)
		return true;
	*message = malloc(*size);
	return receive(fd, *message, *size);
}

static bool transmit_message(int fd, const void *message, size_t size)
{
	uint32_t length = (uint32_t)size;

	return transmit(fd, &length, sizeof(length)) && (size == 0 || transmit(fd, message, size));
}

/* ------------------------------------------------------------------------------ its threads -- */

/* Before the client hears that it is accepted. */
static int meet(struct imp_handshake *handshake)
{
	imp_token_unref(other_saw);
	other_saw = NULL;
	return imp_handshake_token(handshake, NULL, &other_saw);
}

static bool answer_step(int fd, struct imp_handshake *handshake, const void *message, size_t size,
			bool *known)
{
	static const char verdicts[] = {'-', '+', '?'};
	void *reply = NULL;
	size_t reply_size = 0;
	int step = 0;
	bool sent;

	if (other_manners == HONEST)
		step = imp_handshake_step(handshake, message, size, &reply, &reply_size);
	else if (other_manners == WITH_GARBAGE)
		reply = strdup("garbage"), reply_size = strlen("garbage");
	if (other_manners == HONEST && step == 0)
		step = meet(handshake);
	*known = other_manners == HONEST && step == 0;
	sent = transmit(fd, &verdicts[step < 0 ? 0 : step + 1], 1) &&
	       transmit_message(fd, reply, reply_size);
	free(reply);
	return sent;
}

static void *serve(void *data)
{
	int fd = (int)(intptr_t)data;
	struct imp_handshake *handshake;
	void *message;
	uint32_t size;
	bool going_on = true, known = false;

	MUST(imp_handshake_new(acceptor, &handshake));
	while (going_on && receive_message(fd, &message, &size)) {
		if (size == ASK)
			going_on = transmit(fd, known ? "A" : "N", 1);
		else
			going_on = answer_step(fd, handshake, message, size, &known);
		free(message);
	}
	imp_handshake_free(handshake);
	return NULL;
}

/* The first of them listens. */
enum { THREADS_MAXIMUM = 64 };
static struct served {
	pthread_t thread;
	int fd;
} served[THREADS_MAXIMUM];
static int threads;

static void begin_thread(void *(*work)(void *), int fd)
{
	struct served *next = &served[threads++];

	SAME(threads <= THREADS_MAXIMUM, true);
	next->fd = fd;
	SAME(pthread_create(&next->thread, NULL, work, (void *)(intptr_t)fd), 0);
}

/* Kerberos takes its locks away when the process exits: nobody may use them then. */
static void stop(void)
{
	int i = 0;

	/* The one that listens first: from then on there are no more of them. */
	do {
		shutdown(served[i].fd, SHUT_RDWR);
		pthread_join(served[i].thread, NULL);
		close(served[i].fd);
	} while (++i < threads);
}

static void *listen_on(void *data)
{
	int listener = (int)(intptr_t)data, fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		__atomic_add_fetch(&other_connections, 1, __ATOMIC_SEQ_CST);
		begin_thread(serve, fd);
	}
	return NULL;
}

void other_start(const char *keytab, enum manners manners)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = (int)SYSTEM(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	acceptor = acceptor_with(keytab);
	other_manners = manners;
	SYSTEM(bind(listener, (struct sockaddr *)&address, size));
	SYSTEM(listen(listener, 16));
	SYSTEM(getsockname(listener, (struct sockaddr *)&address, &size));
	snprintf(other_port, sizeof(other_port), "%u", ntohs(address.sin_port));
	begin_thread(listen_on, listener);
	SAME(atexit(stop), 0);
}

/* ------------------------------------------------------------------------------- the client -- */

int carry(void *data, int fd, const void *message, size_t size, void **answer, size_t *answer_size)
{
	const int *error = data;
	char verdict;
	uint32_t length;

	if (error && *error)
		return *error;
	if (!transmit_message(fd, message, size) || !receive(fd, &verdict, 1) ||
	    !receive_message(fd, answer, &length))
		return -EPROTO;
	*answer_size = length;
	if (verdict == '-' && length == 0)
		return -EACCES;
	return verdict == '+';
}

char other_answers(int fd)
{
	char answer = 0;

	SAME(transmit(fd, &(uint32_t){ASK}, sizeof(uint32_t)), true);
	SAME(receive(fd, &answer, 1), true);
	return answer;
}

struct outcome call_as(struct imp_token *token, const char *principal, enum imp_level level)
{
	struct outcome outcome = {0};
	struct imp_target *target;
	struct imp_channel *channel;
	bool fresh;
	int fd;

	imp_token_unref(other_saw);
	other_saw = NULL;
	MUST(imp_target_new("127.0.0.1", other_port, principal, &target, NULL));
	MUST(imp_channel_new_network(target, level, 10, carry, NULL, &channel));
	imp_target_unref(target);
	if (token)
		MUST(imp_impersonate(token));
	outcome.error = imp_channel_begin(channel, &fd, &fresh);
	if (outcome.error == 0) {
		outcome.level = imp_channel_level(channel);
		outcome.answer = other_answers(fd);
		imp_channel_end(channel, false);
	}
	imp_revert();
	imp_channel_free(channel);
	SAME(read_as_client, 0);
	return outcome;
}
