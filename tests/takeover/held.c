/* SPDX-License-Identifier: MIT */
/*
 * A ring that is held: the kernel reads an operation's path with the ring's lock taken, and waits
 * for the memory that it is in.  That may be a file of a FUSE file system of the service's own;
 * here it is a page that nobody fills in (userfaultfd(2)).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "takeover/cases.h"

struct held {
	unsigned int seat;
	char *page;
	int filler;
	pthread_t holder;
};

/* By root, who may have the kernel wait. */
static void prepare_page(struct held *held)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	held->filler = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (held->filler < 0)
		SKIP("needs userfaultfd(2): %s", strerror(errno));
	held->page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (held->page == MAP_FAILED)
		FAIL("mmap: expected memory, saw: %s", strerror(errno));
	range.range.start = (uintptr_t)held->page;
	range.range.len = size;
	SYSTEM(ioctl(held->filler, UFFDIO_API, &api));
	SYSTEM(ioctl(held->filler, UFFDIO_REGISTER, &range));
}

static void *hold(void *data)
{
	static const struct open_how how = {.flags = O_RDONLY};
	const struct held *held = data;
	const struct io_uring_sqe entry = {
		.opcode = IORING_OP_OPENAT2,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)held->page,
		.len = sizeof(how),
		.addr2 = (uintptr_t)&how,
	};

	SAME(give(held->seat, &entry), -ENOENT);
	return NULL;
}

static void hold_ring(struct held *held)
{
	struct pollfd waits = {.fd = held->filler, .events = POLLIN};

	SAME(pthread_create(&held->holder, NULL, hold, held), 0);
	SAME(SYSTEM(poll(&waits, 1, PATIENCE * 1000)), 1);
}

/* With the descriptor goes what it was asked to fill in: a page of zeroes. */
static void let_ring_go(struct held *held)
{
	close(held->filler);
	SAME(pthread_join(held->holder, NULL), 0);
}

/* The broker needs the ring, for who comes or for who leaves; or its guard does. */
static void hold_one(const char *kind, unsigned int seat)
{
	const struct message_request request = {MESSAGE_MAGIC, MESSAGE_ADMIT, 1, 0};
	struct player alice = player_new("alice"), bob = player_new("bob"), root = player_new(NULL);
	struct held held = {.seat = seat};

	prepare_page(&held);
	stage_set(&(struct setting){.kind = "root"});
	uint32_t number = number_of(stage_connection(&alice, NULL));

	hold_ring(&held);
	if (strcmp(kind, "comes") == 0) {
		int connection = stage_connection(&bob, NULL);

		SAME(tell(&request, sizeof(request), &connection, 1), 0);
	} else if (strcmp(kind, "killed") == 0) {
		SAME(player_do(&root, kill_process, &stage.broker, sizeof(stage.broker)), 0);
	}
	player_end(&alice);
	wait_revoked_by(1 - seat, number);
	let_ring_go(&held);
	wait_revoked(number);
}

void case_held(const char *kind)
{
	for (unsigned int seat = 0; seat < 2; seat++) {
		pid_t child = (pid_t)SYSTEM(fork());

		if (child == 0) {
			hold_one(kind, seat);
			_exit(PASSED);
		}
		wait_for(child);
	}
}
