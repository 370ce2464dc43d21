/* SPDX-License-Identifier: MIT */
/*
 * Makes calls that may be refused, in ways that no program at hand does.
 *
 *   refused thread PATH...       opens each in a thread of its own, all at once
 *   refused at DIRECTORY NAME    opens NAME by a descriptor of DIRECTORY
 *   refused chmod PATH           by a descriptor of the file
 *   refused access PATH          may the real ids read it?
 *   refused vfork PROGRAM        runs it in the child of a vfork(2)
 *   refused exec PROGRAM ARG...  from a thread that is not the first one
 *   refused bind PORT            on the loopback address
 *   refused connect PATH         to a Unix socket
 *   refused link FROM TO
 *   refused map PATH             to execute it
 *   refused trace                asks to be traced by its parent
 *
 * Exits with 0 when it was allowed, 1 when it was refused, whose error is printed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int said(bool allowed)
{
	if (allowed)
		return 0;
	printf("%s\n", strerror(errno));
	return 1;
}

static void *open_one(void *path)
{
	return (void *)(intptr_t)(open(path, O_RDONLY) < 0);
}

static int in_threads(char **paths)
{
	pthread_t threads[64];
	size_t count = 0;
	int refused = 0;

	for (; paths[count] && count < 64; count++)
		if (pthread_create(&threads[count], NULL, open_one, paths[count]) != 0)
			return 2;
	for (size_t i = 0; i < count; i++) {
		void *result;

		pthread_join(threads[i], &result);
		refused |= (int)(intptr_t)result;
	}
	return refused;
}

static int at(const char *directory, const char *name)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY);

	return fd < 0 ? 2 : said(openat(fd, name, O_RDONLY) >= 0);
}

static int change_mode(const char *path)
{
	int fd = open(path, O_RDONLY);

	return fd < 0 ? 2 : said(fchmod(fd, 0666) == 0);
}

static int with_vfork(char *program)
{
	char *arguments[] = {program, NULL};
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		execv(program, arguments);
		_exit(1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
									       : 2;
}

static void *execute(void *arguments)
{
	char **words = arguments;

	execv(words[0], words);
	return NULL;
}

static int in_other_thread(char **words)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, execute, words) != 0)
		return 2;
	pthread_join(thread, NULL);
	return 1;
}

static int bind_to(const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return said(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return said(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static int map(const char *path)
{
	int fd = open(path, O_RDONLY);

	return fd < 0 ? 2
		      : said(mmap(NULL, 1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) !=
			     MAP_FAILED);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "trace") == 0)
		return said(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
	if (argc < 3)
		return 2;
	if (strcmp(what, "thread") == 0)
		return in_threads(argv + 2);
	if (strcmp(what, "at") == 0 && argc > 3)
		return at(argv[2], argv[3]);
	if (strcmp(what, "chmod") == 0)
		return change_mode(argv[2]);
	if (strcmp(what, "access") == 0)
		return said(access(argv[2], R_OK) == 0);
	if (strcmp(what, "vfork") == 0)
		return with_vfork(argv[2]);
	if (strcmp(what, "exec") == 0)
		return in_other_thread(argv + 2);
	if (strcmp(what, "bind") == 0)
		return bind_to(argv[2]);
	if (strcmp(what, "connect") == 0)
		return connect_to(argv[2]);
	if (strcmp(what, "link") == 0 && argc > 3)
		return said(link(argv[2], argv[3]) == 0);
	if (strcmp(what, "map") == 0)
		return map(argv[2]);
	return 2;
}
