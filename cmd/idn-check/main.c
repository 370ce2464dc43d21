/* SPDX-License-Identifier: MIT */
/* idn-check - may they, who may, and why not. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "cli/message.h"

static const struct question {
	const char *name;
	int (*main)(int argc, const char **argv);
	const char *full_name; /* as the help of the question begins */
	const char *help;
} questions[] = {
	{"access", access_main, "idn-check access",
	 "may this identity use these files, and what decides?"},
	{"who", who_main, "idn-check who", "who may use them, and by which rule?"},
	{"policy", policy_main, "idn-check policy",
	 "what does this policy file say, and what is dangerous about it?"},
	{"run", run_main, "idn-check run", "run a command, and explain what it is refused"},
	{"threads", threads_main, "idn-check threads", "which threads are not who they should be?"},
	{"service", service_main, "idn-check service",
	 "can this service impersonate, and is it safe to?"},
	{"ledger", ledger_main, "idn-check ledger", "which ledgers are there, and whose?"},
};

static void print_usage(FILE *out)
{
	fprintf(out, "Usage: idn-check QUESTION [OPTION...] [ARGUMENT...]\n\nQuestions:\n");
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		fprintf(out, "  %-8s %s\n", questions[i].name, questions[i].help);
	fprintf(out, "\n  -h, --help      show this help; behind a question, that of the question\n"
		     "  -V, --version   show the version\n");
}

int main(int argc, const char **argv)
{
	message_init("idn-check");
	if (argc < 2)
		die(EXIT_USAGE, "no question: try idn-check --help");
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
		print_usage(stdout);
		finish_output(0);
	}
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0)
		print_version();
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (strcmp(argv[1], questions[i].name) == 0) {
			argv[1] = questions[i].full_name;
			finish_output(questions[i].main(argc - 1, argv + 1));
		}
	die(EXIT_USAGE, "%s: no such question: try idn-check --help", argv[1]);
}
