/* SPDX-License-Identifier: MIT */
/*
 * Walking trees: one worker.  Depth first, with a frame for every directory from the start path, or
 * from where it took over, to the one at hand.  A frame holds a descriptor and the subdirectories
 * of one piece of the directory, never of all of it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/tree-walker.h"
#include "core/switch.h"

static int start_at(struct worker *worker, size_t start);
static int go_on_with(struct worker *worker, struct job *job);
static int walk_frames(struct worker *worker);
static void leave(struct worker *worker);

/* ------------------------------------------------------------------------------ the thread -- */

static int open_worker(struct worker *worker, struct pool *pool)
{
	size_t n_subjects = pool->tree->n_subjects;

	*worker = (struct worker){
		.pool = pool,
		.buffer = malloc(BUFFER_SIZE),
		.found = malloc(ENTRIES_MAXIMUM * sizeof(*worker->found)),
		.answers = malloc(ENTRIES_MAXIMUM * n_subjects * sizeof(*worker->answers)),
		.tally = calloc(n_subjects, sizeof(*worker->tally)),
	};
	return worker->buffer && worker->found && worker->answers && worker->tally ? 0 : -ENOMEM;
}

static void close_worker(struct worker *worker)
{
	if (worker->pool->switching) {
		become_caller(worker);
		switch_forget_thread();
	}
	while (worker->depth > 0)
		leave(worker);
	free(worker->buffer);
	free(worker->found);
	free(worker->answers);
	free(worker->tally);
	free(worker->frames);
	free(worker->path);
	free(worker->output.bytes);
}

void *worker_run(void *argument)
{
	struct pool *pool = argument;
	struct worker worker;
	struct job *job;
	size_t start;
	int error = open_worker(&worker, pool);

	if (error == 0)
		error = take_subject(&worker);
	if (error < 0)
		pool_stop(pool, error);
	while (pool_take(pool, &job, &start)) {
		error = job ? go_on_with(&worker, job) : start_at(&worker, start);
		if (error == 0)
			error = walk_frames(&worker);
		pool_add(&worker);
		if (error < 0)
			pool_stop(pool, error);
	}
	if (worker.output.used > 0) {
		error = pool_write(&worker);
		if (error < 0)
			pool_stop(pool, error);
	}
	close_worker(&worker);
	return NULL;
}

/* ---------------------------------------------------------------------------------- paths -- */

/* Puts TEXT behind the first LENGTH bytes of the path. */
static int extend_path(struct worker *worker, size_t length, const char *text, size_t text_length)
{
	size_t needed = length + text_length + 1;

	if (needed > worker->path_room) {
		char *larger = realloc(worker->path, needed * 2 + 256);

		if (!larger)
			return -ENOMEM;
		worker->path = larger;
		worker->path_room = needed * 2 + 256;
	}
	memcpy(worker->path + length, text, text_length);
	worker->path[length + text_length] = '\0';
	return 0;
}

/* The same, and a slash behind it where there is none: what the names in a directory go behind. */
static int extend_path_to(struct worker *worker, size_t length, const char *name,
			  size_t *path_length)
{
	size_t name_length = strlen(name);
	int error = extend_path(worker, length, name, name_length);

	*path_length = length + name_length;
	if (error == 0 && name_length > 0 && name[name_length - 1] != '/')
		error = extend_path(worker, (*path_length)++, "/", 1);
	return error;
}

/* ------------------------------------------------------------------------ what was answered -- */

static void count_answers(struct worker *worker)
{
	size_t n_subjects = worker->pool->tree->n_subjects;

	for (size_t subject = 0; subject < n_subjects; subject++) {
		const struct tree_answer *answer = worker->answers + subject;
		struct tree_counts *tally = &worker->tally[subject];
		uint64_t counts[TREE_UNKNOWN + 1] = {0};

		for (size_t i = 0; i < worker->n_found; i++, answer += n_subjects) {
			counts[answer->result]++;
			if (answer->result == TREE_UNKNOWN)
				tally->walk_error = -answer->error;
		}
		tally->allowed += counts[TREE_ALLOWED];
		tally->denied += counts[TREE_DENIED];
		tally->unknown += counts[TREE_UNKNOWN];
	}
	worker->entries += worker->n_found;
}

static bool is_listed(const struct tree *tree, const struct tree_answer *answers)
{
	unsigned results = 0;

	for (size_t i = 0; i < tree->n_subjects; i++)
		results |= 1u << answers[i].result;
	return results & tree->listed;
}

static int list_answers(struct worker *worker, int directory, size_t path_length)
{
	const struct tree *tree = worker->pool->tree;
	const struct tree_answer *answers = worker->answers;

	if (tree->list_as_caller)
		become_caller(worker);
	for (size_t i = 0; i < worker->n_found; i++, answers += tree->n_subjects) {
		const struct found *found = &worker->found[i];
		size_t length = strlen(found->name);

		if (!is_listed(tree, answers))
			continue;

		int error = extend_path(worker, path_length, found->name, length);

		if (error < 0)
			return error;
		tree->list(tree->context,
			   &(struct tree_entry){
				   .path = worker->path,
				   .length = path_length + length,
				   .directory = directory,
				   .name = found->name,
				   .is_directory = found->type == DT_DIR,
				   .start = worker->start,
				   .answers = answers,
			   },
			   &worker->output);
		if (worker->output.used >= OUTPUT_SIZE || worker->output.failed) {
			error = pool_write(worker);
			if (error < 0)
				return error;
		}
	}
	return 0;
}

/* What is found in a directory, as who can list it. */
static int answer(struct worker *worker, int directory, uint64_t joined, size_t path_length)
{
	const struct tree *tree = worker->pool->tree;
	int error = ask_about_found(worker, directory, joined);

	if (error < 0)
		return error;
	count_answers(worker);
	return tree->list ? list_answers(worker, directory, path_length) : 0;
}

/* --------------------------------------------------------------------------------- frames -- */

static int push(struct worker *worker, const struct frame *frame)
{
	if (worker->depth == worker->room) {
		size_t room = worker->room ? worker->room * 2 : 32;
		struct frame *larger = reallocarray(worker->frames, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		worker->frames = larger;
		worker->room = room;
	}
	worker->frames[worker->depth++] = *frame;
	return 0;
}

static void leave(struct worker *worker)
{
	struct frame *frame = &worker->frames[--worker->depth];

	free(frame->names);
	close(frame->fd);
}

/* NAME of PARENT, as those of JOINED who can; nothing is pushed where nobody can. */
static int enter(struct worker *worker, int parent, const char *name, uint64_t joined,
		 size_t parent_length)
{
	struct frame frame = {.joined = joined};
	int error = open_directory(worker, parent, name, &frame);

	if (error < 0 || frame.fd < 0)
		return error;
	error = extend_path_to(worker, parent_length, name, &frame.path_length);
	if (error == 0)
		error = push(worker, &frame);
	if (error < 0)
		close(frame.fd);
	return error;
}

static int start_at(struct worker *worker, size_t start)
{
	const char *path = worker->pool->tree->starts[start];
	uint64_t joined;
	int error;

	worker->start = start;
	memset(worker->answers, 0, worker->pool->tree->n_subjects * sizeof(*worker->answers));
	error = look_at_start(worker, path, &joined);
	if (error < 0)
		return error;

	bool is_directory = worker->found[0].type == DT_DIR;

	error = answer(worker, AT_FDCWD, joined, 0);
	if (error < 0 || !is_directory)
		return error;
	return enter(worker, AT_FDCWD, path, joined, 0);
}

/* The subdirectories among what is found, to be gone to before more is read. */
static int keep_names(struct worker *worker, struct frame *frame)
{
	size_t length = 0;

	for (size_t i = 0; i < worker->n_found; i++)
		if (worker->found[i].type == DT_DIR)
			length += strlen(worker->found[i].name) + 1;
	if (length == 0)
		return 0;
	free(frame->names);
	frame->names = malloc(length);
	if (!frame->names)
		return -ENOMEM;
	frame->names_length = length;

	char *next = frame->names;

	for (size_t i = 0; i < worker->n_found; i++)
		if (worker->found[i].type == DT_DIR)
			next = stpcpy(next, worker->found[i].name) + 1;
	return 0;
}

static int read_more(struct worker *worker, struct frame *frame)
{
	ssize_t bytes = read_entries(worker, frame);

	if (bytes <= 0) {
		frame->more = frame->full = false;
		/* A directory that was removed meanwhile is as good as an empty one. */
		if (bytes == 0 || bytes == -ENOENT)
			return 0;
		for (size_t i = 0; i < worker->pool->tree->n_subjects; i++) {
			if (!(frame->joined & UINT64_C(1) << i))
				continue;
			worker->tally[i].not_walked++;
			worker->tally[i].walk_error = (int)bytes;
		}
		return 0;
	}
	/* The next entry, of the longest name, did not fit, or might not have. */
	frame->full = bytes > BUFFER_SIZE - 4096;

	size_t n_answers = worker->n_found * worker->pool->tree->n_subjects;

	memset(worker->answers, 0, n_answers * sizeof(*worker->answers));

	int error = answer(worker, frame->fd, frame->joined, frame->path_length);

	return error < 0 ? error : keep_names(worker, frame);
}

static int descend(struct worker *worker, struct frame *frame)
{
	size_t at = frame_last_name(frame);
	char *name = frame->names + at;
	char *names = NULL;

	frame->names_length = at;
	if (at == 0) {
		names = frame->names;
		frame->names = NULL;
	}

	int error = enter(worker, frame->fd, name, frame->joined, frame->path_length);

	free(names);
	return error;
}

static int go_on_with(struct worker *worker, struct job *job)
{
	int error = extend_path(worker, 0, job->path, job->frame.path_length);

	worker->start = job->start;
	worker->device = job->device;
	if (error == 0)
		error = push(worker, &job->frame);
	if (error == 0) /* it is the worker's now */
		job->frame = (struct frame){.fd = -1};
	job_free(job);
	return error;
}

/* ---------------------------------------------------------------------------------- the walk */

enum { ENTRIES_BETWEEN_COUNTS = 8192 };

static int walk_frames(struct worker *worker)
{
	int error = 0;

	while (worker->depth > 0 && error == 0 && !atomic_load(&worker->pool->stopped)) {
		share_work(worker);

		struct frame *frame = &worker->frames[worker->depth - 1];

		if (frame->names_length > 0)
			error = descend(worker, frame);
		else if (frame->more)
			error = read_more(worker, frame);
		else
			leave(worker);
		if (worker->entries >= ENTRIES_BETWEEN_COUNTS)
			pool_add(worker);
	}
	return error;
}
