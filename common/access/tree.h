/* SPDX-License-Identifier: MIT */
/*
 * Whole trees, asked through the kernel: what `find PATH -readable` would see and say as each of
 * the identities, on as many processors as there are, and in memory that the depth of the tree
 * bounds and not the number of its files.
 *
 * An identity lists only the directories that it may list itself.  Symbolic links are judged by
 * their target and never descended, start paths included.
 *
 * One subject is taken for good.  Several are taken in turns, with the real and saved ids of who
 * calls: a file system that looks at those too (FUSE without allow_other) refuses them where it
 * would not refuse the one alone.
 */
#ifndef ACCESS_TREE_H
#define ACCESS_TREE_H

#include "access/subject.h"
#include "access/walk.h"

enum {
	TREE_SUBJECTS = 64, /* at most, at a time */
};

enum tree_result {
	TREE_UNSEEN, /* it cannot list the directory; or the entry had gone when it was asked */
	TREE_ALLOWED,
	TREE_DENIED,
	TREE_UNKNOWN
};

struct tree_answer {
	uint16_t result; /* enum tree_result */
	uint16_t error;	 /* a positive errno where denied or unknown */
};

struct tree_entry {
	const char *path; /* as find prints it */
	size_t length;
	int directory; /* with NAME: what *at calls take; the descriptor belongs to the walk */
	const char *name;
	bool is_directory;
	size_t start;			   /* which of the start paths it is below */
	const struct tree_answer *answers; /* one for each subject */
};

/* What is written, whole entries at a time, from whichever thread. */
struct tree_output;
void tree_put(struct tree_output *output, const void *bytes, size_t count);

/* Called for entries that are to be listed, from several threads at once. */
typedef void tree_list_fn(void *context, const struct tree_entry *entry,
			  struct tree_output *output);

/* Called about five times a second, from the thread that called tree_walk. */
typedef void tree_progress_fn(void *context, uint64_t entries);

struct tree {
	const char *const *starts;
	size_t n_starts;
	const struct access_subject *const *subjects;
	size_t n_subjects;
	unsigned want; /* rwx, as ACCESS_ has them; with ACCESS_LIST directories alone are asked
			  about */
	bool one_filesystem; /* directories on another one are asked about, and not entered */
	const struct walk_base *base; /* where paths begin; NULL: where the caller's do */
	size_t workers;		      /* 0: as many as processors */

	tree_list_fn *list;  /* NULL: nothing is listed */
	unsigned listed;     /* 1 << TREE_...: entries with one of these for any subject */
	bool list_as_caller; /* LIST is called as who called tree_walk, not as one of the subjects
			      */
	int output;	     /* the descriptor that tree_put writes to */
	tree_progress_fn *progress; /* or NULL */
	void *context;
};

/* Of one start path, for one subject. */
struct tree_counts {
	uint64_t allowed, denied, unknown;
	uint64_t unlisted;   /* directories that it may not list */
	uint64_t not_walked; /* directories that could not be, so that nothing is known of what is
				in them: too deep, or something failed */
	int start_error;     /* negative: why the start path could not be looked at */
	int walk_error;	     /* negative: of one of not_walked, or of unknown */
};

struct tree_failure {
	const char *step; /* of becoming SUBJECT, or standing where it does; NULL: something else */
	size_t subject;
	bool writing; /* it was write(2) */
};

/*
 * Walks them all.  COUNTS has room for n_starts rows of n_subjects.  A tree that changes meanwhile
 * is no error.  On failure nothing that was counted means anything: what becoming a subject
 * reported (-EPERM) and *FAILURE; -ENOSYS where this kernel, or a filter, has no faccessat2(2) and
 * nothing else can ask for the subject; -ENOMEM, -EAGAIN; what write(2) reported.
 *
 * Descriptors are needed as directories are deep: the soft limit is raised meanwhile.
 */
int tree_walk(const struct tree *tree, struct tree_counts *counts,
	      struct tree_failure *failure) IMP_MUST_CHECK;

#endif
