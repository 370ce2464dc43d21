/* SPDX-License-Identifier: MIT */
/*
 * pose WHAT [ARGUMENT...] - poses as a service that is in one of the states that idn-show must tell
 * apart, prints a line once it is, and stays so until it is killed.  To be run as root.
 */
#include <errno.h>
#include <grp.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine.h"
#include "impersonate-thread.h"
#include "token.h"

static void need(int error, const char *what)
{
	if (error == 0)
		return;
	fprintf(stderr, "pose: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

static void need_call(long result, const char *what)
{
	need(result < 0 ? errno : 0, what);
}

static void say(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

static _Noreturn void stay_after(const char *line)
{
	say(line);
	for (;;)
		pause();
}

static _Noreturn void stay(void)
{
	stay_after("ready");
}

static uint32_t id_of(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

/* What others do, by raw system calls: this thread alone. */

static void set_effective(uint32_t id)
{
	need_call(syscall(SYS_setresgid, -1, id, -1), "setresgid");
	need_call(syscall(SYS_setresuid, -1, id, -1), "setresuid");
}

static void back_to_root(void)
{
	need_call(syscall(SYS_setresuid, -1, 0, -1), "setresuid");
	need_call(syscall(SYS_setresgid, -1, 0, -1), "setresgid");
}

static struct imp_token *impersonate(const char *user)
{
	struct imp_token *token;

	need(imp_token_from_user(user, IMP_LEVEL_IMPERSONATION, NULL, &token), user);
	need(imp_impersonate(token), "impersonate");
	return token;
}

static enum imp_delegated delegated_of(const char *name)
{
	enum imp_delegated delegated = IMP_DELEGATED_NONE;

	while (imp_delegated_name(delegated) && strcmp(imp_delegated_name(delegated), name) != 0)
		delegated++;
	return delegated;
}

/* Impersonates USER, who has come as PRINCIPAL, has lent DELEGATED and asks for LEVEL. */
static void impersonate_network_client(char **arguments)
{
	const struct network_client client = {
		.account = arguments[0],
		.principal = arguments[1],
		.delegated = delegated_of(arguments[2]),
	};
	struct imp_token *token, *requested;
	enum imp_level level;

	need(imp_level_parse(arguments[3], &level), arguments[3]);
	need(token_of_network_client(&client, NULL, &token), arguments[0]);
	need(imp_token_at_request(token, level, &requested), arguments[3]);
	need(imp_impersonate(requested), "impersonate");
}

/* ------------------------------------------------------------------------- without ledger -- */

static void filesystem(char **arguments)
{
	setfsgid(id_of(arguments[0]));
	setfsuid(id_of(arguments[0]));
	stay();
}

static void effective(char **arguments)
{
	set_effective(id_of(arguments[0]));
	stay();
}

static void only(char **arguments)
{
	uint32_t id = id_of(arguments[1]);

	if (strcmp(arguments[0], "euid") == 0)
		need_call(syscall(SYS_setresuid, -1, id, -1), "setresuid");
	else if (strcmp(arguments[0], "egid") == 0)
		need_call(syscall(SYS_setresgid, -1, id, -1), "setresgid");
	else if (strcmp(arguments[0], "fsuid") == 0)
		setfsuid(id);
	else
		setfsgid(id);
	stay();
}

static void *be_for_good(void *argument)
{
	uint32_t id = id_of(argument);

	need_call(syscall(SYS_setresgid, id, id, id), "setresgid");
	need_call(syscall(SYS_setresuid, id, id, id), "setresuid");
	stay();
}

static void thread_for_good(char **arguments)
{
	pthread_t thread;

	need(pthread_create(&thread, NULL, be_for_good, arguments[0]), "pthread_create");
	pthread_join(thread, NULL);
}

static void set_user_id(char **arguments)
{
	need_call(syscall(SYS_setresuid, id_of(arguments[0]), -1, -1), "setresuid");
	stay();
}

static void *be_named(void *argument)
{
	need_call(prctl(PR_SET_NAME, argument), "PR_SET_NAME");
	stay();
}

static void named(char **arguments)
{
	pthread_t thread;

	need_call(prctl(PR_SET_NAME, arguments[0]), "PR_SET_NAME");
	need(pthread_create(&thread, NULL, be_named, arguments[0]), "pthread_create");
	pthread_join(thread, NULL);
}

/* ---------------------------------------------------------------------------- with a ledger -- */

static void lost(char **arguments)
{
	gid_t groups[256];
	int count = getgroups(256, groups);

	impersonate(arguments[0]);
	back_to_root();
	need_call(syscall(SYS_setgroups, count, groups), "setgroups");
	stay();
}

static void network(char **arguments)
{
	impersonate_network_client(arguments);
	stay();
}

static void network_lost(char **arguments)
{
	gid_t groups[256];
	int count = getgroups(256, groups);

	impersonate_network_client(arguments);
	back_to_root();
	need_call(syscall(SYS_setgroups, count, groups), "setgroups");
	stay();
}

static void leaked(char **arguments)
{
	struct imp_token *token;

	need(imp_prepare(), "prepare");
	need(imp_token_from_user(arguments[0], IMP_LEVEL_IMPERSONATION, NULL, &token),
	     arguments[0]);
	set_effective(imp_token_identity(token)->uid);
	stay();
}

static void *be_born(void *unused)
{
	char line[64];

	(void)unused;
	snprintf(line, sizeof(line), "%d/%d", (int)getpid(), (int)gettid());
	stay_after(line);
}

static void born(char **arguments)
{
	pthread_t thread;

	impersonate(arguments[0]);
	need(pthread_create(&thread, NULL, be_born, NULL), "pthread_create");
	imp_revert();
	pthread_join(thread, NULL);
}

static void mismatched(char **arguments)
{
	impersonate(arguments[0]);
	back_to_root();
	set_effective(id_of(arguments[1]));
	stay();
}

static void wrong_groups(char **arguments)
{
	const gid_t wrong[] = {7};
	struct imp_token *token = impersonate(arguments[0]);

	back_to_root();
	need_call(syscall(SYS_setgroups, 1, wrong), "setgroups");
	set_effective(imp_token_identity(token)->uid);
	stay();
}

static void switching(char **arguments)
{
	struct imp_token *token;

	need(imp_token_from_user(arguments[0], IMP_LEVEL_IMPERSONATION, NULL, &token),
	     arguments[0]);
	need(imp_prepare(), "prepare");
	say("ready");
	for (;;) {
		need(imp_impersonate(token), "impersonate");
		imp_revert();
	}
}

/* ------------------------------------------------------------------------ by the ring engine -- */

static int admit_nobody(int connection, struct grant *grant)
{
	(void)connection;
	(void)grant;
	return -EPROTO;
}

static void keep(uint32_t number)
{
	(void)number;
}

static int connect_nowhere(uint32_t number, int fd, const struct sockaddr *address,
			   socklen_t length)
{
	(void)number;
	(void)fd;
	(void)address;
	(void)length;
	return -ENOTSUP;
}

/* What the ledger of a service with rings says, from one that has no broker. */
static const struct engine posed = {
	.anonymous = 1,
	.admit = admit_nobody,
	.release = keep,
	.connect = connect_nowhere,
};

static void serve_by_ring(const char *user, const char *level_name, uint32_t number)
{
	struct imp_token *token;
	enum imp_level level;

	engine = &posed;
	need(imp_prepare(), "prepare");
	need(imp_level_parse(level_name, &level), level_name);
	need(imp_token_from_user(user, level, NULL, &token), user);
	token->client->in_ring = true;
	token->client->number = number ? number : 1;
	token->client->anonymous_number = posed.anonymous;
	need(imp_serve(token), "serve");
	if (number)
		return;
	/* Which the library would not begin with, and can be left with. */
	token->client->number = 0;
	thread_expect(token);
}

/* USER LEVEL NUMBER: with a ring of its own; number 0: with no token any more. */
static void ring(char **arguments)
{
	struct io_uring_params parameters = {.flags = 0};

	if (syscall(SYS_io_uring_setup, 1, &parameters) < 0)
		stay_after("needs io_uring");
	serve_by_ring(arguments[0], arguments[1], id_of(arguments[2]));
	stay();
}

/* USER LEVEL NUMBER: without one. */
static void no_ring(char **arguments)
{
	serve_by_ring(arguments[0], arguments[1], id_of(arguments[2]));
	stay();
}

/* With one, and it has served nobody yet; not to be traced by its own user. */
static void idle_ring(char **arguments)
{
	struct io_uring_params parameters = {.flags = 0};

	(void)arguments;
	if (syscall(SYS_io_uring_setup, 1, &parameters) < 0)
		stay_after("needs io_uring");
	engine = &posed;
	need(imp_prepare(), "prepare");
	need_call(prctl(PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE");
	stay();
}

/* USER LEVEL NUMBER ID: and the thread has become ID besides. */
static void ring_leaked(char **arguments)
{
	serve_by_ring(arguments[0], arguments[1], id_of(arguments[2]));
	set_effective(id_of(arguments[3]));
	stay();
}

/* And one that has a broker, and serves a client that has connected. */

static struct imp_become account(const char *user)
{
	const struct passwd *entry = getpwnam(user);

	need(entry ? 0 : -ESRCH, user);
	return (struct imp_become){.uid = entry->pw_uid, .gid = entry->pw_gid};
}

/* At an address that the kernel chooses. */
static int listen_anywhere(void)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need_call(bind(fd, (const struct sockaddr *)&address, sizeof(address.sun_family)), "bind");
	need_call(listen(fd, 1), "listen");
	return fd;
}

static _Noreturn void be_client(const char *user, int listening)
{
	const struct imp_become client = account(user);
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(imp_become(&client, NULL), user);
	need_call(getsockname(listening, (struct sockaddr *)&address, &length), "getsockname");
	need_call(connect(fd, (struct sockaddr *)&address, length), "connect");
	close(listening);
	/* Until the service has ended: the signal of a parent's death would need its permission. */
	_exit(read(fd, &(char){0}, 1) == 0 ? 0 : 1);
}

/* USER SERVICE: as the account SERVICE, with no privilege. */
static void broker(char **arguments)
{
	const int fd = listen_anywhere();
	const struct imp_ring_options options = {.listen_fd = fd, .seats = 2, .children = true};
	const struct imp_become service = account(arguments[1]);
	const char *problem;
	struct imp_token *token;
	pid_t client = fork();

	need_call(client, "fork");
	if (client == 0)
		be_client(arguments[0], fd);
	int error = imp_ring_start(&options, &problem);

	if (error == -ENOTSUP)
		stay_after(problem);
	need(error, problem);
	need(imp_become(&service, NULL), arguments[1]);
	need(imp_prepare(), "prepare");

	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	need_call(connection, "accept");
	need(imp_token_from_connection(connection, NULL, &token), "token");
	need(imp_serve(token), "serve");
	stay();
}

/* ----------------------------------------------------------------------------------- others -- */

static void *be_short(void *unused)
{
	return unused;
}

/* Threads that begin and end all the time, a few of them at once. */
static void churning(char **arguments)
{
	pthread_t threads[8];

	(void)arguments;
	say("ready");
	for (;;) {
		for (int i = 0; i < 8; i++)
			need(pthread_create(&threads[i], NULL, be_short, NULL), "pthread_create");
		for (int i = 0; i < 8; i++)
			pthread_join(threads[i], NULL);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		void (*pose)(char **arguments);
	} poses[] = {
		{"filesystem", 1, filesystem},
		{"effective", 1, effective},
		{"only", 2, only},
		{"thread-for-good", 1, thread_for_good},
		{"set-user-id", 1, set_user_id},
		{"named", 1, named},
		{"lost", 1, lost},
		{"network", 4, network},
		{"network-lost", 4, network_lost},
		{"leaked", 1, leaked},
		{"born", 1, born},
		{"mismatched", 2, mismatched},
		{"wrong-groups", 1, wrong_groups},
		{"switching", 1, switching},
		{"churning", 0, churning},
		{"ring", 3, ring},
		{"no-ring", 3, no_ring},
		{"idle-ring", 0, idle_ring},
		{"broker", 2, broker},
		{"ring-leaked", 4, ring_leaked},
	};

	for (size_t i = 0; i < sizeof(poses) / sizeof(poses[0]); i++)
		if (argc == poses[i].arguments + 2 && strcmp(argv[1], poses[i].name) == 0)
			poses[i].pose(argv + 2);
	fprintf(stderr, "usage: pose WHAT [ARGUMENT...]\n");
	return 2;
}
