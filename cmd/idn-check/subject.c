/* SPDX-License-Identifier: MIT */
/* Whom a question is about: -u, -t and -l. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "cli/facts.h"
#include "cli/message.h"

bool subject_option(poptContext context, int option, struct subject_options *options)
{
	if (option == OPTION_LEVEL) {
		options->level = poptGetOptArg(context);
		return true;
	}
	if (option != OPTION_USER && option != OPTION_THREAD)
		return false;

	struct named_subject *larger =
		reallocarray(options->named, options->count + 1, sizeof(*larger));

	if (!larger)
		die(EXIT_USAGE, "%s", strerror(ENOMEM));
	options->named = larger;
	larger[options->count++] = (struct named_subject){
		.text = poptGetOptArg(context),
		.is_thread = option == OPTION_THREAD,
	};
	return true;
}

static int find_one(struct named_subject *named, enum imp_level level)
{
	pid_t pid, tid;

	if (named->is_thread) {
		if (procfs_parse_thread(named->text, &pid, &tid) < 0)
			return -EDOM;
		warn_of_ring(named->text, pid, tid);
		return subject_of_thread(pid, tid, level, &named->subject);
	}
	if (strchr(named->text, ':'))
		return subject_of_ids(named->text, level, &named->subject);
	return subject_of_user(named->text, level, &named->subject);
}

static const char *why_not(const struct named_subject *named, int error)
{
	switch (error) {
	case -EDOM:
		return "not of the form PID or PID/TID";
	case -ESRCH:
		return named->is_thread ? "no such thread" : "no such user";
	case -EINVAL:
	case -ERANGE:
		return strchr(named->text, ':') ? "not of the form UID:GID[,GID...] in numbers"
						: "neither a name nor a number that is an id";
	default:
		return reason_of(error);
	}
}

void find_subjects(struct subject_options *options, int status)
{
	enum imp_level level = IMP_LEVEL_IMPERSONATION;

	if (options->level && imp_level_parse(options->level, &level) < 0)
		die(status,
		    "--level: %s: not anonymous, identification, impersonation or delegation",
		    options->level);
	options->chosen_level = level;
	if (options->count == 0) {
		static char who[32];

		options->named = calloc(1, sizeof(*options->named));
		if (!options->named)
			die(status, "%s", strerror(ENOMEM));
		options->count = 1;
		snprintf(who, sizeof(who), "%u", geteuid());
		options->named[0].text = who;

		int error = subject_of_caller(level, &options->named[0].subject);

		if (error < 0)
			die(status, "the caller: %s", reason_of(error));
		options->named[0].is_caller = true;
		return;
	}
	for (size_t i = 0; i < options->count; i++) {
		int error = find_one(&options->named[i], level);

		if (error < 0)
			die(status, "%s: %s", options->named[i].text,
			    why_not(&options->named[i], error));
	}
}

void clear_subjects(struct subject_options *options)
{
	for (size_t i = 0; i < options->count; i++) {
		subject_clear(&options->named[i].subject);
		if (!options->named[i].is_caller)
			free((char *)options->named[i].text);
	}
	free(options->named);
	free((char *)options->level);
}

/* ------------------------------------------------------------------------------------- base -- */

void find_base(const struct named_subject *named, struct walk_base *base)
{
	const struct access_subject *subject = &named->subject;

	*base = (struct walk_base){.root = -1, .current = AT_FDCWD};
	if (!named->is_thread || !subject->pid)
		return;

	int own = open("/", O_PATH | O_CLOEXEC);
	int its = procfs_open_place(subject->pid, subject->tid, "root");

	if (its < 0)
		warn_of("%s: its root directory cannot be seen (%s); taken to be the same as here",
			named->text, reason_of(its));
	else if (own >= 0 && !object_same_place(own, its))
		*base = (struct walk_base){
			.root = its, .current = AT_FDCWD, .mounts_of = subject->pid};
	if (its >= 0 && base->root < 0)
		close(its);
	if (own >= 0)
		close(own);
}

void clear_base(struct walk_base *base)
{
	if (base->root >= 0)
		close(base->root);
}
