/* SPDX-License-Identifier: MIT */
/* Each operation as a ring has it (io_uring_enter(2)). */
#include <fcntl.h>
#include <liburing.h>

#include "ring/operation.h"

void prepare_open(struct io_uring_sqe *sqe, const void *operation)
{
	const struct operation *self = operation;

	io_uring_prep_openat2(sqe, self->directory, self->path, (struct open_how *)self->how);
}

void prepare_stat(struct io_uring_sqe *sqe, const void *operation)
{
	const struct operation *self = operation;

	io_uring_prep_statx(sqe, self->directory, self->path, (int)self->flags, self->mask,
			    self->status);
}

void prepare_mkdir(struct io_uring_sqe *sqe, const void *operation)
{
	const struct operation *self = operation;

	io_uring_prep_mkdirat(sqe, self->directory, self->path, self->mode);
}

void prepare_unlink(struct io_uring_sqe *sqe, const void *operation)
{
	const struct operation *self = operation;

	io_uring_prep_unlinkat(sqe, self->directory, self->path, (int)self->flags);
}

void prepare_rename(struct io_uring_sqe *sqe, const void *operation)
{
	const struct operation *self = operation;

	io_uring_prep_renameat(sqe, self->directory, self->path, self->new_directory,
			       self->new_path, self->flags);
}

void prepare_link(struct io_uring_sqe *sqe, const void *operation)
{
	const struct operation *self = operation;

	io_uring_prep_linkat(sqe, self->directory, self->path, self->new_directory, self->new_path,
			     (int)self->flags);
}

void prepare_symlink(struct io_uring_sqe *sqe, const void *operation)
{
	const struct operation *self = operation;

	io_uring_prep_symlinkat(sqe, self->path, self->new_directory, self->new_path);
}

void prepare_get(struct io_uring_sqe *sqe, const void *operation)
{
	const struct operation *self = operation;

	if (self->path)
		io_uring_prep_getxattr(sqe, self->name, self->room, self->path,
				       (unsigned int)self->size);
	else
		io_uring_prep_fgetxattr(sqe, self->directory, self->name, self->room,
					(unsigned int)self->size);
}

void prepare_set(struct io_uring_sqe *sqe, const void *operation)
{
	const struct operation *self = operation;

	if (self->path)
		io_uring_prep_setxattr(sqe, self->name, self->value, self->path, (int)self->flags,
				       (unsigned int)self->size);
	else
		io_uring_prep_fsetxattr(sqe, self->directory, self->name, self->value,
					(int)self->flags, (unsigned int)self->size);
}

void prepare_connect(struct io_uring_sqe *sqe, const void *operation)
{
	const struct operation *self = operation;

	io_uring_prep_connect(sqe, self->directory, self->address, self->length);
}

void prepare_nothing(struct io_uring_sqe *sqe, const void *operation)
{
	(void)operation;
	io_uring_prep_nop(sqe);
}
