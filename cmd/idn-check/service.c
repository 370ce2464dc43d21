/* SPDX-License-Identifier: MIT */
/* idn-check service: can this service impersonate, and is it safe to? */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "cli/message.h"
#include "service.h"

enum { EXIT_SAFE = 0, EXIT_FAIL = 1 };

/* --------------------------------------------------------------------------------- answers -- */

static void put_answer(struct service *service, const char *check, enum result result,
		       unsigned line, const char *detail)
{
	static const char *const words[] = {"ok", "skip", "warn", "fail"};
	char safe[4096];

	if (result > service->worst)
		service->worst = result;
	if (service->quiet)
		return;
	if (!service->json) {
		printf("%-4s  %-13s ", words[result], check);
		if (line)
			printf("line %u: ", line);
		printf("%s\n", printable(detail, safe, sizeof(safe)));
		return;
	}
	json_t *object = json_object();

	json_put(object, "check", json_string(check));
	json_put(object, "result", json_string(words[result]));
	json_put(object, "detail", json_text(detail));
	json_put(object, "line", line ? json_integer(line) : json_null());
	json_write(object, stdout);
}

void answer(struct service *service, const char *check, enum result result, const char *format, ...)
{
	char detail[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	put_answer(service, check, result, 0, detail);
}

void answer_line(struct service *service, const char *check, enum result result, unsigned line,
		 const char *format, ...)
{
	char detail[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(detail, sizeof(detail), format, arguments);
	va_end(arguments);
	put_answer(service, check, result, line, detail);
}

/* ------------------------------------------------------------------- with the service's eyes -- */

struct question {
	const struct service *service;
	void (*ask)(void *data);
	void *data;
	int error;
};

static void *become_and_ask(void *argument)
{
	struct question *question = argument;
	const struct imp_become become = {
		.uid = question->service->uid,
		.gid = question->service->gid,
	};

	question->error = imp_become(&become, NULL);
	if (question->error == 0)
		question->ask(question->data);
	return NULL;
}

int ask_as_service(const struct service *service, void (*ask)(void *data), void *data)
{
	struct question question = {service, ask, data, 0};
	pthread_t thread;

	if (service->uid == geteuid()) {
		ask(data);
		return 0;
	}
	if (service->other_namespace)
		return -EPERM;

	int error = -pthread_create(&thread, NULL, become_and_ask, &question);

	if (error < 0)
		return error;
	pthread_join(thread, NULL);
	return question.error;
}

/* ------------------------------------------------------------------------------------ facts -- */

static void fail_to_look(pid_t pid, int error)
{
	die(EXIT_UNKNOWN, "%d: %s", (int)pid,
	    error == -ESRCH ? "no such process" : reason_of(error));
}

static void collect(struct service *service)
{
	const struct look_item item = {.pid = service->pid};
	int error = look_open(service->pid, &service->process);

	if (error == 0)
		error = look_scan_items(LOOK_EVERY, &item, 1, &service->list);
	if (error == 0 && service->list.count == 0)
		error = -ESRCH; /* it has ended meanwhile */
	if (error < 0)
		fail_to_look(service->pid, error);

	struct look_thread *first = &service->list.threads[0];

	look_fill_details(first);
	service->uid = first->service_uid;
	service->gid = first->service_gid;
	service->other_namespace = !first->own_user_namespace;
	service->by_ring = service->process.ledger &&
			   ledger_engine(service->process.ledger) == IMP_ENGINE_RING;
	service->counted = service->process.ledger &&
			   ledger_sum(service->process.ledger, &service->totals) == 0;
}

static void clear(struct service *service)
{
	look_list_clear(&service->list);
	look_close(&service->process);
}

static void check(struct service *service)
{
	check_engine(service);
	check_capabilities(service);
	check_account(service);
	check_securebits(service);
	check_no_new_privs(service);
	check_seccomp(service);
	check_dumpable(service);
	check_ledger(service);
	check_directory(service);
	check_policy(service);
	check_states(service);
	check_counters(service);
	check_keys(service);
}

/* ---------------------------------------------------------------------------------- options -- */

static void parse_pid(const char **pids, struct service *service)
{
	pid_t tid;

	if (!pids || !pids[0] || pids[1])
		die(EXIT_USAGE, "wants one process: try idn-check service --help");
	if (procfs_parse_thread(pids[0], &service->pid, &tid) < 0 || tid)
		die(EXIT_USAGE, "%s: not a PID", pids[0]);
}

int service_main(int argc, const char **argv)
{
	struct service service = {.worst = RESULT_OK};
	const struct poptOption table[] = {
		{"json", 0, POPT_ARG_NONE, &service.json, 0, "one JSON object a line", NULL},
		{"quiet", 'q', POPT_ARG_NONE, &service.quiet, 0,
		 "print nothing: the exit status tells", NULL},
		COMMON_OPTIONS,
		POPT_TABLEEND,
	};
	static poptContext context; /* not lost where the tool ends itself */
	int option;

	context = poptGetContext("idn-check", argc, argv, table, 0);
	poptSetOtherOptionHelp(context, "[OPTION...] PID");
	while ((option = poptGetNextOpt(context)) >= 0)
		answer_common_option(context, option);
	end_options(context, option, EXIT_USAGE);
	if (service.quiet)
		message_be_quiet();
	parse_pid(poptGetArgs(context), &service);
	collect(&service);
	check(&service);
	clear(&service);
	poptFreeContext(context);
	return service.worst == RESULT_FAIL ? EXIT_FAIL : EXIT_SAFE;
}
