/* SPDX-License-Identifier: MIT */
/* idn-show: the table again and again; on a terminal repainted in place, elsewhere as JSON lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/message.h"
#include "cli/names.h"
#include "show.h"

/* What a terminal is told (ECMA-48, and xterm's second screen). */
#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
/* Cleared before it is written: what fills the line ends where clearing would take it away. */
#define NEXT_LINE "\n" CLEAR_LINE
#define CLEAR_BELOW "\033[J"

static struct {
	int keys_fd; /* the terminal, for keys; -1: none */
	struct termios before;
} terminal = {.keys_fd = -1};

static void leave_terminal(void)
{
	fputs(LEAVE, stdout);
	fflush(stdout);
	if (terminal.keys_fd >= 0) {
		tcsetattr(terminal.keys_fd, TCSANOW, &terminal.before);
		close(terminal.keys_fd);
	}
	terminal.keys_fd = -1;
}

static void enter_terminal(void)
{
	struct termios keys;
	int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && tcgetattr(fd, &terminal.before) == 0) {
		keys = terminal.before;
		keys.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
		keys.c_cc[VMIN] = 1;
		keys.c_cc[VTIME] = 0;
		tcsetattr(fd, TCSANOW, &keys);
		terminal.keys_fd = fd;
	} else if (fd >= 0) {
		close(fd);
	}
	fputs(ENTER, stdout);
}

/* Stopped from the keyboard, it gives the terminal back until it is continued. */
static void stop(void)
{
	leave_terminal();
	raise(SIGSTOP);
	enter_terminal();
}

/* ---------------------------------------------------------------------------- what is shown -- */

static void print_lines(const struct look_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		look_fill_details(&list->threads[i]);
		json_write(thread_object(&list->threads[i]), stdout);
	}
}

static void repaint(const struct look_list *list, const struct options *options)
{
	struct winsize size;
	struct timespec now;
	char time[64], heading[128];

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	clock_gettime(CLOCK_REALTIME, &now);
	time_text((int64_t)now.tv_sec * 1000000000 + now.tv_nsec, time, sizeof(time));
	snprintf(heading, sizeof(heading), "%zu thread%s  %s  every %g s, q quits", list->count,
		 list->count == 1 ? "" : "s", time, options->watch);
	/* Over what is there, in one write: nothing flickers. */
	printf(HOME "%s%.*s", size.ws_row > 2 ? CLEAR_LINE : CLEAR_BELOW, size.ws_col, heading);
	if (size.ws_row > 2) {
		fputs(NEXT_LINE, stdout);
		print_table(stdout, list, options->verbose, size.ws_col, size.ws_row - 2,
			    NEXT_LINE);
		fputs(CLEAR_BELOW, stdout);
	}
}

static void show_once(const struct options *options, bool on_terminal)
{
	struct look_list list;

	select_threads(&options->selection, &list);
	if (on_terminal)
		repaint(&list, options);
	else
		print_lines(&list);
	fflush(stdout);
	look_list_clear(&list);
}

/* -------------------------------------------------------------------------------- the loop -- */

static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGTSTP);
	sigaddset(&signals, SIGWINCH);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

static int open_timer(double seconds)
{
	struct itimerspec every;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	every.it_interval.tv_sec = (time_t)seconds;
	every.it_interval.tv_nsec = (long)((seconds - (double)every.it_interval.tv_sec) * 1e9);
	every.it_value = every.it_interval;
	if (fd >= 0)
		timerfd_settime(fd, 0, &every, NULL);
	return fd;
}

static bool quits(int keys_fd)
{
	char keys[64];
	ssize_t n = read(keys_fd, keys, sizeof(keys));

	if (n < 0)
		return errno != EAGAIN && errno != EINTR;
	return n == 0 || memchr(keys, 'q', (size_t)n);
}

static bool goes_on(int signal_fd, bool on_terminal)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	if (info.ssi_signo == SIGTSTP && on_terminal)
		stop();
	else if (info.ssi_signo == SIGTSTP)
		raise(SIGSTOP);
	return info.ssi_signo == SIGWINCH || info.ssi_signo == SIGTSTP;
}

/* Waits for the next moment to show it again; false when that is never. */
static bool wait_for_next(int signal_fd, int timer_fd, bool on_terminal)
{
	struct pollfd events[] = {
		{.fd = signal_fd, .events = POLLIN},
		{.fd = timer_fd, .events = POLLIN},
		{.fd = terminal.keys_fd, .events = POLLIN},
		{.fd = STDOUT_FILENO}, /* nobody reads it any more */
	};
	uint64_t expirations;

	for (;;) {
		if (poll(events, 4, -1) < 0)
			return errno == EINTR;
		if (events[3].revents || (events[2].revents && quits(terminal.keys_fd)))
			return false;
		if (events[0].revents)
			return goes_on(signal_fd, on_terminal);
		if (events[1].revents)
			return read(timer_fd, &expirations, sizeof(expirations)) > 0;
	}
}

int watch_threads(const struct options *options)
{
	bool on_terminal = isatty(STDOUT_FILENO) && !options->json;
	int status = check_named(&options->selection);

	if (status != EXIT_SHOWN)
		return status;

	int signal_fd = open_signals();
	int timer_fd = open_timer(options->watch);

	if (signal_fd < 0 || timer_fd < 0)
		die(EXIT_NO_SUCH_THREAD, "--watch: %s", strerror(errno));
	if (on_terminal) {
		setvbuf(stdout, NULL, _IOFBF, 65536);
		enter_terminal();
		atexit(leave_terminal);
	}
	do {
		show_once(options, on_terminal);
	} while (!ferror(stdout) && wait_for_next(signal_fd, timer_fd, on_terminal));
	return EXIT_SHOWN;
}
