/* SPDX-License-Identifier: MIT */
/* What the parts of the walk through trees share; of no concern to others. */
#ifndef ACCESS_TREE_WALKER_H
#define ACCESS_TREE_WALKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "access/tree.h"

/* A directory that is being listed. */
struct frame {
	int fd;
	size_t path_length; /* of the worker's path, the slash behind it included */
	uint64_t joined;    /* the subjects that can list it, a bit each */
	char *names;	    /* subdirectories to go to, each with its NUL; owned */
	size_t names_length;
	bool more; /* there may be more to be read from it */
	bool full; /* there nearly certainly is */
};

/* What one worker hands to another: part of a frame, with a descriptor of the same open file. */
struct job {
	struct job *next;
	size_t start;
	dev_t device;
	char *path; /* up to and with the frame's own */
	struct frame frame;
};

struct tree_output {
	char *bytes;
	size_t used, room;
	bool failed; /* no memory */
};

/* What the workers share.  Nothing in it is touched without the lock but what is atomic. */
struct pool {
	const struct tree *tree;
	struct tree_counts *counts;
	bool switching;	   /* workers go from one subject to another, and back */
	bool plain_access; /* there is no faccessat2: access(2), which looks at real ids */
	size_t n_workers;

	pthread_mutex_t lock, output_lock;
	pthread_cond_t work, end;
	struct job *jobs;
	size_t n_jobs, next_start, waiting, running;
	atomic_size_t hungry; /* workers that wait, and for whom there is no job yet */
	atomic_bool stopped;
	int error;
	struct tree_failure failure;
	uint64_t entries;
};

/* An entry of the directory at hand. */
struct found {
	const char *name;
	unsigned char type; /* DT_ */
};

struct worker {
	struct pool *pool;
	size_t current; /* the subject that the thread is; n_subjects: the caller */
	size_t start;
	dev_t device; /* of the start path, with one_filesystem */

	char *path; /* of the directory at hand, then of the entry */
	size_t path_room;
	struct frame *frames;
	size_t depth, room;

	char *buffer; /* of getdents64 */
	struct found *found;
	size_t n_found;
	struct tree_answer *answers; /* n_subjects for each of found */

	struct tree_counts *tally; /* one for each subject, of this start path, not added up yet */
	uint64_t entries;
	struct tree_output output;
};

enum { BUFFER_SIZE = 65536, ENTRIES_MAXIMUM = BUFFER_SIZE / 24, OUTPUT_SIZE = 65536 };

/* tree.c: for the workers. */
bool pool_take(struct pool *pool, struct job **job, size_t *start);
void pool_give(struct pool *pool, struct job *job);
void pool_stop(struct pool *pool, int error);
void pool_fail_to_become(struct pool *pool, size_t subject, const char *step, int error);
void pool_add(struct worker *worker);
int pool_write(struct worker *worker) IMP_MUST_CHECK;

/* tree-walker.c: the thread's function. */
void *worker_run(void *pool);

/* tree-share.c: gives work away, where somebody has none. */
void share_work(struct worker *worker);
void job_free(struct job *job);
/* Where the last of the frame's names begins; there is one. */
size_t frame_last_name(const struct frame *frame);

/* tree-ask.c: what is asked as a subject.  0, or a negative errno that ends the walk. */
int take_subject(struct worker *worker) IMP_MUST_CHECK;
int become_subject(struct worker *worker, size_t subject) IMP_MUST_CHECK;
void become_caller(struct worker *worker);
/* Opens a directory as all of FRAME's joined, and leaves those there who could. FRAME's fd is -1
 * where none could. */
int open_directory(struct worker *worker, int parent, const char *name,
		   struct frame *frame) IMP_MUST_CHECK;
/* Reads entries into found: how many bytes of them, 0 at the end. */
ssize_t read_entries(struct worker *worker, const struct frame *frame) IMP_MUST_CHECK;
/* Asks about what is found, as each of JOINED; others' answers are left alone. */
int ask_about_found(struct worker *worker, int directory, uint64_t joined) IMP_MUST_CHECK;
/* Looks at the start path: its type, and the device; JOINED is who can see it. */
int look_at_start(struct worker *worker, const char *path, uint64_t *joined) IMP_MUST_CHECK;
/* Whether asking works here at all, and how. */
int probe_asking(struct pool *pool) IMP_MUST_CHECK;

#endif
