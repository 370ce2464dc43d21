/* SPDX-License-Identifier: MIT */
/* A service with a channel to another one; see stage.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "stage.h"

struct who alice, bob, anonymous, service;
struct imp_token *as_alice, *as_bob;
struct imp_channel *channel;
const char *path;
int listener;
struct mismatch told;

static void note_mismatch(const struct imp_log_record *record, void *unused)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	(void)unused;
	if (record->event != IMP_EVENT_MISMATCH)
		return;
	pthread_mutex_lock(&lock);
	told.count++;
	told.expected = record->expected_uid;
	told.actual = record->actual_uid;
	told.priority = record->priority;
	told.error = record->error;
	snprintf(told.message, sizeof(told.message), "%s", record->message);
	pthread_mutex_unlock(&lock);
}

void set_out(const char *kind, enum imp_level level)
{
	static struct state state;

	imp_set_log(note_mismatch, NULL);
	become_service("root");
	who_is("alice", &alice);
	who_is("bob", &bob);
	who_is("nobody", &anonymous);
	anonymous.n_groups = 0;
	as_alice = token_at(&alice, NULL, NULL);
	as_bob = token_at(&bob, NULL, NULL);
	become_service(kind);
	state_read(0, &state);
	service = state.who;
	MUST(imp_prepare());
	path = strdup(scratch("next"));
	listener = listen_at("next");
	MUST(imp_channel_new(path, level, &channel));
}

void let_mismatches_warn(void)
{
	struct imp_policy *policy;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "runtime", "channel_mismatch", "warn"));
	imp_policy_install(policy);
	imp_policy_unref(policy);
}

/* ------------------------------------------------------------------------ the other service -- */

int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", scratch(name));
	SYSTEM(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	SYSTEM(chmod(address.sun_path, 0777));
	SYSTEM(listen(fd, 16));
	return fd;
}

static bool is_readable(int fd)
{
	struct pollfd state = {.fd = fd, .events = POLLIN};

	return SYSTEM(poll(&state, 1, 0)) == 1;
}

int accept_one(int from)
{
	if (!is_readable(from))
		FAIL("expected a connection, saw none");
	return (int)SYSTEM(accept4(from, NULL, NULL, SOCK_CLOEXEC));
}

void nobody_came(int to)
{
	if (is_readable(to))
		FAIL("expected no connection, saw one");
}

void peer_is(int fd, const struct who *who, const char *level)
{
	struct ucred ids;
	struct sockaddr_un address;
	gid_t groups[MOST_GROUPS];
	socklen_t size = sizeof(ids), groups_size = sizeof(groups), length = sizeof(address);
	char start[64];
	int n = snprintf(start, sizeof(start), "impersonate/%s/", level);

	SYSTEM(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ids, &size));
	SAME(ids.uid, who->uid);
	SAME(ids.gid, who->gid);
	SAME(ids.pid, getpid());
	SYSTEM(getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size));
	SAME(groups_size / sizeof(gid_t), who->n_groups);
	SAME(memcmp(groups, who->groups, groups_size), 0);

	SYSTEM(getpeername(fd, (struct sockaddr *)&address, &length));
	if (length < offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)
		FAIL("address: expected %s..., saw %u bytes", start, length);
	address.sun_path[1 + n] = '\0';
	SAME(address.sun_path[0], '\0');
	SAME_TEXT(address.sun_path + 1, start);
}

void exchange(int client, int server)
{
	char byte = 0;

	SAME(send(client, "?", 1, MSG_NOSIGNAL), 1);
	SAME(read(server, &byte, 1), 1);
	SAME(byte, '?');
	SAME(send(server, "!", 1, MSG_NOSIGNAL), 1);
	SAME(read(client, &byte, 1), 1);
	SAME(byte, '!');
}

void is_closed(int fd)
{
	char byte;

	if (!is_readable(fd))
		FAIL("expected a closed connection, saw an open one");
	SAME(read(fd, &byte, 1), 0);
}

/* --------------------------------------------------------------------------------- calls -- */

struct errand {
	struct imp_token *token;
	void (*work)(void);
};

static void *run_errand(void *data)
{
	struct errand *errand = data;

	if (errand->token)
		MUST(imp_impersonate(errand->token));
	errand->work();
	imp_revert();
	return NULL;
}

void in_thread(struct imp_token *token, void (*work)(void))
{
	struct errand errand = {token, work};
	pthread_t thread;

	SAME(pthread_create(&thread, NULL, run_errand, &errand), 0);
	SAME(pthread_join(thread, NULL), 0);
}

int begin(void)
{
	int fd;
	int error = imp_channel_begin(channel, &fd, NULL);

	if (error == 0)
		imp_channel_end(channel, false);
	return error;
}

int call_over(int server)
{
	const bool is_new = server < 0;
	int fd = -1;
	bool fresh = !is_new;

	MUST(imp_channel_begin(channel, &fd, &fresh));
	SAME(fresh, is_new);
	if (is_new)
		server = accept_one(listener);
	nobody_came(listener);
	exchange(fd, server);
	imp_channel_end(channel, false);
	return server;
}

int count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	if (!directory)
		FAIL("/proc/self/fd: expected a directory, saw: %s", strerror(errno));
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}
