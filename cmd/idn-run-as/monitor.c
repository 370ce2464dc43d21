/* SPDX-License-Identifier: MIT */
/*
 * The leader of the new session.  Not the relay, which stays in the caller's session; and not the
 * command, since a process whose parent is in another session cannot be stopped from the terminal.
 * It is the caller's still, and nothing of the user's can reach it but SIGCONT.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/message.h"
#include "monitor.h"

static _Noreturn void be_command(const struct options *options, const struct target *target,
				 const struct terminals *terminals)
{
	struct options inside = *options;

	/* In a group of its own, in front; SIGTTOU is blocked here still. */
	setpgid(0, 0);
	tcsetpgrp(terminals->slave, getpid());
	for (int fd = 0; fd < 3; fd++)
		if (terminals->replace[fd] && dup2(terminals->slave, fd) < 0)
			die(EXIT_FAILED, "cannot take the terminal: %s", reason_of(-errno));
	give_signals_back();
	inside.session = false;
	run_command(&inside, target);
}

/* Ends with the command. */
static void report(pid_t command, int relay)
{
	int status;

	while (waitpid(command, &status, WNOHANG | WUNTRACED) == command) {
		(void)!send(relay, &status, sizeof(status), MSG_NOSIGNAL);
		if (!WIFSTOPPED(status))
			_exit(EXIT_SUCCESS);
	}
}

static void obey(const struct target *target, pid_t command, int relay)
{
	int number;

	/* Without the relay there is nobody to work for: the end of the leader ends the session. */
	if (recv(relay, &number, sizeof(number), 0) != sizeof(number))
		_exit(EXIT_FAILED);
	send_signal(target, number == SIGCONT ? -command : command, number);
}

_Noreturn void monitor_command(const struct options *options, const struct target *target,
			       const struct terminals *terminals, int signals, int relay)
{
	close(terminals->master);
	if (setsid() < 0 || ioctl(terminals->slave, TIOCSCTTY, 0) < 0)
		die(EXIT_FAILED, "%s: cannot start a session: %s", target->said, reason_of(-errno));

	pid_t command = fork();

	if (command < 0)
		die(EXIT_FAILED, "cannot fork: %s", reason_of(-errno));
	if (command == 0)
		be_command(options, target, terminals);
	setpgid(command, command);
	close(terminals->slave);

	struct pollfd waits[] = {{.fd = signals, .events = POLLIN},
				 {.fd = relay, .events = POLLIN}};

	for (;;) {
		struct signalfd_siginfo ignored;

		if (poll(waits, 2, -1) < 0)
			continue;
		if (waits[0].revents)
			while (read(signals, &ignored, sizeof(ignored)) > 0)
				;
		report(command, relay);
		if (waits[1].revents)
			obey(target, command, relay);
	}
}
