/* SPDX-License-Identifier: MIT */
/*
 * access-differential: what common/access predicts, held against what the kernel does.  A round is
 * one random tree, some random questions about it and some random identities; each question with
 * each identity is a case.
 */
#ifndef DIFFERENTIAL_H
#define DIFFERENTIAL_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "access/judge.h"
#include "random.h"

enum {
	MOST_NODES = 40,
	MOST_MOUNTS = 4,
	MOST_QUESTIONS = 48,
	IDENTITIES = 8,
	MOST_LINKS = 44, /* one after the other; the kernel follows 40 */
	NAME_ROOM = 8,
	PATH_ROOM = 512
};

/* ------------------------------------------------------------------------------------ world.c --
 */

/* The file systems, in a mount namespace and a root directory of this process's own. */
struct file_system {
	char top[64]; /* an empty directory on it, from the new root */
	const char *kind;
	bool lists;    /* can be mounted with and without ACLs */
	bool has_busy; /* top/.vault/busy is being run */
	pid_t busy;
	bool is_foreign; /* somebody else's: not to be mounted anew */
	int outside;	 /* the directory that it was given as */
	char name[32];	 /* what was made there */
};

struct world {
	struct file_system file_systems[8];
	unsigned n_file_systems;
	int idmapping; /* of a user namespace; -1: none to be had */
};

/* Ends the process with SKIPPED where there can be none. */
void world_make(struct world *world, char **directories);
void world_end(const struct world *world);
/* The process is one that a world started to be busy: does not return. */
_Noreturn void world_hold(void);

/* ------------------------------------------------------------------------------------- tree.c --
 */

struct node {
	int parent; /* -1: the top */
	char name[NAME_ROOM];
	char path[PATH_ROOM]; /* where no mount lies over it */
	int fd;		      /* O_PATH */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t dev;
	ino_t ino;
	unsigned flags; /* FS_IMMUTABLE_FL, FS_APPEND_FL */
	unsigned children;
	size_t acl_size; /* as in the extended attribute */
	uint8_t acl[4 + 8 * MOST_ACL];
	size_t default_size;
	uint8_t default_acl[4 + 8 * MOST_ACL];
	int held;     /* a FIFO, open at both ends */
	int leads_to; /* a link; -1 */
	bool in_vault;
};

struct tree {
	const struct file_system *on;
	struct node nodes[MOST_NODES];
	int count;
	char mounts[MOST_MOUNTS][PATH_ROOM]; /* where */
	int mounted_on[MOST_MOUNTS];	     /* the node of that path */
	char mount_facts[MOST_MOUNTS][PATH_ROOM + 64];
	int n_mounts;
	int over[MOST_NODES]; /* the node whose subtree is mounted there; -1 */
	int vault;
	bool read_only, without_lists;
	bool busy;   /* one of its files is being run */
	int current; /* the directory that relative paths begin in */
};

/* And enters one of its directories. */
void tree_make(const struct world *world, struct tree *tree);
/* Everything that is in it may be removed again. */
void tree_remove(struct tree *tree);
/* The node that is this file; NULL. */
struct node *tree_find(struct tree *tree, dev_t dev, ino_t ino);
/* Puts owner, mode and ACL back. */
void tree_restore_attributes(const struct node *node);
/* Puts a removed one back. */
void tree_restore(struct tree *tree, struct node *node);
/* Gives one its name back, which is NAME now. */
void tree_restore_name(const struct tree *tree, const struct node *node, const char *name);
/* Removes what was made.  False and errno. */
bool tree_unlink(struct tree *tree, int directory, const char *name, bool is_directory);
/* Ends the process if the tree is not what it was made. */
void tree_check(const struct tree *tree);

/* Paths to ask about, through what is there and what is not; MAKING: mostly to a new name. */
void random_path(const struct tree *tree, bool making, char path[PATH_ROOM]);

/* ------------------------------------------------------------------------------------ asking -- */

enum operation {
	OPERATION_OPEN, /* by the bits of want; for execution: execve(2), of a directory chdir(2) */
	OPERATION_OPEN_CREATE,
	OPERATION_NEW_FILE,
	OPERATION_NEW_DIRECTORY,
	OPERATION_NEW_FIFO,
	OPERATION_NEW_SYMLINK,
	OPERATION_NEW_LINK,
	OPERATION_DELETE,
	OPERATION_RENAME,
	OPERATION_CHMOD,
	OPERATION_CHOWN,
	OPERATION_CHOWN_GROUP,
	OPERATION_LINK, /* to it; OPERATION_NEW_LINK is by that name */
	OPERATION_LIST,
	N_OPERATIONS
};

struct question {
	enum operation operation;
	unsigned want;
	char path[PATH_ROOM];
	mode_t kind;	/* of what the path leads to, links followed; 0: nothing */
	mode_t mode;	/* the same: what chmod(2) is asked for */
	bool directory; /* what is to be deleted is one */
	struct node *victim;
	char parent[PATH_ROOM + 2]; /* the directory of the last name */
	char name[PATH_ROOM];
	char sibling[PATH_ROOM]; /* a new name beside it; "" where there can be none */
	char source[PATH_ROOM];	 /* of a hard link */
	char another[PATH_ROOM]; /* a name that anybody may make */
	struct walk walk, sibling_walk;
};

void question_make(struct tree *tree, bool by_descriptors, struct question *question);
/* By its name, since another may stand there by now.  -1 and errno. */
int question_open_parent(const struct question *question);
void question_clear(struct question *question);
const char *operation_name(enum operation operation);

/* What the kernel said: 0 or a positive errno. */
struct reply {
	bool asked;
	int access;    /* faccessat2(2) */
	int errors[8]; /* of each thing tried; all must succeed */
	const char *what[8];
	int count;
};

struct person {
	uid_t uid;
	gid_t gid;
	gid_t groups[8];
	int n_groups;
	uint64_t capabilities;
	struct access_subject subject;
};

void person_make(struct person *person);
void person_clear(struct person *person);

/* Asks the kernel as PERSON; REPLIES is shared memory, one for each question. */
void oracle_ask(struct tree *tree, const struct person *person, struct question *questions,
		int count, struct reply *replies);
/* Makes what is needed once. */
struct reply *oracle_replies(void);

/* ----------------------------------------------------------------------------------- report.c --
 */

void report(const struct tree *tree, const struct person *person, const struct question *question,
	    const struct reply *reply, const char *what);

/* The machine does not do what a test needs it to do. */
_Noreturn void broken(const char *format, ...) IMP_PRINTF(1, 2);

#endif
