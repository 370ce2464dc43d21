/* SPDX-License-Identifier: MIT */
/* Threads that are born at the primary identity, whoever makes them. */
#include <errno.h>
#include <stdlib.h>

#include "core/impersonate-thread.h"
#include "core/log.h"
#include "flow/context.h"
#include "flow/thread.h"

int thread_create_at_primary(pthread_t *thread, const pthread_attr_t *attributes,
			     void *(*start)(void *argument), void *argument)
{
	struct imp_token *current = thread_token();

	/* One who is somebody behind the library's back stays that; START leaves it first. */
	struct imp_token *before =
		current && thread_agrees(current) ? imp_token_ref(current) : NULL;

	if (before)
		imp_revert();

	int error = -pthread_create(thread, attributes, start, argument);

	if (before)
		thread_restore(before);
	return error;
}

struct birth {
	void *(*start)(void *argument);
	void *argument;
	void *result;
	bool started;
	struct imp_context context;
};

static int call_start(void *data)
{
	struct birth *birth = data;

	birth->started = true;
	birth->result = birth->start(birth->argument);
	return 0;
}

/* Also where START ends the thread without returning. */
static void end_life(void *data)
{
	struct birth *birth = data;

	context_leave();
	context_clear(&birth->context);
	free(birth);
}

static void *live(void *data)
{
	struct birth *birth = data;
	void *result;

	/* Its creator may have been somebody whom the library does not know of. */
	imp_revert();
	pthread_cleanup_push(end_life, birth);

	int error = imp_context_run(&birth->context, call_start, birth, NULL);

	if (error < 0 && !birth->started)
		log_die("a new thread", "cannot be who it was made for", error);
	result = birth->result;
	pthread_cleanup_pop(1);
	return result;
}

int imp_thread_create_at(const char *site, pthread_t *thread, const pthread_attr_t *attributes,
			 void *(*start)(void *argument), void *argument)
{
	struct birth *birth = malloc(sizeof(*birth));

	if (!birth)
		return -ENOMEM;
	*birth = (struct birth){.start = start, .argument = argument};

	int error = context_capture(site, &birth->context);

	if (error < 0) {
		free(birth);
		return error;
	}
	error = thread_create_at_primary(thread, attributes, live, birth);
	if (error < 0) {
		context_clear(&birth->context);
		free(birth);
	}
	return error;
}
