/* SPDX-License-Identifier: MIT */
/*
 * takeover CASE [KIND]: a service with the ring engine that somebody has taken over.  Each case is
 * what this somebody tries.
 */
#include "takeover/cases.h"

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"files", case_files},
		{"levels", case_levels},
		{"policy", case_policy},
		{"left", case_left},
		{"hurry", case_hurry},
		{"reuse", case_reuse},
		{"lies", case_lies},
		{"operations", case_operations},
		{"register", case_register},
		{"without", case_without},
		{"mint-one", case_mint_one},
		{"mint-all", case_mint_all},
		{"mint-around", case_mint_around},
		{"mint-in-place", case_mint_in_place},
		{"handed", case_handed},
		{"own", case_own},
		{"unconnected", case_unconnected},
		{"namespaces", case_namespaces},
		{"messages", case_messages},
		{"unread", case_unread},
		{"full-table", case_full_table},
		{"lingering", case_lingering},
		{"held", case_held},
		{"confined", case_confined},
		{"untouchable", case_untouchable},
		{"broker-killed", case_broker_killed},
		{"guard-killed", case_guard_killed},
		{"service-ends", case_service_ends},
		{"fault", case_fault},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
