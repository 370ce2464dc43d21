/* SPDX-License-Identifier: MIT */
/* The memory of a stopped thread. */
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include "trace.h"

/* Word by word: what a tracer may do that has not got the right to process_vm_readv(2). */
static int peek(pid_t tid, uint64_t address, char *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		uint64_t at = address + done, skipped = at % sizeof(long);
		size_t part = sizeof(long) - (size_t)skipped;

		errno = 0;
		long word = ptrace(PTRACE_PEEKDATA, tid, (void *)(uintptr_t)(at - skipped), NULL);

		if (errno)
			return -errno;
		if (part > size - done)
			part = size - done;
		memcpy(buffer + done, (char *)&word + skipped, part);
		done += part;
	}
	return 0;
}

int trace_read(pid_t tid, uint64_t address, void *buffer, size_t size)
{
	struct iovec here = {buffer, size}, there = {(void *)(uintptr_t)address, size};
	ssize_t n = process_vm_readv(tid, &here, 1, &there, 1, 0);

	if (n == (ssize_t)size)
		return 0;
	if (n >= 0 || errno == EFAULT)
		return -EFAULT;
	return peek(tid, address, buffer, size);
}

/* In pieces that no page ends in: what lies behind the string may not be there. */
int trace_read_string(pid_t tid, uint64_t address, char *buffer, size_t size)
{
	size_t done = 0;

	while (done < size) {
		size_t part = 256 - (size_t)((address + done) % 256);

		if (part > size - done)
			part = size - done;

		int error = trace_read(tid, address + done, buffer + done, part);

		if (error < 0)
			return error;
		if (memchr(buffer + done, '\0', part))
			return 0;
		done += part;
	}
	return -ENAMETOOLONG;
}
