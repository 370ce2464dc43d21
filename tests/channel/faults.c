/* SPDX-License-Identifier: MIT */
/* Two calls over a channel, to be run under strace(1), which makes one system call of them fail. */
#include <linux/capability.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "stage.h"

/* A hundred of each, so that strace(1) can count from there; whether they succeed does not matter.
 */
static void make_calls_in_vain(void)
{
	gid_t groups[MOST_GROUPS];
	uid_t ids[3];
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	struct sockaddr_un nowhere = {.sun_family = AF_UNIX};

	for (int i = 0; i < 100; i++) {
		syscall(SYS_getresuid, &ids[0], &ids[1], &ids[2]);
		syscall(SYS_getgroups, MOST_GROUPS, groups);
		syscall(SYS_setfsuid, -1);
		syscall(SYS_capget, &header, data);
		syscall(SYS_bind, -1, &nowhere, sizeof(nowhere));
		syscall(SYS_connect, -1, &nowhere, sizeof(nowhere));
		close(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	}
}

static void try_to_call(const char *stage)
{
	const int before = count_descriptors();
	int fd, error = imp_channel_begin(channel, &fd, NULL);

	if (error == 0) {
		imp_channel_end(channel, false);
		return;
	}
	printf("%s %d\n", stage, error);
	SAME(count_descriptors(), before);
	MUST(begin()); /* the next is as if nothing had been */
}

static void call_under_faults(void)
{
	static struct state before;

	state_read(0, &before);
	make_calls_in_vain();
	try_to_call("open");
	try_to_call("again");
	imp_channel_close(channel);
	printf("done\n");
	STATE_IS(0, &before);
}

static void faults(const char *kind)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	set_out(kind, IMP_LEVEL_IMPERSONATION);
	const int before = count_descriptors();

	in_thread(as_alice, call_under_faults);
	SAME(count_descriptors(), before);
}

const struct check_case fault_cases[] = {
	{"faults", faults},
	{NULL, NULL},
};
