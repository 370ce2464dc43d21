/* SPDX-License-Identifier: MIT */
/* Who else could put another policy in the place of this one: the directories and links on the way.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/walk.h"
#include "cli/message.h"
#include "policy.h"

static bool is_trusted(const struct object *object, uid_t user)
{
	return !object->uid_unmapped && (object->uid == 0 || object->uid == user);
}

static const char *owner_of(const struct object *object, char *buffer, size_t size)
{
	return object->uid_unmapped ? "an unmapped user"
				    : identity_user_text(object->uid, buffer, size);
}

/* In a sticky one nobody exchanges what is somebody else's. */
static bool others_write(const struct object *object)
{
	return S_ISDIR(object->mode) && object->mode & (S_IWGRP | S_IWOTH) &&
	       !(object->mode & S_ISVTX);
}

/* From the root on: what is above the working directory counts, too.  NULL: there is no such way.
 */
static char *whole_path(const char *path)
{
	char *directory = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *whole;

	if (path[0] != '/' && (!directory || directory[0] != '/'))
		whole = NULL;
	else if (asprintf(&whole, "%s/%s", directory ? directory : "", path) < 0)
		abort();
	free(directory);
	return whole;
}

static void report_step(const struct walk_step *step, uid_t user, bool verbose,
			struct report *report)
{
	const struct object *object = step->object;
	const char *check = S_ISDIR(object->mode) ? "directory" : "link";
	char path[1024], owner[256];

	printable(step->path, path, sizeof(path));
	owner_of(object, owner, sizeof(owner));
	if (!is_trusted(object, user))
		report_add(report, OUTCOME_FAIL, check, 0, 0,
			   "%s: belongs to %s, who can put another policy there", path, owner);
	else if (others_write(object))
		report_add(report, OUTCOME_FAIL, check, 0, 0,
			   "%s: mode %04o: %s can put another policy there", path,
			   object->mode & 07777u,
			   object->mode & S_IWOTH ? "everybody"
						  : "its group, or who is in its ACL,");
	else if (verbose)
		report_add(report, OUTCOME_OK, check, 0, 0, "%s: %s's, mode %04o", path, owner,
			   object->mode & 07777u);
}

static void report_walk(const struct walk *walk, uid_t user, bool verbose, struct report *report)
{
	const struct walk_step *last = &walk->steps[walk->count - 1];
	const size_t problems = report->problems;
	char name[256];

	for (size_t i = 0; i < walk->count; i++)
		if (walk->steps[i].check == CHECK_SEARCH || walk->steps[i].check == CHECK_FOLLOW)
			report_step(&walk->steps[i], user, verbose, report);
	if (last->check == CHECK_END)
		report_add(report, OUTCOME_WARN, "directory", 0, 0,
			   "not looked at the whole way: %s", reason_of(last->error));
	else if (report->problems == problems && !verbose)
		report_add(report, OUTCOME_OK, "directory", 0, 0,
			   "nobody but root%s%s can put another policy there", user ? " and " : "",
			   user ? identity_user_text(user, name, sizeof(name)) : "");
}

void report_place(const char *path, uid_t user, bool verbose, struct report *report)
{
	char *whole = whole_path(path);
	struct walk walk;
	int error = walk_path_unsettled(NULL, whole ? whole : path, ACCESS_READ, &walk);

	if (error < 0) {
		report_add(report, OUTCOME_WARN, "directory", 0, 0, "not looked at: %s",
			   reason_of(error));
	} else {
		report_walk(&walk, user, verbose, report);
		walk_clear(&walk);
	}
	free(whole);
}
