/* SPDX-License-Identifier: MIT */
/* Traps of permissions: classes, ACLs and their mask, capabilities. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/stat.h>

#include "core/capability.h"
#include "stage.h"

/* ------------------------------------------------------------------------------------ the mask --
 */

static void mask_nothing(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("file", ROOT, ROOT, 0644);
	set_acl("file", "u::rw-,u:2001:rw-,g::---,m::---,o::r--");
	/* With nothing for the group in the mode the kernel does not look at the list. */
	SAME(ALLOWS(alice(), ACCESS_READ, "file", RULE_OTHER)->acl_skipped, 1);
	SAME(DENIES(alice(), ACCESS_WRITE, "file", EACCES, RULE_OTHER)->acl_skipped, 1);

	/* Nor at a group that would be denied. */
	make_file("groups", ROOT, PROJECTS, 0644);
	set_acl("groups", "u::rw-,u:2003:rw-,g::---,m::---,o::r--");
	DENIES(bob(), ACCESS_READ, "groups", EACCES, RULE_GROUP);
	ALLOWS(carol(), ACCESS_READ, "groups", RULE_OTHER);
}

static void mask_hides(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("file", ROOT, ROOT, 0644);
	set_acl("file", "u::rw-,u:2001:rw-,g::---,m::r--,o::rw-");
	ALLOWS(alice(), ACCESS_READ, "file", RULE_ACL_USER);
	SAME(DENIES(alice(), ACCESS_WRITE, "file", EACCES, RULE_ACL_USER)->masked, 1);
	ALLOWS(carol(), ACCESS_WRITE, "file", RULE_ACL_OTHER);

	/* The owner and the others are not limited by it; the owning group is. */
	make_file("owned", ALICE, PROJECTS, 0644);
	set_acl("owned", "u::rw-,u:2003:---,g::rw-,m::r--,o::---");
	ALLOWS(alice(), ACCESS_WRITE, "owned", RULE_OWNER);
	SAME(DENIES(bob(), ACCESS_WRITE, "owned", EACCES, RULE_ACL_GROUP)->masked, 1);
}

/* ---------------------------------------------------------------------------------- groups -- */

static void groups_together(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("file", ROOT, ROOT, 0644);
	set_acl("file", "u::rw-,g::---,g:2100:r--,g:2101:-w-,m::rwx,o::---");
	ALLOWS(alice(), ACCESS_READ, "file", RULE_ACL_GROUP);
	ALLOWS(alice(), ACCESS_WRITE, "file", RULE_ACL_GROUP);
	/* No entry has both. */
	DENIES(alice(), ACCESS_READ | ACCESS_WRITE, "file", EACCES, RULE_ACL_GROUPS);
	DENIES(bob(), ACCESS_READ | ACCESS_WRITE, "file", EACCES, RULE_ACL_GROUP);
}

static void groups_several(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("file", ROOT, PROJECTS, 0644);
	set_acl("file", "u::rw-,g::---,g:2101:rw-,m::rwx,o::rw-");
	/* The owning group's entry does not end it, as it would without a list. */
	SAME(ALLOWS(alice(), ACCESS_READ | ACCESS_WRITE, "file", RULE_ACL_GROUP)->entry->id,
	     REPORTS);
	/* And who matches one that does not give it is not among the others. */
	DENIES(bob(), ACCESS_READ, "file", EACCES, RULE_ACL_GROUP);
	ALLOWS(carol(), ACCESS_READ, "file", RULE_ACL_OTHER);
}

static void user_entry_takes_away(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("file", ROOT, PROJECTS, 0644);
	set_acl("file", "u::rw-,u:2001:---,g::rw-,m::rw-,o::rw-");
	DENIES(alice(), ACCESS_READ, "file", EACCES, RULE_ACL_USER);
	ALLOWS(bob(), ACCESS_READ, "file", RULE_ACL_GROUP);
}

/* --------------------------------------------------------------------------------- classes -- */

static void owner_denied(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("file", ALICE, PROJECTS, 0077);
	DENIES(alice(), ACCESS_READ, "file", EACCES, RULE_OWNER);
	ALLOWS(bob(), ACCESS_READ, "file", RULE_GROUP);
	set_acl("file", "u::---,u:2001:rwx,g::rwx,m::rwx,o::rwx");
	DENIES(alice(), ACCESS_READ, "file", EACCES, RULE_OWNER);
}

static void group_denied(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("file", ROOT, PROJECTS, 0606);
	DENIES(bob(), ACCESS_READ, "file", EACCES, RULE_GROUP);
	ALLOWS(carol(), ACCESS_READ, "file", RULE_OTHER);
}

/* ------------------------------------------------------------------------------- directories -- */

static void parent_without_search(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_directory("shut", ROOT, ROOT, 0766);
	make_file("shut/file", ROOT, ROOT, 0666);
	DENIES(alice(), ACCESS_READ, "shut/file", EACCES, RULE_OTHER);
	/* Nor is a name that is not there told to be missing. */
	DENIES(alice(), ACCESS_READ, "shut/none", EACCES, RULE_OTHER);
	DENIES(alice(), ACCESS_READ, "shut/../links", EACCES, RULE_OTHER);
}

static void list_without_search(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_directory("listed", ROOT, ROOT, 0744);
	make_directory("searched", ROOT, ROOT, 0711);
	make_file("searched/file", ROOT, ROOT, 0644);
	ALLOWS(alice(), ACCESS_LIST, "listed", RULE_OTHER);
	DENIES(alice(), ACCESS_EXECUTE, "listed", EACCES, RULE_OTHER);
	DENIES(alice(), ACCESS_LIST, "searched", EACCES, RULE_OTHER);
	ALLOWS(alice(), ACCESS_READ, "searched/file", RULE_OTHER);
}

/* ------------------------------------------------------------------------------ capabilities -- */

static void root_and_capabilities(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("file", ALICE, ALICE, 0000);
	make_directory("shut", ALICE, ALICE, 0000);
	SAME(ALLOWS(root(), ACCESS_READ | ACCESS_WRITE, "file", RULE_OTHER)->capability,
	     CAP_DAC_OVERRIDE);
	DENIES(person("0:0", 0), ACCESS_READ, "file", EACCES, RULE_OTHER);

	struct access_subject *reader = person("2003:2003", CAPABILITY(CAP_DAC_READ_SEARCH));

	SAME(ALLOWS(reader, ACCESS_READ, "file", RULE_OTHER)->capability, CAP_DAC_READ_SEARCH);
	DENIES(reader, ACCESS_READ | ACCESS_WRITE, "file", EACCES, RULE_OTHER);
	ALLOWS(reader, ACCESS_LIST, "shut", RULE_OTHER);
	DENIES(reader, ACCESS_CREATE, "shut/new", EACCES, RULE_OTHER);
	ALLOWS(person("2003:2003", CAPABILITY(CAP_DAC_OVERRIDE)), ACCESS_CREATE, "shut/new",
	       RULE_NEW_NAME);
}

static void execution_by_root(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("none", ALICE, ALICE, 0666);
	make_file("other", ALICE, ALICE, 0601);
	make_directory("directory", ALICE, ALICE, 0000);
	/* Some x bit there must be, anybody's. */
	DENIES(root(), ACCESS_EXECUTE, "none", EACCES, RULE_OTHER);
	ALLOWS(root(), ACCESS_EXECUTE, "other", RULE_OTHER);
	DENIES(alice(), ACCESS_EXECUTE, "other", EACCES, RULE_OWNER);
	SAME(ALLOWS(person("2001:2001", CAPABILITY(CAP_DAC_OVERRIDE)), ACCESS_EXECUTE, "other",
		    RULE_OWNER)
		     ->capability,
	     CAP_DAC_OVERRIDE);
	ALLOWS(root(), ACCESS_EXECUTE, "directory", RULE_OTHER);
}

static void changing_owner(const char *kind)
{
	struct access_subject *giver = person("2002:2002", CAPABILITY(CAP_CHOWN));

	(void)kind;
	stage_set("tmpfs");
	make_file("plain", ALICE, ALICE, 0755);
	make_file("program", ALICE, ALICE, 04755);
	make_file("groups", ALICE, ALICE, 02755);
	/* The bit is taken away with it, and that only the owner may. */
	SAME(DENIES(giver, ACCESS_CHOWN, "program", EPERM, RULE_CAPABILITY)->capability,
	     CAP_FOWNER);
	DENIES(giver, ACCESS_CHOWN, "groups", EPERM, RULE_CAPABILITY);
	DENIES(alice(), ACCESS_CHOWN, "plain", EPERM, RULE_CAPABILITY);
	ALLOWS(giver, ACCESS_CHOWN, "plain", RULE_CAPABILITY);
	ALLOWS(root(), ACCESS_CHOWN, "program", RULE_CAPABILITY);
}

static void changing_mode(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("file", ALICE, PROJECTS, 0666);
	DENIES(bob(), ACCESS_CHMOD, "file", EPERM, RULE_CAPABILITY);
	DENIES(person("0:0", 0), ACCESS_CHMOD, "file", EPERM, RULE_CAPABILITY);
	ALLOWS(person("2003:2003", CAPABILITY(CAP_FOWNER)), ACCESS_CHMOD, "file", RULE_CAPABILITY);
	ALLOWS(alice(), ACCESS_CHMOD, "file", RULE_FILE_OWNER);
}

/* -------------------------------------------------------------------------------- no lists -- */

static void without_lists(const char *kind)
{
	struct access_verdict verdict;
	struct walk walk;

	(void)kind;
	stage_set("ramfs");
	make_file("file", ROOT, PROJECTS, 0640);
	ALLOWS(bob(), ACCESS_READ, "file", RULE_GROUP);
	DENIES(carol(), ACCESS_READ, "file", EACCES, RULE_OTHER);
	MUST(walk_path(NULL, "file", ACCESS_READ, &walk));
	SAME(walk.steps[walk.count - 1].object->acl_error, -EOPNOTSUPP);
	judge_permission(walk.steps[walk.count - 1].object, bob(), ACCESS_READ, &verdict);
	SAME(verdict.acl_skipped, 0);
	walk_clear(&walk);
}

const struct check_case permission_traps[] = {{"mask-nothing", mask_nothing},
					      {"mask-hides", mask_hides},
					      {"groups-together", groups_together},
					      {"groups-several", groups_several},
					      {"user-entry-takes-away", user_entry_takes_away},
					      {"owner-denied", owner_denied},
					      {"group-denied", group_denied},
					      {"parent-without-search", parent_without_search},
					      {"list-without-search", list_without_search},
					      {"root-and-capabilities", root_and_capabilities},
					      {"execution-by-root", execution_by_root},
					      {"changing-owner", changing_owner},
					      {"changing-mode", changing_mode},
					      {"without-lists", without_lists},
					      {NULL, NULL}};
