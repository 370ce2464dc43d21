/* SPDX-License-Identifier: MIT */
/* idn-run-as, in its parts: what is asked for, who that is, and the ways to run a command so. */
#ifndef RUN_AS_H
#define RUN_AS_H

#include <sys/types.h>

#include "cli/command.h"

enum groups_choice { GROUPS_OF_USER, GROUPS_LISTED, GROUPS_NONE, GROUPS_KEPT };
enum environment_choice { ENVIRONMENT_OF_USER, ENVIRONMENT_RESET, ENVIRONMENT_KEPT };

/* What the command line says; strings are its own. */
struct options {
	char *user;	   /* before the colon; NULL with --thread */
	const char *group; /* behind it, or NULL */
	const char *thread;
	char *const *command;

	enum groups_choice groups;
	const char *group_list;
	const char *capabilities; /* NULL: what the user has by itself */
	enum imp_level level;
	enum environment_choice environment;
	const char *directory;
	int umask; /* -1: as it is */
	/* As popt has them. */
	int no_new_privs, session, terminal, close_fds, limit_processes;
	int dry_run, verbose;
};

void read_options(int argc, char **argv, struct options *options);

/* Says what is being done, where that was asked for. */
void tell(const struct options *options, const char *format, ...) IMP_PRINTF(2, 3);

/* Whom the command runs as, and who that is to it. */
struct target {
	struct account account; /* its gid and groups are not the ones to take */
	gid_t gid;
	struct groups *groups;
	uint64_t capabilities; /* to have, in every set that outlives exec */
	bool all_capabilities; /* as far as the caller has them: root, as usual */
	bool no_new_privs;
	char *client;	  /* the user whose name goes along at identification, or NULL */
	const char *said; /* what the command line calls it, for messages */
};

void find_target(const struct options *options, struct target *target);

/* Whether the caller is just that already: ids, groups and no more capabilities. */
bool is_caller(const struct target *target);

/* Becomes the target, for good, or ends the process. */
void take_identity(const struct options *options, const struct target *target);

/* Forks a process that is the target, to do what is the target's to do; 0 and its pid, as fork(2).
 * It has no capability. */
pid_t fork_as_target(const struct target *target);

void set_environment(const struct options *options, const struct target *target);

/* Takes the identity and all that goes with it, and runs the command. */
_Noreturn void run_command(const struct options *options, const struct target *target);

void print_target(const struct options *options, const struct target *target);

/*
 * Makes a copy of the user's Kerberos cache, as the user, while the environment is the caller's.
 * Returns the name of its directory, or NULL where there is no cache; both are for name_cache.
 */
char *copy_cache(const struct target *target);
void name_cache(const struct target *target, const char *directory);
void remove_cache(const struct target *target, const char *directory);

/* Runs the command below this process, which passes signals on; returns its exit status. */
int run_below(const struct options *options, const struct target *target);

/* The same on a terminal of its own. */
int run_on_terminal(const struct options *options, const struct target *target);

/* Blocks all signals that can be blocked, for signalfd(2); the command gets back what was. */
int take_signals(void);
void give_signals_back(void);
/* As the caller, or where that may not be, as the target. */
void send_signal(const struct target *target, pid_t pid, int number);

#endif
