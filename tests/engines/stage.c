/* SPDX-License-Identifier: MIT */
/* The three root directories, the services of either engine, and processes of users. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engines.h"
#include "lib/check.h"

const char *const way_roots[WAYS] = {"/tmp/plain", "/tmp/thread", "/tmp/ring"};

const char *service_socket(enum way way)
{
	return way == WAY_RING ? "/run/ring.socket" : "/run/thread.socket";
}

/* ------------------------------------------------------------------------------------ roots -- */

static void make_directory(const char *root, const char *name, const char *kind, const char *from)
{
	char path[PATH_ROOM];

	snprintf(path, sizeof(path), "%s%s", root, name);
	if (mkdir(path, 0755) < 0)
		broken("mkdir %s", path);
	if (mount(from, path, kind, kind ? 0 : MS_BIND | MS_REC, kind ? "mode=0755" : NULL) < 0)
		broken("mount %s", path);
}

static void outside_name(enum way way, char name[PATH_ROOM])
{
	snprintf(name, PATH_ROOM, "engines.%d.%d", getpid(), (int)way);
}

/* On a tmpfs too, or on the file system that is to be tried. */
static void make_top(const struct stage *stage, enum way way)
{
	char name[PATH_ROOM], path[2 * PATH_ROOM];

	if (stage->outside < 0) {
		make_directory(way_roots[way], "/w", "tmpfs", "engines");
		return;
	}
	outside_name(way, name);
	if (mkdirat(stage->outside, name, 0755) < 0)
		broken("mkdir %s", name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", stage->outside, name);
	make_directory(way_roots[way], "/w", NULL, path);
}

/* A top on each of two file systems; and /proc, /run as all have them. */
static void make_roots(struct stage *stage)
{
	umask(0);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		SKIP("needs a mount namespace: %s", strerror(errno));
	/* Before something lies over it. */
	stage->outside = stage->directory ? open(stage->directory, O_PATH | O_CLOEXEC) : -1;
	if (stage->directory && stage->outside < 0)
		broken("%s", stage->directory);
	if (mount("engines", "/tmp", "tmpfs", 0, "mode=0755") < 0 ||
	    mount("engines", "/run", "tmpfs", 0, "mode=0755") < 0)
		SKIP("needs to mount a tmpfs: %s", strerror(errno));
	for (enum way way = 0; way < WAYS; way++) {
		make_directory(way_roots[way], "", "tmpfs", "engines");
		make_directory(way_roots[way], "/proc", NULL, "/proc");
		make_directory(way_roots[way], "/run", NULL, "/run");
		make_top(stage, way);
		make_directory(way_roots[way], "/m", "tmpfs", "engines");
	}
}

static void enter_root(enum way way)
{
	if (chroot(way_roots[way]) < 0 || chdir("/") < 0)
		broken("chroot %s", way_roots[way]);
}

/* --------------------------------------------------------------------------------- services -- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, USERS) < 0)
		broken("listen %s", path);
	return fd;
}

static void become(const struct imp_become *become)
{
	const char *step = "";
	int error = imp_become(become, &step);

	errno = -error;
	if (error < 0)
		broken("imp_become: %s", step);
}

static void start_ring(const struct actor *actor)
{
	const struct imp_ring_options options = {
		.listen_fd = actor->listener,
		.policy = actor->policy,
		.seats = 2,
	};
	const char *problem = "";
	int error = imp_ring_start(&options, &problem);

	if (error == -ENOTSUP)
		SKIP("needs the ring engine: %s", problem);
	errno = -error;
	if (error < 0)
		broken("imp_ring_start: %s", problem);
}

static _Noreturn void be_service(const struct stage *stage, enum way way, int peer)
{
	struct actor actor = {
		.calls = &library_calls,
		.listener = listen_at(service_socket(way)),
		.engine = way == WAY_RING ? IMP_ENGINE_RING : IMP_ENGINE_THREAD,
		.defect = stage->defect,
	};
	const uint64_t both = 1ull << CAP_SETUID | 1ull << CAP_SETGID;
	const struct imp_become ordinary = {
		.uid = SERVICE_ID,
		.gid = SERVICE_ID,
		.capabilities = way == WAY_RING ? 0 : both,
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The account is looked up now: there is none in the root directory to come. */
	if (imp_policy_new(&actor.policy) < 0 ||
	    imp_policy_set(actor.policy, "impersonation", "anonymous_user", "nobody") < 0)
		broken("imp_policy_new");
	if (imp_prepare_runtime_dir() < 0)
		broken("imp_prepare_runtime_dir");
	if (way == WAY_RING)
		start_ring(&actor);
	enter_root(way);
	become(&ordinary);
	if (imp_prepare() < 0)
		broken("imp_prepare");
	actor_play(&actor, peer);
}

static pid_t start(int peers[2])
{
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, peers) < 0)
		broken("socketpair");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		broken("fork");
	close(peers[pid == 0 ? 0 : 1]);
	return pid;
}

static _Noreturn void no_service(const struct stage *stage, enum way way)
{
	int status;

	if (waitpid(stage->pids[way], &status, 0) == stage->pids[way] && WIFEXITED(status) &&
	    WEXITSTATUS(status) == SKIPPED)
		exit(SKIPPED);
	broken("the %s service does not start", way == WAY_RING ? "ring" : "thread");
}

static void service_start(struct stage *stage, enum way way)
{
	int peers[2];

	stage->pids[way] = start(peers);
	if (stage->pids[way] == 0)
		be_service(stage, way, peers[1]);
	stage->services[way] = peers[0];

	/* It listens, and is who it is to be, once it answers. */
	struct command command = {.work = WORK_RELEASE};
	struct answer answer;

	if (send(peers[0], &command, sizeof(command), MSG_NOSIGNAL) != sizeof(command) ||
	    recv(peers[0], &answer, sizeof(answer), 0) != sizeof(answer))
		no_service(stage, way);
}

void stage_make(struct stage *stage)
{
	const struct passwd *anonymous;

	if (geteuid() != 0)
		SKIP("needs root");
	anonymous = getpwnam("nobody");
	if (!anonymous)
		SKIP("needs an account nobody");
	stage->anonymous_uid = anonymous->pw_uid;
	stage->anonymous_gid = anonymous->pw_gid;
	make_roots(stage);
	service_start(stage, WAY_THREAD);
	if (stage->ring)
		service_start(stage, WAY_RING);
}

void stage_end(struct stage *stage)
{
	const enum way last = stage->ring ? WAY_RING : WAY_THREAD;

	/* The second one has inherited the first one's. */
	for (enum way way = WAY_THREAD; way <= last; way++)
		close(stage->services[way]);
	for (enum way way = WAY_THREAD; way <= last; way++) {
		int status;

		if (waitpid(stage->pids[way], &status, 0) < 0 || status != 0)
			broken("a service ended with status %#x", (unsigned)status);
	}
	for (enum way way = 0; stage->outside >= 0 && way < WAYS; way++) {
		char name[PATH_ROOM];

		outside_name(way, name);
		if (unlinkat(stage->outside, name, AT_REMOVEDIR) < 0)
			broken("rmdir %s", name);
	}
}

/* ------------------------------------------------------------------------------------ users -- */

static void connect_to(enum way way, enum imp_level level)
{
	/* Open as long as the process lives. */
	int fd = imp_connect_unix(service_socket(way), level);

	errno = -fd;
	if (fd < 0)
		broken("imp_connect_unix");
}

/*
 * Whom a service may act as, of those that connect: not root, which is identified and no more
 * (privileged_clients), nor who has no number here, and is told to be the last but one of 16 bits.
 */
static bool is_itself(const struct person *person)
{
	return person->level >= IMP_LEVEL_IMPERSONATION && person->uid != 0 && person->uid != 65534;
}

static void go_on_as_anonymous(const struct stage *stage)
{
	const struct imp_become nobody = {.uid = stage->anonymous_uid, .gid = stage->anonymous_gid};

	become(&nobody);
}

static _Noreturn void be_client(const struct stage *stage, const struct person *person, mode_t mask,
				int peer)
{
	struct actor actor = {.calls = &plain_calls};
	const bool known = is_itself(person);
	const struct imp_become user = {
		.uid = person->uid,
		.gid = person->gid,
		.groups = person->groups,
		.n_groups = person->n_groups,
		.capabilities = known ? 0 : 1ull << CAP_SETUID | 1ull << CAP_SETGID,
		.effective = true,
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter_root(WAY_PLAIN);
	become(&user);
	connect_to(WAY_THREAD, person->level);
	if (stage->ring)
		connect_to(WAY_RING, person->level);
	if (!known)
		go_on_as_anonymous(stage);
	umask(mask);
	actor_play(&actor, peer);
}

pid_t client_start(const struct stage *stage, const struct person *person, mode_t mask, int *peer)
{
	int peers[2];
	pid_t pid = start(peers);

	if (pid == 0)
		be_client(stage, person, mask, peers[1]);
	*peer = peers[0];
	return pid;
}

void client_admit(const struct stage *stage, int user, mode_t mask)
{
	const struct command command = {.work = WORK_ADMIT, .user = user, .mode = mask};
	struct answer answer;

	for (enum way way = WAY_THREAD; way <= (stage->ring ? WAY_RING : WAY_THREAD); way++)
		if (send(stage->services[way], &command, sizeof(command), MSG_NOSIGNAL) !=
			    sizeof(command) ||
		    recv(stage->services[way], &answer, sizeof(answer), 0) != sizeof(answer))
			broken("a client is not admitted");
}
