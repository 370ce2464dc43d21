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

#include "access/walk-end.h"

enum { LINKS_MAXIMUM = 40 }; /* MAXSYMLINKS */

/* --------------------------------------------------------------------------- building a walk -- */

int walk_add(struct walk_state *state, enum walk_check check, const char *path,
	     struct walk_step **step)
{
	struct walk *walk = state->walk;

	if (walk->count == state->step_room) {
		size_t room = state->step_room ? state->step_room * 2 : 16;
		struct walk_step *larger = reallocarray(walk->steps, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		walk->steps = larger;
		state->step_room = room;
	}
	*step = &walk->steps[walk->count];
	**step = (struct walk_step){.check = check, .path = strdup(path)};
	if (!(*step)->path)
		return -ENOMEM;
	walk->count++;
	return 0;
}

int walk_add_end(struct walk_state *state, const char *path, struct object *object, int error)
{
	struct walk_step *step;
	int result = walk_add(state, CHECK_END, path, &step);

	if (result == 0) {
		step->object = object;
		step->error = error;
		step->unseen = error == -EACCES || error == -EPERM;
		step->last = true;
		state->ended = true;
	}
	return result;
}

int walk_add_object(struct walk_state *state, int fd, struct object **object)
{
	struct walk *walk = state->walk;

	if (walk->n_objects == state->object_room) {
		size_t room = state->object_room ? state->object_room * 2 : 16;
		struct object **larger = reallocarray(walk->objects, room, sizeof(*larger));

		if (!larger) {
			close(fd);
			return -ENOMEM;
		}
		walk->objects = larger;
		state->object_room = room;
	}
	*object = malloc(sizeof(**object));
	if (!*object) {
		close(fd);
		return -ENOMEM;
	}
	int error = object_read(fd, state->base.mounts_of, *object);

	if (error < 0) {
		free(*object);
		return error;
	}
	walk->objects[walk->n_objects++] = *object;
	return 0;
}

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
	if (at_root && state->root_ino == 0) {
		state->root_mount = object->mount;
		state->root_ino = object->ino;
		state->root_dev = object->dev;
	}
	go_to(state, object);
	state->where[0] = '\0';
	state->absolute = at_root;
	return 0;
}

/* ".." of the root is the root: chroot(2). */
static bool is_root(struct walk_state *state)
{
	struct stat root;

	if (state->base.root < 0) {
		/* Our own root: the kernel holds us there anyway. */
		return false;
	}
	if (state->root_ino == 0 && fstat(state->base.root, &root) == 0) {
		state->root_ino = root.st_ino;
		state->root_dev = root.st_dev;
		state->root_mount = state->current->mount;
	}
	return state->current->ino == state->root_ino && state->current->dev == state->root_dev &&
	       state->current->mount == state->root_mount;
}

/* ------------------------------------------------------------------------------------- names -- */

/* How a step is called: the names from where the walk began, links resolved. */
static void name_of(const struct walk_state *state, const char *name, char *path)
{
	size_t used = strlen(state->where);

	memcpy(path, state->where, used);
	if (*name && (used > 0 || state->absolute))
		path[used++] = '/';
	strcpy(path + used, name);
	if (path[0] == '\0')
		strcpy(path, state->absolute ? "/" : ".");
}

static void enter(struct walk_state *state, const char *name)
{
	char *slash = strrchr(state->where, '/');
	const char *last = slash ? slash + 1 : state->where;

	if (strcmp(name, "..") != 0) {
		if (strlen(state->where) + strlen(name) + 2 > sizeof(state->where)) {
			strcpy(state->where, "..."); /* too long to be told */
			return;
		}
		char path[sizeof(state->where)];

		name_of(state, name, path);
		strcpy(state->where, path);
	} else if (state->where[0] == '\0' || strcmp(last, "..") == 0) {
		if (!state->absolute && strlen(state->where) + 4 < sizeof(state->where))
			strcat(state->where, state->where[0] ? "/.." : "..");
	} else {
		*(slash ? slash : state->where) = '\0';
	}
}

/* What is left of the way: the path, and within it the targets of links, the innermost on top. */

static int push(struct walk_state *state, char *owned, const char *rest)
{
	if (state->n_frames == state->frame_room) {
		size_t room = state->frame_room ? state->frame_room * 2 : 8;
		struct walk_frame *larger = reallocarray(state->frames, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		state->frames = larger;
		state->frame_room = room;
	}
	state->frames[state->n_frames++] = (struct walk_frame){.owned = owned, .rest = rest};
	return 0;
}

/*
 * The next name into NAME; false at the end.  *LAST: nothing follows but slashes, which *SLASH
 * tells.  Frames at their end are dropped before, as the kernel does.
 */
static bool next_name(struct walk_state *state, char name[NAME_MAX + 2], bool *last, bool *slash)
{
	while (state->n_frames > 0) {
		struct walk_frame *frame = &state->frames[state->n_frames - 1];

		frame->rest += strspn(frame->rest, "/");
		if (*frame->rest != '\0')
			break;
		free(frame->owned);
		state->n_frames--;
	}
	if (state->n_frames == 0)
		return false;

	struct walk_frame *frame = &state->frames[state->n_frames - 1];
	size_t length = strcspn(frame->rest, "/");
	size_t kept = length > NAME_MAX + 1 ? NAME_MAX + 1 : length;

	memcpy(name, frame->rest, kept);
	name[kept] = '\0';
	frame->rest += length;
	*slash = *frame->rest == '/';
	*last = true;
	for (size_t i = 0; i < state->n_frames; i++)
		if (state->frames[i].rest[strspn(state->frames[i].rest, "/")] != '\0')
			*last = false;
	/* A link's target is not the last name where the path went on behind it with a slash alone:
	 * then the outermost slash asks for a directory. */
	for (size_t i = 0; *last && i + 1 < state->n_frames; i++)
		*slash = *slash || *state->frames[i].rest == '/';
	return true;
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
	enter(state, name);
	return 0;
}

static int follow_target(struct walk_state *state, const char *path, char *target)
{
	int error;

	if (target[0] == '\0') {
		free(target);
		return walk_add_end(state, path, NULL, -ENOENT);
	}
	error = push(state, target, target);
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

	name_of(state, name, path);
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
	/* filename_parentat() leaves the last name alone, slash or not; filename_lookup() does not. */
	if (state->want == ACCESS_LINK)
		return slash;
	return state->want != ACCESS_DELETE && state->want != ACCESS_CREATE;
}

/* "." and ".." */
static int step_dots(struct walk_state *state, const char *name, bool last)
{
	struct object *object;
	char path[WALK_PATH];

	name_of(state, name, path);
	if (last)
		state->dots = name[1] == '.' ? 2 : 1;
	if (name[1] == '\0')
		return 0;
	if (is_root(state))
		return 0;

	int fd = openat(state->current->fd, "..", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return walk_add_end(state, path, NULL, -errno);

	int error = walk_add_object(state, fd, &object);

	if (error == 0) {
		go_to(state, object);
		enter(state, "..");
	}
	return error;
}

static int step_name(struct walk_state *state, const char *name, bool last, bool slash)
{
	struct object *object;
	char path[WALK_PATH];
	int error;

	name_of(state, name, path);
	/* O_CREAT with a slash behind: refused before anything is looked up. */
	if (last && slash && (state->want & ACCESS_CREATE) && (state->want & ACCESS_RWX))
		return walk_add_end(state, path, NULL, -EISDIR);
	if (strlen(name) > NAME_MAX)
		return walk_add_end(state, path, NULL, -ENAMETOOLONG);

	int fd = openat(state->current->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return -errno;
	if (fd < 0 && errno == ENOENT && last)
		return walk_end_missing(state, path, slash);
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
	enter(state, name);
	return 0;
}

static int go(struct walk_state *state)
{
	char name[NAME_MAX + 2], path[WALK_PATH];
	bool last, slash;
	int error = 0;

	while (error == 0 && !state->ended && next_name(state, name, &last, &slash)) {
		struct walk_step *step;

		name_of(state, "", path);
		if (!S_ISDIR(state->current->mode))
			return walk_add_end(state, path, state->current, -ENOTDIR);
		error = walk_add(state, CHECK_SEARCH, path, &step);
		if (error < 0)
			return error;
		step->object = state->current;
		state->dots = 0;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			error = step_dots(state, name, last);
		else
			error = step_name(state, name, last, slash);
	}
	if (error == 0 && !state->ended) {
		/* It ended with "/", a dot, or a link to such. */
		name_of(state, "", path);
		error = walk_end_place(state, path);
	}
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

int walk_path(const struct walk_base *base, const char *path, unsigned want, struct walk *walk)
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
		error = push(state, NULL, path);
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
