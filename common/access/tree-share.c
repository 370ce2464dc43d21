/* SPDX-License-Identifier: MIT */
/*
 * Walking trees: one worker's work for another.
 *
 * Where one has nothing to do, it gets half of another's frame that is nearest to the start:
 * half of the names, and, since a duplicated descriptor shares its position, the next pieces of the
 * same directory.  So a single directory with a million files has as many readers as there are.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/tree-walker.h"

size_t frame_last_name(const struct frame *frame)
{
	const char *before = memrchr(frame->names, '\0', frame->names_length - 1);

	return before ? (size_t)(before + 1 - frame->names) : 0;
}

/* Of several names half, of the last one all: but then its owner must have something left to do. */
static size_t names_to_give(const struct frame *frame, bool is_deepest)
{
	const char *middle;
	size_t half, last;

	if (frame->names_length == 0)
		return 0;
	middle = memchr(frame->names + (frame->names_length - 1) / 2, '\0',
			frame->names_length - (frame->names_length - 1) / 2);
	half = (size_t)(middle + 1 - frame->names);
	if (half < frame->names_length)
		return half;
	last = frame_last_name(frame);
	if (last > 0)
		return last;
	return is_deepest && !frame->full ? 0 : frame->names_length;
}

void job_free(struct job *job)
{
	if (job->frame.fd >= 0)
		close(job->frame.fd);
	free(job->frame.names);
	free(job->path);
	free(job);
}

static struct job *split(const struct worker *worker, struct frame *frame, size_t given)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->start = worker->start;
	job->device = worker->device;
	job->frame = *frame;
	job->frame.more = frame->full;
	job->frame.names_length = given;
	job->path = strndup(worker->path, frame->path_length);
	job->frame.names = given ? malloc(given) : NULL;
	job->frame.fd = fcntl(frame->fd, F_DUPFD_CLOEXEC, 0);
	if (!job->path || (given && !job->frame.names) || job->frame.fd < 0) {
		job_free(job);
		return NULL;
	}
	/* Whether there is more is for the new reader to find out; it would be asked again and
	 * again. */
	frame->full = false;
	/* The first ones: the owner takes its own from the end. */
	if (given) {
		memcpy(job->frame.names, frame->names, given);
		frame->names_length -= given;
		memmove(frame->names, frame->names + given, frame->names_length);
	}
	return job;
}

/* What cannot be handed over, for want of memory or descriptors, is done here. */
void share_work(struct worker *worker)
{
	if (atomic_load_explicit(&worker->pool->hungry, memory_order_relaxed) == 0)
		return;
	for (size_t i = 0; i < worker->depth; i++) {
		struct frame *frame = &worker->frames[i];
		size_t given = names_to_give(frame, i + 1 == worker->depth);

		if (given == 0 && !frame->full)
			continue;

		struct job *job = split(worker, frame, given);

		if (job)
			pool_give(worker->pool, job);
		return;
	}
}
