/* SPDX-License-Identifier: MIT */
/*
 * The tracer: it stops threads where they make a call that is looked at, and where that returns,
 * and hands on what was refused.  Stops are all it knows of; what a call means is calls.c's, and
 * whom the command runs as is run.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/message.h"
#include "trace.h"

/* What is killed with us: nothing stays stopped, waiting for a tracer that is gone. */
#define OPTIONS                                                                                    \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |     \
	 PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)
#define SYSCALL_STOP (SIGTRAP | 0x80)

/* A thread between the entry of a call and its exit. */
struct pending {
	pid_t tid;
	const struct call *call;
	uint64_t arguments[6];
};

struct tracer {
	struct trace *trace; /* started: until then it is us who make the calls */
	bool filtered;	     /* else every call of every thread stops it */
	bool suspends; /* the command has sent itself SIGSTOP, as a shell does for "suspend" */
	size_t n_pending, room;
	struct pending *pending;
	void (*refused)(const struct refused_call *call, void *data);
	void *data;
	int status;
};

static void handle_signals(pid_t command);
static void leave_signals(void);
static void stopped(struct tracer *tracer, pid_t tid, int status);

int trace_run(struct trace *trace, void (*refused)(const struct refused_call *call, void *data),
	      void *data)
{
	struct tracer tracer = {.trace = trace, .refused = refused, .data = data};

	handle_signals(trace->pid);
	for (;;) {
		int status;
		pid_t tid = waitpid(-1, &status, __WALL);

		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			break; /* there is nobody left */
		if (WIFSTOPPED(status)) {
			stopped(&tracer, tid, status);
			continue;
		}
		for (size_t i = 0; i < tracer.n_pending; i++)
			if (tracer.pending[i].tid == tid)
				tracer.pending[i--] = tracer.pending[--tracer.n_pending];
		if (tid == trace->pid) {
			tracer.status = status;
			leave_signals();
		}
	}
	free(tracer.pending);
	return tracer.status;
}

/* ------------------------------------------------------------------------------- pending -- */

static struct pending *find_pending(const struct tracer *tracer, pid_t tid)
{
	for (size_t i = 0; i < tracer->n_pending; i++)
		if (tracer->pending[i].tid == tid)
			return &tracer->pending[i];
	return NULL;
}

static void forget_pending(struct tracer *tracer, pid_t tid)
{
	struct pending *found = find_pending(tracer, tid);

	if (found)
		*found = tracer->pending[--tracer->n_pending];
}

static void add_pending(struct tracer *tracer, pid_t tid, const struct call *call,
			const uint64_t arguments[6])
{
	forget_pending(tracer, tid);
	if (tracer->n_pending == tracer->room) {
		tracer->room = tracer->room ? tracer->room * 2 : 16;
		tracer->pending =
			reallocarray(tracer->pending, tracer->room, sizeof(*tracer->pending));
		if (!tracer->pending)
			die(EXIT_FAILED, "%s", reason_of(-ENOMEM));
	}

	struct pending *added = &tracer->pending[tracer->n_pending++];

	*added = (struct pending){.tid = tid, .call = call};
	for (size_t i = 0; i < 6; i++)
		added->arguments[i] = arguments[i];
}

/* --------------------------------------------------------------------------------- stops -- */

/* A thread that was killed meanwhile is no error: its end is the next that is heard of it. */
static void resume(const struct tracer *tracer, pid_t tid, int signal)
{
	bool to_exit = !tracer->filtered || find_pending(tracer, tid);

	ptrace(to_exit ? PTRACE_SYSCALL : PTRACE_CONT, tid, NULL, (long)signal);
}

static bool is_about_files(int error)
{
	return error == EACCES || error == EPERM || error == EROFS;
}

/* Until the command runs, only running it counts. */
static bool counts(const struct tracer *tracer, const struct call *call)
{
	return tracer->trace->started || call->number == SYS_execve || call->number == SYS_execveat;
}

static void entered(struct tracer *tracer, pid_t tid, const struct call *call,
		    const __uint64_t *arguments)
{
	uint64_t copy[6];

	for (size_t i = 0; i < 6; i++)
		copy[i] = arguments[i];
	if (call && counts(tracer, call) && call_matters(call, copy))
		add_pending(tracer, tid, call, copy);
}

static void left(struct tracer *tracer, pid_t tid, int64_t result, bool failed)
{
	struct pending *pending = find_pending(tracer, tid);

	if (pending && failed && is_about_files((int)-result)) {
		struct refused_call refused = {
			.tid = tid,
			.call = pending->call,
			.error = (int)-result,
			.search = !tracer->trace->started,
		};

		for (size_t i = 0; i < 6; i++)
			refused.arguments[i] = pending->arguments[i];
		tracer->refused(&refused, tracer->data);
	}
	forget_pending(tracer, tid);
}

static const struct call *call_of_stop(const struct __ptrace_syscall_info *info)
{
	size_t count;
	const struct call *table = calls(&count);

	/* The filter says which; another one, of the command's own, may say anything. */
	if (info->seccomp.ret_data < count &&
	    (uint64_t)table[info->seccomp.ret_data].number == info->seccomp.nr)
		return &table[info->seccomp.ret_data];
	return call_of_number(info->seccomp.nr);
}

static void at_call(struct tracer *tracer, pid_t tid)
{
	struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
		return;
	/* Other architectures have other numbers: such a program is let run. */
	if (info.arch != tracer->trace->shared->architecture)
		forget_pending(tracer, tid);
	else if (info.op == PTRACE_SYSCALL_INFO_SECCOMP)
		entered(tracer, tid, call_of_stop(&info), info.seccomp.args);
	else if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		entered(tracer, tid, call_of_number(info.entry.nr), info.entry.args);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		left(tracer, tid, info.exit.rval, info.exit.is_error);
}

/* Whichever thread did it has the id of the first one now, and the others are gone. */
static void executed(struct tracer *tracer, pid_t tid)
{
	unsigned long former;

	if (ptrace(PTRACE_GETEVENTMSG, tid, NULL, &former) == 0)
		forget_pending(tracer, (pid_t)former);
	forget_pending(tracer, tid);
	if (tid == tracer->trace->pid) {
		tracer->trace->started = true;
		tracer->filtered = tracer->trace->shared->filtered;
	}
}

/*
 * Stopped as a job is, by its terminal or by itself?  Then the shell that waits for us is to see
 * it, and continues us with the command.  Whom another stops, that one may continue without us.
 */
static bool stops_job(const struct tracer *tracer, pid_t tid, int signal)
{
	if (tid != tracer->trace->pid)
		return false;
	return signal == SIGSTOP ? tracer->suspends : getpgid(tid) == getpgrp();
}

static void note_stop(struct tracer *tracer, pid_t tid)
{
	pid_t command = tracer->trace->pid;
	siginfo_t info;

	if (tid == command && ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) == 0)
		tracer->suspends = info.si_code <= 0 && info.si_pid == command;
}

static void stopped(struct tracer *tracer, pid_t tid, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;

	if (signal == SYSCALL_STOP || event == PTRACE_EVENT_SECCOMP) {
		at_call(tracer, tid);
	} else if (event == PTRACE_EVENT_EXEC) {
		executed(tracer, tid);
	} else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
		/* It stays stopped, and can be continued. */
		ptrace(PTRACE_LISTEN, tid, NULL, NULL);
		if (stops_job(tracer, tid, signal))
			raise(SIGSTOP);
		return;
	} else if (!event && signal == SIGSTOP) {
		note_stop(tracer, tid);
	}
	/* What is no event is a signal, and its to have. */
	resume(tracer, tid, event || signal == SYSCALL_STOP ? 0 : signal);
}

/* ------------------------------------------------------------------------------- signals -- */

/* For the handler. */
static volatile sig_atomic_t command_pid;

/* What the terminal sends it has had: it goes to the whole foreground group. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	int before = errno;

	(void)context;
	if (info->si_code <= 0 && info->si_pid != command_pid && command_pid > 0)
		kill(command_pid, number);
	errno = before;
}

static const int of_the_tool[] = {
	SIGKILL, SIGSTOP, SIGCHLD, SIGWINCH, SIGSEGV, SIGBUS,
	SIGFPE,	 SIGILL,  SIGABRT, SIGTRAP,  SIGSYS,
};
/* From the background, too, what there is to say is said; and a closed pipe does not end the
 * command. */
static const int ignored[] = {SIGTTIN, SIGTTOU, SIGPIPE};

static bool is_one_of(int number, const int *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == number)
			return true;
	return false;
}

static void handle_signals(pid_t command)
{
	struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t none;

	command_pid = command;
	for (int number = 1; number <= SIGRTMAX; number++) {
		if (is_one_of(number, ignored, sizeof(ignored) / sizeof(ignored[0])))
			sigaction(number, &ignore, NULL);
		else if (!is_one_of(number, of_the_tool,
				    sizeof(of_the_tool) / sizeof(of_the_tool[0])))
			sigaction(number, &action, NULL); /* but the C library's own */
	}
	/* The command has the mask that it was given; here it would hold back what is to be passed.
	 */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What the command has left running ends with us, where we are asked to end. */
static void leave_signals(void)
{
	static const int ending[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
	struct sigaction by_default = {.sa_handler = SIG_DFL};

	command_pid = 0;
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaction(ending[i], &by_default, NULL);
}

/* ------------------------------------------------------------------------------ beginning -- */

static void wait_for_go(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(EXIT_FAILED); /* it could not be traced, which is being said */
	close(fd);
}

/* Any stop will do: the kernel says which kind of system calls the child makes. */
static int learn_architecture(pid_t pid, uint32_t *architecture)
{
	struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
	int status;

	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		return -errno;
	if (waitpid(pid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		return -ESRCH;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0)
		return errno == EIO ? -ENOSYS : -errno;
	*architecture = info.arch;
	/* A signal that came first is sent again, and everything else comes again by itself. */
	int signal = status >> 16 ? 0 : WSTOPSIG(status);

	return ptrace(PTRACE_CONT, pid, NULL, (long)signal) < 0 ? -errno : 0;
}

static int seize(struct trace *trace, int go)
{
	int error = 0;

	if (ptrace(PTRACE_SEIZE, trace->pid, NULL, (long)OPTIONS) < 0)
		error = -errno;
	if (error == 0)
		error = learn_architecture(trace->pid, &trace->shared->architecture);
	if (error == 0 && write(go, "", 1) != 1)
		error = -errno;
	return error;
}

int trace_fork(struct trace *trace)
{
	struct sigaction by_default = {.sa_handler = SIG_DFL}, before;
	int go[2], error;

	trace->shared = mmap(NULL, sizeof(*trace->shared), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (trace->shared == MAP_FAILED)
		return -errno;
	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	/* Ignored, the end of a child would leave nothing to wait for. */
	sigaction(SIGCHLD, &by_default, &before);
	trace->pid = fork();
	if (trace->pid < 0)
		return -errno;
	if (trace->pid == 0) {
		sigaction(SIGCHLD, &before, NULL);
		close(go[1]);
		wait_for_go(go[0]);
		return 0;
	}
	close(go[0]);
	error = seize(trace, go[1]);
	close(go[1]);
	if (error < 0) {
		kill(trace->pid, SIGKILL);
		while (waitpid(trace->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	return error;
}
