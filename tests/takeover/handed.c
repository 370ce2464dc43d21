/* SPDX-License-Identifier: MIT */
/* What the broker can be handed: nothing of it is a client, or everything ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/engine.h"
#include "ring/kin.h"
#include "takeover/cases.h"

static void refused(const char *what, int fd)
{
	struct message_answer answer;

	SAME(hand_over(&fd, 1, &answer), 0);
	if (answer.error >= 0)
		FAIL("%s: expected an error, saw %d", what, answer.error);
	SAME(answer.number, 0);
	SAME(answer.holding, 0);
}

/* ---------------------------------------------------------------------------------- sockets -- */

static int made(int family, int type)
{
	return (int)SYSTEM(socket(family, type | SOCK_CLOEXEC, 0));
}

static int tcp_listener(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int listener = made(AF_INET, SOCK_STREAM);

	*address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	SYSTEM(bind(listener, (struct sockaddr *)address, size));
	SYSTEM(listen(listener, 8));
	SYSTEM(getsockname(listener, (struct sockaddr *)address, &size));
	return listener;
}

/* Somebody else's service, which alice is a client of: the service is handed what it accepted. */
static int elsewhere(struct player *player, const char *name)
{
	struct sockaddr_un address;
	socklen_t length;
	struct call call;

	address_at(&address, &length, scratch(name));
	int listener = listen_at(&address, length);

	call_to(&call, &address, length, NULL);
	SAME(player_do(player, connect_player, &call, sizeof(call)), 0);
	int accepted = (int)SYSTEM(accept4(listener, NULL, NULL, SOCK_CLOEXEC));

	close(listener);
	return accepted;
}

static int own_end(void)
{
	int client = made(AF_UNIX, SOCK_STREAM);

	SYSTEM(connect(client, (struct sockaddr *)&stage.address, stage.length));
	(void)SYSTEM(accept4(stage.listener, NULL, NULL, SOCK_CLOEXEC));
	return client;
}

void case_handed(const char *kind)
{
	struct player alice = player_new("alice"), bob = player_new("bob");
	int pair[2], packets[2];
	struct sockaddr_in tcp;

	stage_set(&(struct setting){.kind = kind, .abstract = strcmp(kind, "ordinary") == 0});
	SYSTEM(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	SYSTEM(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, packets));
	/* What belongs to the service is no client, and what cannot be asked is none either. */
	refused("a socketpair", pair[0]);
	refused("a pair for packets", packets[0]);
	refused("a connection to another service", elsewhere(&alice, "other"));
	refused("the client's end", own_end());
	refused("the listening socket", stage.listener);
	refused("a socket that is not connected", made(AF_UNIX, SOCK_STREAM));
	refused("a datagram socket", made(AF_UNIX, SOCK_DGRAM));
	refused("the broker's own", seat_at(0)->broker);
	check_serves(&bob);
	refused("TCP", made(AF_INET, SOCK_STREAM));
	refused("a TCP listener", tcp_listener(&tcp));
	refused("UDP", made(AF_INET, SOCK_DGRAM));
	SYSTEM(pipe2(pair, O_CLOEXEC));
	refused("a pipe", pair[0]);
	refused("a file", (int)SYSTEM(open("/proc/self/status", O_RDONLY | O_CLOEXEC)));
	refused("a path", (int)SYSTEM(open("/", O_PATH | O_CLOEXEC)));
	refused("a counter", (int)SYSTEM(eventfd(0, EFD_CLOEXEC)));
	check_serves(&bob);
}

/* ------------------------------------------------------------------------- its own connections --
 */

/* To its own socket, as who has that number; 0: as itself. */
static int connect_as(uint32_t number)
{
	int client = made(AF_UNIX, SOCK_STREAM);
	const struct sockaddr *address = (struct sockaddr *)&stage.address;
	int error = number ? engine->connect(number, client, address, stage.length)
			   : connect(client, address, stage.length);

	SAME(error, 0);
	return client;
}

static void accept_refused(const char *what)
{
	refused(what, (int)SYSTEM(accept4(stage.listener, NULL, NULL, SOCK_CLOEXEC)));
}

/*
 * A child that has the rings as well, and one of its, whose parent is gone: each with a ring that
 * nobody used before, since what it does there the others do not know of.
 */
static void connect_in_child(uint32_t number, int generations)
{
	int line[2], life[2];
	char byte;
	pid_t child;

	SYSTEM(pipe2(line, O_CLOEXEC));
	SYSTEM(pipe2(life, O_CLOEXEC));
	child = (pid_t)SYSTEM(fork());
	if (child == 0) {
		close(life[1]);
		for (int i = 0; i < generations; i++)
			(void)seat_take();
		for (; generations > 1; generations--)
			if (SYSTEM(fork()) > 0)
				_exit(0);
		(void)connect_as(number);
		SAME((int)write(line[1], "c", 1), 1);
		_exit((int)read(life[0], &byte, 1)); /* with the service */
	}
	close(line[1]);
	SAME((int)SYSTEM(read(line[0], &byte, 1)), 1);
	accept_refused(generations > 1 ? "what a child's child has connected"
				       : "what a child has connected");
	close(line[0]);
}

void case_own(const char *kind)
{
	struct player alice = player_new("alice"), bob = player_new("bob");

	stage_set(&(struct setting){.kind = kind, .seats = 4});
	uint32_t number = number_of(stage_connection(&alice, NULL));

	(void)connect_as(0);
	accept_refused("what the service has connected as itself");
	(void)connect_as(number);
	accept_refused("what the service has connected as a client");
	/* Before Linux 6.13 it makes no children. */
	if (kin_is_told()) {
		connect_in_child(number, 1);
		connect_in_child(number, 2);
	} else {
		REFUSED(fork(), EPERM);
	}
	(void)number_of(stage_connection(&bob, NULL)); /* it goes on */
}

/* ------------------------------------------------------------------------ without connect(2) -- */

static int ask_for_connection(uint32_t number, int client)
{
	const struct operation operation = {
		.directory = client,
		.address = (const struct sockaddr *)&stage.address,
		.length = stage.length,
	};

	return ring_run(number, prepare_connect, &operation);
}

/* Not by the library, which says no, nor by the ring itself. */
void case_unconnected(const char *kind)
{
	struct player alice = player_new("alice");
	int pair[2], connection;
	struct imp_token *token;

	stage_set(&(struct setting){.kind = kind, .without_connect = true});
	connection = stage_connection(&alice, NULL);
	uint32_t number = number_of(connection);

	SAME(imp_token_from_connection(connection, NULL, &token), 0);
	SAME(imp_connect(token, made(AF_UNIX, SOCK_STREAM), (const struct sockaddr *)&stage.address,
			 stage.length),
	     -ENOTSUP);
	SAME(imp_serve(token), 0);
	SAME(imp_connect_unix(stage.address.sun_path, IMP_LEVEL_IMPERSONATION), -ENOTSUP);
	imp_revert();
	SAME(ask_for_connection(number, made(AF_UNIX, SOCK_STREAM)), -EACCES);
	(void)connect_as(0);
	accept_refused("what the service has connected as itself");
	SYSTEM(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	refused("a socketpair", pair[0]);
	SAME(uid_of(number), 2001);
	imp_token_unref(token);
}

/* ------------------------------------------------------------------------------- namespaces -- */

struct shared {
	int socket; /* to send descriptors by */
	struct sockaddr_un address;
	socklen_t length;
};

static int shared_line[2];

/* As root: another service, at the same address in a namespace of its own, which alice calls. */
static long lend_connection(const void *argument)
{
	const struct shared *shared = argument;
	struct call call;
	int listener, accepted;

	if (unshare(shared->address.sun_path[0] ? CLONE_NEWNS : CLONE_NEWNET) < 0)
		return -errno;
	if (shared->address.sun_path[0]) {
		char directory[128];

		snprintf(directory, sizeof(directory), "%s", shared->address.sun_path);
		*strrchr(directory, '/') = '\0';
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("none", directory, "tmpfs", 0, "mode=1777") < 0)
			return -errno;
	}
	listener = listen_at(&shared->address, shared->length);
	call_to(&call, &shared->address, shared->length, NULL);
	/* Who connects is alice: the kernel goes by the effective ids. */
	if (setegid(2001) < 0 || seteuid(2001) < 0)
		return -errno;
	if (connect_player(&call) < 0 || seteuid(0) < 0)
		return -errno;
	accepted = accept(listener, NULL, NULL);
	if (accepted < 0)
		return -errno;
	return message_send(shared_line[1], "x", 1, accepted);
}

void case_namespaces(const char *kind)
{
	struct message_received received;
	char byte;

	SYSTEM(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, shared_line));
	struct player root = player_new(NULL), alice = player_new("alice");

	stage_set(&(struct setting){.kind = "root", .abstract = strcmp(kind, "network") == 0});
	struct shared shared = {.address = stage.address, .length = stage.length};

	SAME(player_do(&root, lend_connection, &shared, sizeof(shared)), 0);
	MUST(message_receive(shared_line[0], &byte, 1, &received));
	refused("a connection to the same address elsewhere", received.fd);
	check_serves(&alice);
}

/* --------------------------------------------------------------------------------- messages -- */

struct wrong {
	const char *what;
	struct message_request request;
	size_t size;
	unsigned int n_fds;
};

static const struct wrong wrongs[] = {
	{"nothing", {0}, 0, 0},
	{"nothing, with a descriptor", {0}, 0, 1},
	{"a short one", {MESSAGE_MAGIC, MESSAGE_ADMIT, 1, 0}, 15, 1},
	{"a long one", {MESSAGE_MAGIC, MESSAGE_ADMIT, 1, 0}, 17, 1},
	{"a very long one", {MESSAGE_MAGIC, MESSAGE_ADMIT, 1, 0}, 4096, 1},
	{"another magic", {1, MESSAGE_ADMIT, 1, 0}, 16, 1},
	{"kind 0", {MESSAGE_MAGIC, 0, 1, 0}, 16, 1},
	{"kind 3", {MESSAGE_MAGIC, 3, 1, 0}, 16, 1},
	{"no descriptor", {MESSAGE_MAGIC, MESSAGE_ADMIT, 1, 0}, 16, 0},
	{"two descriptors", {MESSAGE_MAGIC, MESSAGE_ADMIT, 1, 0}, 16, 2},
	{"ten descriptors", {MESSAGE_MAGIC, MESSAGE_ADMIT, 1, 0}, 16, 10},
	{"what is none let go of", {MESSAGE_MAGIC, MESSAGE_ADMIT, 1, 65536}, 16, 1},
	{"the greeting's serial", {MESSAGE_MAGIC, MESSAGE_ADMIT, 0, 0}, 16, 1},
	{"number 0 let go", {MESSAGE_MAGIC, MESSAGE_RELEASE, 0, 0}, 16, 0},
	{"number 65536 let go", {MESSAGE_MAGIC, MESSAGE_RELEASE, 0, 65536}, 16, 0},
	{"number -1 let go", {MESSAGE_MAGIC, MESSAGE_RELEASE, 0, UINT32_MAX}, 16, 0},
	{"a number let go, with a descriptor", {MESSAGE_MAGIC, MESSAGE_RELEASE, 0, 1}, 16, 1},
	{"a number let go, with two", {MESSAGE_MAGIC, MESSAGE_RELEASE, 0, 1}, 16, 2},
};

/* Each is the end of everything, as the service's own end is. */
static void send_wrong(const struct wrong *wrong)
{
	struct player alice = player_new("alice");
	static char bytes[4096];
	struct message_answer answer;
	int fds[10];

	stage_set(&(struct setting){.kind = "root"});
	uint32_t number = number_of(stage_connection(&alice, NULL));

	for (int i = 0; i < 10; i++)
		fds[i] = stage_connection(&alice, NULL);
	memcpy(bytes, &wrong->request, sizeof(wrong->request));
	SAME(tell(bytes, wrong->size, fds, wrong->n_fds), 0);
	if (hear(&answer) != -EPIPE)
		FAIL("%s: expected the end, saw an answer: %d", wrong->what, answer.error);
	check_ended(&number, 1);
}

void case_messages(const char *kind)
{
	(void)kind;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		pid_t child = (pid_t)SYSTEM(fork());

		if (child == 0) {
			send_wrong(&wrongs[i]);
			_exit(PASSED);
		}
		wait_for(child);
	}
}

/* ------------------------------------------------------------------------------ holding it up --
 */

/* Whoever reads no answers does not keep the broker from ending a token. */
void case_unread(const char *kind)
{
	const struct message_request request = {MESSAGE_MAGIC, MESSAGE_ADMIT, 1, 0};
	struct player alice = player_new("alice"), bob = player_new("bob");

	stage_set(&(struct setting){.kind = kind});
	uint32_t number = number_of(stage_connection(&alice, NULL));
	int connection = stage_connection(&bob, NULL), error = 0;

	SYSTEM(fcntl(seat_at(0)->broker, F_SETFL, O_NONBLOCK));
	for (int i = 0; i < 20000 && error == 0; i++) {
		error = tell(&request, sizeof(request), &connection, 1);
		if (error == -EAGAIN) {
			sched_yield();
			error = i < 5000 ? 0 : error;
		}
	}
	player_end(&alice);
	wait_revoked(number);
}

/* As many messages as there are, each with as much as it can carry. */
void case_full_table(const char *kind)
{
	struct player alice = player_new("alice"), bob = player_new("bob");
	uint32_t holdings[64], number = 0;
	unsigned int n = 0;
	struct message_answer answer = {.error = 0};

	stage_set(&(struct setting){.kind = kind, .descriptors = 32});
	int connection = stage_connection(&alice, NULL);

	while (n < 64 && answer.error == 0) {
		SAME(hand_over(&connection, 1, &answer), 0);
		number = answer.error == 0 ? answer.number : number;
		if (answer.error == 0)
			holdings[n++] = answer.holding;
	}
	/* One too many is refused; those that are there stay, and so does the broker. */
	SAME(answer.error, -EMFILE);
	SAME(ring_run(number, prepare_nothing, NULL), 0);
	let_go_of(holdings[0]);
	let_go_of(holdings[1]);
	check_serves(&bob);
}

/* Closing this takes as long as somebody else likes, if it is the last to close it. */
void case_lingering(const char *kind)
{
	const struct linger linger = {.l_onoff = 1, .l_linger = 3600};
	const struct message_request request = {MESSAGE_MAGIC, MESSAGE_ADMIT, 1, 0};
	struct player alice = player_new("alice");
	static const char bytes[65536];
	struct sockaddr_in address;

	stage_set(&(struct setting){.kind = kind});
	int connection = stage_connection(&alice, NULL), listener = tcp_listener(&address);
	uint32_t number = number_of(connection);
	struct message_answer answer;
	const unsigned int n = strcmp(kind, "ordinary") == 0 ? 2 : 1;
	int sockets[2];

	for (unsigned int i = 0; i < n; i++) {
		sockets[i] = made(AF_INET, SOCK_STREAM);
		SYSTEM(connect(sockets[i], (struct sockaddr *)&address, sizeof(address)));
		SYSTEM(setsockopt(sockets[i], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
		SYSTEM(fcntl(sockets[i], F_SETFL, O_NONBLOCK));
		while (write(sockets[i], bytes, sizeof(bytes)) > 0)
			;
		SYSTEM(fcntl(sockets[i], F_SETFL, 0));
	}
	/* It is busy, and so the last to close what is handed to it then. */
	for (int i = 0; i < 100; i++)
		SAME(tell(&request, sizeof(request), &connection, 1), 0);
	SAME(tell(&request, sizeof(request), sockets, n), 0);
	for (unsigned int i = 0; i < n; i++)
		close(sockets[i]);
	for (int i = 0; i < 100; i++)
		SAME(hear(&answer), 0);
	player_end(&alice);
	wait_revoked(number);
	close(listener);
}
