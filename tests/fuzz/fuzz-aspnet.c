/* SPDX-License-Identifier: MIT */
/* The reader of aspnet.config, and the policy that it makes of one. */
#include <errno.h>
#include <string.h>

#include "../../cmd/idn-check/policy.h"
#include "fuzz.h"

static bool no_problem(const struct policy_problem *problem, void *data)
{
	(void)data;
	fprintf(stderr, "%u:%u: %s\n", problem->at.line, problem->at.column, problem->at.text);
	return false;
}

static void check_report(const struct report *report, size_t size)
{
	for (size_t i = 0; i < report->count; i++) {
		PROMISED(report->findings[i].detail[0] && report->findings[i].check[0]);
		PROMISED(report->findings[i].line <= size + 1);
	}
}

/* It is one, and says the same. */
static void check_policy(char *text, const struct aspnet *aspnet)
{
	static struct imp_policy *policy;
	const struct policy_file file = {.size = strlen(text), .text = text};
	const struct policy_listener listener = {.tell = no_problem};
	const struct aspnet_setting *legacy = &aspnet->settings[ASPNET_LEGACY];
	struct policy_lines lines;

	PROMISED(policy || imp_policy_new(&policy) == 0);
	PROMISED(policy_file_parse(&file, policy, &lines, &listener) == 0);
	PROMISED(policy->switches.legacy_impersonation_policy ==
		 (legacy->said ? legacy->value : true));
	PROMISED(policy->switches.always_flow_impersonation_policy ==
		 aspnet->settings[ASPNET_ALWAYS].value);
}

static void read_as(const char *name, const char *text, size_t size)
{
	struct imp_policy_problem problem;
	struct report report = {.count = 0};
	struct aspnet aspnet;
	int error = aspnet_read(text, size, &aspnet, &report, &problem);

	PROMISED(error == 0 || error == -EPROTO);
	if (error == 0) {
		char *policy = report_aspnet(name, &aspnet, &report);

		if (strcmp(name, "web.config") == 0)
			PROMISED(strstr(policy, "legacy_impersonation_policy = on"));
		else
			check_policy(policy, &aspnet);
		free(policy);
	} else {
		PROMISED(problem.line >= 1 && problem.column >= 1 && problem.text[0]);
	}
	for (int i = 0; i < ASPNET_SETTINGS; i++)
		PROMISED(aspnet.settings[i].said == (aspnet.settings[i].line > 0));
	check_report(&report, size);
	report_clear(&report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(size ? size : 1, 1); /* of that size, for a read beyond it to be seen */

	PROMISED(text);
	if (size)
		memcpy(text, data, size);
	if (is_xml(text, size))
		PROMISED(memchr(text, '<', size));
	read_as("aspnet.config", text, size);
	read_as("web.config", text, size);
	free(text);
	return 0;
}
