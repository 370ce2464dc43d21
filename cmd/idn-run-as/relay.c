/* SPDX-License-Identifier: MIT */
/*
 * --pty: what stays in the caller's session, and carries bytes and signals between the caller and
 * the command's terminal.  It is the caller's process all along.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/message.h"
#include "monitor.h"
#include "terminal.h"

/* More than a terminal holds: what is written after the command's end is not waited for. */
enum { LAST_BYTES = 256 << 10 };

struct buffer {
	size_t from, to;
	char bytes[8192];
};

struct relay {
	struct terminals terminals;
	int signals;
	int monitor;
	struct buffer in, out;
	bool master_closed, output_closed;
	bool ended;
	int status; /* of waitpid(2), once it has ended */
};

/* --------------------------------------------------------------------------------- bytes -- */

static bool is_empty(const struct buffer *buffer)
{
	return buffer->from == buffer->to;
}

static bool would_wait(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* False when there is no more to come from there. */
static bool fill(struct buffer *buffer, int fd)
{
	ssize_t n = read(fd, buffer->bytes, sizeof(buffer->bytes));

	if (would_wait(n))
		return true;
	buffer->from = 0;
	buffer->to = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* False when nothing can be written there any more; what was to be written is dropped. */
static bool drain(struct buffer *buffer, int fd)
{
	ssize_t n = write(fd, buffer->bytes + buffer->from, buffer->to - buffer->from);

	if (would_wait(n))
		return true;
	buffer->from = n > 0 ? buffer->from + (size_t)n : buffer->to;
	return n > 0;
}

/* The end of a file, as a terminal has it: twice, should the last line have no end. */
static void end_input(struct relay *relay)
{
	static const char ends[] = {4, 4};
	bool at_start = relay->in.to == 0 || relay->in.bytes[relay->in.to - 1] == '\n';

	relay->terminals.input = -1;
	if (relay->terminals.callers >= 0)
		return; /* hung up: the kernel tells by a signal */
	relay->in.from = 0;
	relay->in.to = at_start ? 1 : 2;
	memcpy(relay->in.bytes, ends, relay->in.to);
}

static void read_input(struct relay *relay)
{
	struct buffer *in = &relay->in;
	ssize_t n = read(relay->terminals.input, in->bytes, sizeof(in->bytes));

	if (would_wait(n))
		return;
	if (n <= 0) {
		end_input(relay);
		return;
	}
	in->from = 0;
	in->to = (size_t)n;
}

static void read_output(struct relay *relay)
{
	if (!fill(&relay->out, relay->terminals.master))
		relay->master_closed = true;
	if (relay->output_closed)
		relay->out.from = relay->out.to;
}

/* The command is gone: what it has written is all there, and comes at once. */
static void read_rest(struct relay *relay)
{
	struct pollfd wait = {.fd = relay->terminals.master, .events = POLLIN};

	for (size_t rest = 0; rest < LAST_BYTES; rest += relay->out.to) {
		while (!is_empty(&relay->out) && !relay->output_closed) {
			struct pollfd room = {.fd = relay->terminals.output, .events = POLLOUT};

			poll(&room, 1, -1);
			relay->output_closed = !drain(&relay->out, relay->terminals.output);
		}
		relay->out.from = relay->out.to = 0;
		if (relay->master_closed || poll(&wait, 1, 0) <= 0)
			return;
		read_output(relay);
	}
}

/* ------------------------------------------------------------------------------- signals -- */

static void tell_monitor(const struct relay *relay, int number)
{
	(void)!send(relay->monitor, &number, sizeof(number), MSG_NOSIGNAL);
}

static void resume(struct relay *relay)
{
	terminals_copy_size(&relay->terminals);
	terminals_go_raw(&relay->terminals);
	tell_monitor(relay, SIGCONT);
}

/*
 * The command has stopped: so does what the caller's shell waits for, as it does when Ctrl-Z is
 * typed there.  Where nobody could continue us the kernel lets nobody stop us so, and the command
 * goes on.
 */
static void stop_too(struct relay *relay)
{
	const struct sigaction by_default = {.sa_handler = SIG_DFL};
	struct sigaction before;
	sigset_t stop;

	terminals_restore(&relay->terminals);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	sigaction(SIGTSTP, &by_default, &before);
	kill(0, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	sigaction(SIGTSTP, &before, NULL);
	resume(relay);
}

static void hear_monitor(struct relay *relay)
{
	ssize_t n = recv(relay->monitor, &relay->status, sizeof(relay->status), 0);

	if (would_wait(n))
		return;
	if (n != (ssize_t)sizeof(relay->status)) {
		/* Killed, which the session does not outlive. */
		relay->status = SIGKILL;
		relay->ended = true;
	} else if (WIFSTOPPED(relay->status)) {
		stop_too(relay);
	} else {
		relay->ended = true;
	}
}

static void hear_signals(struct relay *relay)
{
	struct signalfd_siginfo info;

	while (read(relay->signals, &info, sizeof(info)) == sizeof(info))
		switch ((int)info.ssi_signo) {
		case SIGWINCH:
			terminals_copy_size(&relay->terminals);
			break;
		case SIGCONT:
			resume(relay);
			break;
		case SIGCHLD:
		case SIGPIPE:
		case SIGTTIN:
		case SIGTTOU:
			break;
		default:
			tell_monitor(relay, (int)info.ssi_signo);
		}
}

/* ---------------------------------------------------------------------------------- loop -- */

enum { WAIT_SIGNALS, WAIT_MONITOR, WAIT_INPUT, WAIT_MASTER, WAIT_OUTPUT, N_WAITS };

/* A background job must not take the keys of what is in front. */
static bool may_read(const struct relay *relay)
{
	const struct terminals *terminals = &relay->terminals;

	return terminals->input >= 0 && is_empty(&relay->in) &&
	       (terminals->raw || terminals->input != terminals->callers);
}

static void serve(struct relay *relay)
{
	const struct terminals *terminals = &relay->terminals;
	short master = (short)((is_empty(&relay->out) ? POLLIN : 0) |
			       (is_empty(&relay->in) ? 0 : POLLOUT));
	bool use_master = !relay->master_closed && master;
	struct pollfd waits[N_WAITS] = {
		[WAIT_SIGNALS] = {.fd = relay->signals, .events = POLLIN},
		[WAIT_MONITOR] = {.fd = relay->monitor, .events = POLLIN},
		[WAIT_INPUT] = {.fd = may_read(relay) ? terminals->input : -1, .events = POLLIN},
		[WAIT_MASTER] = {.fd = use_master ? terminals->master : -1, .events = master},
		[WAIT_OUTPUT] = {.fd = is_empty(&relay->out) ? -1 : terminals->output,
				 .events = POLLOUT},
	};

	if (poll(waits, N_WAITS, -1) < 0)
		return;
	if (waits[WAIT_OUTPUT].revents)
		relay->output_closed = !drain(&relay->out, terminals->output);
	if (waits[WAIT_MASTER].revents & POLLOUT)
		(void)drain(&relay->in, terminals->master);
	if (waits[WAIT_MASTER].revents & ~POLLOUT && is_empty(&relay->out))
		read_output(relay);
	if (waits[WAIT_INPUT].revents)
		read_input(relay);
	if (waits[WAIT_SIGNALS].revents)
		hear_signals(relay);
	if (waits[WAIT_MONITOR].revents)
		hear_monitor(relay);
}

static void start(struct relay *relay, const struct options *options, const struct target *target)
{
	int ends[2];

	relay->signals = take_signals();
	terminals_open(&relay->terminals, target);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		die(EXIT_FAILED, "cannot make a socket: %s", reason_of(-errno));

	pid_t monitor = fork();

	if (monitor < 0)
		die(EXIT_FAILED, "cannot fork: %s", reason_of(-errno));
	if (monitor == 0) {
		close(ends[0]);
		monitor_command(options, target, &relay->terminals, relay->signals, ends[1]);
	}
	close(ends[1]);
	close(relay->terminals.slave);
	relay->monitor = ends[0];
}

int run_on_terminal(const struct options *options, const struct target *target)
{
	static struct relay relay;

	start(&relay, options, target);
	terminals_go_raw(&relay.terminals);
	while (!relay.ended)
		serve(&relay);
	read_rest(&relay);
	terminals_restore(&relay.terminals);
	return exit_status_of(relay.status);
}
