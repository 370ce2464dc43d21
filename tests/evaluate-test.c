/* SPDX-License-Identifier: MIT */
/* Access evaluation as the library gives it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static struct imp_token *token_of(const char *user)
{
	struct imp_token *token = NULL;

	MUST(imp_token_from_user(user, IMP_LEVEL_IMPERSONATION, NULL, &token));
	return token;
}

static void denial_is_explained(const char *kind)
{
	struct imp_token *alice = token_of("alice");
	const char *path = scratch_file("secret", 0, 0, 0600);
	struct imp_access *access;
	struct imp_access_step step;
	int error;

	(void)kind;
	MUST(imp_access_evaluate(alice, AT_FDCWD, path, IMP_ACCESS_READ, &access));
	SAME(imp_access_answer(access, &error), IMP_ACCESS_DENIED);
	SAME(error, EACCES);
	MUST(imp_access_step_at(access, imp_access_count(access) - 1, &step));
	SAME_TEXT(step.path, path);
	SAME_TEXT(step.want, "read");
	SAME_TEXT(step.rule, "mode rw-------, other ---");
	SAME(step.result, IMP_ACCESS_DENIED);
	SAME(step.error, EACCES);
	SAME(imp_access_step_at(access, imp_access_count(access), &step), -ERANGE);
	CONTAINS(imp_access_advice(access), "setfacl -m user:alice:r ");
	imp_access_free(access);
	imp_token_unref(alice);
}

static void token_is_who_it_acts_as(const char *kind)
{
	struct imp_token *alice = token_of("alice"), *lowered;
	const char *path = scratch_file("hers", 2001, 2001, 0600);
	struct imp_access *access;

	(void)kind;
	MUST(imp_access_evaluate(alice, AT_FDCWD, path, IMP_ACCESS_READ | IMP_ACCESS_WRITE,
				 &access));
	SAME(imp_access_answer(access, NULL), IMP_ACCESS_ALLOWED);
	SAME(imp_access_advice(access) == NULL, true);
	imp_access_free(access);
	MUST(imp_token_lowered(alice, IMP_LEVEL_IDENTIFICATION, &lowered));
	MUST(imp_access_evaluate(lowered, AT_FDCWD, path, IMP_ACCESS_READ, &access));
	SAME(imp_access_answer(access, NULL), IMP_ACCESS_DENIED);
	imp_access_free(access);
	imp_token_unref(lowered);
	imp_token_unref(alice);
}

static void relative_to_a_directory(const char *kind)
{
	struct imp_access *access;
	int directory, error;

	(void)kind;
	scratch_file("file", 0, 0, 0644);
	directory = (int)SYSTEM(open(scratch("."), O_PATH | O_DIRECTORY | O_CLOEXEC));
	MUST(imp_access_evaluate(NULL, directory, "file", IMP_ACCESS_READ, &access));
	SAME(imp_access_answer(access, &error), IMP_ACCESS_ALLOWED);
	SAME(error, 0);
	imp_access_free(access);
	MUST(imp_access_evaluate(NULL, directory, "none", IMP_ACCESS_READ, &access));
	SAME(imp_access_answer(access, &error), IMP_ACCESS_DENIED);
	SAME(error, ENOENT);
	imp_access_free(access);
	close(directory);
}

static void nonsense_is_refused(const char *kind)
{
	struct imp_access *access;

	(void)kind;
	SAME(imp_access_evaluate(NULL, AT_FDCWD, "/", 0, &access), -EINVAL);
	SAME(imp_access_evaluate(NULL, AT_FDCWD, "/", 1u << 20, &access), -EINVAL);
	SAME(imp_access_evaluate(NULL, AT_FDCWD, "/", IMP_ACCESS_DELETE | IMP_ACCESS_READ, &access),
	     -EINVAL);
	imp_access_free(NULL);
}

/* Another user of the descriptors would be told what the answer was, and no more. */
static void no_descriptor_is_left(const char *kind)
{
	struct imp_access *access;
	int before = (int)SYSTEM(dup(0));

	(void)kind;
	close(before);
	for (int i = 0; i < 50; i++) {
		MUST(imp_access_evaluate(NULL, AT_FDCWD, i % 2 ? scratch("none") : "/etc/passwd",
					 IMP_ACCESS_READ, &access));
		imp_access_free(access);
	}
	SAME(dup(0), before);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"denial", denial_is_explained},	{"token", token_is_who_it_acts_as},
		{"relative", relative_to_a_directory},	{"nonsense", nonsense_is_refused},
		{"descriptors", no_descriptor_is_left}, {NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
