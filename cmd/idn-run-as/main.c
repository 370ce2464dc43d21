/* SPDX-License-Identifier: MIT */
/* idn-run-as - runs a command as an identity, with nothing of the caller's left behind. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/message.h"
#include "run-as.h"

/* A leader of a process group can start no session: another process has to. */
static bool needs_process_below(const struct options *options)
{
	return options->session && getpgrp() == getpid();
}

int main(int argc, char **argv)
{
	struct options options;
	struct target target;
	char *cache = NULL;
	int status;

	message_init("idn-run-as");
	read_options(argc, argv, &options);
	find_target(&options, &target);
	if (options.dry_run) {
		print_target(&options, &target);
		finish_output(EXIT_SUCCESS);
	}

	if (options.level == IMP_LEVEL_DELEGATION)
		cache = copy_cache(&target);
	set_environment(&options, &target);
	if (options.level == IMP_LEVEL_DELEGATION)
		name_cache(&target, cache);
	if (!cache && !options.terminal && !needs_process_below(&options))
		run_command(&options, &target);

	status = options.terminal ? run_on_terminal(&options, &target)
				  : run_below(&options, &target);
	if (cache)
		remove_cache(&target, cache);
	exit(status);
}
