/* SPDX-License-Identifier: MIT */
/* A command below this process, which stays for its end and passes on what is sent to it. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/message.h"
#include "run-as.h"

static sigset_t mask_before;
static struct sigaction child_before;

/* All that can be blocked and still makes sense blocked. */
static sigset_t block_signals(void)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
	const struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&all, faults[i]);
	sigprocmask(SIG_SETMASK, &all, &mask_before);
	/* Ignored, the end of a child would leave nothing to wait for. */
	sigaction(SIGCHLD, &by_default, &child_before);
	return all;
}

int take_signals(void)
{
	sigset_t all = block_signals();
	int fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd < 0)
		die(EXIT_FAILED, "cannot wait for signals: %s", reason_of(-errno));
	return fd;
}

void give_signals_back(void)
{
	sigaction(SIGCHLD, &child_before, NULL);
	sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

void send_signal(const struct target *target, pid_t pid, int number)
{
	int status;

	if (kill(pid, number) == 0 || errno != EPERM)
		return;
	/* A caller with the two capabilities alone may not; the user may. */
	pid_t helper = fork_as_target(target);

	if (helper == 0) {
		kill(pid, number);
		_exit(0);
	}
	while (waitpid(helper, &status, 0) < 0 && errno == EINTR)
		;
}

/* What the terminal sends goes to all of its foreground group, the command in it too. */
static bool has_had_it(const struct options *options, const siginfo_t *info, pid_t command)
{
	if (info->si_code > 0 && !options->session)
		return true;
	return info->si_code <= 0 && info->si_pid == command;
}

static void pass_on(const struct options *options, const struct target *target,
		    const siginfo_t *info, pid_t command)
{
	int number = info->si_signo;

	switch (number) {
	case SIGWINCH:
	case SIGTTIN:
	case SIGTTOU:
	case SIGPIPE:
		break;
	case SIGCONT:
		send_signal(target, command, number);
		break;
	default:
		if (!has_had_it(options, info, command))
			send_signal(target, command, number);
	}
}

int run_below(const struct options *options, const struct target *target)
{
	sigset_t all = block_signals();
	pid_t command = fork();

	if (command < 0)
		die(EXIT_FAILED, "cannot fork: %s", reason_of(-errno));
	if (command == 0) {
		give_signals_back();
		run_command(options, target);
	}
	for (;;) {
		siginfo_t info;
		int status;

		if (sigwaitinfo(&all, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			pass_on(options, target, &info, command);
			continue;
		}
		if (waitpid(command, &status, WNOHANG | WUNTRACED) != command)
			continue;
		if (!WIFSTOPPED(status))
			return exit_status_of(status);
		/* So that the shell that waits for us sees it; what continues us continues it. */
		if (!options->session)
			raise(SIGSTOP);
	}
}
