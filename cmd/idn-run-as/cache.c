/* SPDX-License-Identifier: MIT */
/*
 * Delegation: the user's Kerberos cache goes along as a private copy.  All of it is done as the
 * user, in processes that are nothing else: no path that the user could have laid out leads
 * anywhere that the user may not go.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/message.h"
#include "run-as.h"

#define COPY "krb5cc"

/* No cache is nearly that large; what pretends to be one need not fill the disk. */
enum { LARGEST = 16 << 20 };

/* --------------------------------------------------------------------------------- where -- */

static bool caller_is(const struct target *target)
{
	return getuid() == target->account.identity.view.uid;
}

/* The path of a FILE: cache, or NULL for one of another kind. */
static const char *path_of_name(const char *name)
{
	if (strncmp(name, "FILE:", 5) == 0)
		return name + 5;
	return name[0] == '/' ? name : NULL;
}

/* What names the caller's cache says nothing of another user's. */
static const char *find_cache(const struct target *target, char *buffer, size_t size)
{
	const char *name = getenv("KRB5CCNAME");

	if (caller_is(target) && name && name[0]) {
		const char *path = path_of_name(name);

		if (!path)
			warn_of("%s: not a file: it is not copied, and stays as it is", name);
		return path;
	}
	snprintf(buffer, size, "/tmp/krb5cc_%u", target->account.identity.view.uid);
	return buffer;
}

/* -------------------------------------------------------------------------------- copying -- */

/* The file, if it is the user's own; -1, and a warning unless there is just none. */
static int open_cache(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;

	if (fd < 0) {
		if (errno == ELOOP)
			warn_of("%s: a symbolic link: not taken for the user's cache", path);
		else if (errno != ENOENT)
			warn_of("%s: %s: it does not go along", path, reason_of(-errno));
		return -1;
	}
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_uid != getuid()) {
		warn_of("%s: not a file of the user's: not taken for the user's cache", path);
		close(fd);
		return -1;
	}
	/* As libkrb5 does for reading; whoever holds it longer is not waited for. */
	(void)fcntl(fd, F_OFD_SETLK, &(struct flock){.l_type = F_RDLCK});
	return fd;
}

static int copy_bytes(int from, int to)
{
	size_t copied = 0;
	char buffer[65536];

	for (;;) {
		ssize_t n = read(from, buffer, sizeof(buffer));

		if (n <= 0)
			return n < 0 ? -errno : 0;
		copied += (size_t)n;
		if (copied > LARGEST)
			return -EFBIG;
		if (write(to, buffer, (size_t)n) != n)
			return errno ? -errno : -EIO;
	}
}

static void empty_and_remove(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (entries && (entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(fd, entry->d_name, 0);
	if (entries)
		closedir(entries);
	if (rmdir(directory) < 0 && errno != ENOENT)
		warn_of("%s: cannot be removed: %s", directory, reason_of(-errno));
}

/* As the user: the name of the directory goes to ANSWER. */
static int copy_as_user(const char *path, int answer)
{
	char directory[] = "/tmp/idn-run-as-XXXXXX";
	char copy[sizeof(directory) + sizeof(COPY)];
	int from = open_cache(path);

	if (from < 0)
		return 0;
	umask(077);
	if (!mkdtemp(directory)) {
		complain_of("/tmp: cannot make a directory for the Kerberos cache: %s",
			    reason_of(-errno));
		return EXIT_FAILED;
	}
	snprintf(copy, sizeof(copy), "%s/%s", directory, COPY);

	int to = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int error = to < 0 ? -errno : copy_bytes(from, to);

	if (error == 0 && write(answer, directory, sizeof(directory)) < 0)
		error = -errno;
	if (error == 0)
		return 0;
	complain_of("%s: cannot be copied: %s", path, reason_of(error));
	empty_and_remove(directory);
	return EXIT_FAILED;
}

static void wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		exit(EXIT_FAILED); /* which has said why */
}

char *copy_cache(const struct target *target)
{
	char buffer[64], directory[64];
	const char *path = find_cache(target, buffer, sizeof(buffer));
	int ends[2];

	if (!path)
		return NULL;
	if (pipe2(ends, O_CLOEXEC) < 0)
		die(EXIT_FAILED, "cannot make a pipe: %s", reason_of(-errno));

	pid_t pid = fork_as_target(target);

	if (pid == 0)
		_exit(copy_as_user(path, ends[1]));
	close(ends[1]);

	ssize_t n = read(ends[0], directory, sizeof(directory) - 1);

	close(ends[0]);
	wait_for(pid);
	if (n <= 0)
		return NULL;
	directory[n] = '\0';

	char *copy = strdup(directory);

	if (!copy)
		die(EXIT_FAILED, "%s", reason_of(-ENOMEM));
	return copy;
}

void name_cache(const struct target *target, const char *directory)
{
	char name[96];

	if (directory) {
		snprintf(name, sizeof(name), "FILE:%s/%s", directory, COPY);
		set_variable("KRB5CCNAME", name);
	} else if (!caller_is(target)) {
		/* The caller's is not to be the command's. */
		set_variable("KRB5CCNAME", NULL);
	}
}

void remove_cache(const struct target *target, const char *directory)
{
	pid_t pid = fork_as_target(target);

	if (pid == 0) {
		empty_and_remove(directory);
		_exit(EXIT_SUCCESS);
	}
	wait_for(pid);
}
