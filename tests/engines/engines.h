/* SPDX-License-Identifier: MIT */
/*
 * engines-differential: what a client has done by the ring engine and by the thread engine, held
 * against what a process of that user does.  Each of the three has a tree of its own, made alike,
 * as its root directory.  A round is one random tree, some random users, and random operations,
 * each of which is a case: all three do it, one after the other has changed something, and what
 * they are told and what is then there must be the same.
 */
#ifndef ENGINES_H
#define ENGINES_H

#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <impersonate.h>

#include "differential/random.h"

enum way { WAY_PLAIN, WAY_THREAD, WAY_RING, WAYS };

enum {
	MOST_NODES = 28,
	USERS = 4,
	SLOTS = 3, /* files that each user keeps open */
	PATH_ROOM = 96,
	VALUE_ROOM = 4 + 8 * MOST_ACL,
	TEXT_ROOM = 32
};

/* The machine does not do what a test needs it to do. */
_Noreturn void broken(const char *format, ...) IMP_PRINTF(1, 2);

/* -------------------------------------------------------------------------------- commands -- */

enum work {
	WORK_OPEN,
	WORK_STAT,
	WORK_MKDIR,
	WORK_UNLINK,
	WORK_RENAME,
	WORK_LINK,
	WORK_SYMLINK,
	WORK_GET,
	WORK_GET_FD,
	WORK_SET,
	WORK_SET_FD,
	WORK_CONNECT,
	N_WORKS,	      /* from here on: for the test itself */
	WORK_ADMIT = N_WORKS, /* the client that connects is that user */
	WORK_RELEASE	      /* all of them */
};

enum { AT_ROOT = -1, AT_NOTHING = -2, BY_LINK = -3 };

struct command {
	enum work work;
	int user;
	bool serving;  /* work for the user, as long as that is possible, and give NULL */
	int slot;      /* of what is opened */
	int at, to_at; /* a slot, or one of the above */
	int of_link;   /* BY_LINK: the path is that of this slot in /proc */
	char path[PATH_ROOM], to_path[PATH_ROOM];
	struct open_how how;
	unsigned flags, mask;
	mode_t mode; /* WORK_ADMIT: the umask */
	char name[32];
	uint8_t value[VALUE_ROOM];
	size_t size;
	int type; /* of socket */
};

/* What must be the same; all bytes of it. */
struct answer {
	int64_t result; /* or a negative errno; a descriptor is 0 */
	struct {
		uint32_t flags, mode, uid, gid, links;
		uint64_t size, mask;
	} file;
	uint8_t value[VALUE_ROOM]; /* what was read */
};

/* ------------------------------------------------------------------------------------ tree -- */

struct node {
	int parent; /* -1: a top */
	char path[PATH_ROOM];
	mode_t mode;
	uid_t uid;
	gid_t gid;
	size_t acl_size, default_size;
	uint8_t acl[VALUE_ROOM], default_acl[VALUE_ROOM];
	char target[PATH_ROOM]; /* of a link */
	bool attribute;		/* has a user.a */
	bool listens;		/* a socket */
	bool is_full;		/* nobody more can connect to it for now */
	bool is_left;		/* a FIFO that nobody holds */
	int type;
};

struct tree {
	struct node nodes[MOST_NODES];
	int count;
	bool has_full, has_left;
	int held[WAYS][MOST_NODES]; /* FIFOs that both ends are open of, sockets; -1 */
};

/* Of those that users and files have; the service's is among them. */
uid_t some_uid(void);
gid_t some_gid(void);
const char *random_name(void);
void tree_choose(struct tree *tree);
/* In the root directory of WAY. */
void tree_make(struct tree *tree, enum way way);
void tree_remove(struct tree *tree, enum way way);
/* Who has connected to the sockets of WAY's tree meanwhile, told in TEXT. */
void tree_peers(const struct tree *tree, enum way way, char *text, size_t size);

/* ------------------------------------------------------------------------------------ look -- */

/* All there is in WAY's tree, a line each; valid until the next call for WAY. */
const char *look(enum way way);

/* ----------------------------------------------------------------------------------- stage -- */

struct person {
	uid_t uid;
	gid_t gid;
	gid_t groups[12];
	size_t n_groups;
	enum imp_level level; /* that it connects at */
};

struct stage {
	const char *directory; /* whose file system the trees are on; NULL: on a tmpfs */
	bool ring;
	bool defect; /* one user is taken for the next: all of this must find that */
	int outside;
	int services[WAYS];
	pid_t pids[WAYS];
	uid_t anonymous_uid;
	gid_t anonymous_gid;
};

extern const char *const way_roots[WAYS];
/* "/proc" and "/run" are none of the tree. */
void stage_make(struct stage *stage);
void stage_end(struct stage *stage);
const char *service_socket(enum way way);
/* A process of PERSON's, connected to the services; PEER is where it takes commands. */
pid_t client_start(const struct stage *stage, const struct person *person, mode_t mask, int *peer);
/* The services take what has connected for USER. */
void client_admit(const struct stage *stage, int user, mode_t mask);

/* ----------------------------------------------------------------------------------- calls -- */

/* As the library has them. */
struct calls {
	__typeof__(&imp_openat2) openat2;
	__typeof__(&imp_statx) statx;
	__typeof__(&imp_mkdirat) mkdirat;
	__typeof__(&imp_unlinkat) unlinkat;
	__typeof__(&imp_renameat2) renameat2;
	__typeof__(&imp_linkat) linkat;
	__typeof__(&imp_symlinkat) symlinkat;
	__typeof__(&imp_getxattr) getxattr;
	__typeof__(&imp_fgetxattr) fgetxattr;
	__typeof__(&imp_setxattr) setxattr;
	__typeof__(&imp_fsetxattr) fsetxattr;
	__typeof__(&imp_connect) connect;
};
extern const struct calls plain_calls, library_calls;

/* ----------------------------------------------------------------------------------- actor -- */

/* Who does what is commanded. */
struct actor {
	const struct calls *calls;
	struct imp_token *tokens[USERS];
	int connections[USERS];
	int files[USERS][SLOTS];
	int current; /* the user that the thread works for; -1 */
	int listener;
	struct imp_policy *policy;
	enum imp_engine engine;
	bool defect;
};

/* Until the other end of PEER is closed. */
_Noreturn void actor_play(struct actor *actor, int peer);

/* --------------------------------------------------------------------------------- choosing -- */

void choose_person(struct person *person);
/* What there is to choose from. */
struct desk {
	const struct tree *tree;
	mode_t kinds[USERS][SLOTS]; /* of file, that the descriptors are of; 0: nothing */
};
void choose_command(const struct desk *desk, struct command *command);

/* ----------------------------------------------------------------------------------- round -- */

struct statistics {
	long cases, disagreements;
	long succeeded[N_WORKS], refused[N_WORKS];
	long errors[N_WORKS][134];
};

/* One round; *REPORTS is how many disagreements may still be told. */
void round_play(struct stage *stage, uint64_t seed, int *reports, struct statistics *statistics);

/* ---------------------------------------------------------------------------------- report -- */

extern const char *const work_names[N_WORKS];
void report_command(const struct command *command);
void report_answer(enum way way, const struct command *command, const struct answer *answer,
		   const char *peers);
void report_person(const struct person *person);
/* The lines in which they differ. */
void report_looks(enum way way, const char *one, const char *other);

#endif
