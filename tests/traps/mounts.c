/* SPDX-License-Identifier: MIT */
/* Traps of mounts: their flags, what lies under them, ids that have no number on them. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/capability.h"
#include "stage.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256 /* Linux 5.10 */
#endif

static void set_with_two(void)
{
	stage_set("tmpfs");
	make_directory("tree", ALICE, ALICE, 0755);
	make_directory("again", ROOT, ROOT, 0755);
	make_file("tree/file", ALICE, ALICE, 0755);
}

/* ---------------------------------------------------------------------------------- flags -- */

static void read_only_mount(const char *kind)
{
	(void)kind;
	set_with_two();
	bind_mount("tree", "again", MS_RDONLY);
	DENIES(alice(), ACCESS_WRITE, "again/file", EROFS, RULE_READ_ONLY_MOUNT);
	DENIES(root(), ACCESS_WRITE, "again/file", EROFS, RULE_READ_ONLY_MOUNT);
	/* Permissions are asked before it here, ... */
	DENIES(bob(), ACCESS_WRITE, "again/file", EACCES, RULE_OTHER);
	/* ... and behind it there. */
	DENIES(bob(), ACCESS_CREATE, "again/new", EROFS, RULE_READ_ONLY_MOUNT);
	DENIES(bob(), ACCESS_DELETE, "again/file", EROFS, RULE_READ_ONLY_MOUNT);
	DENIES(bob(), ACCESS_DELETE, "again/file/", EROFS, RULE_READ_ONLY_MOUNT);
	DENIES(bob(), ACCESS_CHMOD, "again/file", EROFS, RULE_READ_ONLY_MOUNT);
	DENIES(bob(), ACCESS_CREATE, "again/file", EEXIST, RULE_END);
	ALLOWS(alice(), ACCESS_READ, "again/file", RULE_OWNER);
	ALLOWS(alice(), ACCESS_WRITE, "tree/file", RULE_OWNER);
}

static void read_only_file_system(const char *kind)
{
	(void)kind;
	set_with_two();
	SYSTEM(mkfifo("tree/fifo", 0600));
	SYSTEM(chown("tree/fifo", ALICE, ALICE));

	SYSTEM(mknod("tree/null", S_IFCHR | 0666, makedev(1, 3)));
	SYSTEM(chmod("tree/null", 0666));
	SYSTEM(mount(NULL, stage(""), NULL, MS_REMOUNT | MS_RDONLY, NULL));
	DENIES(root(), ACCESS_WRITE, "tree/file", EROFS, RULE_READ_ONLY_FILESYSTEM);
	/* Before it is asked who it is. */
	DENIES(bob(), ACCESS_WRITE, "tree/file", EROFS, RULE_READ_ONLY_FILESYSTEM);
	/* It does not lie in the file system what is written to a device. */
	ALLOWS(bob(), ACCESS_WRITE, "tree/null", RULE_NONE);
}

static void noexec(const char *kind)
{
	(void)kind;
	set_with_two();
	bind_mount("tree", "again", MS_NOEXEC);
	DENIES(alice(), ACCESS_EXECUTE, "again/file", EACCES, RULE_NOEXEC);
	DENIES(root(), ACCESS_EXECUTE, "again/file", EACCES, RULE_NOEXEC);
	ALLOWS(alice(), ACCESS_EXECUTE, "again", RULE_OWNER);
	ALLOWS(alice(), ACCESS_EXECUTE, "tree/file", RULE_OWNER);
}

static void nodev(const char *kind)
{
	struct access_answer answer;
	struct walk walk;

	(void)kind;
	set_with_two();
	SYSTEM(mknod("tree/null", S_IFCHR | 0666, makedev(1, 3)));
	SYSTEM(chmod("tree/null", 0666));
	bind_mount("tree", "again", MS_NODEV);
	DENIES(alice(), ACCESS_READ, "again/null", EACCES, RULE_NODEV);
	DENIES(root(), ACCESS_WRITE, "again/null", EACCES, RULE_NODEV);
	ALLOWS(alice(), ACCESS_WRITE, "tree/null", RULE_NONE);
	/* access(2) does not look at it. */
	MUST(walk_path(NULL, "again/null", ACCESS_READ, &walk));
	judge_walk(&walk, alice(), NULL, &answer);
	SAME(answer.permitted, RESULT_ALLOWED);
	walk_clear(&walk);
}

static void nosymfollow(const char *kind)
{
	(void)kind;
	set_with_two();
	SYSTEM(symlink("file", "tree/link"));
	bind_mount("tree", "again", MS_NOSYMFOLLOW);
	DENIES(root(), ACCESS_READ, "again/link", ELOOP, RULE_NOSYMFOLLOW);
	ALLOWS(alice(), ACCESS_READ, "tree/link", RULE_OWNER);
	/* The link itself is not followed to be removed. */
	ALLOWS(alice(), ACCESS_DELETE, "again/link", RULE_NONE);
}

/* ------------------------------------------------------------------------------- what is below --
 */

static void mount_points(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_directory("tmp", ROOT, ROOT, 01777);
	make_directory("tmp/point", BOB, BOB, 0755);
	make_directory("above", ALICE, ALICE, 0777);
	make_directory("again", ROOT, ROOT, 0755);
	bind_mount("tmp", "again", 0);
	bind_mount("above", "tmp/point", 0);
	DENIES(root(), ACCESS_DELETE, "tmp/point", EBUSY, RULE_MOUNT_POINT);
	/* It is bob's directory that lies below, not hers that is seen. */
	DENIES(alice(), ACCESS_DELETE, "tmp/point", EPERM, RULE_STICKY);
	DENIES(bob(), ACCESS_DELETE, "tmp/point", EBUSY, RULE_MOUNT_POINT);
	/* Where the mount is not seen, it is there all the same. */
	DENIES(bob(), ACCESS_DELETE, "again/point", EBUSY, RULE_MOUNT_POINT);
}

/* --------------------------------------------------------------------------------- idmapped -- */

static void idmapped(const char *kind)
{
	struct access_subject *mapped = person("3004:3104", 0);

	(void)kind;
	stage_set("tmpfs");
	make_directory("tree", ROOT, ROOT, 0777);
	make_directory("again", ROOT, ROOT, 0755);
	make_file("tree/exchanged", 3003, 3103, 0600);
	make_file("tree/nobodys", 3005, 3106, 0666);
	make_file("tree/owned", 3003, 3106, 0640);
	bind_idmapped("tree", "again");
	/* What is 3003's there is 3004's here. */
	ALLOWS(mapped, ACCESS_WRITE, "again/exchanged", RULE_OWNER);
	DENIES(person("3003:3103", 0), ACCESS_WRITE, "again/exchanged", EACCES, RULE_OTHER);
	ALLOWS(person("3003:3103", 0), ACCESS_WRITE, "tree/exchanged", RULE_OWNER);

	/* Nobody's may be read by all, and be written to, or be nobody's to change, by none. */
	ALLOWS(mapped, ACCESS_READ, "again/nobodys", RULE_OTHER);
	DENIES(root(), ACCESS_WRITE, "again/nobodys", EACCES, RULE_UNMAPPED);
	DENIES(root(), ACCESS_CHMOD, "again/nobodys", EOVERFLOW, RULE_UNMAPPED);
	DENIES(root(), ACCESS_CHOWN, "again/nobodys", EOVERFLOW, RULE_UNMAPPED);
	DENIES(root(), ACCESS_DELETE, "again/nobodys", EOVERFLOW, RULE_UNMAPPED);
	/* Where only the owner has none, another may be found. */
	make_file("tree/owner", 3005, 3105, 0666);
	DENIES(person("3004:3104", 0), ACCESS_CHOWN, "again/owner", EPERM, RULE_CAPABILITY);
	DENIES(root(), ACCESS_CHMOD, "again/owner", EOVERFLOW, RULE_UNMAPPED);
	ALLOWS(root(), ACCESS_CHOWN, "again/owner", RULE_CAPABILITY);
	/* Its number is not that of nobody's account. */
	DENIES(person("65534:65534", CAPABILITY(CAP_FOWNER)), ACCESS_CHMOD, "again/nobodys",
	       EOVERFLOW, RULE_UNMAPPED);
	/* An owner who has one is the owner, though the group has none. */
	ALLOWS(mapped, ACCESS_READ, "again/owned", RULE_OWNER);
	DENIES(person("65534:65534", 0), ACCESS_READ, "again/owned", EACCES, RULE_OTHER);
}

static void idmapped_create(const char *kind)
{
	struct walk walk;

	(void)kind;
	stage_set("tmpfs");
	make_directory("tree", ROOT, ROOT, 0777);
	make_directory("shut", ROOT, ROOT, 0755);
	make_directory("again", ROOT, ROOT, 0755);
	make_directory("tree/shut", ROOT, ROOT, 0755);
	bind_idmapped("tree", "again");
	MUST(walk_path(NULL, "again/new", ACCESS_CREATE, &walk));
	if (!walk.steps[walk.count - 1].object->idmap_known)
		SKIP("needs statmount(2) to tell the mapping of ids: Linux 6.15");
	walk_clear(&walk);
	/* Who has no number there makes nothing, before any permission is looked at. */
	DENIES(person("3005:3105", 0), ACCESS_CREATE, "again/new", EOVERFLOW, RULE_UNMAPPED);
	DENIES(person("3004:3106", 0), ACCESS_CREATE, "again/shut/new", EOVERFLOW, RULE_UNMAPPED);
	DENIES(person("3004:3104", 0), ACCESS_CREATE, "again/shut/new", EACCES, RULE_OTHER);
	ALLOWS(person("3004:3104", 0), ACCESS_CREATE, "again/new", RULE_NEW_NAME);
}

const struct check_case mount_traps[] = {{"read-only-mount", read_only_mount},
					 {"read-only-file-system", read_only_file_system},
					 {"noexec", noexec},
					 {"nodev", nodev},
					 {"nosymfollow", nosymfollow},
					 {"mount-points", mount_points},
					 {"idmapped", idmapped},
					 {"idmapped-create", idmapped_create},
					 {NULL, NULL}};
