/* SPDX-License-Identifier: MIT */
/*
 * terminal ROWSxCOLUMNS [STEP...] -- COMMAND [ARG...] - runs a command on a terminal of its own and
 * plays the person before it.  Steps, each done when the one before is:
 *
 *   see=TEXT       waits until a line of the screen has TEXT in it
 *   miss=TEXT      waits until none has
 *   see-again      waits until the whole screen has been painted again, from its first line
 *   type=TEXT      types it
 *   resize=RxC     makes the terminal as large as that
 *   signal=NUMBER  sends the command a signal
 *   run=SHELL      runs another command, apart from the terminal
 *   stopped        waits until the command is stopped; prints what the terminal is left like
 *   show           prints the screen
 *
 * Then the command is waited for, its status is printed, and what the terminal is left like: "modes
 * restored", "cursor shown", "screen first", and how often lines "scrolled" and "wrapped".
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_SECONDS = 20, ROWS_MAXIMUM = 100, COLUMNS_MAXIMUM = 400, CELL = 5 };

/* As much of a terminal as a repainting tool uses. */
static struct {
	int rows, columns;
	char cells[ROWS_MAXIMUM][COLUMNS_MAXIMUM][CELL]; /* a character of UTF-8 each */
	int row, column;
	char escape[32]; /* a sequence that has begun */
	size_t escaped;
	int homes, scrolled, wrapped;
	bool second, hidden;
} screen;

static int master;
static pid_t child;
static struct termios before;

static _Noreturn void give_up(const char *what);

/* -------------------------------------------------------------------------------- the screen -- */

static void erase(int row, int column, int to_row, int to_column)
{
	for (int r = row; r <= to_row; r++)
		for (int c = r == row ? column : 0; c < (r == to_row ? to_column : screen.columns);
		     c++)
			strcpy(screen.cells[r][c], " ");
}

static void clear_screen(void)
{
	erase(0, 0, screen.rows - 1, screen.columns);
	screen.row = screen.column = 0;
}

static void go_down(void)
{
	if (++screen.row < screen.rows)
		return;
	screen.row--;
	screen.scrolled += screen.homes > 0;
	memmove(screen.cells[0], screen.cells[1],
		sizeof(screen.cells[0]) * (size_t)(screen.rows - 1));
	erase(screen.row, 0, screen.row, screen.columns);
}

static void set_size(const char *text)
{
	struct winsize size = {.ws_row = 0};

	if (sscanf(text, "%dx%d", &screen.rows, &screen.columns) != 2 || screen.rows < 1 ||
	    screen.rows > ROWS_MAXIMUM || screen.columns < 1 || screen.columns > COLUMNS_MAXIMUM)
		give_up("a size is ROWSxCOLUMNS");
	size.ws_row = (unsigned short)screen.rows;
	size.ws_col = (unsigned short)screen.columns;
	clear_screen();
	screen.homes = 0; /* what is on its way may still be for the size before */
	if (ioctl(master, TIOCSWINSZ, &size) < 0)
		give_up("TIOCSWINSZ");
}

static void obey(const char *sequence)
{
	/* At the right edge the cursor stands on the last character, and clears it too. */
	int column = screen.column < screen.columns ? screen.column : screen.columns - 1;

	if (strcmp(sequence, "[H") == 0) {
		screen.row = screen.column = 0;
		screen.homes++;
	} else if (strcmp(sequence, "[K") == 0) {
		erase(screen.row, column, screen.row, screen.columns);
	} else if (strcmp(sequence, "[J") == 0) {
		erase(screen.row, column, screen.rows - 1, screen.columns);
	} else if (strcmp(sequence, "[?1049h") == 0) {
		screen.second = true;
		clear_screen();
	} else if (strcmp(sequence, "[?1049l") == 0) {
		screen.second = false;
		clear_screen();
	} else if (strcmp(sequence, "[?25l") == 0) {
		screen.hidden = true;
	} else if (strcmp(sequence, "[?25h") == 0) {
		screen.hidden = false;
	} else {
		give_up("an escape sequence that this terminal does not know");
	}
}

static void put_character(char c)
{
	if (((unsigned char)c & 0xc0) == 0x80) { /* goes on with the one before */
		if (screen.column > 0)
			strncat(screen.cells[screen.row][screen.column - 1], &c, 1);
		return;
	}
	if (screen.column >= screen.columns) {
		screen.wrapped += screen.homes > 0;
		screen.column = 0;
		go_down();
	}
	snprintf(screen.cells[screen.row][screen.column++], CELL, "%c", c);
}

static void receive(char c)
{
	if (screen.escaped) {
		screen.escape[screen.escaped++ - 1] = c;
		screen.escape[screen.escaped - 1] = '\0';
		if (screen.escaped > 2 && c >= '@') {
			obey(screen.escape);
			screen.escaped = 0;
		} else if (screen.escaped == sizeof(screen.escape) - 1) {
			give_up("an escape sequence without end");
		}
	} else if (c == '\033') {
		screen.escaped = 1;
	} else if (c == '\r') {
		screen.column = 0;
	} else if (c == '\n') {
		go_down();
	} else {
		put_character(c);
	}
}

static const char *line_of(int row)
{
	static char line[COLUMNS_MAXIMUM * CELL];
	size_t used = 0;

	for (int c = 0; c < screen.columns; c++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s",
					 screen.cells[row][c]);
	while (used && line[used - 1] == ' ')
		used--;
	line[used] = '\0';
	return line;
}

static bool is_seen(const char *text)
{
	for (int row = 0; row < screen.rows; row++)
		if (strstr(line_of(row), text))
			return true;
	return false;
}

static void show(void)
{
	for (int row = 0; row < screen.rows; row++)
		printf("|%s\n", line_of(row));
}

/* ------------------------------------------------------------------------------- the command -- */

static void give_up(const char *what)
{
	fprintf(stderr, "terminal: %s%s%s\n", what, errno ? ": " : "",
		errno ? strerror(errno) : "");
	show();
	if (child > 0)
		kill(child, SIGKILL);
	exit(1);
}

static void start(const char *size, char **command)
{
	const char *name;
	int slave;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 || !(name = ptsname(master)))
		give_up("no terminal");
	set_size(size);
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &before) < 0)
		give_up(name);
	child = fork();
	if (child < 0)
		give_up("fork");
	if (child > 0) {
		close(slave);
		return;
	}
	child = 0;
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		give_up("TIOCSCTTY");
	for (int fd = 0; fd <= 2; fd++)
		dup2(slave, fd);
	execvp(command[0], command);
	_exit(127);
}

/* Takes what there is in, waiting at most until DEADLINE; false once the command has closed it. */
static bool take_in(time_t deadline, const char *waiting_for)
{
	struct pollfd events = {.fd = master, .events = POLLIN};
	char bytes[4096];
	time_t left = deadline - time(NULL);

	errno = 0;
	if (left <= 0 || poll(&events, 1, (int)left * 1000) <= 0)
		give_up(waiting_for);

	ssize_t n = read(master, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++)
		receive(bytes[i]);
	errno = 0;
	return n > 0;
}

static void wait_for(const char *text, bool there)
{
	time_t deadline = time(NULL) + PATIENCE_SECONDS;

	while (is_seen(text) != there)
		if (!take_in(deadline, text))
			give_up(text);
}

/* One that is begun after now, and ended. */
static void wait_for_repaint(void)
{
	time_t deadline = time(NULL) + PATIENCE_SECONDS;
	int homes = screen.homes;

	while (screen.homes < homes + 2)
		if (!take_in(deadline, "no repaint"))
			give_up("no repaint");
}

static void print_state(void)
{
	struct termios after;

	/* Of the other side, which the kernel keeps as long as this one. */
	if (tcgetattr(master, &after) < 0)
		give_up("tcgetattr");
	printf("modes %s\n", memcmp(&before, &after, sizeof(before)) == 0 ? "restored" : "changed");
	printf("cursor %s\n", screen.hidden ? "hidden" : "shown");
	printf("screen %s\n", screen.second ? "second" : "first");
	printf("scrolled %d\nwrapped %d\n", screen.scrolled, screen.wrapped);
}

static void wait_for_stop(void)
{
	time_t deadline = time(NULL) + PATIENCE_SECONDS;
	int status;

	while (screen.second)
		if (!take_in(deadline, "the second screen is not left"))
			give_up("ended");
	if (waitpid(child, &status, WUNTRACED) < 0 || !WIFSTOPPED(status))
		give_up("not stopped");
	print_state();
}

static void wait_for_end(void)
{
	time_t deadline = time(NULL) + PATIENCE_SECONDS;
	int status;

	while (take_in(deadline, "the command does not end"))
		;
	if (waitpid(child, &status, 0) < 0)
		give_up("waitpid");
	child = 0;
	if (WIFSIGNALED(status))
		printf("signal %d\n", WTERMSIG(status));
	else
		printf("status %d\n", WEXITSTATUS(status));
	print_state();
}

/* --------------------------------------------------------------------------------- the steps -- */

static void run_apart(const char *command)
{
	fflush(stdout);
	if (system(command) != 0)
		give_up(command);
}

static void take_step(char *step)
{
	char *argument = strchr(step, '=');

	errno = 0;
	if (argument)
		*argument++ = '\0';
	if (strcmp(step, "show") == 0)
		show();
	else if (strcmp(step, "see-again") == 0)
		wait_for_repaint();
	else if (strcmp(step, "stopped") == 0)
		wait_for_stop();
	else if (!argument)
		give_up(step);
	else if (strcmp(step, "see") == 0)
		wait_for(argument, true);
	else if (strcmp(step, "miss") == 0)
		wait_for(argument, false);
	else if (strcmp(step, "type") == 0 &&
		 write(master, argument, strlen(argument)) == (ssize_t)strlen(argument))
		return;
	else if (strcmp(step, "resize") == 0)
		set_size(argument);
	else if (strcmp(step, "signal") == 0 && kill(child, atoi(argument)) == 0)
		return;
	else if (strcmp(step, "run") == 0)
		run_apart(argument);
	else
		give_up(step);
}

/* Whoever waits for the end of this one's output must not wait for what it starts. */
static void keep_to_standard_files(void)
{
	for (int fd = 3; fd < 256; fd++)
		close(fd);
}

int main(int argc, char **argv)
{
	int command = 1;

	while (command < argc && strcmp(argv[command], "--") != 0)
		command++;
	if (command < 2 || command + 1 >= argc) {
		fprintf(stderr, "usage: terminal ROWSxCOLUMNS [STEP...] -- COMMAND [ARG...]\n");
		return 2;
	}
	keep_to_standard_files();
	start(argv[1], argv + command + 1);
	for (int i = 2; i < command; i++)
		take_step(argv[i]);
	wait_for_end();
	return 0;
}
