/* SPDX-License-Identifier: MIT */
/* idn-check service: what its parts share. */
#ifndef SERVICE_H
#define SERVICE_H

#include "core/ledger.h"
#include "look/scan.h"

enum result { RESULT_OK, RESULT_SKIP, RESULT_WARN, RESULT_FAIL };

struct service {
	pid_t pid;
	struct look_process process;
	struct look_list list; /* every thread, the main one first */
	struct ledger_totals totals;
	bool counted;	      /* there are totals */
	uid_t uid;	      /* the primary identity */
	gid_t gid;	      /* IMP_NO_UID, or the overflow gid: of another user namespace */
	bool other_namespace; /* another user namespace than the caller's */
	bool by_ring;	      /* it serves its clients by the ring engine, says its ledger */

	int json, quiet;
	enum result worst;
};

/* One line, or object; the first is the name of the check. */
void answer(struct service *service, const char *check, enum result result, const char *format, ...)
	IMP_PRINTF(4, 5);
/* The same about a line of a file; 0: about none. */
void answer_line(struct service *service, const char *check, enum result result, unsigned line,
		 const char *format, ...) IMP_PRINTF(5, 6);

/*
 * Calls ASK in a thread that has the service's user and group, no other groups, and no capability;
 * in the caller where that is the same user.  -EPERM where neither can be.
 */
int ask_as_service(const struct service *service, void (*ask)(void *data),
		   void *data) IMP_MUST_CHECK;

/* service-threads.c */
void check_capabilities(struct service *service);
void check_account(struct service *service);
void check_securebits(struct service *service);
void check_no_new_privs(struct service *service);
void check_seccomp(struct service *service);
void check_states(struct service *service);

/* service-engine.c */
void check_engine(struct service *service);

/* service-process.c */
void check_dumpable(struct service *service);
void check_ledger(struct service *service);
void check_directory(struct service *service);
void check_counters(struct service *service);
void check_keys(struct service *service);

/* service-policy.c */
void check_policy(struct service *service);

#endif
