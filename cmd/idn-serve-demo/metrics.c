/* SPDX-License-Identifier: MIT */
/* What is counted, and /metrics: Prometheus's text format, version 0.0.4. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "status.h"

static atomic_uint_fast64_t responses[N_METHODS][N_WORK_KINDS][STATUS_LAST - STATUS_FIRST + 1];
static atomic_uint_fast64_t failed_assertions;

static const char *const kind_names[N_WORK_KINDS] = {
	[WORK_NOTHING] = "none",    [WORK_WHOAMI] = "whoami", [WORK_FILE] = "file",
	[WORK_LIST] = "list",	    [WORK_KEY] = "key",	      [WORK_HOLD] = "hold",
	[WORK_BACKEND] = "backend", [WORK_PAGE] = "page",     [WORK_EVENTS] = "events",
	[WORK_METRICS] = "metrics",
};

/* ------------------------------------------------------------------------------- counting -- */

void metrics_count_request(const struct errand *errand, unsigned int status)
{
	if (status >= STATUS_FIRST && status <= STATUS_LAST)
		atomic_fetch_add_explicit(
			&responses[errand->method][errand->kind][status - STATUS_FIRST], 1,
			memory_order_relaxed);
}

static uint64_t responses_of(size_t method, size_t kind, unsigned int status)
{
	return atomic_load_explicit(&responses[method][kind][status - STATUS_FIRST],
				    memory_order_relaxed);
}

uint64_t metrics_responses(unsigned int status)
{
	uint64_t sum = 0;

	for (size_t method = 0; method < N_METHODS; method++)
		for (size_t kind = 0; kind < N_WORK_KINDS; kind++)
			sum += responses_of(method, kind, status);
	return sum;
}

void metrics_count_failed_assertion(void)
{
	atomic_fetch_add_explicit(&failed_assertions, 1, memory_order_relaxed);
}

uint64_t metrics_failed_assertions(void)
{
	return atomic_load_explicit(&failed_assertions, memory_order_relaxed);
}

/* -------------------------------------------------------------------------------- telling -- */

static void put_family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_one(FILE *out, const char *name, const char *type, uint64_t value, const char *help)
{
	put_family(out, name, type, help);
	fprintf(out, "%s %" PRIu64 "\n", name, value);
}

static void put_requests(FILE *out)
{
	put_family(out, "idn_requests_total", "counter",
		   "Responses that went out, by method, status and what was asked for.");
	for (size_t method = 0; method < N_METHODS; method++)
		for (size_t kind = 0; kind < N_WORK_KINDS; kind++)
			for (unsigned int status = STATUS_FIRST; status <= STATUS_LAST; status++) {
				uint64_t count = responses_of(method, kind, status);

				if (count > 0)
					fprintf(out,
						"idn_requests_total{method=\"%s\",code=\"%u\","
						"kind=\"%s\"} %" PRIu64 "\n",
						method_name((enum method)method), status,
						kind_names[kind], count);
			}
}

/* Where there is no ledger nobody has counted, and 0 would be a lie. */
static void put_totals(FILE *out, const struct snapshot *snapshot)
{
	const struct ledger_counters *totals = &snapshot->totals;

	if (!snapshot->counted)
		return;
	put_one(out, "idn_impersonations_total", "counter", totals->impersonations,
		"How often a thread has become another client.");
	put_one(out, "idn_flows_total", "counter", totals->flows,
		"Pieces of work done under an identity that was handed over with them.");
	put_one(out, "idn_flows_refused_total", "counter", totals->flows_refused,
		"Pieces of work handed over without their identity.");
	put_one(out, "idn_mismatches_total", "counter", totals->mismatches,
		"How often a thread or a channel was not who it should have been.");
	put_one(out, "idn_channel_mismatches_total", "counter", totals->channel_mismatches,
		"How often a channel was not who it should have been.");
}

static void put_threads(FILE *out, const struct snapshot *snapshot)
{
	size_t impersonating = 0;

	put_family(out, "idn_threads", "gauge", "Threads of this process, by state.");
	for (int state = LOOK_CONSISTENT; state <= LOOK_UNRECORDED; state++) {
		size_t count = 0;

		for (size_t i = 0; i < snapshot->n_threads; i++)
			count += snapshot->threads[i].state == (enum look_state)state;
		fprintf(out, "idn_threads{state=\"%s\"} %zu\n",
			look_state_name((enum look_state)state), count);
	}
	for (size_t i = 0; i < snapshot->n_threads; i++)
		impersonating += snapshot->threads[i].impersonating;
	put_one(out, "idn_threads_impersonating", "gauge", impersonating,
		"Threads that act for a client just now.");
}

static void put_connections(FILE *out, const struct connection_numbers *connections)
{
	put_one(out, "idn_connections", "gauge", connections->open, "Connections open.");
	put_one(out, "idn_connections_total", "counter", connections->accepted,
		"Connections accepted.");
	put_one(out, "idn_clients", "gauge", connections->users,
		"Users, and addresses, that have connections open.");
	put_one(out, "idn_event_listeners", "gauge", (uint64_t)events_listeners(),
		"Clients that listen to /events.");
}

static void put_engine(FILE *out)
{
	put_family(out, "idn_engine_info", "gauge", "Which engine clients are served by.");
	fprintf(out, "idn_engine_info{engine=\"%s\"} 1\n", imp_engine_name(engine_chosen()));
}

static void put_process(FILE *out)
{
	struct procfs_usage usage;

	put_family(out, "process_start_time_seconds", "gauge",
		   "When the process started, in seconds since 1970.");
	fprintf(out, "process_start_time_seconds %.2f\n", (double)snapshot_process_start() / 1e9);
	if (procfs_read_usage(getpid(), &usage) < 0)
		return;
	put_one(out, "process_open_fds", "gauge", usage.descriptors, "Descriptors open.");
	put_one(out, "process_resident_memory_bytes", "gauge", usage.resident,
		"Memory that is resident, in bytes.");
}

char *metrics_text(const struct snapshot *snapshot)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	put_requests(out);
	put_totals(out, snapshot);
	put_one(out, "idn_assertion_failures_total", "counter", metrics_failed_assertions(),
		"Requests whose thread was found not to be their client's, before or after the "
		"work.");
	put_threads(out, snapshot);
	put_connections(out, &snapshot->connections);
	put_engine(out);
	put_process(out);

	bool failed = ferror(out);

	if (fclose(out) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}
