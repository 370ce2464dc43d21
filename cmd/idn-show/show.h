/* SPDX-License-Identifier: MIT */
/* idn-show: what its parts share. */
#ifndef SHOW_H
#define SHOW_H

#include <stdio.h>

#include "cli/json.h"
#include "look/scan.h"

enum { EXIT_SHOWN = 0, EXIT_NO_SUCH_THREAD = 1, EXIT_USAGE = 2 };

/* What was named: a process, or one of its threads. */
struct subject {
	const char *text;
	pid_t pid;
	pid_t tid; /* 0: the main thread, and those that differ from it */
};

/* Which threads of a list are wanted, and in which order; select.c. */
struct selection {
	bool every; /* also those that are nobody but their service */
	const char *user, *level, *state, *service; /* NULL: whoever, whichever */
	uid_t uid;				    /* of user; IMP_NO_UID is Anonymous */
	const char *level_name;			    /* of level, as we call it */
	const char *sort;
	size_t n_subjects;
	struct subject *subjects; /* none: the whole system */
};

struct options {
	int json;
	int quiet;
	int verbose;
	int all, threads;
	int compare;
	double watch; /* seconds; 0: once */
	struct selection selection;
};

/* text.c: one thread as lines; the three of the contract first.  VERBOSE: counters of 0, too. */
void print_thread(FILE *out, const struct look_thread *thread, bool verbose);
/* One line for a thread that is shown beside its process's main one. */
void print_thread_line(const struct look_thread *thread);

/* object.c: one thread as JSON; idn-show.schema.json. */
json_t *thread_object(const struct look_thread *thread);

/* select.c.  Checks what was asked for, or ends the tool. */
void check_selection(struct selection *selection);
bool is_filtered(const struct selection *selection);
/* Complains of each thread that was named and is not there. */
int check_named(const struct selection *selection);
/* The threads that are wanted, sorted. */
void select_threads(const struct selection *selection, struct look_list *list);

/* rows.c: threads as a table, cut to WIDTH columns where that is not 0, and LINES rows likewise. */
void print_table(FILE *out, const struct look_list *list, bool verbose, int width, int lines,
		 const char *line_end);

/* compare.c: two threads side by side. */
int compare_threads(const struct subject *a, const struct subject *b, bool json);

/* watch.c: the table again and again, until q. */
int watch_threads(const struct options *options);

/* main.c */
int complain(const struct subject *subject, int error);

#endif
