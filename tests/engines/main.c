/* SPDX-License-Identifier: MIT */
/* Rounds of random trees, users and operations; see engines.h. */
#include <errno.h>
#include <popt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "engines.h"
#include "lib/check.h"

struct options {
	char *seed, *directory;
	long cases;
	int jobs, reports;
	int thread_only, defect, verbose;
};

static uint64_t round_seed;

void broken(const char *format, ...)
{
	va_list arguments;
	int error = errno;

	fprintf(stderr, "engines-differential: seed %llu: ", (unsigned long long)round_seed);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, ": %s\n", strerror(error));
	exit(3);
}

static void print_statistics(const struct statistics *statistics)
{
	for (int work = 0; work < N_WORKS; work++) {
		printf("  %-10s %8ld done, %8ld refused:", work_names[work],
		       statistics->succeeded[work], statistics->refused[work]);
		for (int error = 1; error < 134; error++)
			if (statistics->errors[work][error])
				printf(" %s %ld", error_name(error),
				       statistics->errors[work][error]);
		printf("\n");
	}
}

/* A search that never comes to what it is to look for finds nothing either. */
static bool has_tried_all(const struct statistics *statistics)
{
	for (int work = 0; work < N_WORKS; work++)
		if (!statistics->succeeded[work] || !statistics->refused[work]) {
			printf("%s has never %s\n", work_names[work],
			       statistics->succeeded[work] ? "been refused" : "succeeded");
			return false;
		}
	return true;
}

static int work(const struct options *options, uint64_t seed, long cases)
{
	static struct statistics statistics;
	struct stage stage = {.directory = options->directory,
			      .ring = !options->thread_only,
			      .defect = options->defect};
	int reports = options->reports;
	struct timespec begin, end;
	double seconds;

	stage_make(&stage);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (round_seed = seed; statistics.cases < cases && reports > 0; round_seed++)
		round_play(&stage, round_seed, &reports, &statistics);
	clock_gettime(CLOCK_MONOTONIC, &end);
	stage_end(&stage);

	seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	printf("seed %llu: %ld cases, %ld disagreements, %.0f cases a second\n",
	       (unsigned long long)seed, statistics.cases, statistics.disagreements,
	       (double)statistics.cases / seconds);
	if (options->verbose)
		print_statistics(&statistics);
	if (statistics.disagreements)
		return FAILED;
	return cases < 10000 || has_tried_all(&statistics) ? PASSED : FAILED;
}

/* Each with seeds that the others do not come to. */
static int work_together(const struct options *options, uint64_t seed)
{
	int worst = PASSED;

	for (int i = 0; i < options->jobs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			broken("fork");
		if (pid == 0)
			exit(work(options, seed + ((uint64_t)i << 48),
				  options->cases / options->jobs + 1));
	}
	for (int i = 0, status; i < options->jobs; i++)
		if (wait(&status) < 0 || !WIFEXITED(status)) {
			fprintf(stderr, "engines-differential: a process ended with status %#x\n",
				(unsigned)status);
			worst = FAILED;
		} else if (WEXITSTATUS(status) && worst != FAILED) {
			worst = WEXITSTATUS(status);
		}
	return worst;
}

static void parse(int argc, const char **argv, struct options *options)
{
	const struct poptOption table[] = {
		{"seed", 's', POPT_ARG_STRING, &options->seed, 0,
		 "begin with round N (default: at random)", "N"},
		{"cases", 'n', POPT_ARG_LONG | POPT_ARGFLAG_SHOW_DEFAULT, &options->cases, 0,
		 "try that many", "N"},
		{"jobs", 'j', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options->jobs, 0,
		 "in as many processes", "N"},
		{"reports", 'r', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options->reports, 0,
		 "stop after as many disagreements", "N"},
		{"file-system", 'f', POPT_ARG_STRING, &options->directory, 0,
		 "on the file system of DIR (default: a tmpfs)", "DIR"},
		{"thread-only", 't', POPT_ARG_NONE, &options->thread_only, 0,
		 "leave out the ring engine", NULL},
		{"defect", 'd', POPT_ARG_NONE, &options->defect, 0,
		 "with services that take each client for another", NULL},
		{"verbose", 'v', POPT_ARG_NONE, &options->verbose, 0,
		 "tell what came of each operation", NULL},
		POPT_AUTOHELP POPT_TABLEEND};
	poptContext context = poptGetContext(NULL, argc, argv, table, 0);
	int result = poptGetNextOpt(context);

	if (result < -1 || poptPeekArg(context) || options->jobs < 1) {
		fprintf(stderr, "engines-differential: %s\n",
			result < -1 ? poptStrerror(result) : "see --help");
		exit(2);
	}
	poptFreeContext(context);
}

int main(int argc, char **argv)
{
	struct options options = {.cases = 20000, .jobs = 1, .reports = 1};
	uint64_t seed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, (const char **)argv, &options);
	if (options.seed)
		seed = strtoull(options.seed, NULL, 10);
	else
		random_bytes(&seed);
	return options.jobs == 1 ? work(&options, seed, options.cases)
				 : work_together(&options, seed);
}
