/* SPDX-License-Identifier: MIT */
/* Random questions: what the evaluator is asked, and what the kernel needs to be asked the same. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "differential.h"

const char *operation_name(enum operation operation)
{
	static const char *const names[N_OPERATIONS] = {
		"open",	      "open(O_CREAT)", "open(O_CREAT|O_EXCL)",
		"mkdir",      "mknod",	       "symlink",
		"link",	      "delete",	       "rename",
		"chmod",      "chown",	       "chown with a group",
		"link to it", "list"};

	return names[operation];
}

static void choose_operation(struct question *question)
{
	static const enum operation beyond[] = {
		OPERATION_OPEN_CREATE, OPERATION_OPEN_CREATE,	OPERATION_OPEN_CREATE,
		OPERATION_NEW_FILE,    OPERATION_NEW_DIRECTORY, OPERATION_NEW_FIFO,
		OPERATION_NEW_SYMLINK, OPERATION_NEW_LINK,	OPERATION_DELETE,
		OPERATION_DELETE,      OPERATION_DELETE,	OPERATION_RENAME,
		OPERATION_CHMOD,       OPERATION_CHMOD,		OPERATION_CHOWN,
		OPERATION_CHOWN_GROUP, OPERATION_LINK,		OPERATION_LINK,
		OPERATION_LIST,	       OPERATION_LIST};

	question->operation = one_in(3) ? OPERATION_OPEN
					: beyond[random_below(sizeof(beyond) / sizeof(beyond[0]))];
}

static unsigned want_of(enum operation operation)
{
	static const unsigned opening[] = {ACCESS_READ, ACCESS_WRITE, ACCESS_READ | ACCESS_WRITE};

	switch (operation) {
	case OPERATION_OPEN:
		return 1 + random_below(7);
	case OPERATION_OPEN_CREATE:
		return ACCESS_CREATE | opening[random_below(3)];
	case OPERATION_DELETE:
	case OPERATION_RENAME:
		return ACCESS_DELETE;
	case OPERATION_CHMOD:
		return ACCESS_CHMOD;
	case OPERATION_CHOWN:
	case OPERATION_CHOWN_GROUP:
		return ACCESS_CHOWN;
	case OPERATION_LINK:
		return ACCESS_LINK;
	case OPERATION_LIST:
		return ACCESS_LIST;
	default:
		return ACCESS_CREATE;
	}
}

/* The directory of the path's last name, and that name without slashes behind it. */
static void split(struct question *question)
{
	char *directory = question->parent;
	size_t end = strlen(question->path);

	while (end > 1 && question->path[end - 1] == '/')
		end--;
	memcpy(directory, question->path, end);
	directory[end] = '\0';

	char *slash = strrchr(directory, '/');

	strcpy(question->name, slash ? slash + 1 : directory);
	/* The dot: what protected_symlinks is about is links at the end. */
	strcpy(slash ? slash + 1 : directory, ".");
}

int question_open_parent(const struct question *question)
{
	return open(question->parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void find_sibling(struct question *question)
{
	size_t length = strlen(question->path);

	if (question->operation != OPERATION_RENAME)
		return;
	if (length == 0 || question->path[length - 1] == '/' || is_dots(question->name)) {
		/* Such are not renamed. */
		question->operation = OPERATION_DELETE;
		return;
	}
	memcpy(question->sibling, question->path, length - strlen(question->name));
	strcat(question->sibling, "~");
}

/* What root cannot put back is only looked at. */
static void only_look(struct question *question)
{
	question->operation = OPERATION_LIST;
	question->want = ACCESS_LIST;
	question->sibling[0] = '\0';
}

/* What is to be removed. */
static void find_name(struct tree *tree, struct question *question)
{
	struct stat status;
	int parent = question_open_parent(question);
	bool hidden = parent < 0 && errno == EACCES;
	bool found = parent >= 0 && question->name[0] &&
		     fstatat(parent, question->name, &status, AT_SYMLINK_NOFOLLOW) == 0;

	hidden = hidden || (parent >= 0 && !found && errno == EACCES);
	if (parent >= 0)
		close(parent);
	question->directory =
		is_dots(question->name) || !question->name[0] || (found && S_ISDIR(status.st_mode));
	if (found && (question->want & ACCESS_DELETE))
		question->victim = tree_find(tree, status.st_dev, status.st_ino);
	if (hidden && (question->want & ACCESS_DELETE))
		only_look(question);
}

/* What the path leads to. */
static void find_victim(struct tree *tree, struct question *question)
{
	struct stat status;
	bool changes = question->want & (ACCESS_CHMOD | ACCESS_CHOWN);

	find_name(tree, question);
	if (stat(question->path, &status) < 0) {
		if (changes && errno == EACCES)
			only_look(question);
		return;
	}
	question->kind = status.st_mode & S_IFMT;
	question->mode = status.st_mode;
	if (!changes)
		return;
	question->victim = tree_find(tree, status.st_dev, status.st_ino);
	if (!question->victim)
		only_look(question);
}

/* Only a directory can be made by a name with a slash behind it. */
static void make_it_fit(struct question *question)
{
	size_t length = strlen(question->path);

	if (question->want == ACCESS_CREATE && length > 1 && question->path[length - 1] == '/')
		question->operation = OPERATION_NEW_DIRECTORY;
}

/* A link to what lies on another mount is none, and to be asked for elsewhere. */
static bool can_be_linked(const struct tree *tree, const struct question *question)
{
	const struct walk *walk = &question->walk;
	const struct object *last = walk->steps[walk->count - 1].object;
	struct statx status;

	if (!last || walk->steps[walk->count - 1].check == CHECK_END)
		return true;
	return !tree->read_only &&
	       statx(AT_FDCWD, question->source, 0, STATX_MNT_ID, &status) == 0 &&
	       last->mount == status.stx_mnt_id;
}

/* Where root is not let through by protected_symlinks, others may be. */
static void find_kind(struct question *question)
{
	const struct walk *walk = &question->walk;
	const struct object *last = walk->count ? walk->steps[walk->count - 1].object : NULL;

	if (question->kind == 0 && last)
		question->kind = last->mode & S_IFMT;
}

/* Asked with a group, of a file whose group has no number, is another error. */
static void simplify_chown(struct question *question)
{
	const struct walk *walk = &question->walk;
	const struct object *last = walk->count ? walk->steps[walk->count - 1].object : NULL;

	if (question->operation == OPERATION_CHOWN_GROUP && last && last->unmapped)
		question->operation = OPERATION_CHOWN;
}

/* A link is to be on the same mount as what it links. */
static void keep_to_one_mount(struct question *question)
{
	struct statx source, parent;
	int fd = question_open_parent(question);

	if (question->operation == OPERATION_NEW_LINK &&
	    (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &parent) < 0 ||
	     statx(AT_FDCWD, question->source, 0, STATX_MNT_ID, &source) < 0 ||
	     source.stx_mnt_id != parent.stx_mnt_id))
		question->operation = OPERATION_NEW_SYMLINK;
	if (fd >= 0)
		close(fd);
}

static void walk(bool by_descriptors, const char *path, unsigned want, struct walk *walk)
{
	struct walk_base base = {.root = -1, .current = AT_FDCWD};

	if (by_descriptors) {
		base.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		base.current = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}

	int error = walk_path(by_descriptors ? &base : NULL, path, want, walk);

	if (error < 0)
		broken("walk_path %s: %d", path, error);
	if (by_descriptors) {
		close(base.root);
		close(base.current);
	}
}

void question_make(struct tree *tree, bool by_descriptors, struct question *question)
{
	memset(question, 0, sizeof(*question));
	choose_operation(question);
	question->want = want_of(question->operation);
	random_path(tree, question->want & ACCESS_CREATE, question->path);
	/* Not ours to change. */
	if (strstr(question->path, "/chain/")) {
		question->operation = OPERATION_OPEN;
		question->want = want_of(question->operation);
	}
	snprintf(question->source, sizeof(question->source), "%s/source", tree->on->top);
	snprintf(question->another, sizeof(question->another), "%s/links/l", tree->on->top);
	make_it_fit(question);
	split(question);
	keep_to_one_mount(question);
	find_sibling(question);
	find_victim(tree, question);
	walk(by_descriptors, question->path, question->want, &question->walk);
	if (question->operation == OPERATION_LINK && !can_be_linked(tree, question)) {
		walk_clear(&question->walk);
		question->operation = OPERATION_LIST;
		question->want = ACCESS_LIST;
		walk(by_descriptors, question->path, question->want, &question->walk);
	}
	simplify_chown(question);
	find_kind(question);
	if (question->sibling[0])
		walk(by_descriptors, question->sibling, ACCESS_CREATE, &question->sibling_walk);
}

void question_clear(struct question *question)
{
	walk_clear(&question->walk);
	if (question->sibling[0])
		walk_clear(&question->sibling_walk);
}
