/* SPDX-License-Identifier: MIT */
/* Where a service's log goes, and how much of it; see journal.h. */
#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cli/journal-native.h"
#include "cli/journal-writer.h"
#include "cli/journal.h"
#include "cli/message.h"
#include "cli/rate.h"

static struct {
	const char *program;
	enum journal_target target;
	pid_t owner;  /* of locks, of the writer */
	bool writing; /* the writer is there */
} journal;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct rate rate;
	uint64_t left_out;
	int priority; /* the highest of those */
} kinds[JOURNAL_KINDS];

static void log_library(const struct imp_log_record *record, void *unused);
static void log_message(int priority, bool last, const char *line);

/* -------------------------------------------------------------------------------- opening -- */

bool journal_parse(const char *name, enum journal_target *target)
{
	static const char *const names[] = {"auto", "journal", "syslog", "stderr"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*target = (enum journal_target)i;
			return true;
		}
	}
	return false;
}

static bool nobody_reads_stderr(void)
{
	struct stat status;

	return fstat(STDERR_FILENO, &status) < 0 ||
	       (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3));
}

static int find_syslog(void)
{
	return access(_PATH_LOG, W_OK) < 0 ? -ENOENT : 0;
}

static enum journal_target choose(void)
{
	if (journal_native_is_stderr() && journal_native_find() == 0)
		return JOURNAL_NATIVE;
	/* The journal takes syslog's lines too, with more than it would make of those of stderr. */
	if ((journal_native_is_stderr() || nobody_reads_stderr()) && find_syslog() == 0)
		return JOURNAL_SYSLOG;
	return JOURNAL_STDERR;
}

/* Lest a socket or a client's file become what messages are written to. */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int journal_open(const char *program, enum journal_target target)
{
	int error = target == JOURNAL_NATIVE   ? journal_native_find()
		    : target == JOURNAL_SYSLOG ? find_syslog()
					       : 0;

	if (error < 0)
		return error;
	journal.program = program;
	journal.target = target == JOURNAL_AUTO ? choose() : target;
	journal.owner = getpid();
	fill_standard_descriptors();
	if (journal.target == JOURNAL_SYSLOG)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	imp_set_log(log_library, NULL);
	message_divert(log_message);
	return 0;
}

/* -------------------------------------------------------------------------------- writing -- */

static void write_line(const struct journal_entry *entry)
{
	char text[JOURNAL_TEXT_MAX], line[JOURNAL_TEXT_MAX + 256];
	int length = snprintf(line, sizeof(line), "%s: %s\n", journal.program,
			      journal_text(entry, text));
	size_t size = (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1;

	/* In one write, so that lines of several threads do not mix. */
	for (ssize_t n, sent = 0; (size_t)sent<size; sent += n> 0 ? n : 0) {
		n = write(STDERR_FILENO, line + sent, size - (size_t)sent);
		if (n < 0 && errno != EINTR)
			return;
	}
}

static void write_entry(const struct journal_entry *entry)
{
	char text[JOURNAL_TEXT_MAX];

	if (journal.target == JOURNAL_SYSLOG)
		syslog(entry->priority, "%s", journal_text(entry, text));
	else if (journal.target == JOURNAL_STDERR ||
		 journal_native_send(journal.program, entry) < 0)
		write_line(entry);
}

int journal_start(void)
{
	journal.owner = getpid();
	if (journal.target == JOURNAL_STDERR)
		return 0;

	int error = journal_writer_start(write_entry);

	journal.writing = error == 0;
	return error;
}

/* ------------------------------------------------------------------------------- limiting -- */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void leave_out(const struct journal_entry *entry)
{
	pthread_mutex_lock(&lock);
	if (kinds[entry->kind].left_out == 0 || entry->priority < kinds[entry->kind].priority)
		kinds[entry->kind].priority = entry->priority;
	kinds[entry->kind].left_out += entry->left_out ? entry->left_out : 1;
	pthread_mutex_unlock(&lock);
}

static bool may_pass(enum journal_kind kind)
{
	pthread_mutex_lock(&lock);
	bool may = rate_take(&kinds[kind].rate, now_ns());

	pthread_mutex_unlock(&lock);
	return may;
}

/* Takes what was left out of KIND, where that may be told: FREE_OF_CHARGE, or for one of its
 * tokens. */
static bool take_left_out(enum journal_kind kind, bool free_of_charge, struct journal_entry *told)
{
	pthread_mutex_lock(&lock);
	const uint64_t left_out = kinds[kind].left_out;
	bool may = left_out && (free_of_charge || rate_take(&kinds[kind].rate, now_ns()));

	if (may)
		kinds[kind].left_out = 0;
	*told = (struct journal_entry){
		.kind = kind,
		.priority = kinds[kind].priority,
		.expected_uid = IMP_NO_UID,
		.actual_uid = IMP_NO_UID,
		.left_out = left_out,
	};
	pthread_mutex_unlock(&lock);
	snprintf(told->message, sizeof(told->message), "%llu more of %s left out",
		 (unsigned long long)left_out, journal_kind_name(kind));
	return may;
}

/* LAST: what the writer cannot take goes to stderr. */
static void hand_over(const struct journal_entry *entry, bool last, bool wait)
{
	if (!journal.writing)
		write_entry(entry);
	else if (journal_writer_put(entry, wait))
		return;
	else if (last)
		write_line(entry);
	else
		leave_out(entry);
}

/* Of the kind that is passing anyway, or, at the last, of all. */
static void tell_left_out(enum journal_kind passing, bool last)
{
	struct journal_entry told;

	for (enum journal_kind kind = 0; kind < JOURNAL_KINDS; kind++)
		if (take_left_out(kind, last || kind == passing, &told))
			hand_over(&told, last, false);
}

/* LAST: the process is about to end. */
static void log_entry(const struct journal_entry *entry, bool last)
{
	int saved = errno;

	if (getpid() != journal.owner) {
		/* A child: its locks are whatever they were when it was forked. */
		write_line(entry);
	} else if (last || may_pass(entry->kind)) {
		tell_left_out(entry->kind, last);
		hand_over(entry, last, last);
	} else {
		leave_out(entry);
	}
	errno = saved;
}

static bool is_wanted(int priority)
{
	return journal.target != JOURNAL_STDERR || priority < LOG_WARNING || !message_is_quiet();
}

static void log_library(const struct imp_log_record *record, void *unused)
{
	struct journal_entry entry;

	(void)unused;
	if (!is_wanted(record->priority))
		return;
	journal_entry_of(record, &entry);
	log_entry(&entry, entry.kind == JOURNAL_ABORT);
}

static void log_message(int priority, bool last, const char *line)
{
	struct journal_entry entry = {
		.kind = JOURNAL_SERVICE,
		.priority = priority,
		.expected_uid = IMP_NO_UID,
		.actual_uid = IMP_NO_UID,
	};

	if (!is_wanted(priority))
		return;
	snprintf(entry.message, sizeof(entry.message), "%s", line);
	log_entry(&entry, last);
}

void journal_close(void)
{
	tell_left_out(JOURNAL_KINDS, true);
	if (journal.writing)
		journal_writer_stop();
	journal.writing = false;
}
