/* SPDX-License-Identifier: MIT */
/*
 * Whether a client is one.  As a client the service could connect to its own socket, pass that
 * connection to the broker, and keep both ends for good: nobody would be there to hang up.  To the
 * kernel it is the client who has connected (SO_PEERCRED has the effective uid); but the process
 * that did it has the service's real uid, and is in its cgroup (pidfd, Linux 6.13).
 */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/pidfd.h"
#include "ring/kin.h"

static int open_process(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

void kin_prepare(pid_t service, bool connects, struct kin *kin)
{
	struct pidfd_process process;

	*kin = (struct kin){.service = service, .pidfd = connects ? open_process(service) : -1};
	if (kin->pidfd >= 0 && pidfd_read_process(kin->pidfd, &process) < 0) {
		close(kin->pidfd);
		kin->pidfd = -1;
	}
}

bool kin_is_told(void)
{
	struct kin self;

	kin_prepare(getpid(), true, &self);
	if (self.pidfd >= 0)
		close(self.pidfd);
	return self.pidfd >= 0;
}

static int read_client(int connection, struct pidfd_process *process)
{
	int pidfd = imp_connection_pidfd(connection), error;

	if (pidfd < 0)
		return -ESRCH;
	error = pidfd_read_process(pidfd, process);
	close(pidfd);
	return error;
}

int kin_check(const struct kin *kin, int connection, const struct imp_token *token)
{
	struct pidfd_process service, client;
	int error;

	if (token->client->pid == kin->service)
		return -EPERM;
	if (kin->pidfd < 0)
		return 0;
	/* Each time: it may have given up its privilege since the last. */
	error = pidfd_read_process(kin->pidfd, &service);
	if (error < 0 || token->client->identity.view.uid == service.real_uid)
		return error;
	error = read_client(connection, &client);
	if (error < 0)
		return error;
	return client.real_uid == service.real_uid && client.cgroup == service.cgroup ? -EPERM : 0;
}
