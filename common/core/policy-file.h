/* SPDX-License-Identifier: MIT */
/* The policy file, idn-policy(5): where it is, who may have written it, and all that is wrong with
 * it.
 */
#ifndef CORE_POLICY_FILE_H
#define CORE_POLICY_FILE_H

#include "policy.h"

enum { POLICY_FILE_MAXIMUM = 64 * 1024 };

/* "/etc/impersonate/SERVICE.conf".  -EINVAL for what can be no service's name; -ENAMETOOLONG. */
int policy_file_path(const char *service, char *path, size_t size) IMP_MUST_CHECK;

/* A file as it was read, whole. */
struct policy_file {
	uid_t uid;
	mode_t mode;
	size_t size;
	char *text; /* with a NUL behind it */
};

/*
 * Reads any regular file of at most MAXIMUM bytes, whoever owns it.  What open(2) reports, -EFBIG,
 * -ENOMEM; -ENOTSUP for what is no regular file; -EAGAIN for one that was changed meanwhile.
 */
int policy_file_read(const char *path, size_t maximum, struct policy_file *file) IMP_MUST_CHECK;
/* What that means. */
const char *policy_file_reason(int error);
void policy_file_clear(struct policy_file *file);

/* Something wrong. */
struct policy_problem {
	int error;	   /* as imp_policy_load returns it */
	const char *about; /* "file", "line", "section", "key", or a key's name; static */
	struct imp_policy_problem at;
};

/* Who is told of each, in the order of lines; false: no more of that. */
struct policy_listener {
	bool (*tell)(const struct policy_problem *problem, void *data);
	void *data;
};

/* May it be the policy of a service that runs as USER?  0, or -EPERM, and why was told. */
int policy_file_check(const struct policy_file *file, uid_t user,
		      const struct policy_listener *listener) IMP_MUST_CHECK;

/* Where each key was said: 0 where it was not. */
struct policy_lines {
	unsigned int line[POLICY_KEYS];
	unsigned int column[POLICY_KEYS]; /* of the value */
	bool bad[POLICY_KEYS];		  /* and it was not taken */
};

/* Sets what the file says.  0, or the error of the first problem. */
int policy_file_parse(const struct policy_file *file, struct imp_policy *policy,
		      struct policy_lines *lines,
		      const struct policy_listener *listener) IMP_MUST_CHECK;

#endif
