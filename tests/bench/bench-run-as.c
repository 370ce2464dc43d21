/* SPDX-License-Identifier: MIT */
/*
 * bench-run-as - starting a command as another user: idn-run-as against the tools that are here.
 * Accounts come from files alone, in a mount namespace: what other name services take would be
 * measured otherwise, and only in those that look a user's groups up.
 */
#include <errno.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define USER "daemon"

extern char **environ;

static void run(void *context, unsigned long times)
{
	char **arguments = context;

	for (unsigned long i = 0; i < times; i++) {
		pid_t pid;
		int status;
		int error = posix_spawn(&pid, arguments[0], NULL, NULL, arguments, environ);

		if (error)
			bench_die(arguments[0], error);
		if (waitpid(pid, &status, 0) < 0)
			bench_die("waitpid", errno);
		if (status)
			bench_die(arguments[0], 0);
	}
}

/* Full paths: looking along PATH is not what is compared. */
static char *find(const char *name)
{
	static const char *const places[] = {"/usr/local/bin",	"/usr/bin", "/usr/sbin",
					     "/usr/local/sbin", "/bin",	    "/sbin"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *path;

		if (asprintf(&path, "%s/%s", places[i], name) < 0)
			bench_die("no memory", ENOMEM);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

static void use_files_alone(void)
{
	char path[] = "/run/bench-nsswitch-XXXXXX";
	int fd = mkstemp(path);
	static const char text[] = "passwd: files\ngroup: files\n";

	if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0 || fchmod(fd, 0644) < 0 ||
	    unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(path, "/etc/nsswitch.conf", NULL, MS_BIND, NULL) < 0)
		fprintf(stderr, "bench-run-as: with the name services of this machine: %s\n",
			strerror(errno));
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
}

struct rival {
	double goal;
	const char *arguments[9];
};

static void compare(const char *name, const char *program, const char *user,
		    const struct rival *rivals)
{
	char *ours[] = {(char *)program, (char *)user, find("true"), NULL};
	struct bench_side side = {"idn-run-as", run, ours, 0}, sides[8];
	char *words[8][9];
	size_t count = 0;

	for (; rivals->arguments[0]; rivals++) {
		const char *what = rivals->arguments[0];

		memcpy(words[count], rivals->arguments, sizeof(words[count]));
		words[count][0] = find(what);
		if (!words[count][0]) {
			fprintf(stderr, "bench-run-as: %s is not here\n", what);
			continue;
		}
		for (size_t i = 0; words[count][i]; i++)
			if (strcmp(words[count][i], "true") == 0)
				words[count][i] = ours[2];
		sides[count] = (struct bench_side){what, run, words[count], rivals->goal};
		count++;
	}
	bench_compare(name, &side, sides, count);
}

int main(void)
{
	static const struct rival of_user[] = {
		{1.1, {"chpst", "-u", USER, "true"}},
		{1.0, {"su-exec", USER, "true"}},
		{1.0, {"gosu", USER, "true"}},
		{1.0, {"setpriv", "--reuid", USER, "--regid", USER, "--init-groups", "true"}},
		{1.0, {"runuser", "-u", USER, "--", "true"}},
		{0, {NULL}},
	};
	static const struct rival of_group[] = {
		{1.1, {"chpst", "-u", USER ":" USER, "true"}},
		{1.0, {"setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "true"}},
		{0, {NULL}},
	};
	const char *build = getenv("BENCH_BUILD");
	char *program;

	if (geteuid() != 0)
		return 77;
	if (asprintf(&program, "%s/cmd/idn-run-as/idn-run-as", build ? build : ".") < 0)
		bench_die("no memory", ENOMEM);
	use_files_alone();
	compare("run-as USER true", program, USER, of_user);
	compare("run-as USER:GROUP true", program, USER ":" USER, of_group);
	return 0;
}
