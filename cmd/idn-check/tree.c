/* SPDX-License-Identifier: MIT */
/* idn-check access -r: whole trees, for one identity or several; the summary. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/describe.h"
#include "cli/message.h"
#include "core/log.h"
#include "tree.h"

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		die(EXIT_UNKNOWN, "%s", strerror(ENOMEM));
	return memory;
}

/* ------------------------------------------------------------------------------- options -- */

static void check_options(const struct tree_options *options)
{
	if (options->want & ~(unsigned)(ACCESS_RWX | ACCESS_LIST))
		die(EXIT_USAGE, "-r: may be asked about r, w, x and list alone");
	if (options->list && strcmp(options->list, "allowed") != 0 &&
	    strcmp(options->list, "denied") != 0)
		die(EXIT_USAGE, "--list: %s: neither allowed nor denied", options->list);
	if (options->n_paths == 0)
		die(EXIT_USAGE, "-r: no path");
	if (options->subjects->count > TREE_SUBJECTS)
		die(EXIT_USAGE, "-r: more than %d identities at a time", TREE_SUBJECTS);
}

static void show_progress(void *context, uint64_t entries)
{
	(void)context;
	fprintf(stderr, "\ridn-check: %" PRIu64 " entries\033[K", entries);
	fflush(stderr);
}

/* Where it is seen, and does not run into what is listed. */
static bool wants_progress(const struct tree_options *options)
{
	return !options->quiet && isatty(STDERR_FILENO) &&
	       !(options->list && isatty(STDOUT_FILENO));
}

static struct tree tree_of(const struct tree_options *options, struct listing *listing)
{
	struct tree tree = {
		.starts = options->paths,
		.n_starts = options->n_paths,
		.n_subjects = options->subjects->count,
		.want = options->want,
		.one_filesystem = options->one_filesystem,
		.output = STDOUT_FILENO,
		.progress = wants_progress(options) ? show_progress : NULL,
		.context = listing,
		.list_as_caller = options->verbose,
	};

	if (options->list)
		listing->listed = 1u << (*options->list == 'a' ? TREE_ALLOWED : TREE_DENIED);
	tree.listed = listing->listed;
	if (listing->rules)
		tree.listed |= 1u << TREE_DENIED;
	if (options->verbose)
		tree.list = list_with_rules;
	else if (options->list)
		tree.list = options->json ? list_object : list_path;
	return tree;
}

/* ------------------------------------------------------------------------------- summary -- */

static const char *directories(uint64_t count)
{
	return count == 1 ? "directory" : "directories";
}

static int by_count(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left < right) - (left > right);
}

/* The most frequent first: their numbers in ORDER. */
static void sort_rules(const struct rule_counts *rules, size_t order[RULES_MAXIMUM])
{
	uint64_t counts[RULES_MAXIMUM][2];

	for (size_t i = 0; i < rules->n_rules; i++) {
		counts[i][0] = rules->rules[i].count;
		counts[i][1] = i;
	}
	qsort(counts, rules->n_rules, sizeof(counts[0]), by_count);
	for (size_t i = 0; i < rules->n_rules; i++)
		order[i] = (size_t)counts[i][1];
}

static void print_rules(const struct rule_counts *rules)
{
	size_t order[RULES_MAXIMUM];
	char safe[512];

	sort_rules(rules, order);
	for (size_t i = 0; i < rules->n_rules; i++)
		printf("%10" PRIu64 "  %s\n", rules->rules[order[i]].count,
		       printable(rules->rules[order[i]].text, safe, sizeof(safe)));
	if (rules->others)
		printf("%10" PRIu64 "  other rules\n", rules->others);
}

static void print_summary(const char *path, const struct named_subject *subject,
			  const struct tree_options *options, const struct tree_counts *counts)
{
	char safe_path[4096], who[700], question[64];
	uint64_t seen = counts->allowed + counts->denied + counts->unknown;

	printf("%s: %s may %s %" PRIu64 " of %" PRIu64 " (%" PRIu64 " denied, %" PRIu64
	       " %s not listed",
	       printable(path, safe_path, sizeof(safe_path)),
	       who_text(subject, options->subjects->chosen_level, who, sizeof(who)),
	       describe_question(options->want, question, sizeof(question)), counts->allowed, seen,
	       counts->denied, counts->unlisted, directories(counts->unlisted));
	if (counts->unknown)
		printf(", %" PRIu64 " not determined", counts->unknown);
	if (counts->not_walked)
		printf(", %" PRIu64 " %s not walked", counts->not_walked,
		       directories(counts->not_walked));
	printf(")\n");
}

static json_t *rules_array(const struct rule_counts *rules)
{
	size_t order[RULES_MAXIMUM];
	json_t *array = json_array();

	sort_rules(rules, order);
	for (size_t i = 0; i <= rules->n_rules; i++) {
		bool last = i == rules->n_rules;
		json_t *rule;

		if (last && !rules->others)
			break;
		rule = json_object();
		json_put(rule, "rule", json_text(last ? NULL : rules->rules[order[i]].text));
		json_put(rule, "count",
			 json_integer((json_int_t)(last ? rules->others
							: rules->rules[order[i]].count)));
		json_append(array, rule);
	}
	return array;
}

static json_t *summary_object(const struct listing *listing, size_t start, size_t subject,
			      const struct tree_counts *counts)
{
	size_t n_subjects = listing->options->subjects->count;
	json_t *object = json_object();

	json_put(object, "path", json_text(listing->options->paths[start]));
	json_put(object, "identity", json_deep_copy(listing->identities[subject]));
	json_put(object, "want", json_string(want_text(listing->options->want)));
	json_put(object, "entries",
		 json_integer((json_int_t)(counts->allowed + counts->denied + counts->unknown)));
	json_put(object, "allowed", json_integer((json_int_t)counts->allowed));
	json_put(object, "denied", json_integer((json_int_t)counts->denied));
	json_put(object, "not_determined", json_integer((json_int_t)counts->unknown));
	json_put(object, "not_listed", json_integer((json_int_t)counts->unlisted));
	json_put(object, "not_walked", json_integer((json_int_t)counts->not_walked));
	json_put(object, "errno",
		 counts->start_error ? json_string(error_name(-counts->start_error)) : json_null());
	if (listing->rules)
		json_put(object, "rules",
			 rules_array(&listing->rules[start * n_subjects + subject]));
	return object;
}

static void write_summary(const struct listing *listing, const struct tree_counts *counts)
{
	size_t n_subjects = listing->options->subjects->count;
	json_t *array = json_array(), *object = json_object();

	for (size_t i = 0; i < listing->options->n_paths * n_subjects; i++)
		json_append(array,
			    summary_object(listing, i / n_subjects, i % n_subjects, &counts[i]));
	json_put(object, "summary", array);
	json_write(object, stdout);
}

/* ------------------------------------------------------------------------------ problems -- */

/* A start path that is not there is so for everybody, mostly: said once, then. */
static bool is_same_for_all(const struct tree_counts *counts, size_t n_subjects)
{
	for (size_t i = 1; i < n_subjects; i++)
		if (counts[i].start_error != counts[0].start_error)
			return false;
	return true;
}

/* COUNTS is the row of PATH. */
static void complain_of_path(const struct tree_options *options, const char *path,
			     const struct tree_counts *counts)
{
	size_t n_subjects = options->subjects->count;
	bool same = is_same_for_all(counts, n_subjects);

	for (size_t i = 0; i < n_subjects; i++) {
		const char *who = options->subjects->named[i].text;
		const char *why = counts[i].walk_error == -EMFILE
					  ? "too deep for the limit on open files"
					  : reason_of(counts[i].walk_error);
		uint64_t failed = counts[i].unknown + counts[i].not_walked;

		if (counts[i].start_error && same && i == 0)
			complain_of("%s: %s", path, reason_of(counts[i].start_error));
		else if (counts[i].start_error && !same)
			complain_of("%s: %s: %s", path, who, reason_of(counts[i].start_error));
		if (failed)
			complain_of("%s: %s: %" PRIu64 " could not be determined: %s", path, who,
				    failed, why);
		/* Where there is a summary, that says it. */
		if (counts[i].unlisted && options->list && !options->json)
			warn_of("%s: %s: %" PRIu64 " %s not listed", path, who, counts[i].unlisted,
				directories(counts[i].unlisted));
	}
}

static int status_of_counts(const struct tree_counts *counts, size_t count)
{
	int status = EXIT_ALLOWED;

	for (size_t i = 0; i < count; i++) {
		if (counts[i].start_error || counts[i].unknown || counts[i].not_walked)
			return EXIT_UNKNOWN;
		if (counts[i].denied)
			status = EXIT_DENIED;
	}
	return status;
}

_Noreturn static void die_of_failure(const struct tree_options *options, int error,
				     const struct tree_failure *failure)
{
	if (failure->step)
		die(EXIT_UNKNOWN, "%s: %s: %s", options->subjects->named[failure->subject].text,
		    failure->step, reason_of(error));
	if (failure->writing)
		die(EXIT_UNKNOWN, "standard output: %s", reason_of(error));
	if (error == -ENOSYS)
		die(EXIT_UNKNOWN, "-r: the kernel cannot be asked: no faccessat2(2)");
	die(EXIT_UNKNOWN, "-r: %s", reason_of(error));
}

/* ------------------------------------------------------------------------------ together -- */

static void report(const struct listing *listing, const struct tree_counts *counts)
{
	const struct tree_options *options = listing->options;
	size_t n_subjects = options->subjects->count;
	bool summary = !options->json && !options->list && !options->quiet;

	for (size_t start = 0; start < options->n_paths; start++) {
		const struct tree_counts *row = counts + start * n_subjects;

		complain_of_path(options, options->paths[start], row);
		for (size_t i = 0; i < n_subjects && summary; i++) {
			if (row[i].start_error)
				continue;
			print_summary(options->paths[start], &options->subjects->named[i], options,
				      &row[i]);
			if (listing->rules)
				print_rules(&listing->rules[start * n_subjects + i]);
		}
	}
	if (options->json)
		write_summary(listing, counts);
}

/* A thread may have another root, and other mounts; all who are asked about together have the same.
 */
static void find_common_base(const struct subject_options *subjects, struct walk_base *base)
{
	find_base(&subjects->named[0], base);
	for (size_t i = 1; i < subjects->count; i++) {
		struct walk_base other;

		find_base(&subjects->named[i], &other);
		if (base->root >= 0 || other.root >= 0)
			die(EXIT_UNKNOWN, "%s: has another root: ask about it alone",
			    subjects->named[other.root >= 0 ? i : 0].text);
		clear_base(&other);
	}
}

static void open_listing(struct listing *listing, const struct tree_options *options)
{
	const struct subject_options *subjects = options->subjects;

	*listing = (struct listing){
		.options = options,
		.terminal = !options->nul && isatty(STDOUT_FILENO),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	if (options->verbose && (options->json || !options->list))
		listing->rules =
			allocate(options->n_paths * subjects->count, sizeof(*listing->rules));
	/* Names are looked up now: later is in a thread that is somebody else. */
	listing->identities = allocate(subjects->count, sizeof(json_t *));
	for (size_t i = 0; i < subjects->count && options->json; i++)
		listing->identities[i] = subject_object(&subjects->named[i].subject);
}

static void close_listing(struct listing *listing)
{
	size_t n_subjects = listing->options->subjects->count;

	for (size_t i = 0; i < n_subjects; i++)
		json_decref(listing->identities[i]);
	free(listing->identities);
	for (size_t i = 0; listing->rules && i < listing->options->n_paths * n_subjects; i++)
		for (size_t rule = 0; rule < listing->rules[i].n_rules; rule++)
			free(listing->rules[i].rules[rule].text);
	free(listing->rules);
}

int check_trees(const struct tree_options *options)
{
	const struct subject_options *subjects = options->subjects;
	struct listing listing;
	struct tree_failure failure;
	struct walk_base base;

	check_options(options);
	open_listing(&listing, options);

	const struct access_subject **whom = allocate(subjects->count, sizeof(*whom));
	struct tree_counts *counts = allocate(options->n_paths * subjects->count, sizeof(*counts));
	struct tree tree = tree_of(options, &listing);

	for (size_t i = 0; i < subjects->count; i++)
		whom[i] = &subjects->named[i].subject;
	find_common_base(subjects, &base);
	tree.subjects = whom;
	tree.base = &base;
	fflush(stdout); /* what is listed goes round it */

	int error = tree_walk(&tree, counts, &failure);

	if (tree.progress)
		fputs("\r\033[K", stderr);
	if (error < 0)
		die_of_failure(options, error, &failure);
	report(&listing, counts);

	int status = status_of_counts(counts, options->n_paths * subjects->count);

	clear_base(&base);
	free(counts);
	free(whom);
	close_listing(&listing);
	return status;
}
