/* SPDX-License-Identifier: MIT */
/* Within a walk: what walk.c, the way, and walk-end.c, its end, share; and walk-state.c, both. */
#ifndef ACCESS_WALK_STATE_H
#define ACCESS_WALK_STATE_H

#include <limits.h>

#include "access/walk.h"

/* Names from where the walk began: as long as a path, a link's target and a name can make it. */
enum { WALK_PATH = 2 * PATH_MAX + NAME_MAX + 3 };

struct walk_frame {
	char *owned; /* a link's target; NULL: the path itself */
	const char *rest;
};

struct walk_state {
	struct walk *walk;
	size_t step_room, object_room;
	unsigned want;
	struct walk_base base;
	struct object *current;	  /* the directory that the next name is looked up in */
	char where[2 * PATH_MAX]; /* its name */
	bool absolute;
	struct walk_frame *frames;
	size_t n_frames, frame_room;
	unsigned links;
	unsigned dots; /* the last name was "." (1) or ".." (2) */
	bool ended;    /* the last step is there */
};

/* Adds a step, which is valid until the next is added.  -ENOMEM. */
int walk_add(struct walk_state *state, enum walk_check check, const char *path,
	     struct walk_step **step) IMP_MUST_CHECK;
/* The walk owns what it looks at; FD is taken over, also on failure. */
int walk_add_object(struct walk_state *state, int fd, struct object **object) IMP_MUST_CHECK;
int walk_add_end(struct walk_state *state, const char *path, struct object *object,
		 int error) IMP_MUST_CHECK;

/* How a step is called: the names from where the walk began, links resolved, and NAME;
 * PATH has room for WALK_PATH bytes. */
void walk_name(const struct walk_state *state, const char *name, char *path);
/* What the current directory is called; valid until the walk goes on. */
const char *walk_here(const struct walk_state *state);
/* The walk stands in NAME now. */
void walk_enter(struct walk_state *state, const char *name);

/* More of the way, before what is left of it; OWNED is freed at its end.  -ENOMEM. */
int walk_push(struct walk_state *state, char *owned, const char *rest) IMP_MUST_CHECK;
/*
 * The next name; false at the end.  *LAST: nothing follows but slashes, which *SLASH tells.  What
 * has come to its end is dropped before, as the kernel does.
 */
bool walk_next_name(struct walk_state *state, char name[NAME_MAX + 2], bool *last, bool *slash);

/* The last name is OBJECT, in the current directory. */
int walk_end_found(struct walk_state *state, const char *path, struct object *object,
		   bool slash) IMP_MUST_CHECK;
/* It is not there. */
int walk_end_missing(struct walk_state *state, const char *path) IMP_MUST_CHECK;
/* There was none: the way ended where it stands, with "/", "." or "..". */
int walk_end_place(struct walk_state *state, const char *path) IMP_MUST_CHECK;

#endif
