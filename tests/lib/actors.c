/* SPDX-License-Identifier: MIT */
/* The actors: services of either kind, and clients that connect to them; see check.h. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* --------------------------------------------------------------------------------- service -- */

void become_service(const char *kind)
{
	const char *step = "";
	struct imp_become become = {
		.uid = SERVICE_ID,
		.gid = SERVICE_ID,
		.capabilities = 1ull << CAP_SETUID | 1ull << CAP_SETGID,
		.limit_bounding = true,
	};

	if (geteuid() != 0)
		SKIP("needs root");
	MUST(imp_prepare_runtime_dir());
	if (strcmp(kind, "root") == 0)
		return;
	if (strcmp(kind, "none") == 0)
		become.capabilities = 0;
	else if (strcmp(kind, "no-setuid") == 0)
		become.capabilities = 1ull << CAP_SETGID;
	else if (strcmp(kind, "no-setgid") == 0)
		become.capabilities = 1ull << CAP_SETUID;
	else if (strcmp(kind, "ordinary") != 0)
		FAIL("kind: expected root or ordinary, saw %s", kind);

	int error = imp_become(&become, &step);

	if (error < 0)
		FAIL("imp_become: expected 0, saw %s: %s", step, strerror(-error));
}

/* ----------------------------------------------------------------------------------- files -- */

/* Made at first use, by whoever is root then; everyone may write to it. */
static const char *directory(void)
{
	static char path[64];
	const char *world = getenv("WORLD");

	if (path[0])
		return path;
	if (!world)
		SKIP("needs WORLD, a scratch directory");
	snprintf(path, sizeof(path), "%.40s/run.XXXXXX", world);
	if (!mkdtemp(path))
		SKIP("needs a scratch directory: %s: %s", path, strerror(errno));
	SYSTEM(chmod(path, 01777));
	return path;
}

const char *scratch(const char *name)
{
	static _Thread_local char paths[4][256];
	static _Thread_local unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory(), name);
	return path;
}

const char *scratch_file(const char *name, uid_t uid, gid_t gid, unsigned mode)
{
	const char *path = scratch(name);
	int fd = (int)SYSTEM(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));

	SAME(write(fd, "x", 1), 1);
	SYSTEM(fchown(fd, uid, gid));
	SYSTEM(fchmod(fd, mode));
	close(fd);
	return path;
}

/* --------------------------------------------------------------------------------- clients -- */

void turn_into(const struct who *who)
{
	SYSTEM(setgroups(who->n_groups, who->groups));
	SYSTEM(setresgid(who->gid, who->gid, who->gid));
	SYSTEM(setresuid(who->uid, who->uid, who->uid));
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		FAIL("%s: expected a path that fits a socket's address, saw %zu bytes", path,
		     strlen(path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	return address;
}

void (*client_begins)(void);

static _Noreturn void be_client(const struct who *who, const char *name, size_t length,
				const struct sockaddr_un *service)
{
	struct sockaddr_un own = {.sun_family = AF_UNIX};
	int fd = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	char byte;

	turn_into(who);
	if (client_begins)
		client_begins();
	if (name) {
		memcpy(own.sun_path + 1, name, length);
		SYSTEM(bind(fd, (struct sockaddr *)&own,
			    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)));
	}
	SYSTEM(connect(fd, (const struct sockaddr *)service, sizeof(*service)));
	while (read(fd, &byte, 1) > 0)
		;
	_exit(PASSED);
}

int client_bound(const struct who *who, const char *name, size_t length)
{
	static unsigned number;
	char path_name[32];
	int alive[2];

	snprintf(path_name, sizeof(path_name), "socket.%u", number++);
	struct sockaddr_un service = address_of(scratch(path_name));
	int listener = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	SYSTEM(bind(listener, (struct sockaddr *)&service, sizeof(service)));
	SYSTEM(chmod(service.sun_path, 0777));
	SYSTEM(listen(listener, 1));
	SYSTEM(pipe2(alive, O_CLOEXEC));

	pid_t child = (pid_t)SYSTEM(fork());

	if (child == 0) {
		close(alive[0]);
		close(listener);
		be_client(who, name, length, &service);
	}
	close(alive[1]);

	/* Either it connects, or it ends and has said why. */
	struct pollfd events[] = {{.fd = listener, .events = POLLIN}, {.fd = alive[0]}};

	SYSTEM(poll(events, 2, -1));
	if (!(events[0].revents & POLLIN)) {
		wait_for(child);
		_exit(FAILED);
	}

	int fd = (int)SYSTEM(accept4(listener, NULL, NULL, SOCK_CLOEXEC));

	close(listener);
	close(alive[0]);
	unlink(service.sun_path);
	return fd;
}

int client_at(const struct who *who, const char *level)
{
	static unsigned number;
	char name[64];

	if (!level)
		return client_bound(who, NULL, 0);
	int length = snprintf(name, sizeof(name), "impersonate/%s/%x%08x", level,
			      (unsigned)getpid(), number++);

	return client_bound(who, name, (size_t)length);
}

struct imp_token *token_at(const struct who *who, const char *level, struct imp_policy *policy)
{
	struct imp_token *token = NULL;
	int fd = client_at(who, level);

	MUST(imp_token_from_connection(fd, policy, &token));
	close(fd);
	return token;
}

void wait_for(pid_t child)
{
	int status;

	SYSTEM(waitpid(child, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		_exit(SKIPPED);
	if (WIFSIGNALED(status))
		FAIL("the other process: expected an exit, saw: %s", strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status) != PASSED)
		_exit(FAILED); /* it has said why */
}

/* ---------------------------------------------------------------------------------- faults -- */

void make_a_hundred_calls(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	static _Thread_local gid_t groups[MOST_GROUPS];
	long n_groups = syscall(SYS_getgroups, MOST_GROUPS, groups);
	uid_t ids[3];

	/* Whether these succeed does not matter, that they are made does; -1 groups are refused. */
	for (int i = 0; i < 100; i++) {
		syscall(SYS_getresuid, &ids[0], &ids[1], &ids[2]);
		syscall(SYS_getresgid, &ids[0], &ids[1], &ids[2]);
		if (i > 0) /* made above */
			syscall(SYS_getgroups, 0, NULL);
		syscall(SYS_setgroups, n_groups, groups);
		syscall(SYS_setresuid, -1, -1, -1);
		syscall(SYS_setresgid, -1, -1, -1);
		syscall(SYS_setfsuid, -1);
		syscall(SYS_setfsgid, -1);
		syscall(SYS_capset, &header, syscall(SYS_capget, &header, data) == 0 ? data : NULL);
		syscall(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
	}
}

/* ------------------------------------------------------------------------------------- log -- */

static char lines[8192];

static void remember(const struct imp_log_record *record, void *unused)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	(void)unused;
	pthread_mutex_lock(&lock);
	size_t used = strlen(lines);

	snprintf(lines + used, sizeof(lines) - used, "<%d>%s\n", record->priority, record->message);
	pthread_mutex_unlock(&lock);
}

const char *logged(void)
{
	return lines;
}

void log_forget(void)
{
	lines[0] = '\0';
}

static void say(const struct imp_log_record *record, void *unused)
{
	(void)unused;
	dprintf(STDERR_FILENO, "<%d>%s\n", record->priority, record->message);
}

void log_to_stderr(void)
{
	imp_set_log(say, NULL);
}

void log_to_memory(void)
{
	imp_set_log(remember, NULL);
}
