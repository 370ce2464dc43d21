/* SPDX-License-Identifier: MIT */
/*
 * What the tests of flow share: a service with three clients, ways to be one of them behind the
 * library's back, work that tells whom the kernel has it for, and what the log and the ledger say.
 */
#ifndef FLOW_STAGE_H
#define FLOW_STAGE_H

#include <semaphore.h>

#include "lib/check.h"

enum person { SERVICE, ALICE, BOB, CAROL, N_PERSONS };

/* By person: the tokens (NULL for the service), and how /proc shows a thread that acts so. */
extern struct imp_token *tokens[N_PERSONS];
extern struct state acting[N_PERSONS];
extern struct who persons[N_PERSONS];

/* A service of that kind, prepared, that logs to records; three clients have connected. */
void set_out(const char *kind);

/* Puts a policy with these two switches in force. */
void set_policy(bool legacy, bool always_flow);

/* ------------------------------------------------------------------------------- identities -- */

/* Whom /proc shows the thread as, 0 being the caller; ends the program where it is none of them. */
enum person person_of(pid_t tid);
const char *person_name(enum person person);
/* The same of the calling thread, by the kernel's word alone: raw system calls, no library. */
#define I_AM(person) check_raw(__FILE__, __LINE__, person)
void check_raw(const char *file, int line, enum person person);

void impersonate(enum person person); /* SERVICE: reverts */
/* The same by raw system calls, of which the library knows nothing. */
void impersonate_raw(enum person person);
/* Raw system calls for the calling thread alone; -1 leaves an id as it is. */
void raw_uids(uid_t real, uid_t effective, uid_t saved);
void raw_gids(gid_t real, gid_t effective, gid_t saved);
void raw_groups(size_t n_groups, const gid_t *groups);
void raw_filesystem_uid(uid_t uid);
void raw_filesystem_gid(gid_t gid);
void raw_capabilities(unsigned long long effective, unsigned long long permitted);

/* ----------------------------------------------------------------------------------- threads -- */

/* Calls PLAY(ARGUMENT) in a thread of its own, made without the library, and waits for its end. */
void in_thread(void (*play)(void *argument), void *argument);

/* Something that one thread waits for and another lets happen; begins with gate_init. */
struct gate {
	sem_t reached, open;
};
void gate_init(struct gate *gate);
void gate_pass(struct gate *gate);  /* says that it is reached, and waits until it is opened */
void gate_reach(struct gate *gate); /* waits until somebody has reached it */
void gate_open(struct gate *gate);

/* What the calling thread hands over; the caller owns the reference. */
struct imp_context *capture(void);

/* Work for a pool or a context: what it found, and a gate that it passes, if there is one. */
struct seen {
	pid_t tid;
	enum person person;
	bool suppressed;
	struct gate *gate;
	bool done, given_up;
	int error; /* for which it was given up */
};
int see(void *seen);
void see_in_pool(void *seen);
void note_given_up(void *seen, int error);

/* Ends the program unless PLAY, in a child, aborts, having logged something with PART. */
#define DIES(play, argument, part) check_dies(__FILE__, __LINE__, play, argument, part)
void check_dies(const char *file, int line, void (*play)(void *argument), void *argument,
		const char *part);
/* The same where it may as well come to its end. */
#define SURVIVES_OR_DIES(play, argument) check_survives_or_dies(__FILE__, __LINE__, play, argument)
void check_survives_or_dies(const char *file, int line, void (*play)(void *argument),
			    void *argument);

/* -------------------------------------------------------------------------- log and ledger -- */

/* How many records there are of that event, and site (NULL: any), since they were forgotten. */
int records(enum imp_event event, const char *site);
/* The last of them, which there must be. */
struct imp_log_record record(enum imp_event event, const char *site);
void forget_records(void);

/* The entry of a thread of this process; all 0 where it has none. */
struct imp_ledger_entry entry_of(pid_t tid);
/* "consistent", "lost", ...: what idn-show says of a thread of this process. */
const char *look_of(pid_t tid);

extern const struct check_case context_cases[], table_cases[], work_cases[], pool_cases[],
	thread_cases[], capture_cases[], nest_cases[];

#endif
