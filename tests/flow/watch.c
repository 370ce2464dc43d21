/* SPDX-License-Identifier: MIT */
/* Threads that wait for one another, and what log, ledger and idn-show's eyes say of them. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look/state.h"
#include "stage.h"

/* ----------------------------------------------------------------------------------- threads -- */

struct play {
	void (*play)(void *argument);
	void *argument;
};

static void *call_play(void *data)
{
	const struct play *play = data;

	play->play(play->argument);
	return NULL;
}

void in_thread(void (*play)(void *argument), void *argument)
{
	struct play each = {play, argument};
	pthread_t thread;

	SAME(pthread_create(&thread, NULL, call_play, &each), 0);
	SAME(pthread_join(thread, NULL), 0);
}

void gate_init(struct gate *gate)
{
	SYSTEM(sem_init(&gate->reached, 0, 0));
	SYSTEM(sem_init(&gate->open, 0, 0));
}

static void wait_for_semaphore(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		if (errno != EINTR)
			FAIL("sem_wait: expected success, saw: %s", strerror(errno));
}

void gate_pass(struct gate *gate)
{
	SYSTEM(sem_post(&gate->reached));
	wait_for_semaphore(&gate->open);
}

void gate_reach(struct gate *gate)
{
	wait_for_semaphore(&gate->reached);
}

void gate_open(struct gate *gate)
{
	SYSTEM(sem_post(&gate->open));
}

struct imp_context *capture(void)
{
	struct imp_context *context;

	MUST(imp_context_capture(&context));
	return context;
}

int see(void *data)
{
	struct seen *seen = data;

	SAME(seen->done || seen->given_up, 0); /* it is called once */
	seen->tid = gettid();
	seen->person = person_of(0);
	I_AM(seen->person);
	seen->suppressed = imp_flow_is_suppressed();
	if (seen->gate)
		gate_pass(seen->gate);
	seen->done = true;
	return 0;
}

void see_in_pool(void *seen)
{
	(void)see(seen);
}

void note_given_up(void *data, int error)
{
	struct seen *seen = data;

	SAME(seen->done || seen->given_up, 0);
	I_AM(SERVICE);
	seen->tid = gettid();
	seen->given_up = true;
	seen->error = error;
}

static void say_to_pipe(const struct imp_log_record *record, void *data)
{
	dprintf(*(const int *)data, "%s\n", record->message);
}

/* The child's status, and in TEXT what it has logged. */
static int play_in_child(void (*play)(void *argument), void *argument, char *text, size_t size)
{
	const struct rlimit no_core = {0, 0};
	size_t used = 0;
	int ends[2], status;

	SYSTEM(pipe(ends));

	pid_t child = (pid_t)SYSTEM(fork());

	if (child == 0) {
		SYSTEM(setrlimit(RLIMIT_CORE, &no_core));
		imp_set_log(say_to_pipe, &ends[1]);
		play(argument);
		_exit(PASSED);
	}
	close(ends[1]);
	for (ssize_t n; (n = read(ends[0], text + used, size - 1 - used)) > 0;)
		used += (size_t)n;
	text[used] = '\0';
	close(ends[0]);
	SYSTEM(waitpid(child, &status, 0));
	return status;
}

static bool has_aborted(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

void check_dies(const char *file, int line, void (*play)(void *argument), void *argument,
		const char *part)
{
	char text[4096];
	int status = play_in_child(play, argument, text, sizeof(text));

	if (!has_aborted(status))
		check_end(FAILED, file, line, "expected an abort, saw status %x: %s", status, text);
	check_contains(file, line, "last words", text, "the process cannot go on");
	check_contains(file, line, "last words", text, part);
}

void check_survives_or_dies(const char *file, int line, void (*play)(void *argument),
			    void *argument)
{
	char text[4096];
	int status = play_in_child(play, argument, text, sizeof(text));

	if (has_aborted(status))
		check_contains(file, line, "last words", text, "the process cannot go on");
	else if (status != 0)
		check_end(FAILED, file, line, "expected success or an abort, saw status %x: %s",
			  status, text);
}

/* -------------------------------------------------------------------------- log and ledger -- */

enum { MOST_RECORDS = 256 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct imp_log_record kept[MOST_RECORDS];
static int n_kept;

static void keep(const struct imp_log_record *record, void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	if (n_kept == MOST_RECORDS)
		FAIL("log: expected at most %d records", MOST_RECORDS);
	kept[n_kept] = *record;
	kept[n_kept].message = strdup(record->message);
	n_kept++;
	pthread_mutex_unlock(&lock);
}

static bool is_of(const struct imp_log_record *record, enum imp_event event, const char *site)
{
	return record->event == event &&
	       (!site || (record->site && strcmp(record->site, site) == 0));
}

int records(enum imp_event event, const char *site)
{
	int count = 0;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < n_kept; i++)
		count += is_of(&kept[i], event, site);
	pthread_mutex_unlock(&lock);
	return count;
}

struct imp_log_record record(enum imp_event event, const char *site)
{
	struct imp_log_record found = {.message = NULL};

	pthread_mutex_lock(&lock);
	for (int i = 0; i < n_kept; i++)
		if (is_of(&kept[i], event, site))
			found = kept[i];
	pthread_mutex_unlock(&lock);
	if (!found.message)
		FAIL("log: expected a record of %s, saw none", imp_event_name(event));
	return found;
}

void forget_records(void)
{
	imp_set_log(keep, NULL);
	n_kept = 0;
}

struct imp_ledger_entry entry_of(pid_t tid)
{
	struct imp_ledger_entry entry = {.tid = 0};
	struct imp_ledger *ledger;

	MUST(imp_ledger_open(getpid(), &ledger));

	int error = imp_ledger_read(ledger, tid, &entry);

	if (error != -ENOENT)
		MUST(error);
	imp_ledger_close(ledger);
	return entry;
}

const char *look_of(pid_t tid)
{
	struct look_thread thread;

	MUST(look_at_thread(getpid(), tid, &thread));

	const char *name = look_state_name(thread.state);

	look_clear(&thread);
	return name;
}
