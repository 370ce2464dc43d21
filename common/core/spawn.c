/* SPDX-License-Identifier: MIT */
/*
 * A command as a client, for good.
 *
 * The child has a copy of the service's memory, not that memory itself as of vfork(2): from its
 * change of identity to its exec it is a process of the client's, which the client may signal, and
 * may trace where fs.suid_dumpable is 1; and a core dump ends all who share a memory.  It is a copy
 * of one thread while others may hold any lock: all that is no system call is done before.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "become.h"
#include "capability.h"
#include "impersonate-thread.h"
#include "log.h"
#include "spawn-child.h"
#include "token.h"

enum { WAIT_FOR_PIDFD = 3 /* P_PIDFD, which the C library has not had for long */ };

/* The child's: shared with it, and nothing that it is trusted with. */
struct child {
	int error; /* negative; 0: none yet */
	const char *step;
	_Alignas(16) char stack[64 * 1024];
};

struct plan {
	const struct imp_spawn *command;
	char *const *environment;
	struct becoming becoming;
	bool no_new_privs;
	struct child *child;
};

static int make_plan(struct plan *plan, const struct imp_token *token, const char **step);
static int start(const struct plan *plan, pid_t *pid, const char **step);
static int be_child(void *data);
static void tell(const struct plan *plan, const struct imp_token *token, const char *step,
		 int error);
static void drop_plan(struct plan *plan);

int imp_spawn(struct imp_token *token, const struct imp_spawn *command, pid_t *pid)
{
	static char *const nothing[] = {NULL};
	const char *step = NULL;
	struct plan plan = {
		.command = command,
		.environment = command->environment ? command->environment : nothing,
	};

	if (!command->path || !command->arguments || !command->arguments[0])
		return -EINVAL;
	if (!token)
		token = thread_token();
	if (!token)
		return -ENOENT;

	int error = make_plan(&plan, token, &step);

	if (error == 0)
		error = start(&plan, pid, &step);
	if (error < 0 && step)
		tell(&plan, token, step, error);
	drop_plan(&plan);
	return error;
}

/* -------------------------------------------------------------------------------- before -- */

/* Both, whatever the identity, as for impersonating; none for what the thread is already. */
static int check_privilege(const struct plan *plan, uint64_t capabilities, const char **step)
{
	uint64_t permitted = plan->becoming.before.permitted;

	if (capabilities & ~permitted) {
		*step = "needs capabilities that the service has not";
		return -EPERM;
	}
	if ((permitted & CAPABILITIES_TO_SWITCH) == CAPABILITIES_TO_SWITCH ||
	    !becoming_another(&plan->becoming))
		return 0;
	*step = permitted & CAPABILITY(CAP_SETUID)
			? "needs CAP_SETGID, which is not in the permitted set"
			: "needs CAP_SETUID, which is not in the permitted set";
	return -EPERM;
}

static int make_plan(struct plan *plan, const struct imp_token *token, const char **step)
{
	if (imp_token_engine(token) == IMP_ENGINE_RING) {
		*step = "the ring engine runs no commands";
		return -ENOTSUP;
	}

	const struct imp_identity *access = &token_access(token)->view;
	const struct imp_become want = {
		.uid = access->uid,
		.gid = access->gid,
		.n_groups = access->n_groups,
		.groups = access->groups,
		.capabilities = token_capabilities(token),
		.effective = true,
		/* Of others than root exec leaves no more than these. */
		.ambient = access->uid != 0 && token_capabilities(token) != 0,
	};
	int error = becoming_prepare(&want, &plan->becoming, step);

	if (error == 0)
		error = check_privilege(plan, want.capabilities, step);
	if (error < 0)
		return error;
	*step = NULL;

	/* Root gets at exec what the bounding set has, or what it had without privilege to gain. */
	bool limit = plan->becoming.before.permitted & CAPABILITY(CAP_SETPCAP);

	plan->becoming.want.limit_bounding = access->uid == 0 && limit;
	plan->no_new_privs = access->uid == 0 && !limit;

	void *memory = mmap(NULL, sizeof(struct child), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	plan->child = memory;
	return 0;
}

static void drop_plan(struct plan *plan)
{
	if (plan->child)
		munmap(plan->child, sizeof(struct child));
	becoming_clear(&plan->becoming);
}

/* -------------------------------------------------------------------------------- in the child --
 */

/* As whoever the calling thread was: what belongs to the service goes first. */
static int leave_service(const struct plan *plan)
{
	int error = spawn_limit_time();

	if (error == 0)
		error = spawn_signals();
	if (error == 0)
		error = spawn_descriptors(plan->command);
	if (error == 0 && plan->command->new_session && setsid() < 0)
		error = -errno;
	return error;
}

static int become_client(const struct plan *plan, const char **step)
{
	int error = becoming_do(&plan->becoming, step);

	if (error == 0 && plan->no_new_privs) {
		*step = "cannot keep root from gaining capabilities";
		error = credentials_set_no_new_privs();
	}
	if (error == 0) {
		*step = "cannot leave the session keyring";
		error = credentials_leave_keyring();
	}
	return error;
}

/* As the client: whether it may search the directory, and run the program, is asked of it. */
static int run(const struct plan *plan)
{
	const struct imp_spawn *command = plan->command;
	sigset_t none;

	if (command->directory >= 0 && fchdir(SPAWN_DIRECTORY) < 0)
		return -errno;
	sigemptyset(&none);

	int error = pthread_sigmask(SIG_SETMASK, &none, NULL);

	if (error != 0)
		return -error;
	execve(command->path, command->arguments, plan->environment);
	return -errno;
}

/* Returns where it has failed; what it returns is its exit status. */
static int be_child(void *data)
{
	const struct plan *plan = data;
	const char *step = NULL;
	int error = leave_service(plan);

	if (error == 0)
		error = become_client(plan, &step);
	if (error == 0) {
		step = NULL;
		error = run(plan);
	}
	plan->child->step = step;
	plan->child->error = error;
	return 127;
}

/* -------------------------------------------------------------------------------- around it -- */

/*
 * Whether the child has ended without having run the command, which it is reaped for.  Until exec
 * it is a "clone" child (wait(2)), of which the service's own handlers of SIGCHLD and loops around
 * wait hear nothing, and that is kept for us also where SIGCHLD is ignored; exec makes it an
 * ordinary one.
 */
static bool has_ended_early(int pidfd)
{
	siginfo_t info;
	int result;

	do
		result = waitid((idtype_t)WAIT_FOR_PIDFD, (id_t)pidfd, &info,
				WEXITED | (int)__WCLONE);
	while (result < 0 && errno == EINTR);
	return result == 0;
}

/* The call returns when the child has called exec or has ended (CLONE_VFORK). */
static int start(const struct plan *plan, pid_t *pid, const char **step)
{
	struct child *child = plan->child;
	sigset_t all, before;
	int pidfd, cancel;

	/* No handler of the service's may run in the child. */
	sigfillset(&all);

	int error = -pthread_sigmask(SIG_SETMASK, &all, &before);

	if (error < 0)
		return error;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);

	pid_t new = clone(be_child, child->stack + sizeof(child->stack), CLONE_VFORK | CLONE_PIDFD,
			  (void *)plan, &pidfd);

	error = new < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0 && has_ended_early(pidfd))
		error = -EINTR;
	if (new >= 0 && child->error < 0) {
		error = child->error;
		*step = child->step;
	}
	if (new >= 0)
		close(pidfd);
	pthread_setcancelstate(cancel, NULL);
	if (error == 0)
		*pid = new;
	return error;
}

static void tell(const struct plan *plan, const struct imp_token *token, const char *step,
		 int error)
{
	const struct imp_log_record facts = {
		.priority = LOG_ERR,
		.event = IMP_EVENT_SWITCH_FAILED,
		.expected_uid = token_access(token)->view.uid,
		.actual_uid = plan->becoming.before.filesystem_uid,
		.error = error,
	};

	log_event(&facts, "cannot run a command as uid %u: %s: %s", facts.expected_uid,
		  becoming_step_text(&plan->becoming, step, error), log_error_text(-error));
}
