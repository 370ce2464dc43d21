/* SPDX-License-Identifier: MIT */
/* Commands that a service has started for a client; see command.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"

struct imp_spawn command_of(const char *const *arguments)
{
	static char path[] = "PATH=/usr/bin:/bin";
	static char *const environment[] = {path, NULL};
	struct imp_spawn command = IMP_SPAWN_INIT;

	command.path = arguments[0];
	command.arguments = (char *const *)arguments;
	command.environment = environment;
	return command;
}

static void hear(int fd, struct said *said)
{
	size_t used = 0;
	ssize_t n;

	while ((n = SYSTEM(read(fd, said->text + used, sizeof(said->text) - used - 1))) > 0)
		used += (size_t)n;
	said->text[used] = '\0';
}

int command_heard(struct imp_token *token, struct imp_spawn *command, struct said *said)
{
	int ends[2], status;
	pid_t pid = -1;

	SYSTEM(pipe2(ends, O_CLOEXEC));
	command->stdout_fd = ends[1];

	int error = imp_spawn(token, command, &pid);

	close(ends[1]);
	hear(ends[0], said);
	close(ends[0]);
	if (error < 0) {
		SAME(pid, -1);
		SAME_TEXT(said->text, "");
		return error;
	}
	SAME(SYSTEM(waitpid(pid, &status, 0)), pid);
	said->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

void command_state(struct imp_token *token, struct state *state)
{
	static const char *const arguments[] = {"/bin/cat", "/proc/self/status", NULL};
	static _Thread_local struct said said;
	struct imp_spawn command = command_of(arguments);

	MUST(command_heard(token, &command, &said));
	SAME(said.status, 0);

	FILE *file = fmemopen(said.text, strlen(said.text), "r");

	if (!file)
		FAIL("fmemopen: expected a stream, saw: %s", strerror(errno));
	state_parse(file, "what the command said", state);
	fclose(file);
}

void state_for_good(const struct state *service, const struct who *who, struct state *state)
{
	*state = (struct state){
		.who = *who,
		.real_uid = who->uid,
		.saved_uid = who->uid,
		.filesystem_uid = who->uid,
		.real_gid = who->gid,
		.saved_gid = who->gid,
		.filesystem_gid = who->gid,
		.bounding = service->bounding,
	};
}

const char *program_here(const char *name)
{
	static _Thread_local char path[4096];
	ssize_t length = SYSTEM(readlink("/proc/self/exe", path, sizeof(path) / 2));

	path[length] = '\0';
	snprintf(strrchr(path, '/') + 1, sizeof(path) / 2, "%s", name);
	return path;
}

void no_child_is_left(void)
{
	siginfo_t info;

	REFUSED(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | (int)__WALL), ECHILD);
}
