/* SPDX-License-Identifier: MIT */
/* What a walk consists of while it is made: steps, objects, and the names that are left to go. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/walk-state.h"

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

/* ------------------------------------------------------------------------------------- names -- */

/* How a step is called: the names from where the walk began, links resolved. */
void walk_name(const struct walk_state *state, const char *name, char *path)
{
	size_t used = strlen(state->where);

	memmove(path, state->where, used);
	if (used > 0 || state->absolute)
		path[used++] = '/';
	strcpy(path + used, name);
}

const char *walk_here(const struct walk_state *state)
{
	return state->where[0] ? state->where : state->absolute ? "/" : ".";
}

void walk_enter(struct walk_state *state, const char *name)
{
	char *slash = strrchr(state->where, '/');
	const char *last = slash ? slash + 1 : state->where;

	if (strcmp(name, "..") != 0) {
		if (strlen(state->where) + strlen(name) + 2 > sizeof(state->where))
			strcpy(state->where, "..."); /* too long to be told */
		else
			walk_name(state, name, state->where);
	} else if (state->where[0] == '\0' || strcmp(last, "..") == 0) {
		if (!state->absolute && strlen(state->where) + 4 < sizeof(state->where))
			strcat(state->where, state->where[0] ? "/.." : "..");
	} else {
		*(slash ? slash : state->where) = '\0';
	}
}

/* What is left of the way: the path, and within it the targets of links, the innermost on top. */

int walk_push(struct walk_state *state, char *owned, const char *rest)
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
bool walk_next_name(struct walk_state *state, char name[NAME_MAX + 2], bool *last, bool *slash)
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
