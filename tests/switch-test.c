/* SPDX-License-Identifier: MIT */
/*
 * The switch, seen from /proc and by what the kernel then allows: which thread, which groups, which
 * capabilities, and what others may do to the thread meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/check.h"

static struct who alice, bob, nobody;
static struct state service, acting;

static void set_out(const char *kind)
{
	become_service(kind);
	state_read(0, &service);
}

static void meet(void)
{
	who_is("alice", &alice);
	who_is("bob", &bob);
	who_is("nobody", &nobody);
	nobody.n_groups = 0;
}

/* ------------------------------------------------------------------------------ one thread -- */

static pthread_barrier_t meeting;

static void *other_thread(void *tid)
{
	*(pid_t *)tid = gettid();
	for (int i = 0; i < 4; i++) {
		pthread_barrier_wait(&meeting);
		STATE_IS(0, &service);
		pthread_barrier_wait(&meeting);
	}
	return NULL;
}

static void threads_apart(const char *kind)
{
	pthread_t thread;
	pid_t other;

	meet();
	struct imp_token *tokens[] = {token_at(&alice, NULL, NULL), token_at(&bob, NULL, NULL)};
	const struct who *whose[] = {&alice, &bob};

	set_out(kind);
	pthread_barrier_init(&meeting, NULL, 2);
	SAME(pthread_create(&thread, NULL, other_thread, &other), 0);
	for (int i = 0; i < 4; i++) {
		/* Twice each, and the second pair after having been back. */
		if (i == 2)
			imp_revert();
		MUST(imp_impersonate(tokens[i % 2]));
		state_acting(&service, whose[i % 2], &acting);
		pthread_barrier_wait(&meeting);
		STATE_IS(0, &acting);
		STATE_IS(other, &service);
		pthread_barrier_wait(&meeting);
	}
	imp_revert();
	STATE_IS(0, &service);
	pthread_join(thread, NULL);
}

/* ---------------------------------------------------------------------------------- levels -- */

static void level_access(const char *kind)
{
	static const struct {
		const char *level;
		bool is_client, knows_client;
	} levels[] = {
		{"anonymous", false, false},
		{"identification", false, true},
		{"impersonation", true, true},
		{"delegation", true, true},
	};
	enum { COUNT = sizeof(levels) / sizeof(levels[0]) };
	struct imp_token *tokens[COUNT];
	char path[256];

	meet();
	for (int i = 0; i < COUNT; i++)
		tokens[i] = token_at(&alice, levels[i].level, NULL);
	snprintf(path, sizeof(path), "%s", scratch_file("hers", alice.uid, alice.gid, 0600));
	set_out(kind);

	for (int i = 0; i < COUNT; i++) {
		const struct who *who = levels[i].is_client ? &alice : &nobody;
		int fd;

		SAME(imp_token_level(tokens[i]), i);
		SAME(imp_token_identity(tokens[i])->uid,
		     levels[i].knows_client ? alice.uid : nobody.uid);
		SAME(imp_token_access(tokens[i])->uid, who->uid);
		MUST(imp_impersonate(tokens[i]));
		state_acting(&service, who, &acting);
		STATE_IS(0, &acting);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		SAME(fd < 0 ? errno : 0, levels[i].is_client ? 0 : EACCES);
		imp_revert();
		STATE_IS(0, &service);
		imp_token_unref(tokens[i]);
	}
}

/* ---------------------------------------------------------------------------------- groups -- */

static void groups(const char *kind)
{
	static const size_t counts[] = {0, 1, 32, 1024, 0, 32, 1, 1024};
	enum { COUNT = sizeof(counts) / sizeof(counts[0]) };
	static struct who clients[COUNT];
	struct imp_token *tokens[COUNT];

	for (int i = 0; i < COUNT; i++) {
		who_with_groups(3000 + (uid_t)i, counts[i], &clients[i]);
		tokens[i] = token_at(&clients[i], NULL, NULL);
		SAME(imp_token_identity(tokens[i])->n_groups, counts[i]);
	}
	set_out(kind);

	/* Each from the service's own groups, then each from the one before it. */
	for (int i = 0; i < 2 * COUNT; i++) {
		MUST(imp_impersonate(tokens[i % COUNT]));
		state_acting(&service, &clients[i % COUNT], &acting);
		STATE_IS(0, &acting);
		if (i < COUNT) {
			imp_revert();
			STATE_IS(0, &service);
		}
	}
	imp_revert();
	STATE_IS(0, &service);
}

/* The accounts of the world, as clients of theirs have them. */
static void account_groups(const char *kind)
{
	static const char *const users[] = {"g1024", "g0", "g32", "g1", "carol", "alice"};
	enum { COUNT = sizeof(users) / sizeof(users[0]) };
	static struct who clients[COUNT];
	struct imp_token *tokens[COUNT];

	for (int i = 0; i < COUNT; i++) {
		who_is(users[i], &clients[i]);
		tokens[i] = token_at(&clients[i], NULL, NULL);
	}
	set_out(kind);
	for (int i = 0; i < COUNT; i++) {
		MUST(imp_impersonate(tokens[i]));
		state_acting(&service, &clients[i], &acting);
		STATE_IS(0, &acting);
	}
	imp_revert();
	STATE_IS(0, &service);
}

/* A service that has groups of its own gets these back, and no client has them. */
static void own_groups(const char *kind)
{
	static struct who own = {.uid = 0, .gid = 0, .n_groups = 3, .groups = {7, 8, 4711}};

	meet();
	struct imp_token *token = token_at(&alice, NULL, NULL);
	struct imp_become become = {
		.uid = SERVICE_ID,
		.gid = SERVICE_ID,
		.n_groups = own.n_groups,
		.groups = own.groups,
		.capabilities = 1u << 6 | 1u << 7,
	};

	MUST(imp_prepare_runtime_dir());
	if (strcmp(kind, "ordinary") == 0)
		MUST(imp_become(&become, NULL));
	else
		turn_into(&own);
	state_read(0, &service);
	SAME(service.who.n_groups, 3);
	MUST(imp_impersonate(token));
	state_acting(&service, &alice, &acting);
	STATE_IS(0, &acting);
	imp_revert();
	STATE_IS(0, &service);
}

/* ---------------------------------------------------------------------------- capabilities -- */

static void no_capabilities(const char *kind)
{
	struct sockaddr_in low = {.sin_family = AF_INET, .sin_port = htons(80)};
	char secret[256], hers[256];
	FILE *first = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	int first_port = 1024;

	meet();
	if (first && fscanf(first, "%d", &first_port) != 1)
		first_port = 1024;
	struct imp_token *token = token_at(&alice, NULL, NULL);

	low.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	snprintf(secret, sizeof(secret), "%s", scratch_file("secret", 0, 0, 0600));
	snprintf(hers, sizeof(hers), "%s", scratch_file("hers", alice.uid, alice.gid, 0600));
	set_out(kind);

	int fd = (int)SYSTEM(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	MUST(imp_impersonate(token));
	state_acting(&service, &alice, &acting);
	STATE_IS(0, &acting);
	SAME(acting.effective, 0);
	REFUSED(open(secret, O_RDONLY | O_CLOEXEC), EACCES);
	REFUSED(chown(hers, bob.uid, bob.gid), EPERM);
	REFUSED(chroot("/"), EPERM);
	if (first_port > 80)
		REFUSED(bind(fd, (struct sockaddr *)&low, sizeof(low)), EACCES);
	SYSTEM(open(hers, O_RDONLY | O_CLOEXEC));
	imp_revert();
	STATE_IS(0, &service);
	REFUSED(open(hers, O_RDONLY | O_CLOEXEC), strcmp(kind, "root") == 0 ? 0 : EACCES);
}

/* ------------------------------------------------------------------- what the client may do -- */

struct victim {
	pid_t pid, tid;
};

static void attack(const struct victim *victim)
{
	cpu_set_t cpus;

	turn_into(&alice);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	REFUSED(kill(victim->tid, SIGTERM), EPERM);
	REFUSED(kill(victim->pid, SIGKILL), EPERM);
	REFUSED((int)syscall(SYS_tgkill, victim->pid, victim->tid, SIGKILL), EPERM);
	REFUSED((int)syscall(SYS_tkill, victim->tid, SIGKILL), EPERM);
	REFUSED((int)ptrace(PTRACE_ATTACH, victim->tid, NULL, NULL), EPERM);
	REFUSED((int)ptrace(PTRACE_SEIZE, victim->tid, NULL, NULL), EPERM);
	REFUSED(setpriority(PRIO_PROCESS, (id_t)victim->tid, 19), EPERM);
	REFUSED(sched_setaffinity(victim->tid, sizeof(cpus), &cpus), EPERM);
	REFUSED(sched_setscheduler(victim->tid, SCHED_BATCH, &(struct sched_param){0}), EPERM);
	REFUSED(prlimit(victim->tid, RLIMIT_NOFILE, &(struct rlimit){1, 1}, NULL), EPERM);
}

static void untouchable(const char *kind)
{
	int pipes[2];
	struct victim victim = {.pid = getpid(), .tid = gettid()};
	char byte = 0;

	meet();
	struct imp_token *token = token_at(&alice, NULL, NULL);

	SYSTEM(pipe2(pipes, O_CLOEXEC));

	pid_t child = (pid_t)SYSTEM(fork());

	if (child == 0) {
		SAME(read(pipes[0], &byte, 1), 1);
		attack(&victim);
		_exit(PASSED);
	}
	set_out(kind);
	MUST(imp_impersonate(token));
	SAME(write(pipes[1], &byte, 1), 1);
	wait_for(child);
	state_acting(&service, &alice, &acting);
	STATE_IS(0, &acting);
	imp_revert();
	STATE_IS(0, &service);
}

/* -------------------------------------------------------------------------------- sockets -- */

struct seen {
	struct ucred peer, sent;
	size_t n_groups;
	gid_t groups[MOST_GROUPS];
};

/* The other service: says what it sees of each that connects and sends a byte. */
static void see(int listener, struct seen *seen)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec data = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd = (int)SYSTEM(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	socklen_t size = sizeof(seen->peer);

	SYSTEM(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &seen->peer, &size));
	size = sizeof(seen->groups);
	SYSTEM(getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, seen->groups, &size));
	seen->n_groups = size / sizeof(gid_t);
	SYSTEM(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)));
	SAME(recvmsg(fd, &message, 0), 1);
	SAME(CMSG_FIRSTHDR(&message)->cmsg_type, SCM_CREDENTIALS);
	memcpy(&seen->sent, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(seen->sent));
	close(fd);
}

static int listen_for_all(struct sockaddr_un *address)
{
	int listener = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", scratch("other-service"));
	SYSTEM(bind(listener, (struct sockaddr *)address, sizeof(*address)));
	SYSTEM(chmod(address->sun_path, 0777));
	SYSTEM(setsockopt(listener, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)));
	SYSTEM(listen(listener, 5));
	return listener;
}

static void call(int listener, const struct sockaddr_un *address, const struct who *peer)
{
	static struct seen seen;
	int fd = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	SYSTEM(connect(fd, (const struct sockaddr *)address, sizeof(*address)));
	SAME(write(fd, "x", 1), 1);
	see(listener, &seen);
	close(fd);
	SAME(seen.peer.uid, peer->uid);
	SAME(seen.peer.gid, peer->gid);
	SAME(seen.n_groups, peer->n_groups);
	SAME(memcmp(seen.groups, peer->groups, peer->n_groups * sizeof(gid_t)), 0);
	/* As documented: this one carries the real ids, which stay the service's. */
	SAME(seen.sent.uid, service.real_uid);
	SAME(seen.sent.gid, service.real_gid);
	SAME(seen.sent.pid, getpid());
}

static void connections(const char *kind)
{
	struct sockaddr_un address;

	meet();
	struct imp_token *token = token_at(&alice, NULL, NULL);
	struct imp_token *unknown = token_at(&alice, "identification", NULL);
	int listener = listen_for_all(&address);

	set_out(kind);
	call(listener, &address, &service.who);
	MUST(imp_impersonate(token));
	call(listener, &address, &alice);
	MUST(imp_impersonate(unknown));
	call(listener, &address, &nobody);
	imp_revert();
	call(listener, &address, &service.who);
}

/* ---------------------------------------------------------------------------- scope: files -- */

static void scope_files(const char *kind)
{
	struct sockaddr_un address;
	struct imp_token *token, *other;
	struct stat status;
	struct who peer;
	char secret[256], made[256];

	meet();
	int listener = listen_for_all(&address);

	MUST(imp_token_scoped(token_at(&alice, NULL, NULL), IMP_SCOPE_FILES, &token));
	MUST(imp_token_scoped(token_at(&bob, NULL, NULL), IMP_SCOPE_FILES, &other));
	SAME(imp_token_scope(token), IMP_SCOPE_FILES);
	SAME(imp_token_scoped(token, (enum imp_scope)7, &other), -EINVAL);
	snprintf(secret, sizeof(secret), "%s", scratch_file("secret", 0, 0, 0600));
	snprintf(made, sizeof(made), "%s", scratch("made"));
	set_out(kind);

	MUST(imp_impersonate(token));
	state_acting_on_files(&service, &alice, &acting);
	STATE_IS(0, &acting);
	MUST(imp_assert(token));
	REFUSED(open(secret, O_RDONLY | O_CLOEXEC), EACCES);
	SYSTEM(open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	SYSTEM(stat(made, &status));
	SAME(status.st_uid, alice.uid);
	SAME(status.st_gid, alice.gid);

	/* The ids are the service's; the groups are the thread's, there is one list of them. */
	peer = service.who;
	peer.n_groups = alice.n_groups;
	memcpy(peer.groups, alice.groups, sizeof(peer.groups));
	call(listener, &address, &peer);

	MUST(imp_impersonate(other));
	state_acting_on_files(&service, &bob, &acting);
	STATE_IS(0, &acting);
	imp_revert();
	STATE_IS(0, &service);
}

/* From one scope to the other and back, without reverting. */
static void scopes_mixed(const char *kind)
{
	struct imp_token *all, *files;

	meet();
	all = token_at(&alice, NULL, NULL);
	MUST(imp_token_scoped(token_at(&bob, NULL, NULL), IMP_SCOPE_FILES, &files));
	set_out(kind);
	for (int i = 0; i < 3; i++) {
		MUST(imp_impersonate(all));
		state_acting(&service, &alice, &acting);
		STATE_IS(0, &acting);
		MUST(imp_impersonate(files));
		state_acting_on_files(&service, &bob, &acting);
		STATE_IS(0, &acting);
	}
	imp_revert();
	STATE_IS(0, &service);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"threads-apart", threads_apart},
		{"level-access", level_access},
		{"groups", groups},
		{"account-groups", account_groups},
		{"own-groups", own_groups},
		{"no-capabilities", no_capabilities},
		{"untouchable", untouchable},
		{"connections", connections},
		{"scope-files", scope_files},
		{"scopes-mixed", scopes_mixed},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
