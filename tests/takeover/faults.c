/* SPDX-License-Identifier: MIT */
/*
 * Every system call that the broker makes of an identity, failing, or the broker's last, in turn:
 * the service is told of an error, or everything ends; never is a number somebody else's.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "takeover/cases.h"

/* Shared with the broker. */
struct fault {
	pid_t process; /* none before this is known */
	long call;
	int at; /* the first is 1 */
	int error;
	int count, struck;
};

static struct fault *volatile fault;

/* The library's calls come here (-Wl,--wrap). */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			  void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			  void *argument);

enum { THREAD = -1, DIES = -1 };

static bool strikes(long call)
{
	if (!fault || fault->process == 0 || fault->call != call || ++fault->count != fault->at)
		return false;
	fault->struck = 1;
	if (fault->error == DIES)
		__real_syscall(SYS_tgkill, fault->process, fault->process, SIGKILL);
	errno = fault->error;
	return fault->error != DIES;
}

/* Six are taken of however few there are. */
__attribute__((no_sanitize("address"))) long __wrap_syscall(long number, ...)
{
	long arguments[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (strikes(number))
		return -1;
	return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
			      arguments[4], arguments[5]);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
			  void *argument)
{
	return strikes(THREAD) ? fault->error
			       : __real_pthread_create(thread, attributes, run, argument);
}

/* ------------------------------------------------------------------------------- what holds -- */

static uid_t uid_named(const char *user)
{
	static struct who who;

	who_is(user, &who);
	return who.uid;
}

/* A number means whom the broker has said, or nobody. */
static void check_numbers(uint32_t alices, uint32_t bobs)
{
	for (uint32_t number = 1; number < 16; number++) {
		if (ring_run(number, prepare_nothing, NULL) != 0)
			continue;
		if (number == engine->anonymous)
			SAME(uid_of(number), uid_named("nobody"));
		else if (number == alices)
			SAME(uid_of(number), uid_named("alice"));
		else if (number == bobs)
			SAME(uid_of(number), uid_named("bob"));
		else
			FAIL("number %u: expected nobody to have it, saw it work", number);
	}
}

static void strike(void)
{
	struct player alice = player_new("alice"), bob = player_new("bob");
	struct message_answer answer;

	stage_set(&(struct setting){.kind = "root"});
	uint32_t alices = number_of(stage_connection(&alice, NULL));
	int connection = stage_connection(&bob, NULL);

	fault->process = stage.broker;
	int error = hand_over(&connection, 1, &answer);
	const uint32_t bobs = answer.number;

	/* What it does after an answer it has done before the next. */
	if (error == 0 && answer.error == 0)
		error = hand_over(&connection, 1, &answer);
	if (error == -EPIPE)
		check_ended(&alices, 1);
	check_numbers(alices, bobs);
	if (!fault->struck)
		SAME(answer.error, 0);
	if (error == -EPIPE || answer.error == 0)
		return;
	/* It goes on, with the next number. */
	check_numbers(alices, number_of(connection));
}

static int in_turn(long call, int failure)
{
	int at = 0;

	do {
		*fault = (struct fault){.call = call, .at = ++at, .error = failure};
		pid_t child = (pid_t)SYSTEM(fork());

		if (child == 0) {
			strike();
			_exit(PASSED);
		}
		wait_for(child);
	} while (fault->struck);
	return at - 1;
}

void case_fault(const char *kind)
{
	static const long calls[] = {
		SYS_setgroups, SYS_setresgid,	      SYS_setresuid, SYS_capset,
		SYS_capget,    SYS_io_uring_register, THREAD,
	};
	const int failure = strcmp(kind, "dies") == 0	     ? DIES
			    : strcmp(kind, "no-memory") == 0 ? ENOMEM
							     : EPERM;

	fault = mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (fault == MAP_FAILED)
		FAIL("mmap: expected memory, saw: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (in_turn(calls[i], failure) == 0)
			FAIL("call %ld: expected the broker to make it, saw none", calls[i]);
}
