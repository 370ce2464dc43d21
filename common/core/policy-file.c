/* SPDX-License-Identifier: MIT */
/* The policy file as a file: its name, its owner and mode, and the text in it; nothing of its keys.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "policy-file.h"

int policy_file_path(const char *service, char *path, size_t size)
{
	int length;

	if (service[0] == '\0' || service[0] == '.' || strchr(service, '/'))
		return -EINVAL;
	length = snprintf(path, size, "/etc/impersonate/%s.conf", service);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* ---------------------------------------------------------------------------------- loading -- */

static bool keep_first(const struct policy_problem *problem, void *data)
{
	struct imp_policy_problem *first = data;

	*first = problem->at;
	return false;
}

static int load(const struct policy_file *file, struct imp_policy **policy,
		const struct policy_listener *listener)
{
	struct imp_policy *new;
	struct policy_lines lines;
	int error = policy_file_check(file, geteuid(), listener);

	if (error < 0)
		return error;
	error = imp_policy_new(&new);
	if (error < 0)
		return error;
	error = policy_file_parse(file, new, &lines, listener);
	if (error < 0)
		imp_policy_unref(new);
	else
		*policy = new;
	return error;
}

int imp_policy_load(const char *path, struct imp_policy **policy,
		    struct imp_policy_problem *problem)
{
	struct imp_policy_problem at = {.line = 0};
	const struct policy_listener listener = {.tell = keep_first, .data = &at};
	struct policy_file file;
	int error = policy_file_read(path, POLICY_FILE_MAXIMUM, &file);

	if (error == 0) {
		error = load(&file, policy, &listener);
		policy_file_clear(&file);
	}
	if (error < 0 && at.text[0] == '\0')
		snprintf(at.text, sizeof(at.text), "%s", policy_file_reason(error));
	if (error < 0 && problem)
		*problem = at;
	return error == -ENOTSUP ? -EPERM : error;
}

const char *policy_file_reason(int error)
{
	return error == -ENOTSUP  ? "not a regular file"
	       : error == -EAGAIN ? "changed while it was read"
	       : error == -EFBIG  ? "too large"
				  : log_error_text(-error);
}

/* ---------------------------------------------------------------------------------- reading -- */

static int read_all(int fd, char *text, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(fd, text + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EAGAIN;
		used += (size_t)got;
	}
	return 0;
}

/* One that is written in its place may be read in part. */
static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int read_open(int fd, size_t maximum, struct policy_file *file)
{
	struct stat before, after;
	int error;

	if (fstat(fd, &before) < 0)
		return -errno;
	if (!S_ISREG(before.st_mode))
		return -ENOTSUP;
	if (before.st_size < 0 || (uintmax_t)before.st_size > maximum)
		return -EFBIG;
	*file = (struct policy_file){
		.uid = before.st_uid,
		.mode = before.st_mode,
		.size = (size_t)before.st_size,
		.text = malloc((size_t)before.st_size + 1),
	};
	if (!file->text)
		return -ENOMEM;
	file->text[file->size] = '\0';
	error = read_all(fd, file->text, file->size);
	if (error == 0 && fstat(fd, &after) < 0)
		error = -errno;
	if (error == 0 && !same_file(&before, &after))
		error = -EAGAIN;
	if (error < 0)
		policy_file_clear(file);
	return error;
}

int policy_file_read(const char *path, size_t maximum, struct policy_file *file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error;

	if (fd < 0)
		return -errno;
	error = read_open(fd, maximum, file);
	close(fd);
	return error;
}

void policy_file_clear(struct policy_file *file)
{
	free(file->text);
	file->text = NULL;
}

/* ----------------------------------------------------------------------------------- owner -- */

int policy_file_check(const struct policy_file *file, uid_t user,
		      const struct policy_listener *listener)
{
	const bool foreign = file->uid != 0 && file->uid != user;
	const bool open = file->mode & (S_IWGRP | S_IWOTH);
	struct policy_problem problem = {.error = -EPERM, .about = "file"};
	char name[64];

	if (foreign) {
		snprintf(problem.at.text, sizeof(problem.at.text),
			 "belongs to %s, neither to root nor to the service's user",
			 identity_user_text(file->uid, name, sizeof(name)));
		if (!listener->tell(&problem, listener->data))
			return -EPERM;
	}
	if (open) {
		snprintf(problem.at.text, sizeof(problem.at.text), "mode %04o: %s may write it",
			 file->mode & 07777u,
			 file->mode & S_IWOTH ? "everybody" : "its group, or who is in its ACL,");
		listener->tell(&problem, listener->data);
	}
	return foreign || open ? -EPERM : 0;
}
