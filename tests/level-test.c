/* SPDX-License-Identifier: MIT */
/* Levels by name: what is read, what is refused, and what the environment says. */
#include <errno.h>
#include <stdlib.h>

#include "lib/check.h"

static void names(const char *kind)
{
	static const char *const expected[] = {"anonymous", "identification", "impersonation",
					       "delegation"};

	(void)kind;
	for (int i = 0; i < 4; i++) {
		enum imp_level level = (enum imp_level)9;

		SAME_TEXT(imp_level_name((enum imp_level)i), expected[i]);
		MUST(imp_level_parse(expected[i], &level));
		SAME(level, i);
	}
	SAME(imp_level_name((enum imp_level)4) == NULL, 1);
	SAME(imp_level_name((enum imp_level) - 1) == NULL, 1);
}

static void rpc_names(const char *kind)
{
	enum imp_level level;

	(void)kind;
	MUST(imp_level_parse("identify", &level));
	SAME(level, IMP_LEVEL_IDENTIFICATION);
	MUST(imp_level_parse("impersonate", &level));
	SAME(level, IMP_LEVEL_IMPERSONATION);
	MUST(imp_level_parse("delegate", &level));
	SAME(level, IMP_LEVEL_DELEGATION);
}

static void refused(const char *kind)
{
	static const char *const texts[] = {
		"",
		" ",
		"Anonymous",
		"ANONYMOUS",
		"anonymous ",
		" anonymous",
		"anonymou",
		"anonymouss",
		"anonymous\n",
		"0",
		"2",
		"impersonat",
		"impersonating",
		"none",
		"default",
		"delegation,",
		"identity",
		"anonymous/",
		"RPC_C_IMP_LEVEL_DELEGATE",
	};

	(void)kind;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		enum imp_level level = IMP_LEVEL_IDENTIFICATION;

		if (imp_level_parse(texts[i], &level) != -EINVAL)
			FAIL("\"%s\": expected EINVAL, saw %s", texts[i], imp_level_name(level));
		SAME(level, IMP_LEVEL_IDENTIFICATION);
	}
}

static void other_names(const char *kind)
{
	static const char *const by[] = {"default",   "address",	   "request",
					 "max_level", "privileged_client", "unmapped_client",
					 "service",   "unauthenticated",   "ticket"};
	static const char *const transports[] = {"none", "unix", "tcp"};
	static const char *const delegated[] = {"none", "forwarded", "constrained"};

	(void)kind;
	for (int i = 0; i < 9; i++)
		SAME_TEXT(imp_decided_by_name((enum imp_decided_by)i), by[i]);
	SAME(imp_decided_by_name((enum imp_decided_by)9) == NULL, 1);
	SAME(imp_decided_by_name((enum imp_decided_by) - 1) == NULL, 1);
	for (int i = 0; i < 3; i++)
		SAME_TEXT(imp_transport_name((enum imp_transport)i), transports[i]);
	SAME(imp_transport_name((enum imp_transport)3) == NULL, 1);
	SAME(imp_transport_name((enum imp_transport) - 1) == NULL, 1);
	for (int i = 0; i < 3; i++)
		SAME_TEXT(imp_delegated_name((enum imp_delegated)i), delegated[i]);
	SAME(imp_delegated_name((enum imp_delegated)3) == NULL, 1);
	SAME(imp_delegated_name((enum imp_delegated) - 1) == NULL, 1);
}

static void environment(const char *kind)
{
	enum imp_level level = IMP_LEVEL_DELEGATION;

	(void)kind;
	unsetenv("IMPERSONATION_LEVEL");
	MUST(imp_level_from_environment(IMP_LEVEL_IDENTIFICATION, &level));
	SAME(level, IMP_LEVEL_IDENTIFICATION);
	setenv("IMPERSONATION_LEVEL", "anonymous", 1);
	MUST(imp_level_from_environment(IMP_LEVEL_IDENTIFICATION, &level));
	SAME(level, IMP_LEVEL_ANONYMOUS);
	setenv("IMPERSONATION_LEVEL", "delegate", 1);
	MUST(imp_level_from_environment(IMP_LEVEL_IDENTIFICATION, &level));
	SAME(level, IMP_LEVEL_DELEGATION);
	setenv("IMPERSONATION_LEVEL", "", 1);
	SAME(imp_level_from_environment(IMP_LEVEL_IDENTIFICATION, &level), -EINVAL);
	setenv("IMPERSONATION_LEVEL", "much", 1);
	SAME(imp_level_from_environment(IMP_LEVEL_IDENTIFICATION, &level), -EINVAL);
	SAME(level, IMP_LEVEL_DELEGATION);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"names", names},
		{"rpc-names", rpc_names},
		{"refused", refused},
		{"other-names", other_names},
		{"environment", environment},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
