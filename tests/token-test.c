/* SPDX-License-Identifier: MIT */
/* Tokens: what a connection, an account and a thread are told to be, and what decides the level. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/check.h"

static struct who alice, nobody, root;

static void meet(void)
{
	become_service("root");
	who_is("alice", &alice);
	who_is("nobody", &nobody);
	who_is("root", &root);
}

static void is_identity(const struct imp_identity *identity, const struct who *who)
{
	SAME(identity->uid, who->uid);
	SAME(identity->gid, who->gid);
	SAME(identity->n_groups, who->n_groups);
	SAME(memcmp(identity->groups, who->groups, who->n_groups * sizeof(gid_t)), 0);
}

static void is_level(const struct imp_token *token, enum imp_level level, enum imp_decided_by by)
{
	SAME_TEXT(imp_level_name(imp_token_level(token)), imp_level_name(level));
	SAME_TEXT(imp_decided_by_name(imp_token_level_decided_by(token)), imp_decided_by_name(by));
}

static struct imp_policy *policy_with(const char *key, const char *value)
{
	struct imp_policy *policy;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "impersonation", key, value));
	return policy;
}

/* The level that one request leads to. */
static void requested(struct imp_token *token, enum imp_level request, enum imp_level level,
		      enum imp_decided_by by)
{
	struct imp_token *out;

	MUST(imp_token_at_request(token, request, &out));
	is_level(out, level, by);
	imp_token_unref(out);
}

/* ---------------------------------------------------------------------------- connections -- */

static void unbound(const char *kind)
{
	(void)kind;
	meet();
	struct imp_token *token = token_at(&alice, NULL, NULL);

	is_level(token, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_DEFAULT);
	is_identity(imp_token_identity(token), &alice);
	is_identity(imp_token_access(token), &alice);
	SAME(imp_token_transport(token), IMP_TRANSPORT_UNIX);
	SAME(imp_token_scope(token), IMP_SCOPE_ALL);
	SAME(imp_token_identity(token)->principal == NULL, 1);

	struct imp_policy *policy = policy_with("default_level_local", "identification");

	is_level(token_at(&alice, NULL, policy), IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_DEFAULT);
}

static void bound(const char *kind)
{
	static const struct {
		const char *name;
		enum imp_level level;
	} levels[] = {
		{"anonymous", IMP_LEVEL_ANONYMOUS},
		{"identification", IMP_LEVEL_IDENTIFICATION},
		{"impersonation", IMP_LEVEL_IMPERSONATION},
		{"delegation", IMP_LEVEL_DELEGATION},
		{"identify", IMP_LEVEL_IDENTIFICATION},
		{"impersonate", IMP_LEVEL_IMPERSONATION},
		{"delegate", IMP_LEVEL_DELEGATION},
	};
	struct who none;

	(void)kind;
	meet();
	none = nobody;
	none.n_groups = 0;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct imp_token *token = token_at(&alice, levels[i].name, NULL);
		bool anonymous = levels[i].level == IMP_LEVEL_ANONYMOUS;

		is_level(token, levels[i].level, IMP_DECIDED_BY_ADDRESS);
		is_identity(imp_token_identity(token), anonymous ? &none : &alice);
		is_identity(imp_token_access(token),
			    levels[i].level < IMP_LEVEL_IMPERSONATION ? &none : &alice);
		SAME(imp_token_client_pid(token) == 0, anonymous);
		imp_token_unref(token);
	}
}

static void malformed(const char *kind)
{
#define NAME(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}
	static const struct {
		const char *name;
		size_t length;
	} refused[] =
		{
			NAME("impersonate/administrator/0123"),
			NAME("impersonate/impersonation/"),
			NAME("impersonate/impersonation"),
			NAME("impersonate/"),
			NAME("impersonate//0123"),
			NAME("impersonate/impersonation/0123AB"),
			NAME("impersonate/impersonation/xyz"),
			NAME("impersonate/impersonation/01 23"),
			NAME("impersonate/impersonation/0123/"),
			NAME("impersonate/impersonation/01/23"),
			NAME("impersonate/Impersonation/0123"),
			NAME("impersonate/impersonation /0123"),
			NAME("impersonate/impersonation/0123\n"),
			NAME("impersonate/impersonation/0123\0"),
			NAME("impersonate/impersonation\0/0123"),
			NAME("impersonate/\0impersonation/0123"),
			NAME("impersonate/impersonation/01\0"
			     "23"),
			NAME("impersonate/3/0123"),
		},
	  nothing_said[] = {
		  NAME("x"),
		  NAME("impersonat"),
		  NAME("Impersonate/anonymous/0123"),
		  NAME("\0impersonate/anonymous/0123"),
		  NAME("@impersonate/anonymous/0123"),
	  };
#undef NAME
	struct imp_token *token;
	char longest[107];

	(void)kind;
	meet();
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int fd = client_bound(&alice, refused[i].name, refused[i].length);
		int error = imp_token_from_connection(fd, NULL, &token);

		if (error != -EPROTO)
			FAIL("%s: expected EPROTO, saw %s", refused[i].name, strerror(-error));
		SAME(imp_impersonate_connection(fd, NULL), -EPROTO);
		SAME(imp_token_current(&token), -ENOENT);
		close(fd);
	}
	for (size_t i = 0; i < sizeof(nothing_said) / sizeof(nothing_said[0]); i++) {
		int fd = client_bound(&alice, nothing_said[i].name, nothing_said[i].length);

		MUST(imp_token_from_connection(fd, NULL, &token));
		is_level(token, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_DEFAULT);
		close(fd);
	}

	/* As long as an address can be: 107 bytes behind the NUL. */
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "impersonate/anonymous/", 22);
	MUST(imp_token_from_connection(client_bound(&alice, longest, sizeof(longest)), NULL,
				       &token));
	is_level(token, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_ADDRESS);
	memcpy(longest, "impersonate/anonymouS/", 22);
	SAME(imp_token_from_connection(client_bound(&alice, longest, sizeof(longest)), NULL,
				       &token),
	     -EPROTO);
}

/* A file may be named like a level: it is still only a file. */
static void path_bound(const char *kind)
{
	struct sockaddr_un own = {.sun_family = AF_UNIX}, service = {.sun_family = AF_UNIX};
	struct imp_token *token;

	(void)kind;
	meet();
	const char *place = scratch("place");

	SYSTEM(mkdir(place, 0700));
	SYSTEM(chdir(place));
	SYSTEM(mkdir("impersonate", 0700));
	SYSTEM(mkdir("impersonate/anonymous", 0700));

	int listener = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int client = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	strcpy(service.sun_path, "service");
	SYSTEM(bind(listener, (struct sockaddr *)&service, sizeof(service)));
	SYSTEM(listen(listener, 1));
	strcpy(own.sun_path, "impersonate/anonymous/0123");
	SYSTEM(bind(client, (struct sockaddr *)&own, sizeof(own)));
	SYSTEM(connect(client, (struct sockaddr *)&service, sizeof(service)));

	int fd = (int)SYSTEM(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	struct imp_policy *policy = policy_with("privileged_clients", "allow");

	MUST(imp_token_from_connection(fd, policy, &token));
	is_level(token, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_DEFAULT);
}

/* What the library's own client binds is what its own service reads. */
static void connect_unix(const char *kind)
{
	struct sockaddr_un service = {.sun_family = AF_UNIX};
	struct imp_policy *policy = policy_with("privileged_clients", "allow");
	char longest[200];

	(void)kind;
	meet();
	int listener = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	snprintf(service.sun_path, sizeof(service.sun_path), "%s", scratch("service"));
	SYSTEM(bind(listener, (struct sockaddr *)&service, sizeof(service)));
	SYSTEM(listen(listener, 8));
	for (int level = IMP_LEVEL_ANONYMOUS; level <= IMP_LEVEL_DELEGATION; level++) {
		int client = imp_connect_unix(service.sun_path, (enum imp_level)level);
		struct imp_token *token;

		SAME(client >= 0, 1);
		SAME(fcntl(client, F_GETFD), FD_CLOEXEC);
		int fd = (int)SYSTEM(accept4(listener, NULL, NULL, SOCK_CLOEXEC));

		MUST(imp_token_from_connection(fd, policy, &token));
		is_level(token, (enum imp_level)level, IMP_DECIDED_BY_ADDRESS);
	}
	SAME(imp_connect_unix(service.sun_path, (enum imp_level)4), -EINVAL);
	SAME(imp_connect_unix(scratch("none"), IMP_LEVEL_ANONYMOUS), -ENOENT);
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	SAME(imp_connect_unix(longest, IMP_LEVEL_ANONYMOUS), -ENAMETOOLONG);
}

static void no_connection(const char *kind)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	socklen_t size = sizeof(any);
	struct imp_token *token = NULL;
	int pipes[2], pair[2];

	(void)kind;
	meet();
	SYSTEM(pipe2(pipes, O_CLOEXEC));
	SAME(imp_token_from_connection(-1, NULL, &token), -EBADF);
	SAME(imp_token_from_connection(pipes[0], NULL, &token), -ENOTSOCK);

	int fd = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	SAME(imp_token_from_connection(fd, NULL, &token), -ENOTCONN);
	close(fd);
	fd = (int)SYSTEM(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	SAME(imp_token_from_connection(fd, NULL, &token), -ENOTCONN);
	close(fd);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int listener = (int)SYSTEM(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	fd = (int)SYSTEM(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	SAME(imp_token_from_connection(fd, NULL, &token), -EAFNOSUPPORT);
	SYSTEM(bind(listener, (struct sockaddr *)&any, sizeof(any)));
	SYSTEM(listen(listener, 1));
	SYSTEM(getsockname(listener, (struct sockaddr *)&any, &size));
	SYSTEM(connect(fd, (struct sockaddr *)&any, sizeof(any)));
	int accepted = (int)SYSTEM(accept4(listener, NULL, NULL, SOCK_CLOEXEC));

	/* Nobody knows who that is, whatever is asked for. */
	MUST(imp_token_from_connection(accepted, NULL, &token));
	SAME(imp_token_transport(token), IMP_TRANSPORT_TCP);
	is_level(token, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_UNAUTHENTICATED);
	requested(token, IMP_LEVEL_DELEGATION, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_UNAUTHENTICATED);
	imp_token_unref(token);

	/* A pair of sockets is a connection with oneself. */
	SYSTEM(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	MUST(imp_token_from_connection(pair[0], NULL, &token));
	SAME(imp_token_client_pid(token), getpid());
	is_level(token, IMP_LEVEL_IDENTIFICATION, IMP_DECIDED_BY_PRIVILEGED_CLIENT);
}

static void client_process(const char *kind)
{
	struct imp_token *token;
	struct pollfd event = {.events = POLLIN};

	(void)kind;
	meet();
	int fd = client_at(&alice, NULL);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	SYSTEM(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size));
	MUST(imp_token_from_connection(fd, NULL, &token));
	SAME(imp_token_client_pid(token), peer.pid);
	event.fd = imp_connection_pidfd(fd);
	if (event.fd == -ENOPROTOOPT)
		SKIP("needs SO_PEERPIDFD (Linux 6.5)");
	SAME(fcntl(event.fd, F_GETFD), FD_CLOEXEC);
	SAME(poll(&event, 1, 0), 0);
	close(fd); /* upon which the client ends, and the pidfd tells */
	SYSTEM(poll(&event, 1, -1));
	SAME(event.revents & POLLIN, POLLIN);
	is_identity(imp_token_identity(token), &alice);
	imp_token_unref(token);
	close(event.fd);
}

/* As on a kernel that knows no SO_PEERPIDFD; run with that option made to fail. */
static void no_pidfd(const char *kind)
{
	(void)kind;
	meet();
	int fd = client_at(&alice, NULL);
	struct imp_token *token;

	MUST(imp_token_from_connection(fd, NULL, &token));
	SAME(imp_connection_pidfd(fd), -ENOPROTOOPT);
	SAME(imp_token_client_pid(token) > 0, 1);
	is_level(token, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_DEFAULT);
	is_identity(imp_token_identity(token), &alice);
}

/* ------------------------------------------------------------------------- user namespaces -- */

static void unmapped(const char *kind)
{
	struct imp_token *token;

	(void)kind;
	meet();
	int fd = client_at(&alice, NULL);
	pid_t child = (pid_t)SYSTEM(fork());

	if (child == 0) {
		/* A service in a user namespace that knows nobody: alice is a number without
		 * meaning. */
		if (unshare(CLONE_NEWUSER) < 0)
			SKIP("needs user namespaces: %s", strerror(errno));
		MUST(imp_token_from_connection(fd, NULL, &token));
		is_level(token, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_UNMAPPED_CLIENT);
		SAME(imp_token_client_pid(token), 0);
		requested(token, IMP_LEVEL_DELEGATION, IMP_LEVEL_ANONYMOUS,
			  IMP_DECIDED_BY_UNMAPPED_CLIENT);
		_exit(PASSED);
	}
	wait_for(child);
	close(fd);

	/* Bound or not. */
	fd = client_at(&alice, "delegation");
	child = (pid_t)SYSTEM(fork());
	if (child == 0) {
		SYSTEM(unshare(CLONE_NEWUSER));
		MUST(imp_token_from_connection(fd, NULL, &token));
		is_level(token, IMP_LEVEL_ANONYMOUS, IMP_DECIDED_BY_UNMAPPED_CLIENT);
		_exit(PASSED);
	}
	wait_for(child);
}

static void hide(void)
{
	if (unshare(CLONE_NEWUSER) < 0)
		SKIP("needs user namespaces: %s", strerror(errno));
	SAME(geteuid(), 65534);
}

/* The other way round: a client that is nobody in a namespace of its own is still who it is. */
static void hidden(const char *kind)
{
	(void)kind;
	meet();
	client_begins = hide;
	struct imp_token *token = token_at(&alice, NULL, NULL);

	is_level(token, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_DEFAULT);
	is_identity(imp_token_identity(token), &alice);
	is_level(token_at(&root, NULL, NULL), IMP_LEVEL_IDENTIFICATION,
		 IMP_DECIDED_BY_PRIVILEGED_CLIENT);
}

/* ----------------------------------------------------------------------- accounts, threads -- */

static void from_user(const char *kind)
{
	struct imp_token *token = NULL;

	(void)kind;
	meet();
	MUST(imp_token_from_user("alice", IMP_LEVEL_IMPERSONATION, NULL, &token));
	is_identity(imp_token_identity(token), &alice);
	SAME(imp_token_transport(token), IMP_TRANSPORT_NONE);
	SAME(imp_token_client_pid(token), 0);
	is_level(token, IMP_LEVEL_IMPERSONATION, IMP_DECIDED_BY_SERVICE);
	MUST(imp_token_from_user("2001", IMP_LEVEL_IMPERSONATION, NULL, &token));
	is_identity(imp_token_identity(token), &alice);
	MUST(imp_token_from_user("54321", IMP_LEVEL_IMPERSONATION, NULL, &token));
	is_identity(imp_token_identity(token), &(struct who){.uid = 54321, .gid = 54321});
	MUST(imp_token_from_user("alice", IMP_LEVEL_IDENTIFICATION, NULL, &token));
	SAME(imp_token_access(token)->uid, nobody.uid);

	token = NULL;
	SAME(imp_token_from_user("no-such-account", IMP_LEVEL_IMPERSONATION, NULL, &token), -ESRCH);
	SAME(imp_token_from_user("", IMP_LEVEL_IMPERSONATION, NULL, &token), -EINVAL);
	SAME(imp_token_from_user("65535", IMP_LEVEL_IMPERSONATION, NULL, &token), -EINVAL);
	SAME(imp_token_from_user("4294967295", IMP_LEVEL_IMPERSONATION, NULL, &token), -EINVAL);
	SAME(imp_token_from_user("4294967296", IMP_LEVEL_IMPERSONATION, NULL, &token), -EINVAL);
	SAME(imp_token_from_user("05", IMP_LEVEL_IMPERSONATION, NULL, &token), -EINVAL);
	SAME(imp_token_from_user("2001x", IMP_LEVEL_IMPERSONATION, NULL, &token), -EINVAL);
	SAME(imp_token_from_user("+5", IMP_LEVEL_IMPERSONATION, NULL, &token) < 0, 1);
	SAME(imp_token_from_user("-1", IMP_LEVEL_IMPERSONATION, NULL, &token) < 0, 1);
	SAME(imp_token_from_user("alice", (enum imp_level)4, NULL, &token), -EINVAL);
	SAME(token == NULL, 1);
}

static void from_thread(const char *kind)
{
	struct imp_token *token = NULL;
	int fd;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	(void)kind;
	meet();
	fd = client_at(&alice, NULL);
	SYSTEM(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size));
	MUST(imp_token_from_thread(peer.pid, 0, &token));
	is_identity(imp_token_identity(token), &alice);
	SAME(imp_token_client_pid(token), peer.pid);
	MUST(imp_token_from_thread(peer.pid, peer.pid, &token));
	is_identity(imp_token_identity(token), &alice);
	SAME(imp_token_from_thread(peer.pid, getpid(), &token), -ESRCH);
	SAME(imp_token_from_thread(0x7ffffff0, 0, &token), -ESRCH);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"unbound", unbound},
		{"bound", bound},
		{"malformed", malformed},
		{"path-bound", path_bound},
		{"connect-unix", connect_unix},
		{"no-connection", no_connection},
		{"client-process", client_process},
		{"no-pidfd", no_pidfd},
		{"unmapped", unmapped},
		{"hidden", hidden},
		{"from-user", from_user},
		{"from-thread", from_thread},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
