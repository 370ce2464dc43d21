/* SPDX-License-Identifier: MIT */
/*
 * The smallest change that would allow it: each refused step in turn is mended on a copy of what
 * was read, and judged again, until the whole way is free or there is nothing to be done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "access/advice-change.h"
#include "access/advice.h"

/* More than one object can have against it; one that needs more has something that stays. */
enum { CHANGES_OF_A_STEP = 6 };

/* -------------------------------------------------------------------------------- the copies -- */

static void free_copy(struct walk *copy)
{
	for (size_t i = 0; i < copy->n_objects && copy->objects; i++) {
		if (copy->objects[i]) {
			free(copy->objects[i]->acl);
			free(copy->objects[i]->mount_line);
		}
		free(copy->objects[i]);
	}
	free(copy->objects);
	free(copy->steps);
}

static struct object *counterpart(const struct walk *walk, const struct walk *copy,
				  const struct object *object)
{
	for (size_t i = 0; i < walk->n_objects; i++)
		if (walk->objects[i] == object)
			return copy->objects[i];
	return NULL;
}

/* Paths, targets, descriptors and what is never changed stay those of the original. */
static int copy_walk(const struct walk *walk, struct walk *copy)
{
	*copy = (struct walk){.count = walk->count, .n_objects = walk->n_objects};
	copy->steps = calloc(walk->count + 1, sizeof(*copy->steps));
	copy->objects = calloc(walk->n_objects + 1, sizeof(struct object *));
	if (!copy->steps || !copy->objects)
		return -ENOMEM;
	for (size_t i = 0; i < walk->n_objects; i++) {
		struct object *object = malloc(sizeof(*object));

		if (!object)
			return -ENOMEM;
		copy->objects[i] = object;
		*object = *walk->objects[i];
		object->acl = NULL;
		object->mount_line = NULL;
		if (walk->objects[i]->acl)
			object->acl = access_acl_copy(walk->objects[i]->acl, 0);
		if (walk->objects[i]->mount_line)
			object->mount_line = strdup(walk->objects[i]->mount_line);
		if (!object->acl != !walk->objects[i]->acl ||
		    !object->mount_line != !walk->objects[i]->mount_line)
			return -ENOMEM;
	}
	for (size_t i = 0; i < walk->count; i++) {
		copy->steps[i] = walk->steps[i];
		copy->steps[i].object = counterpart(walk, copy, walk->steps[i].object);
		copy->steps[i].directory = counterpart(walk, copy, walk->steps[i].directory);
	}
	return 0;
}

/* ------------------------------------------------------------------------------------ a step -- */

/* All that is asked of one object on the way: one change is better than one for each. */
static unsigned bits_wanted(const struct walk *walk, const struct object *object)
{
	unsigned bits = 0;

	for (size_t i = 0; i < walk->count; i++) {
		if (walk->steps[i].object != object)
			continue;
		if (walk->steps[i].check == CHECK_SEARCH)
			bits |= ACCESS_EXECUTE;
		else if (walk->steps[i].check == CHECK_USE)
			bits |= walk->steps[i].want;
	}
	return bits;
}

static const char *why_nothing_helps(const struct access_verdict *verdict)
{
	switch (verdict->rule) {
	case RULE_STICKY:
		return "only the file's owner, the directory's owner and CAP_FOWNER may";
	case RULE_CAPABILITY:
		return "only its owner may, and who has that capability";
	case RULE_PROTECTED_SYMLINKS:
		return "only the link's owner may; the sysctl fs.protected_symlinks guards all "
		       "such links";
	case RULE_PROTECTED_CREATE:
		return "opened without O_CREAT it is not refused for this";
	case RULE_PROTECTED_HARDLINKS:
		return "only its owner may; the sysctl fs.protected_hardlinks guards all such "
		       "files";
	case RULE_BUSY_TEXT:
		return "as long as it is running; a new file may take its name";
	case RULE_SWAP_FILE:
		return "as long as it is swapped to";
	case RULE_FUSE_OWNER:
		return "its mounter has to mount it with allow_other";
	case RULE_UNMAPPED:
		return "nobody here may: its ids belong to another user namespace";
	default:
		return NULL;
	}
}

static int mend_step(struct change_list *list, struct walk *copy, struct walk_step *step,
		     const struct access_subject *subject)
{
	struct access_verdict verdict;

	for (int tries = 0; tries < CHANGES_OF_A_STEP; tries++) {
		judge_step(step, subject, &verdict);
		if (verdict.result == RESULT_ALLOWED)
			return 0;
		if (verdict.result == RESULT_UNKNOWN || step->check == CHECK_END)
			break;

		int changed =
			change_for(list, step, subject, &verdict, bits_wanted(copy, step->object));

		if (changed < 0)
			return changed;
		if (changed == 0)
			break;
	}
	list->hopeless = true;
	list->reason = why_nothing_helps(&verdict);
	return 0;
}

int advice_find(const struct walk *walk, const struct access_subject *subject,
		struct advice *advice)
{
	struct change_list list = {.command = NULL};
	struct walk copy;
	int error = copy_walk(walk, &copy);

	*advice = (struct advice){.command = NULL};
	for (size_t i = 0; i < copy.count && error == 0 && !list.hopeless; i++)
		error = mend_step(&list, &copy, &copy.steps[i], subject);
	free_copy(&copy);
	advice->command = list.command;
	advice->also_lets_in = list.also;
	advice->reason = list.reason;
	advice->note = list.note;
	if (error < 0 || list.hopeless) {
		free(advice->command);
		advice->command = NULL;
		advice->note = NULL;
		change_free_names(advice->also_lets_in);
		advice->also_lets_in = NULL;
	}
	return error;
}

void advice_clear(struct advice *advice)
{
	free(advice->command);
	change_free_names(advice->also_lets_in);
	*advice = (struct advice){.command = NULL};
}
