/* SPDX-License-Identifier: MIT */
/*
 * without CALL COMMAND [ARG...]: runs it where that system call is not there: faccessat2, seccomp
 * or io_uring_setup; with "=EPERM" behind its name, where nobody may make it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

static const struct {
	const char *name;
	uint32_t number;
} calls[] = {
	{"faccessat2", SYS_faccessat2},
	{"seccomp", SYS_seccomp},
	{"io_uring_setup", SYS_io_uring_setup},
};

/* False: there is none of that name. */
static bool parse(const char *text, uint32_t *number, uint32_t *error)
{
	const size_t length = strcspn(text, "=");

	*error = text[length] ? EPERM : ENOSYS;
	if (text[length] && strcmp(text + length, "=EPERM") != 0)
		return false;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strlen(calls[i].name) == length && strncmp(calls[i].name, text, length) == 0) {
			*number = calls[i].number;
			return true;
		}
	return false;
}

int main(int argc, char **argv)
{
	uint32_t number, error;

	if (argc < 3 || !parse(argv[1], &number, &error)) {
		fputs("usage: without CALL[=EPERM] COMMAND [ARG...]\n", stderr);
		return 2;
	}

	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		fprintf(stderr, "without: no filter: %s\n", strerror(errno));
		return 77;
	}
	execvp(argv[2], argv + 2);
	fprintf(stderr, "without: %s: %s\n", argv[2], strerror(errno));
	return 127;
}
