/* SPDX-License-Identifier: MIT */
/*
 * soak --socket PATH | --url URL --caches DIR, --directory DIR [OPTION...] - many users at once
 * against idn-serve-demo, each a process of its own that checks every answer.  DIR gets a directory
 * for each of them, and one for all.  Prints what came of it, and ends with 1 if anybody saw
 * anything wrong.
 */
#include <errno.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "soak: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void parse(int argc, const char **argv, struct soak_options *options)
{
	const struct poptOption table[] = {
		{"socket", 0, POPT_ARG_STRING, &options->socket, 0, "of the server", "PATH"},
		{"url", 0, POPT_ARG_STRING, &options->url, 0,
		 "of the server, which asks who one is", "URL"},
		{"caches", 0, POPT_ARG_STRING, &options->caches, 0,
		 "of the users' tickets, each named by the uid", "DIR"},
		{"directory", 0, POPT_ARG_STRING, &options->directory, 0, "for the users' files",
		 "DIR"},
		{"requests", 0, POPT_ARG_LONG, &options->requests, 0, "of all users", "N"},
		{"users", 0, POPT_ARG_INT, &options->users, 0, "at once", "N"},
		{"first-uid", 0, POPT_ARG_INT, &options->first_uid, 0, "of the users", "UID"},
		{"seed", 0, POPT_ARG_INT, &options->seed, 0, "of what they do", "N"},
		{"backend", 0, POPT_ARG_NONE, &options->backend, 0, "the server has a backend",
		 NULL},
		{"ring", 0, POPT_ARG_NONE, &options->ring, 0, "the server's engine is that", NULL},
		{"once", 0, POPT_ARG_NONE, &options->once, 0,
		 "a connection of its own for each request", NULL},
		{"comers", 0, POPT_ARG_INT, &options->comers, 0,
		 "connections before each request that ask for nothing", "N"},
		{"hostile", 0, POPT_ARG_NONE, &options->hostile, 0,
		 "things are broken meanwhile: a failure may be an answer", NULL},
		POPT_AUTOHELP POPT_TABLEEND,
	};
	poptContext context = poptGetContext("soak", argc, argv, table, 0);
	int option = poptGetNextOpt(context);

	if (option < -1 || poptPeekArg(context) || !options->socket == !options->url ||
	    !options->url != !options->caches || !options->directory || options->users < 2 ||
	    options->requests < 1 || (options->comers && options->url)) {
		fprintf(stderr, "soak: bad options: try --help\n");
		exit(2);
	}
	poptFreeContext(context);
}

static void make_directory(const char *parent, const char *name, mode_t mode, uid_t owner)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", parent, name);
	if ((mkdir(path, mode) < 0 && errno != EEXIST) || chown(path, owner, owner) < 0 ||
	    chmod(path, mode) < 0)
		fail(path);
}

static void make_directories(const struct soak_options *options)
{
	char name[32];

	make_directory(options->directory, "all", 01777, 0);
	for (int i = 0; i < options->users; i++) {
		uid_t uid = (uid_t)(options->first_uid + i);

		snprintf(name, sizeof(name), "%u", uid);
		make_directory(options->directory, name, 0700, uid);
	}
}

static int wait_for_all(int users)
{
	int failures = 0;

	for (int i = 0; i < users; i++) {
		int status;

		if (wait(&status) < 0)
			fail("wait");
		failures += status != 0;
		if (WIFSIGNALED(status))
			fprintf(stderr, "soak: a user ended by signal %d\n", WTERMSIG(status));
	}
	return failures;
}

static void report(const struct soak_options *options, const struct soak_tally *tallies)
{
	struct soak_tally sum = {.answered = 0};

	for (int i = 0; i < options->users; i++) {
		sum.answered += tallies[i].answered;
		sum.refused += tallies[i].refused;
		sum.failed += tallies[i].failed;
		sum.cut += tallies[i].cut;
		sum.bytes += tallies[i].bytes;
		if (tallies[i].number > sum.number)
			sum.number = tallies[i].number;
	}
	printf("%llu requests: %llu answered, %llu refused, %llu failed, %llu cut; %llu bytes",
	       (unsigned long long)(sum.answered + sum.refused + sum.failed + sum.cut),
	       (unsigned long long)sum.answered, (unsigned long long)sum.refused,
	       (unsigned long long)sum.failed, (unsigned long long)sum.cut,
	       (unsigned long long)sum.bytes);
	printf(options->ring ? "; numbers up to %ld\n" : "\n", sum.number);
}

int main(int argc, const char **argv)
{
	struct soak_options options = {
		.users = 50,
		.requests = 100000,
		.first_uid = 5000,
		.seed = 1,
	};

	parse(argc, argv, &options);
	make_directories(&options);
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		fail("libcurl");

	size_t size = (size_t)options.users * sizeof(struct soak_tally);
	struct soak_tally *tallies =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (tallies == MAP_FAILED)
		fail("mmap");
	for (int i = 0; i < options.users; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			soak_user_run(&options, &tallies[i], (uid_t)(options.first_uid + i),
				      options.requests / options.users);
			exit(0);
		}
	}

	int failures = wait_for_all(options.users);

	report(&options, tallies);
	return failures ? 1 : 0;
}
