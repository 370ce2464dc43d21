/* SPDX-License-Identifier: MIT */
/* Sets the stage: who plays, and how the service that is taken over came to be. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "takeover/stage.h"

struct stage stage;

/* ---------------------------------------------------------------------------------- players -- */

struct part {
	player_fn *what;
	char argument[ARGUMENT];
};

static _Noreturn void play(int line, const char *user)
{
	static struct who who;
	struct part part = {.what = NULL};

	if (user) {
		who_is(user, &who);
		turn_into(&who);
	}
	/* Until it is told so: those that were forked later have its line as well. */
	while (read(line, &part, sizeof(part)) == (ssize_t)sizeof(part) && part.what) {
		long result = part.what(part.argument);

		if (write(line, &result, sizeof(result)) < 0)
			break;
	}
	_exit(PASSED);
}

struct player player_new(const char *user)
{
	struct player player;
	int ends[2];

	SYSTEM(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
	player.line = ends[0];
	player.pid = (pid_t)SYSTEM(fork());
	if (player.pid == 0) {
		close(ends[0]);
		play(ends[1], user);
	}
	close(ends[1]);
	return player;
}

long player_do(struct player *player, player_fn *what, const void *argument, size_t size)
{
	struct part part = {.what = what};
	long result;

	if (size)
		memcpy(part.argument, argument, size);
	SAME(write(player->line, &part, sizeof(part)), sizeof(part));
	SAME(read(player->line, &result, sizeof(result)), sizeof(result));
	return result;
}

void player_end(struct player *player)
{
	const struct part end = {.what = NULL};

	SAME(write(player->line, &end, sizeof(end)), sizeof(end));
	close(player->line);
	wait_for(player->pid);
	player->pid = 0;
}

/* -------------------------------------------------------------------------------- addresses -- */

void address_at(struct sockaddr_un *address, socklen_t *length, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		FAIL("%s: expected a path that fits", path);
	memcpy(address->sun_path, path, strlen(path) + 1);
	*length = sizeof(*address);
}

static void address_abstract(struct sockaddr_un *address, socklen_t *length)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	*length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			      (size_t)snprintf(address->sun_path + 1, 64, "takeover/%d", getpid()));
}

int listen_at(const struct sockaddr_un *address, socklen_t length)
{
	int listener = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	SYSTEM(bind(listener, (const struct sockaddr *)address, length));
	if (address->sun_path[0])
		SYSTEM(chmod(address->sun_path, 0777));
	SYSTEM(listen(listener, 64));
	return listener;
}

void call_to(struct call *call, const struct sockaddr_un *address, socklen_t length,
	     const char *level)
{
	static unsigned int count;

	*call = (struct call){.to = *address, .length = length, .type = SOCK_STREAM};
	if (level)
		snprintf(call->name, sizeof(call->name), "impersonate/%s/%x%08x", level, getpid(),
			 count++);
}

/* Of the player. */
static int own_socket = -1;

long connect_player(const void *argument)
{
	const struct call *call = argument;
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	const size_t length = strlen(call->name);

	own_socket = socket(AF_UNIX, call->type | SOCK_CLOEXEC, 0);
	if (own_socket < 0)
		return -errno;
	memcpy(own.sun_path + 1, call->name, length);
	if (length > 0 &&
	    bind(own_socket, (struct sockaddr *)&own,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) < 0)
		return -errno;
	return connect(own_socket, (const struct sockaddr *)&call->to, call->length) < 0 ? -errno
											 : 0;
}

long hang_up(const void *argument)
{
	(void)argument;
	return close(own_socket);
}

long kill_process(const void *argument)
{
	return kill(*(const pid_t *)argument, SIGKILL) < 0 ? -errno : 0;
}

int stage_connection(struct player *player, const char *level)
{
	struct call call;

	call_to(&call, &stage.address, stage.length, level);
	SAME(player_do(player, connect_player, &call, sizeof(call)), 0);
	return (int)SYSTEM(accept4(stage.listener, NULL, NULL, SOCK_CLOEXEC));
}

/* -------------------------------------------------------------------------------- the stage -- */

/* The only child of that name; the processes of others are not looked at. */
static pid_t child_of(pid_t parent, const char *name)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	if (!proc)
		FAIL("/proc: expected a directory, saw: %s", strerror(errno));
	while ((entry = readdir(proc))) {
		char path[300], line[256] = "", *end;
		pid_t pid = (pid_t)strtol(entry->d_name, &end, 10), of;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		if (*end || !(file = fopen(path, "re")))
			continue;
		if (!fgets(line, sizeof(line), file))
			line[0] = '\0';
		fclose(file);
		end = strrchr(line, ')');
		if (end && sscanf(end + 1, " %*c %d", &of) == 1 && of == parent &&
		    strstr(line, name))
			found = pid;
	}
	closedir(proc);
	if (!found)
		FAIL("%s: expected a child of %d's, saw none", name, parent);
	return found;
}

static void give_up_privilege(const struct setting *setting)
{
	const struct imp_become become = {
		.uid = SERVICE_ID,
		.gid = SERVICE_ID,
		.limit_bounding = strcmp(setting->kind, "root") == 0,
		.sealed = true,
	};
	const char *step = "";
	int error = setting->stays ? 0 : imp_become(&become, &step);

	if (error < 0)
		FAIL("imp_become: expected 0, saw %s: %s", step, strerror(-error));
}

void stage_set(const struct setting *setting)
{
	const struct imp_ring_options options = {
		.seats = setting->seats ? setting->seats : 2,
		.policy = setting->policy,
		.keep_tokens = setting->keep_tokens,
		.without_connect = setting->without_connect,
	};
	struct imp_ring_options with = options;
	const char *problem = "";
	int error;

	signal(SIGPIPE, SIG_IGN);
	(void)scratch(""); /* made by root, for everyone */
	if (setting->abstract)
		address_abstract(&stage.address, &stage.length);
	else
		address_at(&stage.address, &stage.length, scratch("service"));
	stage.listener = with.listen_fd = listen_at(&stage.address, stage.length);
	become_service(setting->kind);
	if (setting->descriptors) {
		struct rlimit limit = {setting->descriptors, setting->descriptors};

		SYSTEM(setrlimit(RLIMIT_NOFILE, &limit));
	}
	/* The guard is this one's to look after: nobody else knows which one it is. */
	SYSTEM(prctl(PR_SET_CHILD_SUBREAPER, 1));
	error = imp_ring_start(&with, &problem);
	if (error == -ENOTSUP)
		SKIP("needs the ring engine: %s", problem);
	if (error < 0)
		FAIL("imp_ring_start: expected 0, saw %s: %s", problem, strerror(-error));
	stage.guard = child_of(getpid(), "imp-guard");
	stage.broker = child_of(stage.guard, "imp-broker");
	give_up_privilege(setting);
}
