/* SPDX-License-Identifier: MIT */
/* Who asks: what the kernel looks at when it decides about files. */
#ifndef ACCESS_SUBJECT_H
#define ACCESS_SUBJECT_H

#include "core/identity.h"
#include "core/procfs.h"

struct access_subject {
	struct identity identity; /* filesystem uid and gid, supplementary groups */
	uint64_t capabilities;	  /* effective */
	/* Some file systems look at these; ID_FILESYSTEM is that of the identity. */
	uid_t uids[N_IDS];
	gid_t gids[N_IDS];

	/* Where it was read from a thread; else pid is 0. */
	pid_t pid, tid;
	/* Of another user namespace: its capabilities count for what has ids there alone. */
	bool other_user_namespace;
	size_t n_uid_ranges, n_gid_ranges;
	struct procfs_id_range *uid_ranges, *gid_ranges; /* owned */
	bool no_new_privs;
	char label[256]; /* of its security module; "" when there is none */
};

/*
 * The identity that USER's processes have: its groups by the name service; every capability of this
 * process's bounding set for uid 0, none for others.  Below impersonation it is the anonymous
 * identity.  Errors as imp_token_from_user.
 */
int subject_of_user(const char *user, enum imp_level level,
		    struct access_subject *subject) IMP_MUST_CHECK;

/* The same of "UID:GID[,GID...]" in numbers, no name service asked.  -EINVAL, -ERANGE, -ENOMEM. */
int subject_of_ids(const char *text, enum imp_level level,
		   struct access_subject *subject) IMP_MUST_CHECK;

/* What a thread is now; TID 0 is the main thread.  Errors as procfs_read_thread. */
int subject_of_thread(pid_t pid, pid_t tid, enum imp_level level,
		      struct access_subject *subject) IMP_MUST_CHECK;

/* The calling thread. */
int subject_of_caller(enum imp_level level, struct access_subject *subject) IMP_MUST_CHECK;

void subject_clear(struct access_subject *subject);

/* All its ids are those of its identity: of what is no thread. */
void subject_fill_ids(struct access_subject *subject);

/* What root has here: this process's bounding set.  Errors as procfs_read_thread. */
int subject_capabilities_of_root(uint64_t *capabilities) IMP_MUST_CHECK;

/* Is GID its filesystem gid or one of its supplementary groups? */
bool subject_in_group(const struct access_subject *subject, gid_t gid);

#endif
