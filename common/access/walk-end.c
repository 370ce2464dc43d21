/* SPDX-License-Identifier: MIT */
/* The end of a way: what is asked there, and in which order (do_open(), do_unlinkat(), ...). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "access/mounts.h"
#include "access/walk-state.h"
#include "core/procfs.h"

static int add_last(struct walk_state *state, enum walk_check check, const char *path,
		    struct object *object, struct walk_step **step)
{
	int error = walk_add(state, check, path, step);

	if (error == 0) {
		(*step)->object = object;
		(*step)->directory = state->current;
		(*step)->last = true;
		state->ended = true;
	}
	return error;
}

/* May a name be made or removed in the current directory?  BITS 0: only, can anything be there. */
static int add_change(struct walk_state *state, unsigned bits)
{
	struct walk_step *step;
	int error = walk_add(state, CHECK_USE, walk_here(state), &step);

	if (error == 0) {
		step->object = state->current;
		step->want = bits;
		step->changes = true;
	}
	return error;
}

/* --------------------------------------------------------------------------------- use, open -- */

/*
 * What open(2) and execve(2) look at and access(2) does not; where there is nothing, no step.  What
 * takes a look at all processes is left to walk_settle().
 */
static int add_open(struct walk_state *state, const char *path, struct object *object)
{
	unsigned want = state->want & ACCESS_RWX;
	bool writing = want & ACCESS_WRITE, regular = S_ISREG(object->mode);
	bool device = S_ISCHR(object->mode) || S_ISBLK(object->mode);
	bool unsettled = writing && regular;
	struct walk_step *step;

	if (!unsettled && !device && !(writing && object->append_only) &&
	    !((want & ACCESS_EXECUTE) && !regular && !S_ISDIR(object->mode)))
		return 0;

	int error = add_last(state, CHECK_OPEN, path, object, &step);

	if (error == 0) {
		step->want = want;
		step->unsettled = unsettled;
	}
	return error;
}

bool walk_settle(struct walk *walk, bool look)
{
	struct walk_step *step = walk->count ? &walk->steps[walk->count - 1] : NULL;

	if (!step || !step->unsettled)
		return false;
	step->unsettled = false;
	/* Whatever its mode: it may have been another when the program was started. */
	if (look) {
		step->busy_text = procfs_is_running(step->object->dev, step->object->ino);
		step->swap_file = procfs_is_swap_file(step->object->dev, step->object->ino);
	}
	if (!step->busy_text && !step->swap_file && !step->object->append_only) {
		free(step->path);
		walk->count--;
	}
	return true;
}

static int end_use(struct walk_state *state, const char *path, struct object *object)
{
	struct walk_step *step;
	int error = 0;

	/* O_CREAT, and it is there already. */
	if (state->want & ACCESS_CREATE) {
		if (S_ISDIR(object->mode))
			return walk_add_end(state, path, object, -EISDIR);
		error = add_last(state, CHECK_OPEN, path, object, &step);
		if (error < 0)
			return error;
		step->creating = true;
		step->want = state->want & ACCESS_RWX;
	}
	error = add_last(state, CHECK_USE, path, object, &step);
	if (error < 0)
		return error;
	step->want = state->want & ACCESS_LIST ? ACCESS_READ : state->want & ACCESS_RWX;
	return add_open(state, path, object);
}

/* ----------------------------------------------------------------------------------- delete -- */

static bool has_entries(const struct object *directory)
{
	char path[PROCFS_FD_PATH];
	bool found = false;
	DIR *entries = opendir(procfs_fd_path(directory->fd, path));

	/* One that we may not read: then nobody is told that it is empty, or not. */
	if (!entries)
		return false;
	for (struct dirent *entry; !found && (entry = readdir(entries));)
		found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(entries);
	return found;
}

#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

/*
 * What a mount lies over: it is that which would be removed, and asked for its owner and flags
 * before the mount is thought of.  Seen in a copy of the directory's mount, which ends with the
 * descriptor; without the privilege for one, what is seen has to do.
 */
static int uncover(struct walk_state *state, const char *name, struct object **object)
{
	int copy = (int)syscall(SYS_open_tree, state->current->fd, "",
				OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH);
	int fd = copy < 0 ? -1 : openat(copy, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (copy >= 0)
		close(copy);
	if (fd < 0)
		return 0;

	int error = walk_add_object(state, fd, object);

	if (error == 0)
		object_is_on(*object, state->current);
	return error;
}

static int end_delete(struct walk_state *state, const char *path, struct object *object)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	bool here = object->mount != state->current->mount;
	bool mount_point = here || mounts_lie_over(state->current, name);
	struct walk_step *step;
	int error = here ? uncover(state, name, &object) : 0;

	/* One without an owner is refused before the directory is looked at. */
	if (error == 0)
		error = add_change(state, object->unmapped ? 0 : ACCESS_WRITE | ACCESS_EXECUTE);
	if (error == 0)
		error = add_last(state, CHECK_DELETE, path, object, &step);
	if (error < 0)
		return error;
	step->mount_point = mount_point;
	step->not_empty = S_ISDIR(object->mode) && has_entries(object);
	step->swap_file = S_ISREG(object->mode) && procfs_is_swap_file(object->dev, object->ino);
	return 0;
}

/* ------------------------------------------------------------------------------------- ends -- */

static bool is_about_attributes(const struct walk_state *state)
{
	return state->want == ACCESS_CHMOD || state->want == ACCESS_CHOWN ||
	       state->want == ACCESS_LINK;
}

static int end_attributes(struct walk_state *state, const char *path, struct object *object)
{
	struct walk_step *step;

	return add_last(state,
			state->want == ACCESS_CHMOD   ? CHECK_CHMOD
			: state->want == ACCESS_CHOWN ? CHECK_CHOWN
						      : CHECK_LINK,
			path, object, &step);
}

int walk_end_found(struct walk_state *state, const char *path, struct object *object, bool slash)
{
	bool directory = S_ISDIR(object->mode);

	if (state->want == ACCESS_CREATE)
		return walk_add_end(state, path, object, -EEXIST);
	if ((slash || state->want == ACCESS_LIST) && !directory) {
		/* Whether anything can be removed there comes first. */
		int error = state->want == ACCESS_DELETE ? add_change(state, 0) : 0;

		return error < 0 ? error : walk_add_end(state, path, object, -ENOTDIR);
	}
	if (state->want == ACCESS_DELETE)
		return end_delete(state, path, object);
	if (is_about_attributes(state))
		return end_attributes(state, path, object);
	return end_use(state, path, object);
}

int walk_end_missing(struct walk_state *state, const char *path)
{
	struct walk_step *step;
	int error;

	if (!(state->want & ACCESS_CREATE)) {
		/* What can be there is asked before what is. */
		error = state->want == ACCESS_DELETE ? add_change(state, 0) : 0;
		return error < 0 ? error : walk_add_end(state, path, NULL, -ENOENT);
	}
	if (state->current->links == 0)
		return walk_add_end(state, path, NULL, -ENOENT);
	error = mounts_read_idmap(state->current);
	if (error == 0)
		error = add_change(state, ACCESS_WRITE | ACCESS_EXECUTE);
	if (error < 0)
		return error;
	state->walk->steps[state->walk->count - 1].makes = true;
	error = add_last(state, CHECK_CREATE, path, state->current, &step);
	/* Told, and of no weight: what cannot be read is not told. */
	if (error == 0 &&
	    access_acl_read(state->current->fd, ACL_OF_DEFAULT, &step->default_acl) == -ENOMEM)
		error = -ENOMEM;
	return error;
}

int walk_end_place(struct walk_state *state, const char *path)
{
	struct object *object = state->current;

	if (state->want == ACCESS_CREATE)
		return walk_add_end(state, path, object, -EEXIST);
	/* rmdir(2) */
	if (state->want == ACCESS_DELETE)
		return walk_add_end(state, path, object,
				    state->dots == 0   ? -EBUSY
				    : state->dots == 1 ? -EINVAL
						       : -ENOTEMPTY);
	if (is_about_attributes(state))
		return end_attributes(state, path, object);
	if (state->want == ACCESS_LIST && !S_ISDIR(object->mode))
		return walk_add_end(state, path, object, -ENOTDIR);
	return end_use(state, path, object);
}
