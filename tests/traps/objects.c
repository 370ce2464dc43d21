/* SPDX-License-Identifier: MIT */
/* Traps of what things are: sticky directories, attributes, links, running programs, slashes. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/capability.h"
#include "differential/protections.h"
#include "stage.h"

/* ---------------------------------------------------------------------------------- sticky -- */

static void sticky_delete(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_directory("tmp", CAROL, CAROL, 01777);
	make_file("tmp/a", BOB, BOB, 0666);
	make_file("tmp/b", BOB, BOB, 0000);
	make_file("tmp/c", BOB, BOB, 0000);
	DENIES(alice(), ACCESS_DELETE, "tmp/a", EPERM, RULE_STICKY);
	/* Its own permissions do not count. */
	ALLOWS(bob(), ACCESS_DELETE, "tmp/b", RULE_FILE_OWNER);
	ALLOWS(carol(), ACCESS_DELETE, "tmp/c", RULE_DIRECTORY_OWNER);
	SAME(ALLOWS(person("2001:2001", CAPABILITY(CAP_FOWNER)), ACCESS_DELETE, "tmp/a",
		    RULE_STICKY)
		     ->capability,
	     CAP_FOWNER);
}

/* CHECK, as a child with the sysctls raised: they are put back however it ends. */
static void protected_by_sysctl(void (*check)(void))
{
	int status;

	stage_set("tmpfs");
	make_directory("tmp", CAROL, CAROL, 01777);
	protections_raise(1);

	pid_t pid = fork();

	if (pid == 0) {
		check();
		_exit(PASSED);
	}
	if (pid > 0 && waitpid(pid, &status, 0) != pid)
		pid = -1;
	protections_restore();
	if (pid < 0 || status != 0)
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : FAILED);
}

static void check_symlinks(void)
{
	make_file("file", ALICE, ALICE, 0644);
	SYSTEM(symlink("../file", "tmp/link"));
	SYSTEM(lchown("tmp/link", BOB, BOB));
	SYSTEM(symlink("..", "tmp/up"));
	SYSTEM(lchown("tmp/up", BOB, BOB));
	DENIES(alice(), ACCESS_READ, "tmp/link", EACCES, RULE_PROTECTED_SYMLINKS);
	DENIES(root(), ACCESS_READ, "tmp/link", EACCES, RULE_PROTECTED_SYMLINKS);
	/* Its owner may, and all where it belongs to the directory's owner. */
	ALLOWS(bob(), ACCESS_READ, "tmp/link", RULE_OTHER);
	SYSTEM(lchown("tmp/link", CAROL, CAROL));
	ALLOWS(alice(), ACCESS_READ, "tmp/link", RULE_OWNER);
	/* On the way it is followed. */
	ALLOWS(alice(), ACCESS_READ, "tmp/up/file", RULE_OWNER);
	DENIES(alice(), ACCESS_LIST, "tmp/up", EACCES, RULE_PROTECTED_SYMLINKS);
}

static void protected_symlinks(const char *kind)
{
	(void)kind;
	protected_by_sysctl(check_symlinks);
}

static void check_regular(void)
{
	make_file("tmp/file", BOB, BOB, 0666);
	SYSTEM(mkfifo("tmp/fifo", 0600));
	SYSTEM(chown("tmp/fifo", BOB, BOB));
	SYSTEM(chmod("tmp/fifo", 0666));
	/* Opened, where it is not opened to be made. */
	ALLOWS(alice(), ACCESS_WRITE, "tmp/file", RULE_OTHER);
	DENIES(alice(), ACCESS_CREATE | ACCESS_WRITE, "tmp/file", EACCES, RULE_PROTECTED_CREATE);
	DENIES(root(), ACCESS_CREATE | ACCESS_WRITE, "tmp/file", EACCES, RULE_PROTECTED_CREATE);
	DENIES(alice(), ACCESS_CREATE | ACCESS_READ, "tmp/fifo", EACCES, RULE_PROTECTED_CREATE);
	ALLOWS(bob(), ACCESS_CREATE | ACCESS_WRITE, "tmp/file", RULE_OWNER);
}

static void protected_regular(const char *kind)
{
	(void)kind;
	protected_by_sysctl(check_regular);
}

static void check_hardlinks(void)
{
	make_file("file", BOB, PROJECTS, 0644);
	DENIES(carol(), ACCESS_LINK, "file", EPERM, RULE_PROTECTED_HARDLINKS);
	ALLOWS(bob(), ACCESS_LINK, "file", RULE_NONE);
}

static void protected_hardlinks(const char *kind)
{
	(void)kind;
	protected_by_sysctl(check_hardlinks);
}

/* ------------------------------------------------------------------------------- attributes -- */

static void append_only(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("log", ALICE, ALICE, 0644);
	make_directory("logs", ALICE, ALICE, 0755);
	make_file("logs/old", ALICE, ALICE, 0644);
	set_flags("log", FS_APPEND_FL);
	set_flags("logs", FS_APPEND_FL);
	ALLOWS(alice(), ACCESS_WRITE, "log", RULE_APPEND_ONLY);
	SAME(open("log", O_WRONLY | O_CLOEXEC), -1);
	SAME(errno, EPERM);
	DENIES(alice(), ACCESS_CHMOD, "log", EPERM, RULE_APPEND_ONLY);
	DENIES(root(), ACCESS_DELETE, "log", EPERM, RULE_APPEND_ONLY);
	ALLOWS(alice(), ACCESS_CREATE, "logs/new", RULE_NEW_NAME);
	DENIES(root(), ACCESS_DELETE, "logs/old", EPERM, RULE_APPEND_ONLY);
}

static void immutable(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_file("file", ALICE, ALICE, 0600);
	make_directory("directory", ALICE, ALICE, 0755);
	make_file("directory/file", ALICE, ALICE, 0600);
	set_flags("file", FS_IMMUTABLE_FL);
	set_flags("directory", FS_IMMUTABLE_FL);
	DENIES(alice(), ACCESS_WRITE, "file", EPERM, RULE_IMMUTABLE);
	DENIES(root(), ACCESS_WRITE, "file", EPERM, RULE_IMMUTABLE);
	/* Before it is asked who it is. */
	DENIES(carol(), ACCESS_WRITE, "file", EPERM, RULE_IMMUTABLE);
	DENIES(root(), ACCESS_CHMOD, "file", EPERM, RULE_IMMUTABLE);
	DENIES(root(), ACCESS_CHOWN, "file", EPERM, RULE_IMMUTABLE);
	DENIES(root(), ACCESS_DELETE, "file", EPERM, RULE_IMMUTABLE);
	DENIES(root(), ACCESS_CREATE, "directory/new", EPERM, RULE_IMMUTABLE);
	DENIES(root(), ACCESS_DELETE, "directory/file", EPERM, RULE_IMMUTABLE);
	ALLOWS(alice(), ACCESS_WRITE, "directory/file", RULE_OWNER);
}

/* ----------------------------------------------------------------------------------- links -- */

static void forty_links(const char *kind)
{
	char name[16], target[16];

	(void)kind;
	stage_set("tmpfs");
	make_file("0", ROOT, ROOT, 0644);
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "%d", i);
		snprintf(target, sizeof(target), "%d", i - 1);
		SYSTEM(symlink(target, name));
	}
	ALLOWS(alice(), ACCESS_READ, "40", RULE_OTHER);
	DENIES(alice(), ACCESS_READ, "41", ELOOP, RULE_END);
	SYSTEM(symlink("self", "self"));
	DENIES(alice(), ACCESS_READ, "self", ELOOP, RULE_END);
}

static void slashes_behind(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_directory("directory", ROOT, ROOT, 0777);
	make_file("file", ROOT, ROOT, 0666);
	SYSTEM(symlink("directory", "to-directory"));
	SYSTEM(symlink("nothing", "to-nothing"));
	SYSTEM(symlink("file", "to-file"));
	DENIES(alice(), ACCESS_READ, "file/", ENOTDIR, RULE_END);
	DENIES(alice(), ACCESS_READ, "to-file/", ENOTDIR, RULE_END);
	/* With O_CREAT the slash alone is enough, whatever is there. */
	DENIES(alice(), ACCESS_CREATE | ACCESS_WRITE, "to-nothing/", EISDIR, RULE_END);
	DENIES(alice(), ACCESS_CREATE | ACCESS_WRITE, "file/", EISDIR, RULE_END);
	/* A link is made to what a link leads to, where a slash says so. */
	DENIES(root(), ACCESS_LINK, "to-directory/", EPERM, RULE_DIRECTORY);
	DENIES(root(), ACCESS_DELETE, "to-directory/", ENOTDIR, RULE_END);
	ALLOWS(alice(), ACCESS_CREATE, "directory/new/", RULE_NEW_NAME);
}

/* --------------------------------------------------------------------------------- removing -- */

static void removing_directories(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_directory("full", ALICE, ALICE, 0777);
	make_file("full/file", ALICE, ALICE, 0644);
	make_directory("mine", ALICE, ALICE, 0755);
	make_directory("mine/full", ALICE, ALICE, 0755);
	make_directory("mine/full/inner", ALICE, ALICE, 0755);
	DENIES(root(), ACCESS_DELETE, "full", ENOTEMPTY, RULE_NOT_EMPTY);
	DENIES(alice(), ACCESS_DELETE, "mine/full", ENOTEMPTY, RULE_NOT_EMPTY);
	/* Who may not remove it is not told that it is not empty. */
	DENIES(alice(), ACCESS_DELETE, "full", EACCES, RULE_OTHER);
	DENIES(alice(), ACCESS_DELETE, "mine/.", EINVAL, RULE_END);
	ALLOWS(alice(), ACCESS_DELETE, "mine/full/inner", RULE_NONE);
}

/* ----------------------------------------------------------------------------- running programs --
 */

/* A copy of this program, being run by a process that ends with this one. */
static void run_copy(const char *name)
{
	struct stat status;
	int started[2];
	char byte;
	int from = (int)SYSTEM(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	int to = (int)SYSTEM(open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));

	SYSTEM(fstat(from, &status));
	for (off_t left = status.st_size; left > 0;)
		left -= SYSTEM(sendfile(to, from, NULL, (size_t)left));
	close(from);
	close(to);
	SYSTEM(pipe2(started, O_CLOEXEC));

	pid_t parent = getpid(), pid = (pid_t)SYSTEM(fork());

	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
			execl(name, name, "hold", NULL);
		(void)!write(started[1], "", 1);
		_exit(127);
	}
	close(started[1]);
	/* It is being run as soon as that is closed. */
	SAME(read(started[0], &byte, 1), 0);
	close(started[0]);
}

static void hold(const char *kind)
{
	(void)kind;
	/* Until the process that started it ends, which then ends this one. */
	for (;;)
		pause();
}

static void running_program(const char *kind)
{
	(void)kind;
	stage_set("tmpfs");
	make_directory("ro", ROOT, ROOT, 0755);
	run_copy("program");
	SYSTEM(chmod("program", 0777));
	bind_mount(".", "ro", 1 /* MS_RDONLY */);
	DENIES(alice(), ACCESS_WRITE, "program", ETXTBSY, RULE_BUSY_TEXT);
	DENIES(root(), ACCESS_WRITE, "program", ETXTBSY, RULE_BUSY_TEXT);
	ALLOWS(alice(), ACCESS_READ, "program", RULE_OTHER);
	/* The program comes before the mount, in open(2). */
	DENIES(root(), ACCESS_WRITE, "ro/program", ETXTBSY, RULE_BUSY_TEXT);
	SYSTEM(chmod("program", 0755));
	DENIES(alice(), ACCESS_WRITE, "program", EACCES, RULE_OTHER);
	/* Also when nobody could start it any more. */
	SYSTEM(chmod("program", 0666));
	DENIES(alice(), ACCESS_WRITE, "program", ETXTBSY, RULE_BUSY_TEXT);
}

const struct check_case object_traps[] = {{"sticky-delete", sticky_delete},
					  {"protected-symlinks", protected_symlinks},
					  {"protected-regular", protected_regular},
					  {"protected-hardlinks", protected_hardlinks},
					  {"append-only", append_only},
					  {"immutable", immutable},
					  {"forty-links", forty_links},
					  {"slashes-behind", slashes_behind},
					  {"removing-directories", removing_directories},
					  {"running-program", running_program},
					  {"hold", hold},
					  {NULL, NULL}};
