/* SPDX-License-Identifier: MIT */
/*
 * What the ring engine costs: an open as a client against the same as oneself, and a token that the
 * kernel holds against the switches by hand that it saves.  The service stays root, unlike one that
 * serves, so that there is something to hold it against.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"
#include "impersonate.h"

enum { CLIENT = 20001, NOT_HERE = 77, SWITCHES = 8, FILE_SIZE = 1024 };
enum { STRANGERS = 80 }; /* more than the broker keeps threads for */

static char directory[] = "/run/bench-ring.XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static char path[64];

/* ---------------------------------------------------------------------- client and service -- */

static _Noreturn void be_client(uid_t uid)
{
	const gid_t group = uid;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;

	if (fd < 0 || setgroups(1, &group) < 0 || setresgid(uid, uid, uid) < 0 ||
	    setresuid(uid, uid, uid) < 0 || prctl(PR_SET_PDEATHSIG, 9UL) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		bench_die("cannot be the client", errno);
	while (read(fd, &byte, 1) > 0)
		;
	_exit(0);
}

static int connect_client(int listener, uid_t uid)
{
	pid_t client = fork();
	int fd;

	if (client < 0)
		bench_die("cannot fork", errno);
	if (client == 0)
		be_client(uid);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		bench_die("cannot accept", errno);
	return fd;
}

static int listen_for_clients(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!mkdtemp(directory) || chmod(directory, 0755) < 0)
		bench_die("cannot make a directory", errno);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(address.sun_path, 0666) < 0 || listen(fd, 8) < 0)
		bench_die("cannot listen", errno);
	return fd;
}

static void make_file(void)
{
	char bytes[FILE_SIZE] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/file", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes, sizeof(bytes)) != sizeof(bytes) ||
	    fchown(fd, CLIENT, CLIENT) < 0)
		bench_die("cannot make a file", errno);
	close(fd);
}

static void remove_all(void)
{
	unlink(path);
	unlink(address.sun_path);
	rmdir(directory);
}

static struct imp_token *make_token(int connection)
{
	struct imp_token *token;
	int error = imp_token_from_connection(connection, NULL, &token);

	if (error < 0)
		bench_die("cannot make a token", error);
	return token;
}

/* -------------------------------------------------------------------------------- opening -- */

static void read_and_close(int fd)
{
	char bytes[FILE_SIZE];

	if (fd < 0)
		bench_die("cannot open", fd);
	if (read(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		bench_die("cannot read", errno);
	close(fd);
}

static void open_as_client(void *context, unsigned long times)
{
	const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};

	while (times--)
		read_and_close(imp_openat2(context, AT_FDCWD, path, &how));
}

static void open_as_oneself(void *context, unsigned long times)
{
	const struct open_how how = {.flags = O_RDONLY | O_CLOEXEC};

	(void)context;
	while (times--)
		read_and_close((int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
}

static void bench_opening(struct imp_token *by_ring, struct imp_token *by_thread)
{
	const struct bench_side plain = {"without impersonation", open_as_oneself, NULL, 1.4};
	const struct bench_side dear = {"without impersonation", open_as_oneself, NULL, 10};
	const struct bench_side ring = {"imp_openat2", open_as_client, by_ring, 0};
	const struct bench_side thread = {"imp_openat2", open_as_client, by_thread, 0};

	if (imp_token_engine(by_ring) != IMP_ENGINE_RING ||
	    imp_token_engine(by_thread) != IMP_ENGINE_THREAD)
		bench_die("the tokens are not the engines'", 0);
	bench_compare("open, read 1 KiB, close as the client: ring engine", &ring, &plain, 1);
	bench_compare("the same: thread engine", &thread, &dear, 1);
}

/* --------------------------------------------------------------------------------- tokens -- */

static void admit_and_release(void *context, unsigned long times)
{
	const int *connection = context;

	while (times--)
		imp_token_unref(make_token(*connection));
}

/* Each comes when the others have come since. */
static void admit_strangers(void *context, unsigned long times)
{
	static size_t next;
	const int *connections = context;

	while (times--)
		imp_token_unref(make_token(connections[next++ % STRANGERS]));
}

static void switch_by_hand(void *context, unsigned long times)
{
	const gid_t groups[] = {CLIENT, 0};

	(void)context;
	for (times *= SWITCHES; times--;) {
		if (syscall(SYS_setgroups, 1, &groups[0]) < 0 ||
		    syscall(SYS_setresgid, -1, CLIENT, -1) < 0 ||
		    syscall(SYS_setresuid, -1, CLIENT, -1) < 0 ||
		    syscall(SYS_setresuid, -1, 0, -1) < 0 ||
		    syscall(SYS_setresgid, -1, 0, -1) < 0 ||
		    syscall(SYS_setgroups, 1, &groups[1]) < 0)
			bench_die("cannot switch by hand", errno);
	}
}

static void bench_tokens(int connection, int other, int *strangers)
{
	const struct bench_side late = {"imp_token_from_connection", admit_strangers, strangers, 0};
	const struct bench_side ours = {"imp_token_from_connection", admit_and_release, &connection,
					0};
	const struct bench_side rival = {"eight switches and back", switch_by_hand, NULL, 1};
	struct imp_token *kept;

	bench_compare("a token that the kernel holds", &ours, &rival, 1);
	kept = make_token(other);
	bench_compare("the same, of a client with another connection", &ours, &rival, 1);
	imp_token_unref(kept);
	bench_compare("the same, of a client that has not come for long", &late, &rival, 1);
}

int main(void)
{
	struct imp_ring_options options = {.seats = 6,
					   .children = true,
					   .without_connect =
						   true}; /* as idn-serve-demo on two processors */
	struct imp_token *by_ring, *by_thread;
	const char *problem;
	const gid_t group = 0;
	int connection, other, strangers[STRANGERS], error;

	if (geteuid() != 0 || setgroups(1, &group) < 0)
		return NOT_HERE;
	options.listen_fd = listen_for_clients();
	atexit(remove_all);
	make_file();
	error = imp_ring_start(&options, &problem);
	if (error == -ENOTSUP) {
		fprintf(stderr, "bench-ring: %s\n", problem);
		return NOT_HERE;
	}
	if (error < 0)
		bench_die(problem, error);
	connection = connect_client(options.listen_fd, CLIENT);
	other = connect_client(options.listen_fd, CLIENT);
	error = imp_prepare();
	if (error == 0)
		error = imp_token_from_user("20001", IMP_LEVEL_IMPERSONATION, NULL, &by_thread);
	if (error < 0)
		bench_die("cannot prepare", error);
	by_ring = make_token(connection);
	bench_opening(by_ring, by_thread);
	imp_token_unref(by_ring);
	imp_token_unref(by_thread);
	for (uid_t i = 0; i < STRANGERS; i++)
		strangers[i] = connect_client(options.listen_fd, CLIENT + 1 + i);
	bench_tokens(connection, other, strangers);
	return 0;
}
