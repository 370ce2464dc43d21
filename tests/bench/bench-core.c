/* SPDX-License-Identifier: MIT */
/*
 * What impersonation itself costs: the switch against the same system calls by hand, the ledger,
 * and a token from a connection.  Each row is measured in a process of its own, since the groups
 * that the service started with are part of what is measured, and a process has them once.
 */
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "bench.h"
#include "impersonate.h"
#include "ledger.h"
#include "level.h"
#include "token.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 /* Linux 4.13 */
#endif

/* The calls with 32-bit ids, where an architecture has two kinds. */
#ifdef SYS_setresuid32
enum {
	BY_HAND_SETRESUID = SYS_setresuid32,
	BY_HAND_SETRESGID = SYS_setresgid32,
	BY_HAND_SETGROUPS = SYS_setgroups32,
};
#else
enum {
	BY_HAND_SETRESUID = SYS_setresuid,
	BY_HAND_SETRESGID = SYS_setresgid,
	BY_HAND_SETGROUPS = SYS_setgroups,
};
#endif

#define GROUPS_MAXIMUM 32
#define NOT_HERE 77 /* exit status: cannot be measured here */

struct who {
	uid_t uid;
	gid_t gid;
	size_t n_groups;
	gid_t groups[GROUPS_MAXIMUM]; /* ascending */
};

/* What a row is about. */
struct scene {
	struct who service, client;
	bool bound; /* the client binds its socket to a level */
	int connection;
	struct imp_token *token;
	struct ledger_slot *slot;
};

typedef void row_fn(struct scene *scene);

static void put_groups(struct who *who, size_t n_groups, gid_t first)
{
	who->n_groups = n_groups;
	for (size_t i = 0; i < n_groups; i++)
		who->groups[i] = first + (gid_t)i;
}

/* ---------------------------------------------------------------------- client and service -- */

/* The process of the client: connects and stays, so that there is a process to be named. */
static void be_client(const struct scene *scene, const struct sockaddr_un *service,
		      socklen_t length)
{
	const struct who *who = &scene->client;
	struct sockaddr_un own;
	socklen_t own_length = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char byte;

	if (fd < 0 || setgroups(who->n_groups, who->groups) < 0 ||
	    setresgid(who->gid, who->gid, who->gid) < 0 ||
	    setresuid(who->uid, who->uid, who->uid) < 0)
		bench_die("cannot become the client", errno);
	if (scene->bound && (level_to_address(IMP_LEVEL_IMPERSONATION, &own, &own_length) < 0 ||
			     bind(fd, (const struct sockaddr *)&own, own_length) < 0))
		bench_die("cannot bind to a level", errno);
	if (connect(fd, (const struct sockaddr *)service, length) < 0)
		bench_die("cannot connect", errno);
	while (read(fd, &byte, 1) > 0)
		;
	_exit(0);
}

/* Returns the service's end; the client ends when it is closed. */
static int accept_client(const struct scene *scene)
{
	/* No more than a family: the kernel finds a free abstract address (unix(7), "Autobind"). */
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof(address);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 ||
	    bind(listener, (const struct sockaddr *)&address, sizeof(sa_family_t)) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) < 0 ||
	    listen(listener, 1) < 0)
		bench_die("cannot listen", errno);

	pid_t client = fork();

	if (client < 0)
		bench_die("cannot fork", errno);
	if (client == 0)
		be_client(scene, &address, length);

	int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (connection < 0)
		bench_die("cannot accept", errno);
	close(listener);
	return connection;
}

static void say(const struct imp_log_record *record, void *data)
{
	(void)data;
	fprintf(stderr, "bench-core: libimpersonate: %s\n", record->message);
}

static struct imp_token *make_token(int connection)
{
	struct imp_token *token;
	int error = imp_token_from_connection(connection, NULL, &token);

	if (error < 0)
		bench_die("cannot make a token", error);
	return token;
}

static void set_up(struct scene *scene)
{
	int error;

	if (setgroups(scene->service.n_groups, scene->service.groups) < 0)
		bench_die("cannot set the service's groups", errno);
	imp_set_log(say, NULL);
	scene->connection = accept_client(scene);
	error = imp_prepare();
	if (error < 0)
		bench_die("cannot prepare", error);
	scene->token = make_token(scene->connection);
}

/* A row in a process of its own; what wait(2) says of it. */
static int run(row_fn *row, struct scene scene)
{
	int status;

	fflush(stdout);

	pid_t pid = fork();

	if (pid < 0)
		bench_die("cannot fork", errno);
	if (pid == 0) {
		set_up(&scene);
		row(&scene);
		imp_token_unref(scene.token);
		close(scene.connection);
		exit(0); /* and take the ledger along */
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			bench_die("cannot wait", errno);
	/* Its clients are ours now, and end as their connection did. */
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	return status;
}

static void run_row(row_fn *row, struct scene scene)
{
	if (run(row, scene) != 0)
		exit(1); /* it has said why */
}

/* -------------------------------------------------------------------------------- switch -- */

static void impersonate_and_revert(void *context, unsigned long times)
{
	const struct scene *scene = context;

	while (times--) {
		int error = imp_impersonate(scene->token);

		if (error < 0)
			bench_die("cannot impersonate", error);
		imp_revert();
	}
}

static void switch_by_hand(void *context, unsigned long times)
{
	const struct scene *scene = context;
	const struct who *client = &scene->client, *service = &scene->service;

	while (times--) {
		if (syscall(BY_HAND_SETGROUPS, client->n_groups, client->groups) < 0 ||
		    syscall(BY_HAND_SETRESGID, IMP_NO_GID, client->gid, IMP_NO_GID) < 0 ||
		    syscall(BY_HAND_SETRESUID, IMP_NO_UID, client->uid, IMP_NO_UID) < 0)
			bench_die("cannot switch by hand", errno);
		if (syscall(BY_HAND_SETRESUID, IMP_NO_UID, service->uid, IMP_NO_UID) < 0 ||
		    syscall(BY_HAND_SETRESGID, IMP_NO_GID, service->gid, IMP_NO_GID) < 0 ||
		    syscall(BY_HAND_SETGROUPS, service->n_groups, service->groups) < 0)
			bench_die("cannot switch back by hand", errno);
	}
}

/* Nothing would be faster than a switch that does not take place. */
static void check_switch(const struct scene *scene)
{
	int error = imp_impersonate(scene->token);

	if (error < 0)
		bench_die("cannot impersonate", error);
	if (geteuid() != scene->client.uid || getegid() != scene->client.gid ||
	    getgroups(0, NULL) != (int)scene->client.n_groups || imp_assert(scene->token) < 0)
		bench_die("the thread is not the client", 0);
	imp_revert();
	switch_by_hand((void *)scene, 1);
	if (imp_assert(NULL) < 0)
		bench_die("the thread is not the service", 0);
}

static void row_pair(struct scene *scene)
{
	struct bench_side ours = {"impersonate, revert", impersonate_and_revert, scene, 0};
	struct bench_side rival = {"the six system calls", switch_by_hand, scene, 1.03};
	char name[80];

	check_switch(scene);
	snprintf(name, sizeof(name), "impersonate and revert, groups: %zu", scene->client.n_groups);
	bench_compare(name, &ours, &rival, 1);
}

static void row_equal_groups(struct scene *scene)
{
	struct scene full = *scene;
	struct bench_side ours = {"impersonate, revert", impersonate_and_revert, scene, 0};
	struct bench_side rival = {"a full switch by hand", switch_by_hand, &full, 0.65};
	char name[80];

	check_switch(scene);
	/* As many groups, none of which the service has. */
	put_groups(&full.client, scene->client.n_groups, 30001);
	snprintf(name, sizeof(name), "the same, groups as the service's: %zu",
		 scene->client.n_groups);
	bench_compare(name, &ours, &rival, 1);
}

/* -------------------------------------------------------------------------------- ledger -- */

static void enter_token(void *context, unsigned long times)
{
	const struct scene *scene = context;

	while (times--) {
		ledger_begin(scene->slot);
		ledger_settle_token(scene->slot, scene->token, false);
	}
}

static void enter_primary(void *context, unsigned long times)
{
	const struct scene *scene = context;

	while (times--) {
		ledger_begin(scene->slot);
		ledger_settle_primary(scene->slot);
	}
}

static void claim_slot(struct scene *scene)
{
	scene->slot = ledger_claim();
	if (!scene->slot)
		bench_die("there is no ledger to write", 0);
}

static struct imp_token *kerberos_token(void)
{
	const struct network_client client = {
		.principal = "alice.liddell@CORP.EXAMPLE.ORG",
		.account = "root", /* the one that there is everywhere */
	};
	struct imp_token *token;
	int error = token_of_network_client(&client, NULL, &token);

	if (error < 0)
		bench_die("cannot make a token of a Kerberos client", error);
	return token;
}

static void row_ledger(struct scene *scene)
{
	struct bench_side token = {"begin, settle_token", enter_token, scene, 0};
	struct bench_side primary = {"begin, settle_primary", enter_primary, scene, 0};

	claim_slot(scene);
	bench_time("ledger update, token", &token, 20);
	bench_time("ledger update, primary", &primary, 20);
	imp_token_unref(scene->token);
	scene->token = kerberos_token();
	bench_time("ledger update, token with a principal", &token, 40);
}

/* From here on whatever is not exit_group(2) or write(2) kills the process. */
static void forbid_system_calls(void)
{
	struct rlimit no_core = {0, 0};
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};

	if (setrlimit(RLIMIT_CORE, &no_core) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 ||
	    prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program) < 0)
		bench_die("cannot forbid system calls", errno);
}

/* Neither may the token be given back here, nor the ledger's file be removed. */

static void update_without_system_calls(struct scene *scene)
{
	claim_slot(scene);
	forbid_system_calls();
	enter_token(scene, 100000);
	enter_primary(scene, 100000);
	_exit(0);
}

static void one_system_call(struct scene *scene)
{
	(void)scene;
	forbid_system_calls();
	syscall(SYS_getppid);
	_exit(0);
}

static bool killed_for_a_system_call(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static void prove_no_system_call(const struct scene *scene)
{
	/* That the proof would find one comes first. */
	if (!killed_for_a_system_call(run(one_system_call, *scene)))
		bench_die("the filter lets system calls through", 0);

	int status = run(update_without_system_calls, *scene);

	if (status != 0 && !killed_for_a_system_call(status))
		exit(1);
	bench_value("ledger update, system calls", status == 0 ? 0 : 1, 0, "calls");
}

/* ------------------------------------------------------------------------- token from a connection
 * -- */

static void token_from_connection(void *context, unsigned long times)
{
	const struct scene *scene = context;

	while (times--)
		imp_token_unref(make_token(scene->connection));
}

/* What a program with no library would keep. */
struct peer_by_hand {
	struct ucred credentials;
	size_t n_groups;
	gid_t groups[64];
};

static void peer_by_hand(void *context, unsigned long times)
{
	const struct scene *scene = context;

	while (times--) {
		struct peer_by_hand *peer = malloc(sizeof(*peer));
		socklen_t size = sizeof(peer->credentials), groups_size = sizeof(peer->groups);

		if (!peer ||
		    getsockopt(scene->connection, SOL_SOCKET, SO_PEERCRED, &peer->credentials,
			       &size) < 0 ||
		    getsockopt(scene->connection, SOL_SOCKET, SO_PEERGROUPS, peer->groups,
			       &groups_size) < 0)
			bench_die("cannot read the peer by hand", errno);
		peer->n_groups = groups_size / sizeof(gid_t);
		/* Kept, as far as the compiler knows. */
		__asm__ volatile("" : : "r"(peer) : "memory");
		free(peer);
	}
}

static void row_token(struct scene *scene)
{
	struct bench_side ours = {"imp_token_from_connection", token_from_connection, scene, 0};
	struct bench_side rival = {"SO_PEERCRED, SO_PEERGROUPS", peer_by_hand, scene, 1.5};
	const struct imp_identity *identity = imp_token_identity(scene->token);

	if (identity->uid != scene->client.uid || identity->n_groups != scene->client.n_groups)
		bench_die("the token is not the client's", 0);

	/* While a token holds a pidfd of the client, the kernel makes the next one much faster. */
	imp_token_unref(scene->token);
	scene->token = NULL;
	bench_compare(scene->bound ? "token from a connection, bound to a level"
				   : "token from a connection",
		      &ours, &rival, 1);
}

/* ---------------------------------------------------------------------------------- main -- */

int main(void)
{
	static const size_t numbers_of_groups[] = {1, 8, 32};
	const size_t n_numbers = sizeof(numbers_of_groups) / sizeof(numbers_of_groups[0]);
	struct scene scene = {
		.service = {.uid = 0, .gid = getegid()},
		.client = {.uid = 20001, .gid = 20001},
	};

	if (geteuid() != 0) {
		fprintf(stderr, "bench-core: only root can make a client of another account\n");
		return NOT_HERE;
	}

	if (prctl(PR_SET_CHILD_SUBREAPER, 1UL) < 0)
		bench_die("cannot reap the clients", errno);

	put_groups(&scene.service, 1, 0);
	for (size_t i = 0; i < n_numbers; i++) {
		put_groups(&scene.client, numbers_of_groups[i], 20001);
		run_row(row_pair, scene);
	}

	struct scene equal = scene;

	for (size_t i = 0; i < n_numbers; i++) {
		put_groups(&equal.service, numbers_of_groups[i], 20001);
		put_groups(&equal.client, numbers_of_groups[i], 20001);
		run_row(row_equal_groups, equal);
	}

	put_groups(&scene.client, 8, 20001);
	run_row(row_ledger, scene);
	prove_no_system_call(&scene);

	run_row(row_token, scene);
	scene.bound = true;
	run_row(row_token, scene);
	return 0;
}
