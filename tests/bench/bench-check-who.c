/* SPDX-License-Identifier: MIT */
/*
 * bench-check-who - who may read one file, of 10,000 accounts in 2,000 groups: `idn-check who`
 * against a program that reads the same accounts, in the same way, and asks the kernel as each of
 * them.  Both from start to exit, and both write the names to /dev/null.  The accounts are files in
 * a mount namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "core/accounts.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

enum { ACCOUNTS = 10000, GROUPS = 2000, GROUPS_OF_EACH = 5, FIRST_ID = 100000 };

extern char **environ;

/* ----------------------------------------------------------------------------------- rival -- */

/* Raw calls: the C library's would look for other threads to change. */
static void become(gid_t gid, uid_t uid, const gid_t *groups, size_t n_groups, bool leaving)
{
	if (!leaving && syscall(SYS_setresuid, -1, 0, -1) < 0)
		bench_die("setresuid", errno);
	if (syscall(SYS_setgroups, n_groups, groups) < 0)
		bench_die("setgroups", errno);
	if (syscall(SYS_setresgid, -1, gid, -1) < 0)
		bench_die("setresgid", errno);
	if (leaving && syscall(SYS_setresuid, -1, uid, -1) < 0)
		bench_die("setresuid", errno);
}

static int ask_as_each(const char *path)
{
	struct accounts accounts = {.count = 0};
	int error = accounts_enumerate(&accounts);

	if (error < 0)
		bench_die("accounts", error);
	for (size_t i = 0; i < accounts.count; i++) {
		const struct listed_account *account = &accounts.list[i];

		become(account->gid, account->uid, account->groups, account->n_groups, true);
		long answer = syscall(SYS_faccessat2, AT_FDCWD, path, R_OK, AT_EACCESS);

		become(0, 0, NULL, 0, false);
		if (answer == 0)
			puts(account->name);
	}
	accounts_clear(&accounts);
	return fflush(stdout) == 0 ? 0 : 1;
}

/* ------------------------------------------------------------------------------------ world -- */

static FILE *make_file(const char *path)
{
	FILE *file = fopen(path, "we");

	if (!file)
		bench_die(path, errno);
	return file;
}

static void end_file(FILE *file, const char *path, const char *target)
{
	if (fclose(file) != 0 || mount(path, target, NULL, MS_BIND, NULL) < 0 || unlink(path) < 0)
		bench_die(target, errno);
}

/* Each account has a primary group and four others, spread evenly. */
static void use_many_accounts(void)
{
	static const char passwd[] = "/run/bench-who-passwd", group[] = "/run/bench-who-group",
			  services[] = "/run/bench-who-services";
	FILE *file;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("bench", "/run", "tmpfs", 0, "mode=0755") < 0)
		bench_die("a mount namespace", errno);
	file = make_file(services);
	fprintf(file, "passwd: files\ngroup: files\n");
	end_file(file, services, "/etc/nsswitch.conf");

	file = make_file(passwd);
	fprintf(file, "root:x:0:0:root:/root:/bin/sh\n");
	for (int i = 0; i < ACCOUNTS - 1; i++)
		fprintf(file, "user%05d:x:%d:%d:User %d of the bench:/home/user%05d:/bin/sh\n", i,
			FIRST_ID + i, FIRST_ID + i % GROUPS, i, i);
	end_file(file, passwd, "/etc/passwd");

	file = make_file(group);
	fprintf(file, "root:x:0:\n");
	for (int i = 0; i < GROUPS - 1; i++) {
		fprintf(file, "group%04d:x:%d:", i, FIRST_ID + i);
		for (int j = 0; j < ACCOUNTS / GROUPS * (GROUPS_OF_EACH - 1); j++)
			fprintf(file, "%suser%05d", j ? "," : "",
				(i * 7 + j * 499 + 1) % (ACCOUNTS - 1));
		fprintf(file, "\n");
	}
	end_file(file, group, "/etc/group");
}

/* Four directories down, with a list that lets some twenty accounts in. */
static const char *make_path(void)
{
	static const char path[] = "/run/bench/who/may/read/key";
	const char *command[] = {"setfacl", "-m", "u:user00007:r,u:user00008:-,g:group0009:r", path,
				 NULL};
	char part[64];
	pid_t pid;
	int status, fd;

	for (const char *slash = path + 5; (slash = strchr(slash, '/')); slash++) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0755) < 0)
			bench_die(part, errno);
	}
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0640);
	if (fd < 0 || close(fd) < 0)
		bench_die(path, errno);
	if (posix_spawnp(&pid, command[0], NULL, NULL, (char **)command, environ) ||
	    waitpid(pid, &status, 0) < 0 || status)
		bench_die("setfacl", 0);
	return path;
}

/* --------------------------------------------------------------------------------- measured -- */

static void run(void *context, unsigned long times)
{
	char **arguments = context;
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	for (unsigned long i = 0; i < times; i++) {
		pid_t pid;
		int status;
		int error = posix_spawn(&pid, arguments[0], &actions, NULL, arguments, environ);

		if (error)
			bench_die(arguments[0], error);
		if (waitpid(pid, &status, 0) < 0)
			bench_die("waitpid", errno);
		if (status)
			bench_die(arguments[0], 0);
	}
	posix_spawn_file_actions_destroy(&actions);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--as-each") == 0)
		return ask_as_each(argv[2]);
	if (geteuid() != 0)
		return 77;

	const char *build = getenv("BENCH_BUILD");
	char *program;

	if (asprintf(&program, "%s/cmd/idn-check/idn-check", build ? build : ".") < 0)
		bench_die("no memory", ENOMEM);
	/* Each takes a tenth of a second: a median needs no more. */
	setenv("BENCH_ROUNDS", "51", 0);
	use_many_accounts();

	const char *path = make_path();
	const char *ours[] = {program, "who", path, NULL};
	const char *each[] = {"/proc/self/exe", "--as-each", path, NULL};
	struct bench_side side = {"idn-check who", run, ours, 0};
	struct bench_side rival = {"each asked of the kernel", run, each, 0.25};

	bench_compare("check who, 10,000 accounts", &side, &rival, 1);
	free(program);
	return 0;
}
