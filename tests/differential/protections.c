/* SPDX-License-Identifier: MIT */
/* The sysctls fs.protected_*, raised for a time. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/check.h"
#include "protections.h"

enum { N_PROTECTIONS = 4 };

static const struct {
	const char *path;
	int most;
} known[N_PROTECTIONS] = {{"/proc/sys/fs/protected_symlinks", 1},
			  {"/proc/sys/fs/protected_regular", 2},
			  {"/proc/sys/fs/protected_fifos", 2},
			  {"/proc/sys/fs/protected_hardlinks", 1}};

/* For the handler: what was there, and who put something else there. */
static char before[N_PROTECTIONS];
static pid_t owner;

static void put(int which, char value)
{
	int fd = open(known[which].path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, &value, 1);
	close(fd);
}

/* Async-signal-safe. */
void protections_restore(void)
{
	if (getpid() != owner)
		return;
	for (int i = 0; i < N_PROTECTIONS; i++)
		if (before[i])
			put(i, before[i]);
}

static void on_signal(int signal)
{
	protections_restore();
	raise(signal);
}

static void watch_ends(void)
{
	static const int signals[] = {SIGHUP,  SIGINT,	SIGQUIT, SIGTERM, SIGALRM,
				      SIGABRT, SIGSEGV, SIGBUS,	 SIGFPE};
	struct sigaction action = {.sa_handler = on_signal,
				   .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)};

	owner = getpid();
	if (atexit(protections_restore) != 0)
		FAIL("atexit: expected 0");
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

static char get(int which)
{
	int fd = open(known[which].path, O_RDONLY | O_CLOEXEC);
	char value = 0;

	if (fd < 0 || read(fd, &value, 1) != 1)
		value = 0;
	if (fd >= 0)
		close(fd);
	return value;
}

void protections_read(struct judge_protections *protections)
{
	*protections = (struct judge_protections){.symlinks = get(0) - '0',
						  .regular = get(1) - '0',
						  .fifos = get(2) - '0',
						  .hardlinks = get(3) - '0'};
}

void protections_raise(int level)
{
	if (!owner)
		watch_ends();
	for (int i = 0; i < N_PROTECTIONS; i++) {
		char is = get(i),
		     wanted = (char)('0' + (level < known[i].most ? level : known[i].most));

		if (is < wanted) {
			if (!before[i])
				before[i] = is;
			put(i, wanted);
			is = get(i);
			if (is != wanted) {
				protections_restore();
				SKIP("needs to raise %s", known[i].path);
			}
		}
	}

	struct judge_protections now;

	protections_read(&now);
	judge_set_protections(&now);
}
