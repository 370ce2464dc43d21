/* SPDX-License-Identifier: MIT */
/* In the place of the ring engine, where this is built without it. */
#include <errno.h>

#include "ring/operation.h"

int imp_ring_start(const struct imp_ring_options *options, const char **problem)
{
	(void)options;
	if (problem)
		*problem = "this was built without the ring engine";
	return -ENOTSUP;
}

int imp_ring_acceptor(struct imp_acceptor **acceptor)
{
	(void)acceptor;
	return -ENOENT;
}

int ring_run(uint32_t number, ring_prepare_fn *prepare, const void *operation)
{
	(void)number;
	(void)prepare;
	(void)operation;
	return -ENOTSUP;
}

/* Nothing to prepare for. */
#define NONE(name)                                                                                 \
	void prepare_##name(struct io_uring_sqe *sqe, const void *operation)                       \
	{                                                                                          \
		(void)sqe;                                                                         \
		(void)operation;                                                                   \
	}
NONE(open)
NONE(stat)
NONE(mkdir)
NONE(unlink)
NONE(rename)
NONE(link)
NONE(symlink)
NONE(get)
NONE(set)
NONE(connect)
NONE(nothing)
