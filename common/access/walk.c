/* SPDX-License-Identifier: MIT */
/*
 * A way through the file system, name by name and by descriptors alone, so that what is judged is
 * what was gone through: link_path_walk() and step_into() of fs/namei.c, seen from outside.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "access/walk-state.h"

enum { LINKS_MAXIMUM = 40 }; /* MAXSYMLINKS */

/* The way goes on there.  A descriptor is held where one stands, not all along the way. */
static void go_to(struct walk_state *state, struct object *object)
{
	struct object *left = state->current;

	state->current = object;
	if (left && left != object && left->fd >= 0) {
		close(left->fd);
		left->fd = -1;
	}
}

/* --------------------------------------------------------------------------------- beginning -- */

static int open_base(int base, const char *own)
{
	int fd = base >= 0 ? fcntl(base, F_DUPFD_CLOEXEC, 0)
			   : open(own, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* "/" of the walk, or the directory where a relative path begins. */
static int begin_at(struct walk_state *state, bool at_root)
{
	const char *own = at_root ? "/" : ".";
	struct object *object;
	int fd = open_base(at_root ? state->base.root : state->base.current, own);

	if (fd == -ENOMEM || fd == -EMFILE || fd == -ENFILE)
		return fd;
	if (fd < 0)
		return walk_add_end(state, own, NULL, fd);

	int error = walk_add_object(state, fd, &object);

	if (error < 0)
		return error;
	go_to(state, object);
	state->where[0] = '\0';
	state->absolute = at_root;
	return 0;
}

/* ".." of the root is the root: chroot(2).  At our own root the kernel holds us anyway. */
static bool is_at_root(const struct walk_state *state)
{
	return state->base.root >= 0 && object_same_place(state->base.root, state->current->fd);
}

/* ------------------------------------------------------------------------------------- links -- */

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

/* Of /proc, and leading where its text does not: /proc/self/fd/3. */
static bool is_magic(const struct walk_state *state, const struct object *link, const char *name)
{
	/* struct open_how; RESOLVE_NO_MAGICLINKS */
	struct {
		uint64_t flags, mode, resolve;
	} how = {.flags = O_PATH | O_CLOEXEC, .resolve = 0x02};

	if (link->filesystem != FILESYSTEM_KERNEL)
		return false;

	int fd = (int)syscall(SYS_openat2, state->current->fd, name, &how, sizeof(how));

	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ELOOP;
}

static int jump(struct walk_state *state, const char *name, const char *path)
{
	struct object *object;
	int fd = openat(state->current->fd, name, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return walk_add_end(state, path, NULL, -errno);

	int error = walk_add_object(state, fd, &object);

	if (error < 0)
		return error;
	go_to(state, object);
	walk_enter(state, name);
	return 0;
}

static int follow_target(struct walk_state *state, const char *path, char *target)
{
	int error;

	if (target[0] == '\0') {
		free(target);
		return walk_add_end(state, path, NULL, -ENOENT);
	}
	error = walk_push(state, target, target);
	if (error < 0) {
		free(target);
		return error;
	}
	return target[0] == '/' ? begin_at(state, true) : 0;
}

static int follow(struct walk_state *state, struct object *link, const char *name, bool last)
{
	char path[WALK_PATH], target[PATH_MAX];
	struct walk_step *step;

	walk_name(state, name, path);
	if (state->links++ >= LINKS_MAXIMUM)
		return walk_add_end(state, path, link, -ELOOP);

	int error = walk_add(state, CHECK_FOLLOW, path, &step);

	if (error < 0)
		return error;
	step->object = link;
	step->directory = state->current;
	step->trailing = last;
	if (is_magic(state, link, name))
		return jump(state, name, path);

	ssize_t length = readlinkat(link->fd, "", target, sizeof(target) - 1);

	if (length < 0)
		return walk_add_end(state, path, link, -errno);
	target[length] = '\0';
	step->target = strdup(target);

	char *copy = strdup(target);

	if (!step->target || !copy) {
		free(copy);
		return -ENOMEM;
	}
	return follow_target(state, path, copy);
}

/* ------------------------------------------------------------------------------------ the way --
 */

/* Whether a link at the path's very end is followed for what is asked; a slash behind it or not. */
static bool follows_last(const struct walk_state *state, bool slash)
{
	/* filename_parentat() leaves the last name alone, slash or not; filename_lookup() does not.
	 */
	if (state->want == ACCESS_LINK)
		return slash;
	return state->want != ACCESS_DELETE && state->want != ACCESS_CREATE;
}

/* "." and ".." */
static int step_dots(struct walk_state *state, const char *name, bool last)
{
	struct object *object;
	char path[WALK_PATH];

	walk_name(state, name, path);
	if (last)
		state->dots = name[1] == '.' ? 2 : 1;
	if (name[1] == '\0' || is_at_root(state))
		return 0;

	int fd = openat(state->current->fd, "..", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return walk_add_end(state, path, NULL, -errno);

	int error = walk_add_object(state, fd, &object);

	if (error == 0) {
		go_to(state, object);
		walk_enter(state, "..");
	}
	return error;
}

static int step_name(struct walk_state *state, const char *name, bool last, bool slash)
{
	struct object *object;
	char path[WALK_PATH];
	int error;

	walk_name(state, name, path);
	/* O_CREAT with a slash behind: refused before anything is looked up. */
	if (last && slash && (state->want & ACCESS_CREATE) && (state->want & ACCESS_RWX))
		return walk_add_end(state, path, NULL, -EISDIR);
	if (strlen(name) > NAME_MAX)
		return walk_add_end(state, path, NULL, -ENAMETOOLONG);

	int fd = openat(state->current->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return -errno;
	if (fd < 0 && errno == ENOENT && last)
		return walk_end_missing(state, path);
	if (fd < 0)
		return walk_add_end(state, path, NULL, -errno);
	error = walk_add_object(state, fd, &object);
	if (error < 0)
		return error;
	if (S_ISLNK(object->mode) && (!last || follows_last(state, slash)))
		return follow(state, object, name, last);
	if (last)
		return walk_end_found(state, path, object, slash);
	if (!S_ISDIR(object->mode))
		return walk_add_end(state, path, object, -ENOTDIR);
	go_to(state, object);
	walk_enter(state, name);
	return 0;
}

static int go(struct walk_state *state)
{
	char name[NAME_MAX + 2];
	bool last, slash;
	int error = 0;

	while (error == 0 && !state->ended && walk_next_name(state, name, &last, &slash)) {
		struct walk_step *step;

		if (!S_ISDIR(state->current->mode))
			return walk_add_end(state, walk_here(state), state->current, -ENOTDIR);
		error = walk_add(state, CHECK_SEARCH, walk_here(state), &step);
		if (error < 0)
			return error;
		step->object = state->current;
		state->dots = 0;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			error = step_dots(state, name, last);
		else
			error = step_name(state, name, last, slash);
	}
	/* It ended with "/", a dot, or a link to such. */
	if (error == 0 && !state->ended)
		error = walk_end_place(state, walk_here(state));
	return error;
}

static bool is_question(unsigned want)
{
	unsigned alone = want & ~(unsigned)(ACCESS_RWX | ACCESS_CREATE);

	if (want == 0)
		return false;
	if (alone)
		return want == ACCESS_DELETE || want == ACCESS_CHMOD || want == ACCESS_CHOWN ||
		       want == ACCESS_LIST || want == ACCESS_LINK;
	return !((want & ACCESS_CREATE) && (want & ACCESS_EXECUTE));
}

int walk_path_unsettled(const struct walk_base *base, const char *path, unsigned want,
			struct walk *walk)
{
	static const struct walk_base own = {.root = -1, .current = AT_FDCWD};
	struct walk_state *state;
	int error;

	*walk = (struct walk){.count = 0};
	if (!is_question(want))
		return -EINVAL;
	state = calloc(1, sizeof(*state));
	if (!state)
		return -ENOMEM;
	state->walk = walk;
	state->want = want;
	state->base = base ? *base : own;
	if (path[0] == '\0') {
		error = walk_add_end(state, path, NULL, -ENOENT);
	} else if (strlen(path) >= PATH_MAX) {
		error = walk_add_end(state, path, NULL, -ENAMETOOLONG);
	} else {
		error = walk_push(state, NULL, path);
		if (error == 0)
			error = begin_at(state, path[0] == '/');
		if (error == 0)
			error = go(state);
	}
	while (state->n_frames > 0)
		free(state->frames[--state->n_frames].owned);
	free(state->frames);
	free(state);
	if (error < 0)
		walk_clear(walk);
	return error;
}

int walk_path(const struct walk_base *base, const char *path, unsigned want, struct walk *walk)
{
	int error = walk_path_unsettled(base, path, want, walk);

	if (error == 0)
		walk_settle(walk, true);
	return error;
}

void walk_clear(struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++) {
		free(walk->steps[i].path);
		free(walk->steps[i].target);
		free(walk->steps[i].default_acl);
	}
	for (size_t i = 0; i < walk->n_objects; i++) {
		object_clear(walk->objects[i]);
		free(walk->objects[i]);
	}
	free(walk->steps);
	free(walk->objects);
	*walk = (struct walk){.count = 0};
}
