/* SPDX-License-Identifier: MIT */
/* idn-check threads: which threads are not who they should be, at one glance or for a while? */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "cli/message.h"
#include "threads.h"

enum { EXIT_NOTHING_FOUND = 0, EXIT_FOUND = 1 };

/* Where --every is not said. */
#define EVERY_BY_DEFAULT INT64_C(100000000)

struct options {
	int all, json, quiet, verbose;
	int64_t for_ns, every_ns; /* 0: not said */
	struct look_item *items;
	size_t n_items;
	bool missing; /* one that was named cannot be looked at */
	bool found;
};

/* ------------------------------------------------------------------------------- findings -- */

static void tell(const struct look_finding *finding, void *data)
{
	struct options *options = data;

	if (finding->kind == LOOK_FOUND_NOTE || finding->kind == LOOK_FOUND_LEDGER) {
		warn_of_finding(finding);
		return;
	}
	options->found = true;
	if (options->quiet)
		return;
	if (options->json)
		json_write(finding_object(finding, options->verbose), stdout);
	else
		print_finding(finding, options->verbose);
	fflush(stdout);
}

static void must(int error)
{
	if (error < 0)
		die(EXIT_UNKNOWN, "/proc: %s", reason_of(error));
}

/* -------------------------------------------------------------------------------- sampling -- */

static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
				 .tv_nsec = (long)(ns % 1000000000)};
}

static int open_timer(int64_t first_ns, int64_t every_ns)
{
	struct itimerspec times = {timespec_of(every_ns), timespec_of(first_ns)};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd >= 0 && timerfd_settime(fd, 0, &times, NULL) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

struct events {
	int signals; /* one that ends it */
	int next;    /* the next look is due */
	int end;     /* time is up; -1: never */
};

static struct events open_events(const struct options *options)
{
	struct events events = {
		.signals = open_signals(),
		.next = open_timer(options->every_ns, options->every_ns),
		.end = options->for_ns ? open_timer(options->for_ns, 0) : -1,
	};

	if (events.signals < 0 || events.next < 0 || (options->for_ns && events.end < 0))
		die(EXIT_UNKNOWN, "cannot wait: %s", strerror(errno));
	return events;
}

enum wake { WAKE_NEXT, WAKE_AGAIN, WAKE_END };

/* WAITING: what was seen is to be looked at again, though the next look may be far away. */
static enum wake wait_for_next(const struct events *events, bool waiting)
{
	struct pollfd polled[] = {
		{.fd = events->signals, .events = POLLIN},
		{.fd = events->end, .events = POLLIN},
		{.fd = events->next, .events = POLLIN},
		{.fd = STDOUT_FILENO}, /* nobody reads it any more */
	};
	uint64_t expirations;

	for (;;) {
		int ready = poll(polled, 4, waiting ? LOOK_AGAIN_NS / 1000000 : -1);

		if (ready == 0)
			return WAKE_AGAIN;
		if (ready < 0 && errno != EINTR)
			die(EXIT_UNKNOWN, "cannot wait: %s", strerror(errno));
		if (ready < 0)
			continue;
		if (polled[0].revents || polled[1].revents || polled[3].revents)
			return WAKE_END;
		if (read(events->next, &expirations, sizeof(expirations)) < 0)
			die(EXIT_UNKNOWN, "cannot wait: %s", strerror(errno));
		return WAKE_NEXT;
	}
}

/* What was seen at the last look is not left untold. */
static void finish(struct look_watch *watch, struct options *options)
{
	const struct timespec pause = timespec_of(LOOK_AGAIN_NS);

	if (!look_watch_is_waiting(watch))
		return;
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL) == EINTR)
		;
	must(look_watch_again(watch, tell, options));
}

/* Until the time is up, a signal comes, or nothing of what was named is left. */
static void sample(struct look_watch *watch, struct options *options)
{
	struct events events = open_events(options);
	size_t threads;

	must(look_watch_sample(watch, tell, options, &threads));
	while (threads > 0) {
		enum wake wake = wait_for_next(&events, look_watch_is_waiting(watch));

		if (wake == WAKE_END)
			break;
		if (wake == WAKE_AGAIN)
			must(look_watch_again(watch, tell, options));
		else
			must(look_watch_sample(watch, tell, options, &threads));
	}
}

static int look(struct options *options)
{
	struct look_watch *watch =
		look_watch_new(options->items, options->n_items, options->verbose);

	if (!watch)
		die(EXIT_UNKNOWN, "%s", strerror(ENOMEM));
	if (options->every_ns)
		sample(watch, options);
	else
		must(look_watch_sample(watch, tell, options, NULL));
	finish(watch, options);
	look_watch_free(watch);
	return options->found ? EXIT_FOUND : options->missing ? EXIT_UNKNOWN : EXIT_NOTHING_FOUND;
}

/* --------------------------------------------------------------------------------- options -- */

static int64_t parse_time(const char *option, const char *text)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
	char *end;
	double number = strtod(text, &end);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (text[0] >= '0' && text[0] <= '9' && strcmp(end, units[i].unit) == 0 &&
		    number * units[i].ns >= 1e6 && number * units[i].ns <= 1000 * 24 * 3600e9)
			return (int64_t)(number * units[i].ns);
	die(EXIT_USAGE, "%s: %s: not a time from 1ms to 24000h: a number with ms, s, m or h",
	    option, text);
}

/* All of them are read before any is looked at. */
static void parse_items(const char **texts, struct options *options)
{
	size_t count = 0;

	while (texts && texts[count])
		count++;
	if (options->all && count)
		die(EXIT_USAGE, "--all: takes no process");
	if (!options->all && !count)
		die(EXIT_USAGE, "no process: name some, or say --all");
	options->items = reallocarray(NULL, count + 1, sizeof(*options->items));
	if (!options->items)
		die(EXIT_UNKNOWN, "%s", strerror(ENOMEM));
	for (size_t i = 0; i < count; i++)
		if (procfs_parse_thread(texts[i], &options->items[i].pid, &options->items[i].tid) <
		    0)
			die(EXIT_USAGE, "%s: not a PID or PID/TID", texts[i]);
	options->n_items = count;
}

/* Complains of those that are not there; a process's other threads have ids, too, but are none. */
static void check_items(const char **texts, struct options *options)
{
	size_t kept = 0;

	for (size_t i = 0; i < options->n_items; i++) {
		const struct look_item *item = &options->items[i];
		struct look_process process;
		struct procfs_thread thread;
		int error = look_open(item->pid, &process);

		if (error == 0) {
			look_close(&process);
			error = procfs_read_thread(item->pid, item->tid, &thread);
		}
		if (error == 0) {
			procfs_clear_thread(&thread);
			options->items[kept++] = *item;
			continue;
		}
		complain_of("%s: %s", texts[i],
			    error != -ESRCH ? reason_of(error)
			    : item->tid	    ? "no such thread"
					    : "no such process");
		options->missing = true;
	}
	options->n_items = kept;
}

enum { OPTION_FOR = 1, OPTION_EVERY };

static void parse_options(poptContext context, struct options *options)
{
	int option;

	poptSetOtherOptionHelp(context, "[OPTION...] PID[/TID]... | --all");
	while ((option = poptGetNextOpt(context)) >= 0) {
		answer_common_option(context, option);
		char *text = poptGetOptArg(context);

		if (option == OPTION_FOR)
			options->for_ns = parse_time("--for", text);
		else if (option == OPTION_EVERY)
			options->every_ns = parse_time("--every", text);
		free(text);
	}
	end_options(context, option, EXIT_USAGE);
	if (options->quiet)
		message_be_quiet();
	if (options->for_ns && !options->every_ns)
		options->every_ns = EVERY_BY_DEFAULT;
}

int threads_main(int argc, const char **argv)
{
	struct options options = {.all = 0};
	const struct poptOption table[] = {
		{"all", 'a', POPT_ARG_NONE, &options.all, 0, "every thread of the machine", NULL},
		{"for", 0, POPT_ARG_STRING, NULL, OPTION_FOR,
		 "look again and again for so long (500ms, 2s, 1m)", "TIME"},
		{"every", 0, POPT_ARG_STRING, NULL, OPTION_EVERY,
		 "look so often (100ms with --for), until interrupted", "TIME"},
		{"json", 0, POPT_ARG_NONE, &options.json, 0, "one JSON object a line", NULL},
		{"quiet", 'q', POPT_ARG_NONE, &options.quiet, 0,
		 "print no finding: the exit status tells", NULL},
		{"verbose", 'v', POPT_ARG_NONE, &options.verbose, 0,
		 "the kernel's ids, and notes on threads of which nothing is said", NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	poptContext context = poptGetContext("idn-check", argc, argv, table, 0);
	int status = EXIT_UNKNOWN;

	parse_options(context, &options);

	const char **texts = poptGetArgs(context);

	parse_items(texts, &options);
	check_items(texts, &options);
	if (options.all) {
		free(options.items);
		options.items = NULL;
	}
	if (options.all || options.n_items)
		status = look(&options);
	free(options.items);
	poptFreeContext(context);
	return status;
}
