/* SPDX-License-Identifier: MIT */
/* What the oracle tries: the system call behind each question. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oracle.h"

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000 /* Linux 6.14 */
#endif

/* Notes what came of it; true if it succeeded. */
static bool note(struct reply *reply, const char *what, bool failed)
{
	reply->what[reply->count] = what;
	reply->errors[reply->count++] = failed ? errno : 0;
	return !failed;
}

/* ------------------------------------------------------------------------------ opening, running
 * -- */

static void try_open(const struct question *question, struct reply *reply)
{
	static const char *const names[] = {
		[2] = "open(O_WRONLY)", [4] = "open(O_RDONLY)", [6] = "open(O_RDWR)"};
	unsigned want = question->want & (ACCESS_READ | ACCESS_WRITE);
	int flags = want == ACCESS_READ ? O_RDONLY : want == ACCESS_WRITE ? O_WRONLY : O_RDWR;

	/* O_APPEND: what an append-only file can be opened for. */
	int fd = open(question->path, flags | O_APPEND | O_NONBLOCK | O_CLOEXEC);

	/* A socket is not opened by anybody; but this is said to who could do so otherwise. */
	note(reply, names[want], fd < 0 && !(errno == ENXIO && S_ISSOCK(question->kind)));
	if (fd >= 0)
		close(fd);
}

static void try_connect(const struct question *question, struct reply *reply)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!S_ISSOCK(question->kind) || !(question->want & ACCESS_WRITE) ||
	    strlen(question->path) >= sizeof(address.sun_path))
		return;

	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, question->path);
	/* Nobody listens, as who may write there gets to know. */
	note(reply, "connect",
	     connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 &&
		     errno != ECONNREFUSED);
	close(fd);
}

/* Without anything being run, where the kernel has that. */
static int check_execution(const char *path)
{
	static const char *const arguments[] = {"", NULL};
	static bool cannot;

	if (!cannot) {
		if (syscall(SYS_execveat, AT_FDCWD, path, arguments, arguments + 1,
			    AT_EXECVE_CHECK) == 0)
			return 0;
		if (errno != EINVAL)
			return errno;
		cannot = true;
	}

	pid_t pid = fork();

	if (pid == 0) {
		execve(path, (char *const *)arguments, (char *const *)arguments + 1);
		/* It is no program that there could be: text, or one without its interpreter. */
		_exit(errno == ENOEXEC ? 0 : errno);
	}

	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		_exit(3);
	return WEXITSTATUS(status);
}

static void try_execution(struct child *child, const struct question *question, struct reply *reply)
{
	if (S_ISDIR(question->kind)) {
		if (note(reply, "chdir", chdir(question->path) < 0))
			oracle_return(child);
		return;
	}
	errno = check_execution(question->path);
	note(reply, "execve", errno != 0);
}

static void try_list(const struct question *question, struct reply *reply)
{
	char entries[2048];
	int fd = open(question->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (note(reply, "opendir", fd < 0))
		note(reply, "getdents64",
		     syscall(SYS_getdents64, fd, entries, sizeof(entries)) < 0);
	if (fd >= 0)
		close(fd);
}

/* ---------------------------------------------------------------------------- making, removing --
 */

static void try_create_or_open(struct child *child, const struct question *question,
			       struct reply *reply)
{
	unsigned want = question->want & ACCESS_RWX;
	int flags = want == ACCESS_READ ? O_RDONLY : want == ACCESS_WRITE ? O_WRONLY : O_RDWR;
	int fd = open(question->path, flags | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0600);

	if (note(reply, "open(O_CREAT)", fd < 0 && !(errno == ENXIO && S_ISSOCK(question->kind))) &&
	    fd >= 0)
		oracle_undo(child, fd);
	if (fd >= 0)
		close(fd);
}

static int make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd;
}

static int change(const struct question *question)
{
	const char *path = question->path;

	switch (question->operation) {
	case OPERATION_NEW_FILE:
		return make_file(path);
	case OPERATION_NEW_DIRECTORY:
		return mkdir(path, 0700);
	case OPERATION_NEW_FIFO:
		return mknod(path, S_IFIFO | 0600, 0);
	case OPERATION_NEW_SYMLINK:
		return symlink("new", path);
	case OPERATION_NEW_LINK:
		return link(question->source, path);
	case OPERATION_DELETE:
		return question->directory ? rmdir(path) : unlink(path);
	case OPERATION_RENAME:
		return rename(path, question->sibling);
	case OPERATION_CHMOD:
		return chmod(path, question->mode & 07777);
	case OPERATION_LINK:
		return link(path, question->another);
	case OPERATION_CHOWN:
		return chown(path, 4001, (gid_t)-1);
	default:
		return chown(path, 4001, 4101);
	}
}

void oracle_try(struct child *child, const struct question *question, struct reply *reply)
{
	switch (question->operation) {
	case OPERATION_OPEN:
		/* Nobody opens a directory for writing: that is asked by making something in it. */
		if (S_ISDIR(question->kind) && (question->want & ACCESS_WRITE))
			break;
		/*
		 * Nobody opens for execution and more at once either.  One by one they may be
		 * allowed where access(2) denies both together: by two entries for two groups.
		 */
		if (question->want == ACCESS_EXECUTE)
			try_execution(child, question, reply);
		if (question->want & ACCESS_EXECUTE)
			break;
		try_open(question, reply);
		try_connect(question, reply);
		break;
	case OPERATION_OPEN_CREATE:
		try_create_or_open(child, question, reply);
		break;
	case OPERATION_LIST:
		try_list(question, reply);
		break;
	default:
		if (note(reply, operation_name(question->operation), change(question) < 0))
			oracle_undo(child, -1);
		break;
	}
}
