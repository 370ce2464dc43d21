/* SPDX-License-Identifier: MIT */
/* A user namespace for idmapped mounts. */
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "idmap.h"

/* A user namespace whose mapping exchanges two ids and knows one of them not at all. */
int idmap_open(void)
{
	static const char uids[] = "0 0 3003\n3003 3004 1\n3004 3003 1\n4001 4001 1\n";
	static const char gids[] = "0 0 3103\n3103 3104 1\n3104 3103 1\n3105 3105 1\n4101 4101 1\n";
	char path[64];
	int ready[2], done[2], fd = -1;
	char byte;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(done, O_CLOEXEC) < 0)
		return -1;

	pid_t pid = fork();

	if (pid == 0) {
		close(done[1]);
		if (unshare(CLONE_NEWUSER) == 0 && write(ready[1], "", 1) == 1)
			(void)!read(done[0], &byte, 1);
		_exit(0);
	}
	close(ready[1]);
	close(done[0]);
	if (pid > 0 && read(ready[0], &byte, 1) == 1) {
		const char *maps[2][2] = {{"uid_map", uids}, {"gid_map", gids}};
		bool mapped = true;

		for (int i = 0; i < 2; i++) {
			snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, maps[i][0]);

			int map = open(path, O_WRONLY | O_CLOEXEC);
			size_t length = strlen(maps[i][1]);

			mapped = mapped && map >= 0 &&
				 write(map, maps[i][1], length) == (ssize_t)length;
			if (map >= 0)
				close(map);
		}
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		if (mapped)
			fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	close(ready[0]);
	close(done[1]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return fd;
}
