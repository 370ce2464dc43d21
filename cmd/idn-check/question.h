/* SPDX-License-Identifier: MIT */
/* What a refused system call was about, and of whom. */
#ifndef QUESTION_H
#define QUESTION_H

#include <limits.h>
#include <sys/socket.h>

#include "check.h"
#include "trace.h"

/* A path of the call, and where it begins. */
struct spot {
	bool of_descriptor; /* of what is open already: the way there does not count */
	char path[PATH_MAX];
	char shown[2 * PATH_MAX]; /* from the root directory, as far as that is known */
	struct walk_base base;	  /* its descriptors are the spot's */
};

struct question {
	const struct refused_call *refused;
	struct procfs_thread thread;
	uid_t uid; /* that it was refused to */
	char user[256];
	struct named_subject who;
	size_t n_spots;
	struct spot spots[2];
	unsigned want;		    /* ACCESS_ bits; 0: the way to the path is all it takes */
	uint64_t flags;		    /* of an open */
	bool gone;		    /* killed while it was looked at */
	bool unseen;		    /* we may not look at what it was about */
	char unseen_path[PATH_MAX]; /* relative to a directory that we may not look at */
	char attribute[256];
	struct sockaddr_storage address; /* family AF_UNSPEC where it is about none */
};

/* The thread must be stopped.  -errno where nothing is known of it; only then, nothing is to clear.
 */
int question_of(const struct refused_call *refused, struct question *question) IMP_MUST_CHECK;
/* All that decides for its thread, which takes ten times as long as to see what was asked. */
int question_find_who(struct question *question) IMP_MUST_CHECK;
void question_clear(struct question *question);

/* " for reading"; "" where the name of the call says all. */
const char *question_aim(const struct question *question);

/* What it takes that is not permission on a path: "cap_kill, or ..."; NULL: nothing that is known.
 */
const char *question_need(const struct question *question, char *buffer, size_t size);

#endif
