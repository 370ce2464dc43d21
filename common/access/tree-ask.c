/* SPDX-License-Identifier: MIT */
/* Walking trees: what is asked of the kernel, as each of the subjects. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "access/tree-walker.h"
#include "access/witness.h"
#include "core/kernel-entry.h"
#include "core/switch.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

/* ------------------------------------------------------------------------------ as whom -- */

/* One subject, for good: it is never left, so that asking costs nothing more than the question. */
int take_subject(struct worker *worker)
{
	struct pool *pool = worker->pool;
	const char *step = NULL;

	int error = witness_stand_at(pool->tree->base);

	worker->current = pool->tree->n_subjects;
	if (error < 0)
		pool_fail_to_become(pool, 0, "cannot stand where it stands", error);
	if (error < 0 || pool->switching)
		return error;
	error = witness_become(pool->tree->subjects[0], &step);

	if (error < 0)
		pool_fail_to_become(pool, 0, step, error);
	worker->current = 0;
	return error;
}

int become_subject(struct worker *worker, size_t subject)
{
	const struct access_subject *whom = worker->pool->tree->subjects[subject];
	const char *step = NULL;

	if (worker->current == subject)
		return 0;

	int error = -EPERM;

	if (whom->other_user_namespace && whom->capabilities)
		step = "its capabilities are those of another user namespace";
	else
		error = switch_to(&whom->identity, IMP_SCOPE_ALL, whom->capabilities, &step);

	if (error < 0)
		pool_fail_to_become(worker->pool, subject, step, error);
	else
		worker->current = subject;
	return error;
}

void become_caller(struct worker *worker)
{
	if (!worker->pool->switching)
		return;
	switch_back();
	worker->current = worker->pool->tree->n_subjects;
}

/* Every subject in turn, beginning with the one that the thread is already. */
static size_t in_turn(size_t first, size_t i, size_t n_subjects)
{
	return first < n_subjects ? (first + i) % n_subjects : i;
}

/*
 * access(2) asks for the real ids; they are the subject's where a thread became it for good, and
 * its capabilities are what the kernel makes of such ids.
 */
int probe_asking(struct pool *pool)
{
	const struct access_subject *subject = pool->tree->subjects[0];

	if (syscall(SYS_faccessat2, AT_FDCWD, "/", F_OK, AT_EACCESS) == 0)
		return 0;
	/* A filter that does not know it says EPERM. */
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	pool->plain_access = true;
	if (pool->switching || (subject->identity.view.uid != 0 && subject->capabilities))
		return -ENOSYS;
	return 0;
}

/* --------------------------------------------------------------------------- directories -- */

enum opened { OPENED, NOT_LISTED, NOT_WALKED, NOT_ENTERED };

static enum opened open_as_current(struct worker *worker, int parent, const char *name, int *fd)
{
	struct stat status;
	bool one = worker->pool->tree->one_filesystem;

	/* Never a device, or a pipe, that has come in its place. */
	*fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int error = *fd < 0 ? errno : 0;

	if (one &&
	    (*fd < 0 ? fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) : fstat(*fd, &status)) ==
		    0 &&
	    status.st_dev != worker->device) {
		if (*fd >= 0)
			close(*fd);
		return NOT_ENTERED;
	}
	errno = error;
	switch (error) {
	case 0:
		return OPENED;
	case EACCES:
	case EPERM:
		return NOT_LISTED;
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
		return NOT_ENTERED; /* it has become something else */
	default:
		return NOT_WALKED;
	}
}

int open_directory(struct worker *worker, int parent, const char *name, struct frame *frame)
{
	size_t n_subjects = worker->pool->tree->n_subjects, first = worker->current;
	uint64_t candidates = frame->joined;

	*frame = (struct frame){.fd = -1, .more = true};
	for (size_t i = 0; i < n_subjects; i++) {
		size_t subject = in_turn(first, i, n_subjects);
		int fd, error;

		if (!(candidates & UINT64_C(1) << subject))
			continue;
		error = become_subject(worker, subject);
		if (error < 0) {
			if (frame->fd >= 0)
				close(frame->fd);
			return error;
		}
		switch (open_as_current(worker, parent, name, &fd)) {
		case OPENED:
			frame->joined |= UINT64_C(1) << subject;
			/* Any of them does: what is asked below it is asked as each one. */
			if (frame->fd < 0)
				frame->fd = fd;
			else
				close(fd);
			break;
		case NOT_LISTED:
			worker->tally[subject].unlisted++;
			break;
		case NOT_WALKED:
			worker->tally[subject].not_walked++;
			worker->tally[subject].walk_error = -errno;
			break;
		case NOT_ENTERED:
			break;
		}
	}
	return 0;
}

static void parse_entries(struct worker *worker, size_t bytes)
{
	worker->n_found = 0;
	for (size_t at = 0; at < bytes;) {
		const struct kernel_entry *entry =
			(const struct kernel_entry *)(const void *)(worker->buffer + at);
		const char *name = entry->name;

		at += entry->length;
		if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
			continue;
		worker->found[worker->n_found++] = (struct found){name, entry->type};
	}
}

ssize_t read_entries(struct worker *worker, const struct frame *frame)
{
	/* By hand: in larger pieces than readdir(3), and shared with who reads the same directory.
	 */
	ssize_t bytes = syscall(SYS_getdents64, frame->fd, worker->buffer, (size_t)BUFFER_SIZE);

	if (bytes < 0)
		return -errno;
	parse_entries(worker, (size_t)bytes);
	return bytes;
}

/* Where the file system does not say what its entries are. */
static int find_types(struct worker *worker, int directory)
{
	for (size_t i = 0; i < worker->n_found; i++) {
		struct found *found = &worker->found[i];
		struct stat status;

		if (found->type == DT_UNKNOWN &&
		    fstatat(directory, found->name, &status, AT_SYMLINK_NOFOLLOW) == 0)
			found->type = (unsigned char)IFTODT(status.st_mode);
	}
	return 0;
}

static bool some_types_are_unknown(const struct worker *worker)
{
	for (size_t i = 0; i < worker->n_found; i++)
		if (worker->found[i].type == DT_UNKNOWN)
			return true;
	return false;
}

static void keep_directories(struct worker *worker)
{
	size_t kept = 0;

	for (size_t i = 0; i < worker->n_found; i++)
		if (worker->found[i].type == DT_DIR)
			worker->found[kept++] = worker->found[i];
	worker->n_found = kept;
}

/* --------------------------------------------------------------------------- the question -- */

static int access_bits(unsigned want)
{
	return (int)((want & ACCESS_RWX) | (want & ACCESS_LIST ? ACCESS_READ : 0));
}

/* A link that is broken, or something that has gone since it was listed? */
static enum tree_result judge_missing(int directory, const struct found *found)
{
	struct stat status;

	if (found->type != DT_LNK && found->type != DT_UNKNOWN)
		return TREE_UNSEEN;
	return fstatat(directory, found->name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? TREE_DENIED
										  : TREE_UNSEEN;
}

static enum tree_result judge_error(int directory, const struct found *found, int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
	case EROFS:
	case ELOOP:
	case ENAMETOOLONG:
	case ETXTBSY:
		return TREE_DENIED;
	case ENOENT:
	case ENOTDIR:
		return judge_missing(directory, found);
	default:
		return TREE_UNKNOWN;
	}
}

static struct tree_answer ask(const struct worker *worker, int directory, const struct found *found,
			      int bits)
{
	long result = worker->pool->plain_access
			      ? syscall(SYS_faccessat, directory, found->name, bits)
			      : syscall(SYS_faccessat2, directory, found->name, bits, AT_EACCESS);
	int error = errno;

	if (result == 0)
		return (struct tree_answer){.result = TREE_ALLOWED};
	return (struct tree_answer){
		.result = (uint16_t)judge_error(directory, found, error),
		.error = (uint16_t)error,
	};
}

static void ask_as_current(struct worker *worker, int directory, size_t subject)
{
	const struct tree *tree = worker->pool->tree;
	struct tree_answer *answer = worker->answers + subject;
	int bits = access_bits(tree->want);

	for (size_t i = 0; i < worker->n_found; i++, answer += tree->n_subjects)
		*answer = ask(worker, directory, &worker->found[i], bits);
}

int ask_about_found(struct worker *worker, int directory, uint64_t joined)
{
	const struct tree *tree = worker->pool->tree;
	size_t n_subjects = tree->n_subjects, first = worker->current;
	bool unknown = some_types_are_unknown(worker);
	int error = 0;

	/* Before anything is asked, since only directories may be asked about. */
	for (size_t i = 0; i < n_subjects && unknown && error == 0; i++) {
		if (!(joined & UINT64_C(1) << i))
			continue;
		error = become_subject(worker, i);
		if (error == 0)
			error = find_types(worker, directory);
	}
	if (tree->want & ACCESS_LIST)
		keep_directories(worker);
	for (size_t i = 0; i < n_subjects && error == 0; i++) {
		size_t subject = in_turn(first, i, n_subjects);

		if (!(joined & UINT64_C(1) << subject))
			continue;
		error = become_subject(worker, subject);
		if (error == 0)
			ask_as_current(worker, directory, subject);
	}
	return error;
}

int look_at_start(struct worker *worker, const char *path, uint64_t *joined)
{
	struct found *found = &worker->found[0];
	bool denied = false;

	*found = (struct found){.name = path, .type = DT_UNKNOWN};
	worker->n_found = 1;
	*joined = 0;
	for (size_t i = 0; i < worker->pool->tree->n_subjects; i++) {
		struct stat status;
		int error = become_subject(worker, i);

		if (error < 0)
			return error;
		if (fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW) == 0) {
			found->type = (unsigned char)IFTODT(status.st_mode);
			/* Nothing of a kind that is asked about is there. */
			if ((worker->pool->tree->want & ACCESS_LIST) && !S_ISDIR(status.st_mode))
				worker->tally[i].start_error = -ENOTDIR;
			worker->device = status.st_dev;
			*joined |= UINT64_C(1) << i;
		} else if (errno == EACCES) {
			/* What cannot be reached is denied, whatever it is. */
			worker->answers[i] =
				(struct tree_answer){.result = TREE_DENIED, .error = EACCES};
			denied = true;
		} else {
			worker->tally[i].start_error = -errno;
		}
	}
	/* Nobody can tell what it is; nobody can list it either. */
	if (denied && *joined == 0)
		found->type = DT_DIR;
	return 0;
}
