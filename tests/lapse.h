/* SPDX-License-Identifier: MIT */
/* lapse: what its parts share. */
#ifndef TESTS_LAPSE_H
#define TESTS_LAPSE_H

#include <pwd.h>

#include <impersonate.h>

struct passwd account_of(const char *user);
struct imp_token *token_of(const char *user);

/* "PID/TID" of the caller. */
void say_thread(void);
_Noreturn void stay(void);
_Noreturn void say_and_stay(void);

/* lapse-busy.c: nothing is wrong with these. */
enum { USERS = 4 };
void start_switching(char **users);
void switching(char **users);
void brief(char **users);
void becoming(char **user);

/*
 * lapse-ring.c: has the kernel make a worker of its own, which has the caller's ids (io_uring(7)).
 * Ends the program as one that is skipped where there is no io_uring.
 */
void ring_make_worker(void);

#endif
