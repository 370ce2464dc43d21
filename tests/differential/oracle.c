/* SPDX-License-Identifier: MIT */
/*
 * The kernel, asked by doing it: a child that is the identity for good does what the questions are
 * about, and its parent, who stays root, undoes each thing that succeeded before it goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/capability.h"
#include "oracle.h"

enum { START_AGAIN = -1 };

/* What the child tells its parent: what to undo, or one of the above. */
struct word {
	int index;
	int fd; /* in the child, of an opened file that may be new; -1 */
};

static struct reply *shared;

struct reply *oracle_replies(void)
{
	if (!shared)
		shared = mmap(NULL, sizeof(*shared) * MOST_QUESTIONS, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		broken("mmap");
	memset(shared, 0, sizeof(*shared) * MOST_QUESTIONS);
	return shared;
}

/* -------------------------------------------------------------------------------- the child -- */

static void become(const struct person *person)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)person->capabilities,
		 .permitted = (uint32_t)person->capabilities},
		{.effective = (uint32_t)(person->capabilities >> 32),
		 .permitted = (uint32_t)(person->capabilities >> 32)}};

	umask(0);
	if (prctl(PR_SET_KEEPCAPS, 1) < 0 ||
	    setgroups((size_t)person->n_groups, person->groups) < 0 ||
	    setresgid(person->gid, person->gid, person->gid) < 0 ||
	    setresuid(person->uid, person->uid, person->uid) < 0 ||
	    syscall(SYS_capset, &header, data) < 0)
		broken("cannot become %u", person->uid);
}

static void say(int channel, int index, int fd)
{
	struct word word = {.index = index, .fd = fd};

	if (write(channel, &word, sizeof(word)) != sizeof(word) || read(channel, &word, 1) != 1)
		_exit(3);
}

struct child {
	int channel, current;
	int index; /* of the question that it is at */
};

void oracle_undo(struct child *child, int fd)
{
	say(child->channel, child->index, fd);
}

/* Back to where relative paths begin, or else once more from there. */
void oracle_return(struct child *child)
{
	if (fchdir(child->current) == 0)
		return;

	struct word word = {.index = START_AGAIN, .fd = child->index + 1};

	if (write(child->channel, &word, sizeof(word)) != sizeof(word))
		_exit(3);
	_exit(0);
}

static bool has_looped(const struct reply *reply)
{
	bool looped = reply->access == ELOOP;

	for (int i = 0; i < reply->count; i++)
		looped = looped || reply->errors[i] == ELOOP;
	return looped;
}

static void ask(struct child *child, const struct question *question, struct reply *reply)
{
	*reply = (struct reply){.asked = true};
	if (question->operation == OPERATION_OPEN)
		reply->access = syscall(SYS_faccessat2, AT_FDCWD, question->path,
					(int)question->want, AT_EACCESS) < 0
					? errno
					: 0;
	oracle_try(child, question, reply);
}

static void be_oracle(int channel, const struct person *person, const struct question *questions,
		      int first, int count, struct reply *replies)
{
	struct child child = {.channel = channel,
			      .current = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)};

	become(person);
	for (child.index = first; child.index < count; child.index++) {
		const struct question *question = &questions[child.index];
		struct reply *reply = &replies[child.index];

		/*
		 * A walk that the kernel has to begin anew, since something was renamed or mounted
		 * meanwhile, goes on counting the links of the first attempt: 21 may be too many
		 * then (nd->total_link_count).  What is ELOOP for good is so every time.
		 */
		for (int attempts = 0; attempts == 0 || (attempts < 16 && has_looped(reply));
		     attempts++)
			ask(&child, question, reply);
	}
	_exit(0);
}

/* ------------------------------------------------------------------------------- the parent -- */

/* Raw calls, for this thread, which goes back to where it was. */
static void set_eyes(uid_t uid, gid_t gid, int count, const gid_t *groups)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_setgroups, count, groups) < 0)
		broken("setgroups");
	syscall(SYS_setfsgid, gid);
	syscall(SYS_setfsuid, uid);
	/* Which took some of them out. */
	if (syscall(SYS_capget, &header, data) < 0)
		broken("capget");
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	if (syscall(SYS_capset, &header, data) < 0)
		broken("capset");
}

/*
 * A directory that PERSON got to.  Root may not where its ids are unmapped: then what made PERSON
 * get there has to help.  What is changed there is changed where no mount lies over it.
 */
static int open_directory(const struct tree *tree, const struct person *person, const char *path)
{
	struct stat status;
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES) {
		set_eyes(person->uid, person->gid, person->n_groups, person->groups);
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		set_eyes(0, 0, 0, NULL);
	}
	if (fd < 0 || fstat(fd, &status) < 0)
		broken("open %s", path);

	const struct node *node = tree_find((struct tree *)tree, status.st_dev, status.st_ino);

	if (!node)
		return fd;
	close(fd);
	fd = fcntl(node->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		broken("dup");
	return fd;
}

/* O_CREAT: where it led is where it is. */
static void undo_open(struct tree *tree, const struct person *person, pid_t pid, int fd)
{
	char link[64], path[PATH_MAX];
	struct stat status;

	snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
	if (stat(link, &status) < 0)
		broken("stat %s", link);
	if (tree_find(tree, status.st_dev, status.st_ino))
		return;

	ssize_t length = readlink(link, path, sizeof(path) - 1);

	if (length < 0)
		broken("readlink %s", link);
	path[length] = '\0';

	char *slash = strrchr(path, '/');

	*slash = '\0';

	int directory = open_directory(tree, person, slash == path ? "/" : path);

	if (!tree_unlink(tree, directory, slash + 1, false))
		broken("unlink %s/%s", path, slash + 1);
	close(directory);
}

static void undo_name(struct tree *tree, const struct person *person,
		      const struct question *question)
{
	int parent = open_directory(tree, person, question->parent);

	if (!tree_unlink(tree, parent, question->name,
			 question->operation == OPERATION_NEW_DIRECTORY))
		broken("undo %s of %s", operation_name(question->operation), question->path);
	close(parent);
}

static void undo(struct tree *tree, const struct person *person, pid_t pid,
		 const struct question *question, int fd)
{
	switch (question->operation) {
	case OPERATION_OPEN_CREATE:
		undo_open(tree, person, pid, fd);
		break;
	case OPERATION_NEW_FILE:
	case OPERATION_NEW_FIFO:
	case OPERATION_NEW_SYMLINK:
	case OPERATION_NEW_LINK:
	case OPERATION_NEW_DIRECTORY:
		undo_name(tree, person, question);
		break;
	case OPERATION_DELETE:
		if (!question->victim)
			broken("%s is gone, from %s, and was nobody's", question->path,
			       tree->nodes[tree->current].path);
		tree_restore(tree, question->victim);
		break;
	case OPERATION_RENAME:
		if (!question->victim)
			broken("%s is gone, and was nobody's", question->path);
		tree_restore_name(tree, question->victim, "~");
		break;
	case OPERATION_LINK:
		if (unlink(question->another) < 0)
			broken("unlink %s", question->another);
		break;
	case OPERATION_CHMOD:
	case OPERATION_CHOWN:
	case OPERATION_CHOWN_GROUP:
		tree_restore_attributes(question->victim);
		break;
	default:
		broken("nothing to undo");
	}
}

/* Returns the question to go on with, in another child. */
static int serve(struct tree *tree, const struct person *person, int channel, pid_t pid,
		 struct question *questions, int count)
{
	struct word word;
	ssize_t length;

	while ((length = read(channel, &word, sizeof(word))) == sizeof(word)) {
		if (word.index == START_AGAIN)
			return word.fd;
		undo(tree, person, pid, &questions[word.index], word.fd);
		if (write(channel, "", 1) != 1)
			broken("the oracle is gone");
	}
	if (length != 0)
		broken("the oracle speaks in half words");
	return count;
}

void oracle_ask(struct tree *tree, const struct person *person, struct question *questions,
		int count, struct reply *replies)
{
	for (int next = 0, status; next < count;) {
		int channels[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channels) < 0)
			broken("socketpair");

		pid_t pid = fork();

		if (pid < 0)
			broken("fork");
		if (pid == 0) {
			close(channels[0]);
			be_oracle(channels[1], person, questions, next, count, replies);
		}
		close(channels[1]);
		next = serve(tree, person, channels[0], pid, questions, count);
		close(channels[0]);
		if (waitpid(pid, &status, 0) != pid || status != 0)
			broken("the oracle ended with status %#x", (unsigned)status);
	}
}
