/* SPDX-License-Identifier: MIT */
/* A command whose refused system calls are caught (ptrace(2)). */
#ifndef TRACE_H
#define TRACE_H

#include <sys/types.h>

#include "calls.h"

/* A call that the kernel refused.  The thread that made it is stopped until this is dealt with. */
struct refused_call {
	pid_t tid;
	const struct call *call;
	uint64_t arguments[6];
	int error;   /* EACCES, EPERM, EROFS */
	bool search; /* made while the command was being looked for in PATH, to run it */
};

/* What the tracer and the command tell one another before the command runs. */
struct trace_shared {
	uint32_t architecture; /* AUDIT_ARCH_ of the tracer's own kind of system calls */
	bool filtered;	       /* the filter is on */
};

struct trace {
	pid_t pid; /* of the command; 0 in itself */
	struct trace_shared *shared;
	bool started; /* by trace_run: the command ran */
};

/*
 * Forks.  Both return 0: the child, once it is traced, is to install the filter, say so in the
 * shared memory, and become the command; the parent is to call trace_run.  -errno in the parent
 * alone, where it cannot be traced: then there is no child.
 */
int trace_fork(struct trace *trace);

/*
 * Sees the command and all that it starts through, to the end of the last of them.  Returns the
 * command's wait status.
 */
int trace_run(struct trace *trace, void (*refused)(const struct refused_call *call, void *data),
	      void *data);

/* For the calling thread, which needs CAP_SYS_ADMIN or no_new_privs.  -errno of seccomp(2). */
int filter_install(uint32_t architecture);

/* Of the memory of a stopped thread.  -EFAULT, or what the kernel says where it may not be read. */
int trace_read(pid_t tid, uint64_t address, void *buffer, size_t size);
/* A string that is shorter than SIZE; -ENAMETOOLONG. */
int trace_read_string(pid_t tid, uint64_t address, char *buffer, size_t size);

#endif
