/* SPDX-License-Identifier: MIT */
/* idn-serve-demo: what it shows of itself. */
#ifndef STATUS_H
#define STATUS_H

#include "core/ledger.h"
#include "look/state.h"
#include "serve.h"

/* ---------------------------------------------------------------------------- snapshot.c -- */

/* The service at one moment. */
struct snapshot {
	struct look_thread *threads; /* ascending */
	size_t n_threads;
	bool counted; /* there is a ledger, and totals are those that it tells */
	struct ledger_counters totals;
	struct connection_numbers connections;
};

int snapshot_take(struct snapshot *snapshot) IMP_MUST_CHECK;
void snapshot_clear(struct snapshot *snapshot);
/* As idn-serve-demo-status.schema.json says, on one line, which the caller frees. */
char *snapshot_line(const struct snapshot *snapshot);
/* When the process started: CLOCK_REALTIME, found out once. */
int64_t snapshot_process_start(void);

/* ----------------------------------------------------------------------------- metrics.c -- */

/* The answer of /metrics, which the caller frees; NULL: out of memory. */
char *metrics_text(const struct snapshot *snapshot);
/* How many responses of STATUS went out, whatever was asked. */
uint64_t metrics_responses(unsigned int status);
uint64_t metrics_failed_assertions(void);

enum { STATUS_FIRST = 100, STATUS_LAST = 599 };

/* ------------------------------------------------------------------------------ events.c -- */

/* A listener's response; NULL where there are too many, or no memory. */
struct MHD_Response *events_listen(struct MHD_Connection *connection);
int events_listeners(void);
/* Sends LINE, which it takes over, to all of them, where it is news; waits for none. */
void events_publish(char *line);
/* Has each stream end with what is on its way. */
void events_end(void);
/* Cuts those that do not come to that within a second. */
void events_cut(void);

/* -------------------------------------------------------------------------------- page.c -- */

/* NULL: out of memory. */
struct MHD_Response *page_response(void);

/* ----------------------------------------------------------------------------- sampler.c -- */

/* Somebody listens who has not been told anything yet. */
void sampler_wake(void);

#endif
