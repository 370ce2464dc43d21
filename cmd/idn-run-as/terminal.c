/* SPDX-License-Identifier: MIT */
/* The two terminals of --pty: the caller's, and the one that the command gets. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/message.h"
#include "terminal.h"

/* ------------------------------------------------------------------- the command's terminal -- */

static int send_descriptor(int socket, int fd)
{
	char byte = 0;
	struct iovec data = {&byte, 1};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	return sendmsg(socket, &message, 0) < 0 ? -errno : 0;
}

static int receive_descriptor(int socket)
{
	char byte;
	struct iovec data = {&byte, 1};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int fd = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) > 0 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

/* The kernel gives a terminal to who opens its other end: the user is to open it. */
static int open_master(const struct target *target)
{
	int ends[2], status;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		die(EXIT_FAILED, "cannot make a socket: %s", reason_of(-errno));

	pid_t pid = fork_as_target(target);

	if (pid == 0) {
		int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
		int error = fd < 0 ? -errno : send_descriptor(ends[1], fd);

		if (error < 0)
			complain_of("%s: cannot make a terminal: %s", target->said,
				    reason_of(error));
		_exit(error < 0);
	}
	close(ends[1]);

	int master = receive_descriptor(ends[0]);

	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (master < 0)
		exit(EXIT_FAILED); /* it has been said why */
	return master;
}

static void open_pair(struct terminals *terminals, const struct target *target)
{
	int unlocked = 0;

	terminals->master = open_master(target);
	if (ioctl(terminals->master, TIOCSPTLCK, &unlocked) == 0)
		terminals->slave =
			ioctl(terminals->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminals->slave < 0 || fcntl(terminals->master, F_SETFL, O_NONBLOCK) < 0)
		die(EXIT_FAILED, "%s: cannot open its terminal: %s", target->said,
		    reason_of(-errno));
}

/* --------------------------------------------------------------------- the caller's terminal -- */

/*
 * A descriptor that is a terminal becomes the command's terminal; a file or pipe stays what it is,
 * so that no byte of it changes.  Where none is a terminal, all three do: one was asked for.
 */
static void find_callers(struct terminals *terminals)
{
	bool any = false;

	terminals->callers = -1;
	for (int fd = 0; fd < 3; fd++) {
		terminals->replace[fd] = isatty(fd);
		any = any || terminals->replace[fd];
		if (terminals->replace[fd] && terminals->callers < 0)
			terminals->callers = fd;
	}
	for (int fd = 0; fd < 3 && !any; fd++)
		terminals->replace[fd] = true;

	terminals->output = terminals->replace[1] || !any ? 1 : terminals->callers;
	terminals->input = terminals->replace[0] ? 0 : -1;
	/* A pager between a pipe and a screen takes its keys from /dev/tty. */
	if (terminals->input < 0 && terminals->replace[1])
		terminals->input = terminals->callers;
}

static void set_up(const struct terminals *terminals)
{
	struct termios modes;

	if (terminals->callers >= 0) {
		if (tcgetattr(terminals->callers, &modes) == 0)
			tcsetattr(terminals->slave, TCSANOW, &modes);
	} else if (tcgetattr(terminals->slave, &modes) == 0) {
		/* Nobody sees what is typed, nor needs the ends of lines turned for a screen. */
		modes.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ISIG);
		modes.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
		modes.c_oflag &= ~(tcflag_t)OPOST;
		tcsetattr(terminals->slave, TCSANOW, &modes);
	}
	terminals_copy_size(terminals);
}

void terminals_open(struct terminals *terminals, const struct target *target)
{
	*terminals = (struct terminals){.master = -1, .slave = -1};
	find_callers(terminals);
	open_pair(terminals, target);
	set_up(terminals);
}

void terminals_copy_size(const struct terminals *terminals)
{
	struct winsize size;

	if (terminals->callers >= 0 && ioctl(terminals->callers, TIOCGWINSZ, &size) == 0)
		(void)ioctl(terminals->master, TIOCSWINSZ, &size);
}

bool terminals_in_foreground(const struct terminals *terminals)
{
	return terminals->callers < 0 || tcgetpgrp(terminals->callers) == getpgrp();
}

void terminals_go_raw(struct terminals *terminals)
{
	struct termios raw;

	if (terminals->callers < 0 || terminals->input != terminals->callers || terminals->raw ||
	    !terminals_in_foreground(terminals) ||
	    tcgetattr(terminals->callers, &terminals->saved) < 0)
		return;
	raw = terminals->saved;
	cfmakeraw(&raw);
	terminals->raw = tcsetattr(terminals->callers, TCSADRAIN, &raw) == 0;
}

void terminals_restore(struct terminals *terminals)
{
	if (terminals->raw)
		tcsetattr(terminals->callers, TCSADRAIN, &terminals->saved);
	terminals->raw = false;
}
