/* SPDX-License-Identifier: MIT */
/* Rounds of random trees, questions and identities; see differential.h. */
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

#include "differential.h"
#include "lib/check.h"
#include "protections.h"

struct options {
	char *seed;
	long cases;
	int jobs, reports;
	int protections, verbose;
	char **directories;
};

static uint64_t round_seed;
static long out_of_sight, decided_by[2][64];

void broken(const char *format, ...)
{
	va_list arguments;
	int error = errno;

	fprintf(stderr, "access-differential: seed %llu: ", (unsigned long long)round_seed);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, ": %s\n", strerror(error));
	exit(3);
}

/* --------------------------------------------------------------------------------- comparing -- */

static bool is_among(const struct reply *reply, int error)
{
	for (int i = 0; i < reply->count; i++)
		if (reply->errors[i] == error)
			return true;
	return false;
}

static bool has_failed(const struct reply *reply)
{
	for (int i = 0; i < reply->count; i++)
		if (reply->errors[i])
			return true;
	return false;
}

/* A directory is renamed with all that is in it, and what its new name takes is asked earlier. */
static void predict_rename(const struct question *question, const struct access_subject *subject,
			   struct access_answer *answer)
{
	struct access_answer sibling;

	if (answer->result == RESULT_DENIED && answer->error != ENOTEMPTY && answer->error != EBUSY)
		return;
	judge_walk(&question->sibling_walk, subject, NULL, &sibling);
	if (answer->error == ENOTEMPTY || sibling.result != RESULT_ALLOWED)
		*answer = sibling;
}

/*
 * It is the walker, root, who may not go on: nobody's capabilities count in a directory whose owner
 * has no number here.  That nothing is known then is the right answer.
 */
static bool is_out_of_sight(const struct walk *walk)
{
	const struct walk_step *last = &walk->steps[walk->count - 1];

	return walk->count > 1 && last->unseen && walk->steps[walk->count - 2].object &&
	       walk->steps[walk->count - 2].object->unmapped;
}

/* NULL, or in what they differ. */
static const char *difference(const struct question *question, const struct access_subject *subject,
			      const struct reply *reply)
{
	static struct access_verdict verdicts[1024];
	struct access_answer answer;

	if (question->walk.count > 1024)
		broken("%s: too long", question->path);

	judge_walk(&question->walk, subject, verdicts, &answer);
	decided_by[answer.result == RESULT_DENIED][verdicts[answer.decider].rule]++;
	if (answer.result == RESULT_UNKNOWN && is_out_of_sight(&question->walk)) {
		out_of_sight++;
		return NULL;
	}
	if (question->operation == OPERATION_OPEN) {
		if (answer.permitted == RESULT_UNKNOWN)
			return "access(2): it does not know";
		if ((answer.permitted == RESULT_DENIED ? answer.permitted_error : 0) !=
		    reply->access)
			return "access(2)";
	}
	if (question->operation == OPERATION_RENAME)
		predict_rename(question, subject, &answer);
	if (reply->count == 0)
		return NULL;
	if (answer.result == RESULT_UNKNOWN)
		return "it does not know";
	if ((answer.result == RESULT_DENIED) != has_failed(reply))
		return "verdict";
	if (answer.result == RESULT_DENIED && !is_among(reply, answer.error))
		return "error";
	return NULL;
}

/* ------------------------------------------------------------------------------------ rounds -- */

static long compare(const struct tree *tree, const struct person *person,
		    const struct question *questions, int count, const struct reply *replies,
		    int *reports)
{
	long found = 0;

	for (int i = 0; i < count; i++) {
		const char *what =
			replies[i].asked ? difference(&questions[i], &person->subject, &replies[i])
					 : "not asked";

		if (!what)
			continue;
		found++;
		if (*reports > 0) {
			report(tree, person, &questions[i], &replies[i], what);
			printf("  again: --seed %llu --cases 1\n", (unsigned long long)round_seed);
			(*reports)--;
		}
	}
	return found;
}

/* They are the machine's: another may change them while we are at it. */
static bool have_protections_changed(const struct judge_protections *before)
{
	struct judge_protections now;

	protections_read(&now);
	return memcmp(&now, before, sizeof(now)) != 0;
}

/* Returns the number of cases; *FOUND grows by that of disagreements. */
static long play(const struct world *world, int *reports, long *found)
{
	static struct question questions[MOST_QUESTIONS];
	static struct tree tree;
	struct judge_protections protections;
	bool by_descriptors;
	long cases = 0;

	random_seed(round_seed);
	protections_read(&protections);
	judge_set_protections(&protections);
	tree_make(world, &tree);
	by_descriptors = one_in(2);
	for (int i = 0; i < MOST_QUESTIONS; i++)
		question_make(&tree, by_descriptors, &questions[i]);
	for (int i = 0; i < IDENTITIES; i++) {
		struct reply *replies = oracle_replies();
		struct person person;

		person_make(&person);
		oracle_ask(&tree, &person, questions, MOST_QUESTIONS, replies);
		if (!have_protections_changed(&protections)) {
			*found += compare(&tree, &person, questions, MOST_QUESTIONS, replies,
					  reports);
			cases += MOST_QUESTIONS;
		}
		tree_check(&tree);
		person_clear(&person);
	}
	for (int i = 0; i < MOST_QUESTIONS; i++)
		question_clear(&questions[i]);
	tree_remove(&tree);
	return cases;
}

static int work(const struct options *options, uint64_t seed, long cases)
{
	struct world world;
	struct timespec begin, end;
	long done = 0, found = 0;
	int reports = options->reports;

	world_make(&world, options->directories);
	if (options->protections)
		protections_raise(1);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (round_seed = seed; done < cases && reports > 0; round_seed++) {
		if (options->protections && done > cases / 2)
			protections_raise(2);
		done += play(&world, &reports, &found);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	world_end(&world);

	double seconds =
		(double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;

	printf("seed %llu: %ld cases, %ld disagreements, %ld out of sight, %.0f cases a second\n",
	       (unsigned long long)seed, done, found, out_of_sight, (double)done / seconds);
	for (int i = 0; options->verbose && i < 64; i++)
		if (decided_by[0][i] || decided_by[1][i])
			printf("  rule %2d: %9ld allowed, %9ld denied\n", i, decided_by[0][i],
			       decided_by[1][i]);
	return found ? FAILED : PASSED;
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
			fprintf(stderr, "access-differential: a process ended with status %#x\n",
				(unsigned)status);
			worst = FAILED;
		} else if (WEXITSTATUS(status) && worst != FAILED)
			worst = WEXITSTATUS(status);
	return worst;
}

/* ---------------------------------------------------------------------------------- options -- */

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
		{"file-system", 'f', POPT_ARG_ARGV, &options->directories, 0,
		 "also on the file system of DIR; may be given again", "DIR"},
		{"protections", 'p', POPT_ARG_NONE, &options->protections, 0,
		 "with fs.protected_* raised, for the whole machine, as long as it runs", NULL},
		{"verbose", 'v', POPT_ARG_NONE, &options->verbose, 0,
		 "tell how many cases each rule decided", NULL},
		POPT_AUTOHELP POPT_TABLEEND};
	poptContext context = poptGetContext(NULL, argc, argv, table, 0);
	int result = poptGetNextOpt(context);

	if (result < -1 || poptPeekArg(context) || options->jobs < 1 ||
	    (options->protections && options->jobs > 1)) {
		fprintf(stderr, "access-differential: %s\n",
			result < -1 ? poptStrerror(result) : "see --help");
		exit(2);
	}
	poptFreeContext(context);
}

int main(int argc, char **argv)
{
	struct options options = {.cases = 20000, .jobs = 1, .reports = 1};
	uint64_t seed;

	if (argc == 2 && strcmp(argv[1], "--hold") == 0)
		world_hold();
	/* An oracle that ends early is to be reported, not to end its parent. */
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, (const char **)argv, &options);
	if (options.seed)
		seed = strtoull(options.seed, NULL, 10);
	else
		random_bytes(&seed);
	return options.jobs == 1 ? work(&options, seed, options.cases)
				 : work_together(&options, seed);
}
