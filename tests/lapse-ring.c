/* SPDX-License-Identifier: MIT */
/* Has the kernel make a worker of its own in this process, which has the ids of who calls this. */
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lapse.h"
#include "lib/check.h"

static struct io_uring_params parameters;

static void *map_part(int ring, size_t size, off_t offset)
{
	return (void *)SYSTEM(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, offset));
}

static int make_ring(void)
{
	int ring = (int)syscall(SYS_io_uring_setup, 1, &parameters);

	if (ring < 0)
		SKIP("needs io_uring");
	return ring;
}

/* Reading from a pipe that nobody writes to, by a worker from the beginning. */
static void fill_entry(struct io_uring_sqe *entry, int fd)
{
	static char byte;

	memset(entry, 0, sizeof(*entry));
	entry->opcode = IORING_OP_READ;
	entry->flags = IOSQE_ASYNC;
	entry->fd = fd;
	entry->addr = (uintptr_t)&byte;
	entry->len = 1;
}

void ring_make_worker(void)
{
	int ring = make_ring(), ends[2];
	const struct io_sqring_offsets *offsets = &parameters.sq_off;
	char *queue = map_part(ring, offsets->array + sizeof(uint32_t), IORING_OFF_SQ_RING);

	SYSTEM(pipe(ends));
	fill_entry(map_part(ring, sizeof(struct io_uring_sqe), IORING_OFF_SQES), ends[0]);
	*(uint32_t *)(void *)(queue + offsets->array) = 0;
	__atomic_store_n((uint32_t *)(void *)(queue + offsets->tail), 1, __ATOMIC_RELEASE);
	SAME(SYSTEM(syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 0)), 1);
}
