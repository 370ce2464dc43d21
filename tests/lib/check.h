/* SPDX-License-Identifier: MIT */
/*
 * What the test programs share: checks that end the program with one line saying what was expected
 * and what was seen, and the actors of every play: a service of either kind, and clients that
 * connect.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdio.h>

#include <impersonate.h>

enum { PASSED = 0, FAILED = 1, SKIPPED = 77 };

/* ---------------------------------------------------------------------------------- checks -- */

/* The form of every failure: "FILE:LINE: WHAT: expected ..., saw ...". */
_Noreturn void check_end(int status, const char *file, int line, const char *format, ...)
	IMP_PRINTF(4, 5);
void check_same(const char *file, int line, const char *what, long long seen, long long expected);
void check_text(const char *file, int line, const char *what, const char *seen,
		const char *expected);
void check_contains(const char *file, int line, const char *what, const char *seen,
		    const char *expected);
long check_system(const char *file, int line, const char *what, long result);

#define FAIL(...) check_end(FAILED, __FILE__, __LINE__, __VA_ARGS__)
#define SKIP(...) check_end(SKIPPED, __FILE__, __LINE__, __VA_ARGS__)
/* A number is another. */
#define SAME(seen, expected)                                                                       \
	check_same(__FILE__, __LINE__, #seen, (long long)(seen), (long long)(expected))
/* A function of the library returns 0. */
#define MUST(call) SAME(call, 0)
#define SAME_TEXT(seen, expected) check_text(__FILE__, __LINE__, #seen, seen, expected)
#define CONTAINS(seen, part) check_contains(__FILE__, __LINE__, #seen, seen, part)
/* A system call does not return -1; gives what it returned. */
#define SYSTEM(call) check_system(__FILE__, __LINE__, #call, (long)(call))
/* A system call fails, with that errno. */
#define REFUSED(call, error) SAME((call) < 0 ? errno : 0, error)

/* ----------------------------------------------------------------------------------- cases -- */

/* One promise; KIND is what the command line says behind the case's name, "root" if nothing. */
struct check_case {
	const char *name;
	void (*run)(const char *kind);
};

/* main(): runs the case that the first argument names.  CASES ends with a name that is NULL. */
int check_main(int argc, char **argv, const struct check_case *cases);

/* ----------------------------------------------------------------------- what the kernel has -- */

enum { MOST_GROUPS = 2048 };

struct who {
	uid_t uid;
	gid_t gid;
	size_t n_groups;
	gid_t groups[MOST_GROUPS]; /* ascending */
};

/* A thread, as /proc/self/task/TID/status shows it. */
struct state {
	struct who who; /* the effective ids */
	uid_t real_uid, saved_uid, filesystem_uid;
	gid_t real_gid, saved_gid, filesystem_gid;
	unsigned long long effective, permitted, inheritable, ambient, bounding;
};

/* An account with its groups, from the name service. */
void who_is(const char *user, struct who *who);
/* Somebody with that many supplementary groups, whom no account is. */
void who_with_groups(uid_t uid, size_t n_groups, struct who *who);

void state_read(pid_t tid, struct state *state); /* 0: the calling thread */
/* The same from a status file that somebody else has read, called NAME. */
void state_parse(FILE *file, const char *name, struct state *state);
/* What a service of that state is to look like while it acts as WHO, with no capability. */
void state_acting(const struct state *service, const struct who *who, struct state *acting);
/* The same where only files are the client's. */
void state_acting_on_files(const struct state *service, const struct who *who,
			   struct state *acting);
void check_states(const char *file, int line, const struct state *seen,
		  const struct state *expected);
void check_state(const char *file, int line, pid_t tid, const struct state *expected);
#define STATE_IS(tid, expected) check_state(__FILE__, __LINE__, tid, expected)

/* ---------------------------------------------------------------------------------- actors -- */

enum { SERVICE_ID = 61184 };

/*
 * Makes the calling process a service of that kind: "root", "ordinary" (a user with the two
 * capabilities, permitted and not effective), or one without: "none", "no-setuid", "no-setgid".
 */
void become_service(const char *kind);

/* A path in the scratch directory of this run; the string stays valid until the fourth next call.
 */
const char *scratch(const char *name);
/* A directory that everyone may write to, and in it a file with that owner and mode. */
const char *scratch_file(const char *name, uid_t uid, gid_t gid, unsigned mode);

/* Ids and groups of the calling process, for good. */
void turn_into(const struct who *who);

/*
 * A process of WHO's connects, after having bound the abstract address NAME (LENGTH bytes, without
 * the first NUL; NULL: bound to nothing).  Returns the service's end.  The client lives until that
 * is closed.  Before the process has become a service that is not root.
 */
int client_bound(const struct who *who, const char *name, size_t length);
extern void (*client_begins)(void); /* what each client does before it connects, if anything */
int client_at(const struct who *who, const char *level); /* NULL: unbound */
/* A token of that client. */
struct imp_token *token_at(const struct who *who, const char *level, struct imp_policy *policy);

/*
 * Has the calling thread make a hundred of each system call that reads or changes credentials, none
 * of which changes anything: for strace(1), whose "when=100+N" is the N-th one after this.
 */
void make_a_hundred_calls(void);

/* The other process says 0, or what it found; ends this one if it failed. */
void wait_for(pid_t child);

/* When a process started, in clock ticks since boot. */
unsigned long long start_of(pid_t pid);
/* Where its ledger is to be; the string stays valid until the next call. */
const char *ledger_path(pid_t pid);

/* Everything that the library has logged, one line each, since it was last forgotten. */
const char *logged(void);
void log_forget(void);
void log_to_memory(void);
void log_to_stderr(void); /* as "<PRIORITY>MESSAGE" */

#endif
