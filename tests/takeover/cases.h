/* SPDX-License-Identifier: MIT */
/* The cases of the takeover test. */
#ifndef TESTS_TAKEOVER_CASES_H
#define TESTS_TAKEOVER_CASES_H

#include "core/engine.h"
#include "takeover/stage.h"

/* tokens.c */
void case_files(const char *kind);
void case_levels(const char *kind);
void case_policy(const char *kind);
void case_left(const char *kind);
void case_hurry(const char *kind);
void case_reuse(const char *kind);
void case_lies(const char *kind);

/* rings.c */
void case_operations(const char *kind);
void case_register(const char *kind);
void case_without(const char *kind);
void case_mint_one(const char *kind);
void case_mint_all(const char *kind);
void case_mint_around(const char *kind);
void case_mint_in_place(const char *kind);

/* handed.c */
void case_handed(const char *kind);
void case_own(const char *kind);
void case_unconnected(const char *kind);
void case_namespaces(const char *kind);
void case_messages(const char *kind);
void case_unread(const char *kind);
void case_full_table(const char *kind);
void case_lingering(const char *kind);
void case_held(const char *kind);

/* processes.c */
void case_confined(const char *kind);
void case_untouchable(const char *kind);
void case_broker_killed(const char *kind);
void case_guard_killed(const char *kind);
void case_service_ends(const char *kind);

/* faults.c */
void case_fault(const char *kind);

#endif
