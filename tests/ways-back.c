/* SPDX-License-Identifier: MIT */
/*
 * ways-back [--with-key COMMAND [ARG...] | --push TEXT] - tries every way from what this process is
 * to more, and prints a line for each that leads there; then "tried".  Capabilities that it has are
 * no way: they are printed, too, since they should not be there.
 *
 * With --with-key it puts a key into a new session keyring first, which is possessed by whoever
 * inherits that, and runs COMMAND; "key" is the way that leads to it.  With --push it puts TEXT and
 * a new line into the input of each terminal that it can reach, as if it had been typed there.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEY "ways-back"

static void leads(const char *what, long result)
{
	if (result >= 0)
		printf("%s\n", what);
}

static _Noreturn void with_key(char **command)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_add_key, "user", KEY, "secret", (size_t)6, KEY_SPEC_SESSION_KEYRING) < 0) {
		printf("no keys: %s\n", strerror(errno));
		exit(77);
	}
	execvp(command[0], command);
	perror(command[0]);
	exit(1);
}

/* All to 0, and each alone: who is uid or gid 0 now would lose nothing by it, and is not asked. */
static void try_ids(void)
{
	const uid_t none = (uid_t)-1;
	const gid_t no_gid = (gid_t)-1;

	if (getuid() != 0) {
		leads("setuid", setuid(0));
		leads("setresuid real", setresuid(0, none, none));
		leads("setresuid effective", setresuid(none, 0, none));
		leads("setresuid saved", setresuid(none, none, 0));
		leads("setreuid", setreuid(0, 0));
		setfsuid(0);
		leads("setfsuid", setfsuid(none) == 0 ? 0 : -1);
	}
	if (getgid() != 0) {
		leads("setgid", setgid(0));
		leads("setresgid real", setresgid(0, no_gid, no_gid));
		leads("setresgid effective", setresgid(no_gid, 0, no_gid));
		leads("setresgid saved", setresgid(no_gid, no_gid, 0));
		leads("setregid", setregid(0, 0));
		setfsgid(0);
		leads("setfsgid", setfsgid(no_gid) == 0 ? 0 : -1);
	}
	leads("setgroups none", setgroups(0, NULL));
	leads("setgroups 0", setgroups(1, (gid_t[]){0}));
}

static void try_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct now[2];

	syscall(SYS_capget, &header, now);
	if (now[0].permitted | now[1].permitted)
		printf("permitted %08x%08x\n", now[1].permitted, now[0].permitted);
	if (now[0].inheritable | now[1].inheritable)
		printf("inheritable %08x%08x\n", now[1].inheritable, now[0].inheritable);
	for (unsigned long number = 0; prctl(PR_CAPBSET_READ, number) >= 0; number++) {
		struct __user_cap_data_struct more[2] = {now[0], now[1]};
		uint32_t bit = UINT32_C(1) << (number % 32);

		if (now[number / 32].permitted & bit)
			continue;
		more[number / 32].permitted |= bit;
		leads("capset permitted", syscall(SYS_capset, &header, more));
		more[number / 32].permitted &= ~bit;
		more[number / 32].inheritable |= bit;
		leads("capset inheritable", syscall(SYS_capset, &header, more));
		leads("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0UL, 0UL));
	}
	leads("securebits", prctl(PR_SET_SECUREBITS, (unsigned long)SECBIT_NO_SETUID_FIXUP));
	if (prctl(PR_GET_KEEPCAPS) != 0)
		printf("keepcaps is on\n");
}

static void try_others(void)
{
	char secret[16];
	int death = 0;
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", KEY, 0);

	if (key < 0)
		key = syscall(SYS_request_key, "user", KEY, NULL, 0);
	leads("key", key < 0 ? key : syscall(SYS_keyctl, KEYCTL_READ, key, secret, sizeof(secret)));
	if (getuid() != 0)
		leads("ptrace of init", ptrace(PTRACE_ATTACH, 1, NULL, NULL));
	if (prctl(PR_GET_PDEATHSIG, &death) == 0 && death)
		printf("parent-death signal %d\n", death);
	if (prctl(PR_GET_DUMPABLE) != 1)
		printf("not dumpable\n");
}

static void push(const char *text)
{
	int terminals[] = {0, 1, 2, open("/dev/tty", O_RDWR | O_CLOEXEC)};
	int refused = 0;

	for (size_t i = 0; i < sizeof(terminals) / sizeof(terminals[0]); i++) {
		for (const char *c = text; *c; c++)
			if (ioctl(terminals[i], TIOCSTI, c) < 0)
				refused = 1;
		if (ioctl(terminals[i], TIOCSTI, "\n") == 0)
			exit(0);
	}
	printf("%s\n", refused ? "refused" : "no terminal");
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "--push") == 0) {
		push(argv[2]);
		return 0;
	}
	if (argc > 2 && strcmp(argv[1], "--with-key") == 0)
		with_key(argv + 2);
	try_ids();
	try_capabilities();
	try_others();
	printf("tried\n");
	return 0;
}
