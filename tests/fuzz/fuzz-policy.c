/* SPDX-License-Identifier: MIT */
/* The text of a policy file. */
#include <errno.h>
#include <pwd.h>
#include <string.h>

#include "fuzz.h"
#include "policy-file.h"

/* In the place of the C library's: to ask the name service takes longer than all the rest. */
int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
	       struct passwd **result)
{
	static char text[] = "nobody";

	(void)buffer;
	(void)size;
	*entry = (struct passwd){.pw_name = text,
				 .pw_uid = 65534,
				 .pw_gid = 65534,
				 .pw_dir = text,
				 .pw_shell = text};
	*result = strcmp(name, text) == 0 ? entry : NULL;
	return 0;
}

struct told {
	const struct policy_file *file;
	size_t count, most;
	unsigned int line;
	int first;
};

/* Of the file, or 0 where it has no such line. */
static size_t length_of_line(const struct policy_file *file, unsigned int number, bool *there)
{
	const char *line = file->text, *end = file->text + file->size, *newline;

	for (; --number; line = newline + 1) {
		newline = memchr(line, '\n', (size_t)(end - line));
		*there = newline != NULL;
		if (!newline)
			return 0;
	}
	*there = true;
	newline = memchr(line, '\n', (size_t)(end - line));
	return (size_t)((newline ? newline : end) - line);
}

static bool check_problem(const struct policy_problem *problem, void *data)
{
	struct told *told = data;
	bool there;

	PROMISED(problem->error == -EPROTO || problem->error == -EINVAL ||
		 problem->error == -ESRCH);
	PROMISED(problem->at.line >= 1 && problem->at.line >= told->line);
	/* Behind its end, where something is missing.  Of the first ones: it takes a while. */
	if (told->count < 50)
		PROMISED(problem->at.column <=
				 length_of_line(told->file, problem->at.line, &there) + 1 &&
			 there);
	PROMISED(problem->at.text[0] && problem->about[0]);
	for (const char *c = problem->at.text; *c; c++)
		PROMISED(*c >= ' ' && *c <= '~');
	told->line = problem->at.line;
	if (told->count++ == 0)
		told->first = problem->error;
	return told->count < told->most;
}

/* What was not said was not set, and what was refused neither. */
static void check_lines(const struct policy_file *file, const struct policy_lines *lines)
{
	for (size_t i = 0; i < POLICY_KEYS; i++) {
		PROMISED(lines->line[i] == 0 ||
			 memmem(file->text, file->size, policy_key_name((enum policy_key)i),
				strlen(policy_key_name((enum policy_key)i))));
		PROMISED((lines->line[i] == 0) == (lines->column[i] == 0));
		PROMISED(lines->line[i] || !lines->bad[i]);
	}
}

static int parse(const struct policy_file *file, struct imp_policy *policy, size_t most)
{
	struct told told = {.file = file, .most = most};
	const struct policy_listener listener = {.tell = check_problem, .data = &told};
	struct policy_lines lines;
	int error = policy_file_parse(file, policy, &lines, &listener);

	PROMISED(told.count <= most);
	PROMISED((error == 0) == (told.count == 0));
	PROMISED(error == told.first);
	check_lines(file, &lines);
	for (size_t i = 0; i < policy->delegation.n_allowed; i++)
		PROMISED(strchr(policy->delegation.allowed[i], '/'));
	PROMISED(imp_level_name(policy->max_level) && imp_level_name(policy->default_level_local) &&
		 imp_level_name(policy->default_level_network));
	PROMISED(policy->anonymous.view.uid != 0);
	return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* One for all, for it takes the name service to make one. */
	static struct imp_policy *policy;
	struct policy_file file = {.size = size, .text = malloc(size + 1)};

	PROMISED(file.text);
	PROMISED(policy || imp_policy_new(&policy) == 0);
	if (size)
		memcpy(file.text, data, size);
	file.text[size] = '\0';
	PROMISED(parse(&file, policy, SIZE_MAX) == parse(&file, policy, 1));
	free(file.text);
	return 0;
}
