/* SPDX-License-Identifier: MIT */
/*
 * bench.h - measures ours against others in one process: in many short rounds, one after the other
 * in each, so that what else the machine does falls on all alike.
 *
 * A record is a line on stdout, tab separated: name, ours, rival, ratio, goal, "ok" or "missed",
 * then the ratio of the medians and what the rival is.  Times are nanoseconds for one operation,
 * medians over the rounds; the ratio is the median of the rounds' ratios, the one that is judged.
 * Where there is no rival, its cells are "-" and the goal has a unit, which is that of ours too.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>

/* Does the operation TIMES times; one that fails ends the program. */
typedef void bench_fn(void *context, unsigned long times);

struct bench_side {
	const char *what;
	bench_fn *repeat;
	void *context;
	double goal; /* of a rival: how much of its time ours may take */
};

/* Measures OURS against each rival, all in the same rounds, and writes a record for each. */
void bench_compare(const char *name, const struct bench_side *ours, const struct bench_side *rivals,
		   size_t n_rivals);

/* Measures OURS alone, against a goal in nanoseconds. */
void bench_time(const char *name, const struct bench_side *ours, double goal);

/* Writes the record of a value that was measured otherwise, and is to be GOAL or less. */
void bench_value(const char *name, double value, double goal, const char *unit);

/* "PROGRAM: what: the text of error"; exits with 1.  ERROR is an errno, negative or not; 0 is none.
 */
void bench_die(const char *what, int error) __attribute__((noreturn));

#endif
