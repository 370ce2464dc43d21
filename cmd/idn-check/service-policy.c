/* SPDX-License-Identifier: MIT */
/* idn-check service: which policy it is under, and who else could write it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/facts.h"
#include "cli/message.h"
#include "cli/names.h"
#include "service.h"

struct policy_place {
	char path[4096];   /* as the service has it */
	bool named;	   /* on its command line */
	char opened[4200]; /* as it is opened from here */
	int place;	   /* a descriptor that that begins at; -1: none */
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

static int find_file(const struct service *service, struct policy_place *file)
{
	size_t length;
	char *words;
	int error = procfs_command_line(service->pid, &words, &length);

	if (error < 0)
		return error;

	const char *named = named_policy(words, words + length);
	const char *name = name_of(service, words, words + length);
	int size;

	file->named = named;
	if (named)
		size = snprintf(file->path, sizeof(file->path), "%s", named);
	else
		size = snprintf(file->path, sizeof(file->path), "/etc/impersonate/%s.conf", name);
	error = size >= (int)sizeof(file->path) ? -ENAMETOOLONG : 0;
	/* A thread may call itself anything. */
	if (!named && strchr(name, '/'))
		error = -EINVAL;
	free(words);
	return error;
}

static bool is_same(int fd, const char *path)
{
	struct stat there, here;

	return fstat(fd, &there) == 0 && stat(path, &here) == 0 && there.st_dev == here.st_dev &&
	       there.st_ino == here.st_ino;
}

/* Its root, or working directory, may not be the caller's. */
static int place_file(const struct service *service, struct policy_place *file)
{
	bool absolute = file->path[0] == '/';
	char name[PROCFS_FD_PATH];

	file->place = procfs_open_place(service->pid, 0, absolute ? "root" : "cwd");
	if (file->place < 0)
		return file->place;
	if (absolute && is_same(file->place, "/"))
		snprintf(file->opened, sizeof(file->opened), "%s", file->path);
	else
		snprintf(file->opened, sizeof(file->opened), "%s/%s",
			 procfs_fd_path(file->place, name), file->path);
	return 0;
}

/* --------------------------------------------------------------------------- who may write -- */

/* What is wrong with the owner or the mode; NULL: nothing. */
static const char *trouble_of(const struct stat *status, uid_t service, bool directory)
{
	bool sticky = directory && (status->st_mode & S_ISVTX);

	if (status->st_uid != 0 && status->st_uid != service)
		return "is neither root's nor the service's own";
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) && !sticky)
		return status->st_mode & S_IWOTH ? "can be written by everybody"
						 : "can be written by its group";
	return NULL;
}

static const char *directory_trouble(const struct policy_place *file, uid_t service)
{
	char directory[sizeof(file->opened)];
	struct stat status;
	char *slash;

	snprintf(directory, sizeof(directory), "%s", file->opened);
	slash = strrchr(directory, '/');
	if (!slash)
		return NULL;
	slash[slash == directory] = '\0';
	return stat(directory, &status) == 0 ? trouble_of(&status, service, true) : NULL;
}

static bool is_newer(const struct service *service, const struct stat *status)
{
	uint64_t start;

	return procfs_start_time(service->pid, &start) == 0 &&
	       (int64_t)status->st_ctim.tv_sec * 1000000000 + status->st_ctim.tv_nsec >
		       procfs_start_realtime(start) + 1000000000;
}

static void judge_file(struct service *service, const struct policy_place *file,
		       const struct stat *status)
{
	const char *of_file = trouble_of(status, service->uid, false);
	const char *of_directory = directory_trouble(file, service->uid);

	if (!S_ISREG(status->st_mode))
		answer(service, "policy", RESULT_FAIL, "%s is not a regular file", file->path);
	else if (of_file)
		answer(service, "policy", RESULT_FAIL, "%s %s", file->path, of_file);
	else if (of_directory)
		answer(service, "policy", RESULT_FAIL, "the directory of %s %s", file->path,
		       of_directory);
	else if (is_newer(service, status))
		answer(service, "policy", RESULT_WARN,
		       "%s was changed after the service had started: it may not be what is in "
		       "force",
		       file->path);
	else
		answer(service, "policy", RESULT_OK, "%s", file->path);
}

void check_policy(struct service *service)
{
	struct policy_place file = {.place = -1};
	struct stat status;
	int error = find_file(service, &file);

	if (error == 0)
		error = place_file(service, &file);
	if (error == 0)
		error = stat(file.opened, &status) < 0 ? -errno : 0;
	if (error == -ENOENT && !file.named)
		answer(service, "policy", RESULT_OK, "no %s: the built-in one", file.path);
	else if (error == -ENOENT)
		answer(service, "policy", RESULT_FAIL, "%s is not there", file.path);
	else if (error < 0)
		answer(service, "policy", RESULT_SKIP, "%s%s%s", file.path,
		       file.path[0] ? ": " : "", reason_of(error));
	else
		judge_file(service, &file, &status);
	if (file.place >= 0)
		close(file.place);
}
