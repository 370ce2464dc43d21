/* SPDX-License-Identifier: MIT */
/* idn-check: what its parts share. */
#ifndef CHECK_H
#define CHECK_H

#include <popt.h>
#include <stdio.h>

#include "access/advice.h"
#include "access/judge.h"
#include "access/suspect.h"
#include "access/witness.h"
#include "cli/json.h"

enum { EXIT_ALLOWED = 0, EXIT_DENIED = 1, EXIT_USAGE = 2, EXIT_UNKNOWN = 3 };

/* One file each: what the first word of the command line calls.  ARGV[0] is "idn-check WORD". */
int access_main(int argc, const char **argv);
int who_main(int argc, const char **argv);
int run_main(int argc, const char **argv);
int policy_main(int argc, const char **argv);
int threads_main(int argc, const char **argv);
int service_main(int argc, const char **argv);
int ledger_main(int argc, const char **argv);

/* -------------------------------------------------------------------------------- subject.c -- */

/* Whom a question is about, as the options named them. */
struct named_subject {
	const char *text; /* "alice"; "6241/6259" */
	bool is_thread;
	bool is_caller; /* nobody was named */
	struct access_subject subject;
};

struct subject_options {
	size_t count; /* of -u and -t together; 0: the caller */
	struct named_subject *named;
	const char *level;	     /* NULL: impersonation */
	enum imp_level chosen_level; /* by find_subjects */
};

enum { OPTION_USER = 'u', OPTION_THREAD = 't', OPTION_LEVEL = 'l' };
/* To stand in a popt table, with subject_option() for what they return. */
#define SUBJECT_OPTIONS                                                                            \
	{"user", 'u',	      POPT_ARG_STRING,                                                     \
	 NULL,	 OPTION_USER, "for USER: a name, a number, or UID:GID,GID... in numbers",          \
	 "USER"},                                                                                  \
		{"thread",   't',	    POPT_ARG_STRING,                                       \
		 NULL,	     OPTION_THREAD, "for what this thread is now",                         \
		 "PID[/TID]"},                                                                     \
	{                                                                                          \
		"level", 'l', POPT_ARG_STRING, NULL, OPTION_LEVEL,                                 \
			"at anonymous, identification, impersonation or delegation", "LEVEL"       \
	}

/* True if OPTION was one of them. */
bool subject_option(poptContext context, int option, struct subject_options *options);
/* Looks them up, the caller where none was named; ends the tool, with STATUS, on one that cannot
 * be. */
void find_subjects(struct subject_options *options, int status);
void clear_subjects(struct subject_options *options);

/* Where its absolute paths begin: a thread may have another root than we have. */
void find_base(const struct named_subject *named, struct walk_base *base);
void clear_base(struct walk_base *base);

/* ----------------------------------------------------------------------------------- want.c -- */

/* "r", "rw", "create", "list", "w,create": ACCESS_ bits; ends the tool on anything else. */
unsigned parse_want(const char *text);
/* The same in that form; the thread's, until its next call. */
const char *want_text(unsigned want);

/* --------------------------------------------------------------------------------- answer.c -- */

/* A question about one path and one subject, with all that was found. */
struct answer {
	const char *path;
	unsigned want;
	const struct named_subject *who;
	enum imp_level level; /* told only: who stands for it already */
	struct walk walk;
	struct access_verdict *verdicts;
	struct access_answer evaluated;
	struct witness kernel;
	bool compared, agrees;	   /* what the kernel was asked, with the evaluation of that */
	enum access_result result; /* of both together */
	int error;
	struct advice advice;
};

/*
 * Walks, judges, asks the kernel (where ASK) and looks for advice.  -ENOMEM, -EMFILE, -EAGAIN:
 * there is no answer then, and nothing to clear.
 */
int find_answer(const char *path, unsigned want, const struct named_subject *who,
		const struct walk_base *base, bool ask, struct answer *answer) IMP_MUST_CHECK;
void clear_answer(struct answer *answer);
/* What may stand behind it, for who tells of that; returns how many. */
size_t suspects_of(const struct answer *answer, struct suspect suspects[SUSPECTS_MAXIMUM]);
/* EXIT_ALLOWED, EXIT_DENIED or EXIT_UNKNOWN. */
int status_of(const struct answer *answer);
/* Nothing is there: no such file, a loop of links, a name too long. */
bool is_no_path(const struct answer *answer);

/* ----------------------------------------------------------------------------------- tree.c -- */

struct tree_options {
	const char *const *paths;
	size_t n_paths;
	unsigned want;
	const char *list; /* "allowed" or "denied"; NULL: a summary */
	bool nul, one_filesystem, json, verbose, quiet;
	const struct subject_options *subjects;
};

/* Whole trees, for each subject: an exit status.  Ends the tool on what cannot be asked of trees.
 */
int check_trees(const struct tree_options *options);

/* ----------------------------------------------------------------------------- text.c, object.c --
 */

/* As in idn-check(1); VERBOSE: the raw facts behind each step. */
void print_answer(FILE *out, struct answer *answer, bool verbose);
/* As idn-check.schema.json has it. */
json_t *answer_object(struct answer *answer, bool verbose);
/* true, false, or null. */
json_t *result_value(enum access_result result);
/* An identity, with its capabilities. */
json_t *subject_object(const struct access_subject *subject);
/* "alice"; "6241/6259 (alice)"; "alice (as nobody, at identification)". */
const char *who_text(const struct named_subject *who, enum imp_level level, char *buffer,
		     size_t size);

#endif
