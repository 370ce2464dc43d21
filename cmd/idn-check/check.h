/* SPDX-License-Identifier: MIT */
/* idn-check: what its parts share. */
#ifndef CHECK_H
#define CHECK_H

#include <popt.h>
#include <stdio.h>

#include "access/advice.h"
#include "access/judge.h"
#include "access/witness.h"
#include "cli/json.h"

enum { EXIT_ALLOWED = 0, EXIT_DENIED = 1, EXIT_USAGE = 2, EXIT_UNKNOWN = 3 };

/* One file each: what the first word of the command line calls.  ARGV[0] is "idn-check WORD". */
int access_main(int argc, const char **argv);
int who_main(int argc, const char **argv);
int run_main(int argc, const char **argv);

/* -------------------------------------------------------------------------------- subject.c -- */

/* Whom a question is about, as the options named them. */
struct named_subject {
	const char *text; /* "alice"; "6241/6259" */
	bool is_thread;
	struct access_subject subject;
};

struct subject_options {
	size_t count; /* of -u and -t together; 0: the caller */
	struct named_subject *named;
	const char *level; /* NULL: impersonation */
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

/* ----------------------------------------------------------------------------------- want.c -- */

/* "r", "rw", "create", "list", "w,create": ACCESS_ bits; ends the tool on anything else. */
unsigned parse_want(const char *text);

/* --------------------------------------------------------------------------------- answer.c -- */

/* A question about one path and one subject, with all that was found. */
struct answer {
	const char *path;
	unsigned want;
	const struct named_subject *who;
	struct walk walk;
	struct access_verdict *verdicts;
	struct access_answer evaluated;
	struct witness kernel;
	bool agrees;		   /* where the kernel was asked */
	enum access_result result; /* of both together */
	int error;
	struct advice advice;
};

/* Walks, judges, asks the kernel (where ASK) and looks for advice; ends the tool without memory. */
void find_answer(const char *path, unsigned want, const struct named_subject *who,
		 const struct walk_base *base, bool ask, struct answer *answer);
void clear_answer(struct answer *answer);
/* EXIT_ALLOWED, EXIT_DENIED or EXIT_UNKNOWN. */
int status_of(const struct answer *answer);

/* ----------------------------------------------------------------------------- text.c, json -- */

/* As in idn-check(1); VERBOSE: the raw facts behind each step. */
void print_answer(FILE *out, const struct answer *answer, bool verbose);
/* "denied: alice may not write /path: RULE": in one line, with what would allow it. */
void print_answer_line(FILE *out, const struct answer *answer);
/* As idn-check.schema.json has it. */
json_t *answer_object(const struct answer *answer, bool verbose);

#endif
