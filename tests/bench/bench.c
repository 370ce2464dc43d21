/* SPDX-License-Identifier: MIT */
/*
 * The harness.  Rounds are far shorter than a time slice, and there are hundreds of them: one that
 * was interrupted is an outlier, and a median does not see it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define ROUND_NS 400e3
#define SIDES_MAXIMUM 8

/* One side, as it is measured. */
struct track {
	const struct bench_side *side;
	unsigned long times; /* in a round */
	double *ns;	     /* for one operation, by round */
};

/* --------------------------------------------------------------------------------- rounds -- */

static size_t number_of_rounds(void)
{
	const char *text = getenv("BENCH_ROUNDS");
	long rounds = text ? strtol(text, NULL, 10) : 0;

	return rounds > 0 ? (size_t)rounds : 501;
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double one_round(const struct track *track)
{
	double before = now_ns();

	track->side->repeat(track->side->context, track->times);
	return (now_ns() - before) / (double)track->times;
}

/* How often it fits into a round; warms up as well. */
static void calibrate(struct track *track)
{
	double ns;

	track->times = 1;
	ns = one_round(track);
	while (ns * (double)track->times < ROUND_NS / 2) {
		track->times *= 2;
		ns = one_round(track);
	}
	if (ns < ROUND_NS)
		track->times = (unsigned long)(ROUND_NS / ns);
}

static void measure(struct track *tracks, size_t n_tracks, size_t rounds)
{
	for (size_t i = 0; i < n_tracks; i++) {
		tracks[i].ns = calloc(rounds, sizeof(double));
		if (!tracks[i].ns)
			bench_die("cannot measure", ENOMEM);
		calibrate(&tracks[i]);
	}
	/* To and fro: whoever comes after somebody finds the caches and the clock as that left
	 * them. */
	for (size_t round = 0; round < rounds; round++)
		for (size_t i = 0; i < n_tracks; i++) {
			size_t turn = round % 2 ? n_tracks - 1 - i : i;

			tracks[turn].ns[round] = one_round(&tracks[turn]);
		}
}

/* -------------------------------------------------------------------------------- medians -- */

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Sorts VALUES. */
static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(double), compare_doubles);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double median_of_ratios(const double *ours, const double *rival, size_t rounds)
{
	double *ratios = calloc(rounds, sizeof(double));

	if (!ratios)
		bench_die("cannot measure", ENOMEM);
	for (size_t round = 0; round < rounds; round++)
		ratios[round] = ours[round] / rival[round];

	double ratio = median(ratios, rounds);

	free(ratios);
	return ratio;
}

/* -------------------------------------------------------------------------------- records -- */

static const char *verdict(double value, double goal)
{
	return value <= goal ? "ok" : "missed";
}

void bench_compare(const char *name, const struct bench_side *ours, const struct bench_side *rivals,
		   size_t n_rivals)
{
	struct track tracks[SIDES_MAXIMUM] = {{.side = ours}};
	double ratios[SIDES_MAXIMUM];
	size_t rounds = number_of_rounds();

	if (n_rivals >= SIDES_MAXIMUM)
		bench_die("too many rivals", 0);
	for (size_t i = 0; i < n_rivals; i++)
		tracks[i + 1].side = &rivals[i];
	measure(tracks, n_rivals + 1, rounds);

	/* Ratios first: the medians leave the rounds sorted. */
	for (size_t i = 1; i <= n_rivals; i++)
		ratios[i] = median_of_ratios(tracks[0].ns, tracks[i].ns, rounds);

	double ours_ns = median(tracks[0].ns, rounds);

	for (size_t i = 1; i <= n_rivals; i++) {
		double rival_ns = median(tracks[i].ns, rounds);
		const struct bench_side *rival = tracks[i].side;

		printf("%s\t%.1f\t%.1f\t%.3f\t%.2f\t%s\t%.3f\t%s\n", name, ours_ns, rival_ns,
		       ratios[i], rival->goal, verdict(ratios[i], rival->goal), ours_ns / rival_ns,
		       rival->what);
		free(tracks[i].ns);
	}
	free(tracks[0].ns);
	fflush(stdout);
}

void bench_time(const char *name, const struct bench_side *ours, double goal)
{
	struct track track = {.side = ours};
	size_t rounds = number_of_rounds();

	measure(&track, 1, rounds);
	bench_value(name, median(track.ns, rounds), goal, "ns");
	free(track.ns);
}

void bench_value(const char *name, double value, double goal, const char *unit)
{
	printf("%s\t%.1f\t-\t-\t%g %s\t%s\t-\t-\n", name, value, goal, unit, verdict(value, goal));
	fflush(stdout);
}

void bench_die(const char *what, int error)
{
	fflush(stdout);
	fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, what, error ? ": " : "",
		error ? strerror(abs(error)) : "");
	exit(1);
}
