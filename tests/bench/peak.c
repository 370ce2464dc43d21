/* SPDX-License-Identifier: MIT */
/*
 * peak COMMAND [ARG...]: runs it, with its output thrown away, and prints the most memory that it
 * had resident, in KiB.  Exits with 1 where it was killed or could not be run.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	pid_t child;
	int status;

	if (argc < 2) {
		fputs("usage: peak COMMAND [ARG...]\n", stderr);
		return 2;
	}
	if (posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) !=
		    0 ||
	    posix_spawnp(&child, argv[1], &actions, NULL, argv + 1, environ) != 0)
		return 1;
	posix_spawn_file_actions_destroy(&actions);
	if (wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) ||
	    WEXITSTATUS(status) >= 126)
		return 1;
	printf("%ld\n", usage.ru_maxrss);
	return 0;
}
