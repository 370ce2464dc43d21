/* SPDX-License-Identifier: MIT */
/* The broker and its guard: what they are, what can be done to them, and what their end means. */
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ring/kin.h"
#include "takeover/cases.h"

/* --------------------------------------------------------------------------------- confined -- */

struct look {
	pid_t pid;
	uint64_t capabilities;
	unsigned int descriptors;
};

static unsigned long long field(pid_t pid, const char *name, int base)
{
	char path[64], line[256];
	unsigned long long value = ~0ull;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		FAIL("%s: expected a file, saw: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoull(line + strlen(name), NULL, base);
	fclose(file);
	return value;
}

static DIR *open_directory(pid_t pid, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	DIR *directory = opendir(path);

	if (!directory)
		FAIL("%s: expected a directory, saw: %s", path, strerror(errno));
	return directory;
}

static unsigned int entries(pid_t pid, const char *what)
{
	DIR *directory = open_directory(pid, what);
	struct dirent *entry;
	unsigned int n = 0;

	while ((entry = readdir(directory)))
		n += entry->d_name[0] != '.';
	closedir(directory);
	return n;
}

static void look_at_thread(pid_t tid, uint64_t capabilities)
{
	SAME(field(tid, "NoNewPrivs:", 10), 1);
	SAME(field(tid, "Seccomp:", 10), 2);
	SAME(field(tid, "CapEff:", 16), capabilities);
	SAME(field(tid, "CapPrm:", 16), capabilities);
	SAME(field(tid, "CapInh:", 16), 0);
	SAME(field(tid, "CapAmb:", 16), 0);
}

/* Before the first client comes whoever else is a thread of it is the anonymous identity. */
static void look_at_takers(pid_t pid)
{
	DIR *directory = open_directory(pid, "task");
	struct dirent *entry;

	while ((entry = readdir(directory))) {
		const pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid != 0 && tid != pid)
			look_at_thread(tid, 0);
	}
	closedir(directory);
}

/* By root. */
static long look(const void *argument)
{
	const struct look *at = argument;

	look_at_thread(at->pid, at->capabilities);
	SAME(entries(at->pid, "fd"), at->descriptors);
	look_at_takers(at->pid);
	return 0;
}

static long look_at_root(const void *argument)
{
	const struct look *at = argument;

	SAME(field(at->pid, "CapBnd:", 16), at->capabilities);
	return entries(at->pid, "root");
}

/* As many capabilities as the broker has at most: none to look at what is not dumpable. */
static long have_few_capabilities(const void *unused)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	(void)unused;
	data[0].effective = data[0].permitted =
		1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_NET_ADMIN;
	return SYSTEM(syscall(SYS_capset, &header, data));
}

static long read_program(const void *argument)
{
	const struct look *at = argument;
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", at->pid);
	return readlink(path, text, sizeof(text)) < 0 ? -errno : 0;
}

/* A descriptor of standard error, which sanitizers write to, comes on top. */
void case_confined(const char *kind)
{
	const uint64_t two = UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID;
	const bool root = strcmp(kind, "root") == 0;
	struct player eye = player_new(NULL), other = player_new(NULL);

	stage_set(&(struct setting){.kind = kind, .seats = 3});
	struct look broker = {
		.pid = stage.broker,
		.capabilities = root ? two | UINT64_C(1) << CAP_NET_ADMIN : two,
		.descriptors = 3 + 3 + 4 + kin_is_told(),
	};
	struct look guard = {.pid = stage.guard, .descriptors = 3 + 2};

	SAME(player_do(&eye, look, &broker, sizeof(broker)), 0);
	SAME(player_do(&eye, look, &guard, sizeof(guard)), 0);
	if (root) {
		SAME(player_do(&eye, look_at_root, &broker, sizeof(broker)), 0);
		SAME(player_do(&eye, look_at_root, &guard, sizeof(guard)), 0);
	}
	struct look itself = {.pid = other.pid};

	SAME(player_do(&eye, have_few_capabilities, NULL, 0), 0);
	SAME(player_do(&other, have_few_capabilities, NULL, 0), 0);
	SAME(player_do(&eye, read_program, &itself, sizeof(itself)), 0);
	SAME(player_do(&eye, read_program, &broker, sizeof(broker)), -EACCES);
	SAME(player_do(&eye, read_program, &guard, sizeof(guard)), -EACCES);
}

/* ------------------------------------------------------------------------------ untouchable -- */

static void check_untouchable(pid_t pid)
{
	static const int signals[] = {0, SIGSTOP, SIGTERM, SIGKILL, SIGCONT, SIGUSR1};
	const struct rlimit none = {0, 0};
	cpu_set_t first;
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)&stage, 1};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		REFUSED(kill(pid, signals[i]), EPERM);
	REFUSED(ptrace(PTRACE_SEIZE, pid, NULL, NULL), EPERM);
	REFUSED(prlimit(pid, RLIMIT_NOFILE, &none, NULL), EPERM);
	REFUSED(process_vm_readv(pid, &here, 1, &there, 1, 0), EPERM);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	REFUSED(sched_setaffinity(pid, sizeof(first), &first), EPERM);
	REFUSED(setpriority(PRIO_PROCESS, (id_t)pid, 19), EPERM);
	int pidfd = (int)SYSTEM(syscall(SYS_pidfd_open, pid, 0));

	REFUSED(syscall(SYS_pidfd_getfd, pidfd, 2, 0), EPERM);
	REFUSED(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0), EPERM);
	close(pidfd);
}

void case_untouchable(const char *kind)
{
	struct player alice = player_new("alice");

	stage_set(&(struct setting){.kind = kind});
	check_untouchable(stage.guard);
	check_untouchable(stage.broker);
	check_serves(&alice);
}

/* -------------------------------------------------------------------------------------- ends -- */

static void without(const char *kind, bool broker)
{
	const bool keep = strcmp(kind, "keep") == 0;
	struct player root = player_new(NULL), alice = player_new("alice"), bob = player_new("bob");
	uint32_t numbers[3];

	stage_set(&(struct setting){.kind = "root", .keep_tokens = keep});
	numbers[0] = number_of(stage_connection(&alice, NULL));
	numbers[1] = number_of(stage_connection(&bob, NULL));
	numbers[2] = engine->anonymous;
	pid_t victim = broker ? stage.broker : stage.guard;

	SAME(player_do(&root, kill_process, &victim, sizeof(victim)), 0);
	check_ended(numbers, keep ? 0 : 3);
	for (int i = 0; i < 3 && keep; i++)
		SAME(ring_run(numbers[i], prepare_nothing, NULL), 0);
}

void case_broker_killed(const char *kind)
{
	without(kind, true);
}

void case_guard_killed(const char *kind)
{
	without(kind, false);
}

/* What was forked from the service, and has its rings, is not left with tokens when it ends. */
void case_service_ends(const char *kind)
{
	struct player alice = player_new("alice");

	stage_set(&(struct setting){.kind = kind});
	uint32_t number = number_of(stage_connection(&alice, NULL));

	for (unsigned int seat = 0; seat < 2; seat++)
		close(seat_at(seat)->broker);
	check_ended(&number, 1);
}
