/* SPDX-License-Identifier: MIT */
/* idn-check service: which policy it is under, who else could write it, and what it comes to. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/message.h"
#include "policy.h"
#include "service.h"

struct place {
	char path[4096];   /* as the service has it */
	bool named;	   /* on its command line */
	char opened[8300]; /* as it is opened from here */
	int base;	   /* a descriptor that that begins at; -1: none */
};

/* ------------------------------------------------------------------------------ which file -- */

static const char *word_behind(const char *word)
{
	return word + strlen(word) + 1;
}

/* --policy FILE, --policy=FILE; the last one counts.  WORDS ends where END is. */
static const char *named_policy(const char *words, const char *end)
{
	static const char option[] = "--policy";
	const char *found = NULL;

	if (words == end)
		return NULL;
	for (const char *word = word_behind(words); word < end; word = word_behind(word)) {
		if (strcmp(word, "--") == 0)
			break;
		if (strncmp(word, option, strlen(option)) != 0)
			continue;
		if (word[strlen(option)] == '=')
			found = word + strlen(option) + 1;
		else if (word[strlen(option)] == '\0' && word_behind(word) < end)
			found = word = word_behind(word);
	}
	return found;
}

/* The kernel cuts names off: what the command line has is the whole of it, where they agree. */
static const char *name_of(const struct service *service, const char *words, const char *end)
{
	const char *command = service->process.first.command;
	const char *slash = words < end ? strrchr(words, '/') : NULL;
	const char *base = slash ? slash + 1 : words;

	return words < end && strncmp(base, command, strlen(command)) == 0 ? base : command;
}

static int find_file(const struct service *service, struct place *place)
{
	size_t length;
	char *words;
	int error = procfs_command_line(service->pid, &words, &length);

	if (error < 0)
		return error;

	const char *named = named_policy(words, words + length);

	place->named = named;
	if (!named)
		error = policy_file_path(name_of(service, words, words + length), place->path,
					 sizeof(place->path));
	else if ((size_t)snprintf(place->path, sizeof(place->path), "%s", named) >=
		 sizeof(place->path))
		error = -ENAMETOOLONG;
	free(words);
	return error;
}

static bool is_same(int fd, const char *path)
{
	struct stat there, here;

	return fstat(fd, &there) == 0 && stat(path, &here) == 0 && there.st_dev == here.st_dev &&
	       there.st_ino == here.st_ino;
}

/* The working directory, from the root on; false where it is not below the caller's own. */
static bool name_directory(int fd, char *path, size_t size)
{
	char link[PROCFS_FD_PATH];
	ssize_t length = readlink(procfs_fd_path(fd, link), path, size - 1);

	if (length < 0)
		return false;
	path[length] = '\0';
	return is_same(fd, path);
}

/* By a path of the caller's where there is one: its root may be another. */
static int open_base(const struct service *service, struct place *place)
{
	bool absolute = place->path[0] == '/';
	char directory[4096];

	place->base = procfs_open_place(service->pid, 0, absolute ? "root" : "cwd");
	if (place->base < 0)
		return place->base;
	if (absolute ? is_same(place->base, "/")
		     : name_directory(place->base, directory, sizeof(directory))) {
		snprintf(place->opened, sizeof(place->opened), "%s%s%s", absolute ? "" : directory,
			 absolute ? "" : "/", place->path);
		close(place->base);
		place->base = -1;
		return 0;
	}
	procfs_fd_path(place->base, directory);
	snprintf(place->opened, sizeof(place->opened), "%s/%s", directory, place->path);
	return 0;
}

/* --------------------------------------------------------------------------------- judging -- */

static bool keep_first(const struct policy_problem *problem, void *data)
{
	*(struct imp_policy_problem *)data = problem->at;
	return false;
}

/* Where it is read, it is kept; the first thing for which the service would refuse it. */
static int read_policy(const struct service *service, const struct place *place,
		       struct imp_policy **policy, struct policy_lines *lines,
		       struct imp_policy_problem *problem)
{
	const struct policy_listener listener = {.tell = keep_first, .data = problem};
	struct policy_file file;
	int error = policy_file_read(place->opened, POLICY_FILE_MAXIMUM, &file);

	if (error < 0) {
		snprintf(problem->text, sizeof(problem->text), "%s", policy_file_reason(error));
		return error;
	}
	error = policy_file_check(&file, service->uid, &listener);
	if (error == 0)
		error = imp_policy_new(policy);
	if (error == 0) {
		error = policy_file_parse(&file, *policy, lines, &listener);
		if (error < 0)
			imp_policy_unref(*policy);
	}
	policy_file_clear(&file);
	if (error < 0 && !problem->text[0])
		snprintf(problem->text, sizeof(problem->text), "%s", reason_of(error));
	return error;
}

static bool was_changed(const struct service *service, const struct place *place)
{
	const int64_t second = 1000000000;
	struct stat status;
	uint64_t start;

	return procfs_start_time(service->pid, &start) == 0 && stat(place->opened, &status) == 0 &&
	       status.st_ctim.tv_sec * second + status.st_ctim.tv_nsec >
		       procfs_start_realtime(start) + second;
}

static const struct finding *first_failure(const struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->findings[i].outcome == OUTCOME_FAIL)
			return &report->findings[i];
	return NULL;
}

/* One that the service reads: what else may be wrong with it, the worst first. */
static void judge_policy(struct service *service, const struct place *place,
			 const struct imp_policy *policy, const struct policy_lines *lines)
{
	struct report way = {.count = 0}, meaning = {.count = 0};

	/* In another root the names on the way are not the caller's. */
	if (place->base < 0)
		report_place(place->opened, service->uid, false, &way);
	report_meaning(policy, lines, service->uid, &meaning);

	const struct finding *failure = first_failure(&way);

	if (failure)
		answer(service, "policy", RESULT_FAIL, "%s: %s", place->path, failure->detail);
	else if (meaning.problems)
		answer(service, "policy", RESULT_WARN, "%s: %zu problem%s: idn-check policy %s",
		       place->path, meaning.problems, meaning.problems == 1 ? "" : "s",
		       place->opened);
	else if (was_changed(service, place))
		answer(service, "policy", RESULT_WARN,
		       "%s was changed after the service had started: it may not be what is in "
		       "force",
		       place->path);
	else
		answer(service, "policy", RESULT_OK, "%s%s", place->path,
		       place->base < 0 ? "" : ", in another root; the way there is not looked at");
	report_clear(&way);
	report_clear(&meaning);
}

static void judge_file(struct service *service, const struct place *place)
{
	struct imp_policy_problem problem = {.line = 0};
	struct policy_lines lines;
	struct imp_policy *policy;
	int error = read_policy(service, place, &policy, &lines, &problem);

	if (error == 0) {
		judge_policy(service, place, policy, &lines);
		imp_policy_unref(policy);
	} else if (error == -ENOENT && !place->named) {
		answer(service, "policy", RESULT_OK, "no %s: the built-in one", place->path);
	} else if (error == -EACCES || error == -ENOMEM) {
		answer(service, "policy", RESULT_SKIP, "%s: %s", place->path, problem.text);
	} else {
		answer_line(service, "policy", RESULT_FAIL, problem.line, "%s: %s", place->path,
			    problem.text);
	}
}

void check_policy(struct service *service)
{
	struct place place = {.base = -1};
	int error = find_file(service, &place);

	if (error == 0)
		error = open_base(service, &place);
	if (error == 0)
		judge_file(service, &place);
	else
		answer(service, "policy", RESULT_SKIP, "%s%s%s", place.path,
		       place.path[0] ? ": " : "", reason_of(error));
	if (place.base >= 0)
		close(place.base);
}
