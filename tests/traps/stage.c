/* SPDX-License-Identifier: MIT */
/* The stage of the traps, and asking the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access/describe.h"
#include "core/capability.h"
#include "core/log.h"
#include "differential/idmap.h"
#include "stage.h"

/* ------------------------------------------------------------------------------- setting up -- */

static char top[128];

void stage_set(const char *type)
{
	if (geteuid() != 0)
		SKIP("needs root");
	if (unshare(CLONE_NEWNS) < 0)
		SKIP("needs a mount namespace: %s", strerror(errno));
	SYSTEM(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	umask(0);
	snprintf(top, sizeof(top), "%s", scratch("stage"));
	SYSTEM(mkdir(top, 0755));
	SYSTEM(mount("stage", top, type, 0, "mode=0755"));
	SYSTEM(chdir(top));
	make_directory("links", ROOT, ROOT, 0777);
}

const char *stage(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", top, name);
	return path;
}

void make_file(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	int fd = (int)SYSTEM(open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));

	SAME(write(fd, "text\n", 5), 5);
	close(fd);
	SYSTEM(chown(name, uid, gid));
	SYSTEM(chmod(name, mode));
}

void make_directory(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	SYSTEM(mkdir(name, 0700));
	SYSTEM(chown(name, uid, gid));
	SYSTEM(chmod(name, mode));
}

void set_acl(const char *name, const char *text)
{
	acl_t acl = acl_from_text(text);

	if (!acl || acl_valid(acl) < 0)
		FAIL("acl_from_text %s: expected a list, saw: %s", text, strerror(errno));
	SYSTEM(acl_set_file(name, ACL_TYPE_ACCESS, acl));
	acl_free(acl);
}

void set_flags(const char *name, int flags)
{
	int fd = (int)SYSTEM(open(name, O_RDONLY | O_CLOEXEC));

	/* They end with the file system, which is this process's own. */
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
		SKIP("needs a tmpfs that has file attributes: %s", strerror(errno));
	close(fd);
}

void bind_mount(const char *from, const char *to, unsigned long flags)
{
	SYSTEM(mount(from, to, NULL, MS_BIND, NULL));
	if (mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | flags, NULL) < 0)
		SKIP("needs mount flags %#lx: %s", flags, strerror(errno));
}

#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

void bind_idmapped(const char *from, const char *to)
{
	/* struct mount_attr, which older headers lack. */
	struct {
		uint64_t set, clear, propagation, user_namespace;
	} attributes = {.set = MOUNT_ATTR_IDMAP};
	int mapping = idmap_open();

	if (mapping < 0)
		SKIP("needs a user namespace");
	attributes.user_namespace = (uint64_t)mapping;

	int fd = (int)SYSTEM(
		syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));

	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
		SKIP("needs idmapped mounts of tmpfs: %s", strerror(errno));
	SYSTEM(syscall(SYS_move_mount, fd, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH));
	close(fd);
	close(mapping);
}

/* ----------------------------------------------------------------------------------- people -- */

struct access_subject *person(const char *ids, uint64_t capabilities)
{
	static struct access_subject people[16];
	static unsigned next;
	struct access_subject *subject = &people[next++ % 16];

	subject_clear(subject);
	MUST(subject_of_ids(ids, IMP_LEVEL_IMPERSONATION, subject));
	subject->capabilities = capabilities;
	return subject;
}

struct access_subject *alice(void)
{
	return person("2001:2001,2100,2101", 0);
}

struct access_subject *bob(void)
{
	return person("2002:2002,2100", 0);
}

struct access_subject *carol(void)
{
	return person("2003:2003", 0);
}

struct access_subject *root(void)
{
	uint64_t all;

	MUST(capability_permitted(&all));
	return person("0:0", all);
}

/* ------------------------------------------------------------------------------- the kernel -- */

static void turn_into_subject(const struct access_subject *subject)
{
	const struct imp_identity *identity = &subject->identity.view;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)subject->capabilities,
		 .permitted = (uint32_t)subject->capabilities},
		{.effective = (uint32_t)(subject->capabilities >> 32),
		 .permitted = (uint32_t)(subject->capabilities >> 32)}};

	SYSTEM(prctl(PR_SET_KEEPCAPS, 1));
	SYSTEM(setgroups(identity->n_groups, identity->groups));
	SYSTEM(setresgid(identity->gid, identity->gid, identity->gid));
	SYSTEM(setresuid(identity->uid, identity->uid, identity->uid));
	SYSTEM(syscall(SYS_capset, &header, data));
}

static int try_open(const char *name, unsigned want, int flags)
{
	static const int modes[] = {
		[ACCESS_READ] = O_RDONLY, [ACCESS_WRITE] = O_WRONLY, [6] = O_RDWR};
	int fd = open(name, modes[want & 6] | flags | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0600);

	return fd < 0 ? errno : 0;
}

static int try_execution(const char *name)
{
	struct stat status;

	if (stat(name, &status) == 0 && S_ISDIR(status.st_mode))
		return chdir(name) < 0 ? errno : 0;
	execl(name, name, NULL);
	/* Text is what it would be, if it might. */
	return errno == ENOEXEC ? 0 : errno;
}

static int try_it(const char *name, unsigned want, bool directory)
{
	switch (want) {
	case ACCESS_READ:
	case ACCESS_WRITE:
	case ACCESS_READ | ACCESS_WRITE:
		return try_open(name, want, 0);
	case ACCESS_CREATE | ACCESS_READ:
	case ACCESS_CREATE | ACCESS_WRITE:
	case ACCESS_CREATE | ACCESS_READ | ACCESS_WRITE:
		return try_open(name, want, O_CREAT);
	case ACCESS_EXECUTE:
		return try_execution(name);
	case ACCESS_LIST:
		return try_open(name, ACCESS_READ, O_DIRECTORY);
	case ACCESS_CREATE:
		return mkdir(name, 0700) < 0 ? errno : 0;
	case ACCESS_DELETE:
		return (directory ? rmdir(name) : unlink(name)) < 0 ? errno : 0;
	case ACCESS_CHMOD:
		return chmod(name, 0600) < 0 ? errno : 0;
	case ACCESS_CHOWN:
		return chown(name, CAROL, (gid_t)-1) < 0 ? errno : 0;
	case ACCESS_LINK:
		return link(name, stage("links/new")) < 0 ? errno : 0;
	default:
		FAIL("want: expected a question, saw %u", want);
	}
}

static int ask_kernel(const struct access_subject *subject, const char *name, unsigned want)
{
	struct stat status;
	bool directory = lstat(name, &status) == 0 && S_ISDIR(status.st_mode);
	int ended;
	pid_t pid = (pid_t)SYSTEM(fork());

	if (pid == 0) {
		turn_into_subject(subject);
		_exit(try_it(name, want, directory));
	}
	SAME(waitpid(pid, &ended, 0), pid);
	if (!WIFEXITED(ended))
		FAIL("%s: expected an answer, saw status %#x", name, (unsigned)ended);
	return WEXITSTATUS(ended);
}

/* ------------------------------------------------------------------------------- all of them -- */

const struct access_verdict *check_trap(const char *file, int line,
					const struct access_subject *subject, unsigned want,
					const char *name, int error, enum access_rule rule)
{
	static struct access_verdict verdicts[256];
	/* Verdicts point to entries of the lists in it. */
	static struct walk walk;
	struct access_answer answer;
	char text[512];

	walk_clear(&walk);
	check_same(file, line, "walk_path", walk_path(NULL, name, want, &walk), 0);
	if (walk.count > 256)
		check_end(FAILED, file, line, "%s: expected fewer steps, saw %zu", name,
			  walk.count);
	judge_walk(&walk, subject, verdicts, &answer);

	const struct access_verdict *verdict = &verdicts[answer.decider];

	describe_rule(&walk.steps[answer.decider], verdict, text, sizeof(text));
	if (answer.result == RESULT_UNKNOWN || answer.error != error || verdict->rule != rule)
		check_end(FAILED, file, line,
			  "%s: expected %s by rule %d, saw it evaluated as %s by rule %d: %s", name,
			  error ? error_name(error) : "allowed", (int)rule,
			  answer.result == RESULT_UNKNOWN ? "unknown"
			  : answer.error		  ? error_name(answer.error)
							  : "allowed",
			  (int)verdict->rule, text);
	/* Last: it may be gone then. */
	int kernel = ask_kernel(subject, name, want);

	/* A walk that the kernel begins anew counts the links of its first attempt too. */
	for (int i = 0; i < 16 && kernel == ELOOP && error != ELOOP; i++)
		kernel = ask_kernel(subject, name, want);
	if (kernel != error)
		check_end(FAILED, file, line, "%s: expected %s, saw the kernel say %s", name,
			  error ? error_name(error) : "allowed",
			  kernel ? error_name(kernel) : "allowed");
	return verdict;
}
