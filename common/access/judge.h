/* SPDX-License-Identifier: MIT */
/*
 * Who may go a way: each step of a walk judged for an identity by the kernel's rules
 * (fs/namei.c, fs/posix_acl.c, fs/attr.c).  Nothing is read, allocated or looked up here, so that
 * ten thousand identities can be held against one walk.
 */
#ifndef ACCESS_JUDGE_H
#define ACCESS_JUDGE_H

#include "access/subject.h"
#include "access/walk.h"

enum access_result { RESULT_ALLOWED, RESULT_DENIED, RESULT_UNKNOWN };

enum access_rule {
	RULE_NONE, /* nothing had to be decided */
	/* the mode's classes */
	RULE_OWNER,
	RULE_GROUP,
	RULE_OTHER,
	/* entries of the ACL */
	RULE_ACL_USER,
	RULE_ACL_GROUP,	 /* the owning group's, or a named group's: entry */
	RULE_ACL_GROUPS, /* several match, and none of them has all that is wanted */
	RULE_ACL_OTHER,
	/* what stands above permissions */
	RULE_READ_ONLY_FILESYSTEM,
	RULE_READ_ONLY_MOUNT,
	RULE_IMMUTABLE,
	RULE_APPEND_ONLY,
	RULE_UNMAPPED,
	RULE_NOEXEC,
	RULE_NODEV,
	RULE_NOSYMFOLLOW,
	RULE_PROTECTED_SYMLINKS,
	RULE_PROTECTED_CREATE, /* fs.protected_regular, fs.protected_fifos, and what they always
				  refuse */
	RULE_PROTECTED_HARDLINKS,
	RULE_STICKY,
	RULE_FILE_OWNER, /* the file's owner may: chmod, delete */
	RULE_DIRECTORY_OWNER,
	RULE_CAPABILITY, /* only a capability could have allowed it, or did: capability */
	RULE_BUSY_TEXT,
	RULE_SWAP_FILE,
	RULE_NOT_A_PROGRAM,
	RULE_DIRECTORY, /* there are no hard links to directories */
	RULE_MOUNT_POINT,
	RULE_NOT_EMPTY,
	RULE_END, /* the way ends: error */
	RULE_NEW_NAME,
	/* what is decided elsewhere */
	RULE_FUSE_OWNER,   /* mounted by another user, without allow_other */
	RULE_FUSE_PROGRAM, /* its program decides */
	RULE_SERVER,
	RULE_KERNEL,	 /* /proc and the like */
	RULE_ACL_UNREAD, /* there may be a list that could not be read */
	RULE_UNSEEN	 /* the walker could not look */
};

struct access_verdict {
	enum access_result result;
	int error; /* where denied: a positive errno */
	enum access_rule rule;
	unsigned bits; /* what the class or the entry gives */
	const struct acl_entry *entry;
	bool masked; /* the mask took something wanted away: mask */
	unsigned mask;
	bool acl_skipped; /* the mode has no group bits: the kernel does not look at the list */
	int capability;	  /* CAP_...; -1: none was used or missed */
};

/* One step. */
void judge_step(const struct walk_step *step, const struct access_subject *subject,
		struct access_verdict *verdict);

/* Permissions alone: may SUBJECT have BITS (rwx) of OBJECT, as the kernel's generic_permission()?
 */
void judge_permission(const struct object *object, const struct access_subject *subject,
		      unsigned bits, struct access_verdict *verdict);

struct access_answer {
	enum access_result result;
	int error;	/* where denied: a positive errno */
	size_t decider; /* the step that decided; where all is allowed, the last one */
	/* As far as access(2) looks: the same without what only open, unlink, chmod ... check. */
	enum access_result permitted;
	int permitted_error;
};

/* All steps.  VERDICTS, where not NULL, has room for walk->count of them. */
void judge_walk(const struct walk *walk, const struct access_subject *subject,
		struct access_verdict *verdicts, struct access_answer *answer);

/* The sysctls fs.protected_*: read at first use. */
struct judge_protections {
	int symlinks, regular, fifos, hardlinks;
};
void judge_set_protections(const struct judge_protections *protections); /* for tests */

#endif
