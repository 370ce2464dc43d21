/* SPDX-License-Identifier: MIT */
/*
 * Where the work for a request is done: here, as the client, if it is short; by a worker that is
 * told which token to take, if it may take long; or handed over, and over again, with the identity
 * of who hands it over.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "cli/json.h"
#include "cli/message.h"
#include "serve.h"

static struct {
	const struct options *options;
	int root_fd;
	struct imp_pool *pool;
} work;

/* ------------------------------------------------------------------------------- exchanges -- */

struct exchange *exchange_new(struct MHD_Connection *connection, struct client_connection *client)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return NULL;
	atomic_init(&exchange->references, 1);
	exchange->connection = connection;
	exchange->client = client ? connection_ref(client) : NULL;
	exchange->reply.fd = -1;
	return exchange;
}

struct exchange *exchange_ref(struct exchange *exchange)
{
	atomic_fetch_add_explicit(&exchange->references, 1, memory_order_relaxed);
	return exchange;
}

void exchange_unref(struct exchange *exchange)
{
	if (!exchange ||
	    atomic_fetch_sub_explicit(&exchange->references, 1, memory_order_acq_rel) != 1)
		return;
	imp_token_unref(exchange->token);
	backends_unref(exchange->backends);
	free(exchange->challenge);
	reply_clear(&exchange->reply);
	json_decref(exchange->description);
	free(exchange->errand.path);
	free(exchange->via);
	free(exchange->body);
	connection_unref(exchange->client);
	free(exchange);
}

void exchange_announce(struct exchange *exchange)
{
	if (exchange->announced)
		return;
	exchange->announced = true;
	atomic_store_explicit(&exchange->ready, true, memory_order_release);
	loop_resume(exchange->connection);
}

/* --------------------------------------------------------------------------------- workers -- */

static void finish(struct exchange *exchange)
{
	exchange_announce(exchange);
	exchange_unref(exchange);
}

/* Work that was not done, and why. */
static void give_up(void *data, int error)
{
	struct exchange *exchange = data;

	reply_not_done(&exchange->reply, error);
	finish(exchange);
}

/* The token is named: nothing has to flow. */
static void do_as_client(void *data)
{
	struct exchange *exchange = data;

	work_do_as(exchange, work.root_fd);
	imp_revert();
	finish(exchange);
}

/* Whoever the thread is by now is who it has to be: nobody says so again. */
static void do_as_handed(void *data)
{
	struct exchange *exchange = data;

	if (exchange->errand.kind != WORK_HOLD) {
		work_do(exchange, work.root_fd);
		finish(exchange);
		return;
	}
	if (hold_start(exchange, true))
		exchange_unref(exchange);
	else
		give_up(exchange, -EBUSY);
}

static void hand_on(void *data)
{
	struct exchange *exchange = data;
	int error = imp_pool_submit(work.pool, do_as_handed, give_up, exchange);

	if (error < 0)
		give_up(exchange, error);
}

/* --------------------------------------------------------------------------------- handing -- */

static int submit(struct exchange *exchange, void (*how)(void *data))
{
	int error = imp_pool_submit(work.pool, how, give_up, exchange_ref(exchange));

	if (error < 0)
		exchange_unref(exchange);
	return error;
}

/* As the client, whose identity the work is to have. */
static int start_async(struct exchange *exchange)
{
	int error = 0;

	if (work.options->defect != DEFECT_NO_FLOW) {
		error = imp_serve(exchange->token);
		if (error == 0)
			error = imp_assert(exchange->token);
	}
	if (error == 0)
		error = submit(exchange, hand_on);
	imp_revert();
	return error;
}

static int start_elsewhere(struct exchange *exchange)
{
	if (exchange->errand.async)
		return start_async(exchange);
	if (exchange->errand.kind == WORK_HOLD)
		return hold_start(exchange, false) ? 0 : -EBUSY;
	return submit(exchange, do_as_client);
}

/* What the disk or another server has a say in may take long: not in a thread that others wait for.
 */
static bool may_take_long(const struct errand *errand)
{
	return errand->kind == WORK_HOLD || errand->kind == WORK_BACKEND ||
	       errand->method == METHOD_PUT;
}

bool exchange_start(struct exchange *exchange)
{
	const struct errand *errand = &exchange->errand;

	exchange->started = true;
	if (errand->kind >= WORK_PAGE) {
		imp_revert(); /* whoever asked before */
		return status_start(exchange);
	}
	/* Names are looked up, and threads made, by the service itself. */
	if (errand->kind == WORK_WHOAMI || errand->kind == WORK_HOLD) {
		imp_revert();
		exchange->description = work_describe(exchange->token, exchange->via);
	}
	if (!errand->async && !may_take_long(errand)) {
		work_do_as(exchange, work.root_fd);
		return true;
	}
	imp_revert();
	MHD_suspend_connection(exchange->connection);

	int error = start_elsewhere(exchange);

	if (error == 0)
		return false;
	loop_resume(exchange->connection);
	reply_not_done(&exchange->reply, error);
	return true;
}

/* ------------------------------------------------------------------------ beginning and end -- */

/* Threads are born with the name of who makes them. */
static int make_workers(void)
{
	char name[16];
	int error = -pthread_getname_np(pthread_self(), name, sizeof(name));

	if (error < 0)
		return error;
	pthread_setname_np(pthread_self(), "worker");
	error = imp_pool_create((unsigned int)work.options->workers, &work.pool);
	pthread_setname_np(pthread_self(), name);
	return error;
}

void exchange_prepare(const struct options *options, int root_fd)
{
	work.options = options;
	work.root_fd = root_fd;
	hold_prepare(options->defect);
	status_prepare();

	int error = make_workers();

	if (error < 0)
		die(EXIT_FAILED, "cannot start %d workers: %s", options->workers, reason_of(error));
}

void exchange_stop(void)
{
	hold_stop();
	status_stop();
}

void exchange_end(void)
{
	imp_pool_destroy(work.pool);
	hold_join();
	status_end();
	defect_stop();
}
