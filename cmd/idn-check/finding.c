/* SPDX-License-Identifier: MIT */
/* Which rule refused a call: its paths are walked for whom it was refused, as the call goes them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/message.h"
#include "core/log.h"
#include "finding.h"

static bool is_refusal(int error)
{
	return error == EACCES || error == EPERM || error == EROFS;
}

/* A link at the end that the call did not follow: what it leads to did not count. */
static bool is_beyond(const struct answer *answer, size_t decider)
{
	for (size_t i = 0; i < decider; i++)
		if (answer->walk.steps[i].check == CHECK_FOLLOW && answer->walk.steps[i].trailing)
			return true;
	return false;
}

/* Did the step that decided refuse the call? */
static bool does_explain(const struct question *question, const struct spot *spot, unsigned want,
			 const struct answer *answer)
{
	size_t decider = answer->evaluated.decider;
	bool last = answer->walk.count > 0 && answer->walk.steps[decider].last;

	if (answer->evaluated.result != RESULT_DENIED || !is_refusal(answer->evaluated.error))
		return false;
	if (question->refused->call->follows_not && is_beyond(answer, decider))
		return false;
	if (want == 0) /* the way alone */
		return !last;
	return last || !spot->of_descriptor;
}

static const struct object *decider_of(const struct answer *answer)
{
	return answer->walk.steps[answer->evaluated.decider].object;
}

static bool is_same_decision(const struct answer *a, const struct answer *b)
{
	const struct object *one = decider_of(a), *other = decider_of(b);
	size_t i = a->evaluated.decider, j = b->evaluated.decider;

	return one && other && one->dev == other->dev && one->ino == other->ino &&
	       one->mount == other->mount && b->evaluated.result == a->evaluated.result &&
	       b->evaluated.error == a->evaluated.error &&
	       a->walk.steps[i].check == b->walk.steps[j].check &&
	       a->verdicts[i].rule == b->verdicts[j].rule;
}

/* False where there is none to be had: the command goes on, whatever it is that we lack. */
static bool answer_to(const struct question *question, const struct spot *spot, const char *path,
		      unsigned want, struct answer *answer)
{
	int error = find_answer(path, want, &question->who, &spot->base, false, answer);

	if (error < 0) {
		complain_of("%s: %s", path, reason_of(error));
		return false;
	}
	answer->level = IMP_LEVEL_IMPERSONATION;
	snprintf(answer->kernel.why_not, sizeof(answer->kernel.why_not),
		 "its answer was %s, to the call itself", error_name(question->refused->error));
	return true;
}

/* With whole paths, which can be used anywhere, where the way to the directory changes nothing. */
static void make_absolute(const struct question *question, struct finding *finding)
{
	const struct spot *spot = finding->spot;
	struct answer *answer = &finding->answer, whole;

	if (spot->base.current == AT_FDCWD || answer->path[0] == '/')
		return;
	finding->elsewhere = true;
	if (spot->shown[0] == '/' && answer_to(question, spot, spot->shown, answer->want, &whole)) {
		if (is_same_decision(answer, &whole)) {
			clear_answer(answer);
			*answer = whole;
			finding->elsewhere = false;
			return;
		}
		clear_answer(&whole);
	}
	answer->path = spot->shown;
}

/* True, with the answer kept, where it explains; else the last one is kept, for what it suspects.
 */
static bool try(const struct question *question, const struct spot *spot, const char *path,
		unsigned want, struct finding *finding)
{
	if (finding->answered)
		clear_answer(&finding->answer);
	finding->spot = spot;
	finding->answered =
		answer_to(question, spot, path, want ? want : ACCESS_READ, &finding->answer);
	finding->explains =
		finding->answered && does_explain(question, spot, want, &finding->answer);
	return finding->explains;
}

static bool is_directory(const struct answer *answer)
{
	const struct walk *walk = &answer->walk;

	return walk->count > 0 && walk->steps[walk->count - 1].object &&
	       S_ISDIR(walk->steps[walk->count - 1].object->mode);
}

/* A name is taken away and made; and a directory that moves has another parent written into it. */
static void explain_rename(const struct question *question, struct finding *finding)
{
	const struct spot *from = &question->spots[0], *to = &question->spots[1];

	if (question->n_spots < 2)
		return;
	if (try(question, from, from->path, ACCESS_DELETE, finding) ||
	    try(question, to, to->path, ACCESS_DELETE, finding) ||
	    try(question, to, to->path, ACCESS_CREATE, finding))
		return;
	if (try(question, from, from->path, ACCESS_WRITE, finding) &&
	    !is_directory(&finding->answer))
		finding->explains = false;
}

static void explain_link(const struct question *question, struct finding *finding)
{
	const struct spot *from = &question->spots[0], *to = &question->spots[1];

	if (question->n_spots == 2 && !try(question, from, from->path, ACCESS_LINK, finding))
		try(question, to, to->path, ACCESS_CREATE, finding);
}

/* "#!/bin/sh -e": the kernel executes that, too. */
static bool read_interpreter(const struct answer *answer, char *buffer, size_t size)
{
	const struct walk *walk = &answer->walk;
	const struct object *object = walk->count > 0 ? walk->steps[walk->count - 1].object : NULL;
	char link[PROCFS_FD_PATH], line[256], *begin;
	ssize_t length = -1;

	if (!object || object->fd < 0 || !S_ISREG(object->mode))
		return false;

	int fd = open(procfs_fd_path(object->fd, link), O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		length = read(fd, line, sizeof(line) - 1);
		close(fd);
	}
	if (length < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[length] = '\0';
	begin = line + 2 + strspn(line + 2, " \t");
	begin[strcspn(begin, " \t\n")] = '\0';
	snprintf(buffer, size, "%s", begin);
	return buffer[0] != '\0';
}

static void explain_program(const struct question *question, struct finding *finding)
{
	const struct spot *spot = &question->spots[0];

	if (question->n_spots == 0 || try(question, spot, spot->path, question->want, finding) ||
	    !read_interpreter(&finding->answer, finding->interpreter, sizeof(finding->interpreter)))
		return;
	finding->by_its_program =
		try(question, spot, finding->interpreter, ACCESS_EXECUTE, finding);
}

void find_reason(const struct question *question, struct finding *finding)
{
	const struct call *call = question->refused->call;

	*finding = (struct finding){.spot = NULL};
	if (call->about == ABOUT_RENAME)
		explain_rename(question, finding);
	else if (call->about == ABOUT_LINK)
		explain_link(question, finding);
	else if (call->want == ACCESS_EXECUTE && call->about == ABOUT_WANT)
		explain_program(question, finding);
	else if (call->about != ABOUT_MAPPING && question->n_spots > 0)
		try(question, &question->spots[0], question->spots[0].path, question->want,
		    finding);
	if (finding->answered)
		make_absolute(question, finding);
	finding->has_need = question_need(question, finding->need, sizeof(finding->need)) != NULL;
	/* Another error than the rule's: it is the other thing that was missing. */
	if (finding->explains && finding->has_need &&
	    finding->answer.evaluated.error != question->refused->error)
		finding->explains = false;
	if (finding->explains)
		finding->has_need = false;
}

void finding_clear(struct finding *finding)
{
	if (finding->answered)
		clear_answer(&finding->answer);
}
