/* SPDX-License-Identifier: MIT */
/*
 * A way through the file system, as the kernel goes it (path_resolution(7), fs/namei.c): every
 * object on it and what is asked of it there, for whomever.  Who may go it is judge.h's business,
 * so that one walk serves any number of identities.
 */
#ifndef ACCESS_WALK_H
#define ACCESS_WALK_H

#include "access/object.h"

/* What may be asked of a path; rwx as access(2) has them. */
enum {
	ACCESS_EXECUTE = 1, /* of a directory: search */
	ACCESS_WRITE = 2,
	ACCESS_READ = 4,
	ACCESS_CREATE =
		8, /* make this name; beside any of rwx: open it, making it where it is missing */
	ACCESS_DELETE = 16,
	ACCESS_CHMOD = 32,
	ACCESS_CHOWN = 64, /* give it to anybody */
	ACCESS_LIST = 128,
	ACCESS_LINK = 256, /* make another hard link to it */
	ACCESS_RWX = 7
};

enum walk_check {
	CHECK_SEARCH, /* a directory: look a name up in it */
	CHECK_FOLLOW, /* a symbolic link */
	CHECK_USE,    /* the permissions of want (rwx) */
	CHECK_OPEN,   /* what open(2) and execve(2) refuse, and access(2) does not look at */
	CHECK_CREATE, /* make a name in the directory `object`; its permissions were a CHECK_USE */
	CHECK_DELETE, /* take `object` out of `directory`, likewise */
	CHECK_CHMOD,
	CHECK_CHOWN,
	CHECK_LINK,
	CHECK_END /* there is no way on, for anybody: `error` */
};

struct walk_step {
	enum walk_check check;
	unsigned want;	       /* for CHECK_USE and CHECK_OPEN; rwx */
	bool changes;	       /* CHECK_USE: something is about to be made or removed there */
	bool makes;	       /* CHECK_USE: a new name, that is */
	bool creating;	       /* CHECK_OPEN: with O_CREAT */
	bool trailing;	       /* CHECK_FOLLOW: of the last name, where protected_symlinks counts */
	bool last;	       /* about the path's end, not the way to it */
	char *path;	       /* from where the walk began, links resolved */
	struct object *object; /* NULL at CHECK_END where there is none */
	const struct object *directory; /* that object is in, where that counts */
	char *target;			/* of a link */
	struct acl *default_acl;	/* CHECK_CREATE: what the new one gets; NULL: none */
	int error;			/* CHECK_END: negative errno */
	bool unseen;	  /* CHECK_END: it is the walker who cannot go on: nothing is known */
	bool not_empty;	  /* CHECK_DELETE: a directory with something in it */
	bool mount_point; /* CHECK_DELETE */
	bool busy_text, swap_file; /* a running program; in use for swapping */
	bool unsettled; /* CHECK_OPEN: whether it is one of these was not looked at yet */
};

struct walk {
	struct walk_step *steps;
	size_t count;
	struct object **objects; /* all of them; steps point to these */
	size_t n_objects;
};

/* Where walks begin; descriptors are only used, never closed. */
struct walk_base {
	int root;	 /* "/" of the walk; -1: the caller's own */
	int current;	 /* for a relative path; AT_FDCWD: the caller's own */
	pid_t mounts_of; /* a process in the same mount namespace; 0: the caller */
};

/*
 * Walks PATH for WANT, with the caller's own eyes.  BASE NULL is the caller's root and directory.
 * Returns 0 also where the way ends early: the last step says so.  -EINVAL for a want that makes no
 * sense (nothing, or more than one of create with delete, chmod, ...), -ENOMEM, -EMFILE.
 * Descriptors of the objects stay open until walk_clear.
 */
int walk_path(const struct walk_base *base, const char *path, unsigned want,
	      struct walk *walk) IMP_MUST_CHECK;
/*
 * The same without what takes a look at every process of the machine: for who asks for that only
 * where it can still matter, by walk_settle(), which ends with LOOK false without having looked.
 */
int walk_path_unsettled(const struct walk_base *base, const char *path, unsigned want,
			struct walk *walk) IMP_MUST_CHECK;
/* False where nothing was open, and nothing has changed. */
bool walk_settle(struct walk *walk, bool look);

void walk_clear(struct walk *walk);

#endif
