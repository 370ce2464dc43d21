/* SPDX-License-Identifier: MIT */
/* A server of HTTP that does as it is told; see script.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "script.h"

enum { ROOM = 4 << 20, MOST_CONNECTIONS = 16 };

struct asked asked[MOST_REQUESTS];
int n_asked;

static pthread_t player;
static int listening;
static int left_open[MOST_CONNECTIONS], n_left_open;

/* Head and, as far as Content-Length says so, body; what is there where the client ends it before.
 */
static void read_request(int fd, struct asked *request)
{
	size_t wanted = ROOM;

	request->text = malloc(ROOM + 1);
	while (request->size < wanted) {
		ssize_t n = read(fd, request->text + request->size, wanted - request->size);

		if (n <= 0)
			break;
		request->size += (size_t)n;
		request->text[request->size] = '\0';

		const char *end = strstr(request->text, "\r\n\r\n");
		const char *length = strstr(request->text, "Content-Length: ");

		if (end && wanted == ROOM)
			wanted = (size_t)(end + 4 - request->text) +
				 (length && length < end ? strtoul(length + 16, NULL, 10) : 0);
	}
}

/* Not by send(2), of which the client's are counted. */
static void say(int fd, const char *answer)
{
	struct iovec bytes = {(void *)(uintptr_t)answer, strlen(answer)};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};

	while (bytes.iov_len > 0) {
		ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);

		if (n < 0)
			return; /* the client has had enough */
		bytes.iov_base = (char *)bytes.iov_base + n;
		bytes.iov_len -= (size_t)n;
	}
}

static int accept_client(struct asked *request)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = (int)SYSTEM(accept4(listening, NULL, NULL, SOCK_CLOEXEC));

	SYSTEM(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size));
	request->uid = peer.uid;
	return fd;
}

static void *play_scenes(void *data)
{
	int fd = -1, connections = 0;
	uid_t uid = 0;

	for (const struct scene *scene = data; scene->answer || scene->closes || scene->forgets;
	     scene++) {
		struct asked *request = &asked[n_asked];

		if (n_asked == MOST_REQUESTS)
			FAIL("expected at most %d requests", MOST_REQUESTS);
		request->uid = uid;
		if (fd < 0) {
			fd = accept_client(request);
			uid = request->uid;
			connections++;
		}
		request->connection = connections;
		read_request(fd, request);
		n_asked++;
		if (scene->answer)
			say(fd, scene->answer);
		if (scene->closes)
			close(fd);
		else if (scene->forgets)
			left_open[n_left_open++] = fd;
		if (scene->closes || scene->forgets)
			fd = -1;
	}
	if (fd >= 0)
		left_open[n_left_open++] = fd;
	return NULL;
}

void play(int listener, const struct scene *scenes)
{
	listening = listener;
	for (int i = 0; i < n_asked; i++)
		free(asked[i].text);
	memset(asked, 0, sizeof(asked));
	n_asked = 0;
	SAME(pthread_create(&player, NULL, play_scenes, (void *)(uintptr_t)scenes), 0);
}

void end_play(void)
{
	SAME(pthread_join(player, NULL), 0);
	while (n_left_open > 0)
		close(left_open[--n_left_open]);
}
