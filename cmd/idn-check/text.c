/* SPDX-License-Identifier: MIT */
/* An answer as people read it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "access/describe.h"
#include "check.h"
#include "cli/facts.h"
#include "cli/message.h"
#include "cli/names.h"
#include "core/log.h"

struct columns {
	int label, want;
};

/* The way by its whole names, what is at its end by its last. */
static const char *label_of(const struct walk_step *step)
{
	const char *slash = strrchr(step->path, '/');

	return step->last && slash && slash[1] ? slash + 1 : step->path;
}

/* Columns as wide as what people read in them: not as bytes are. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void measure(const struct answer *answer, struct columns *columns)
{
	char question[64];

	describe_question(answer->want, question, sizeof(question));
	*columns = (struct columns){.label = 18, .want = width_of(question)};
	if (columns->want < 8)
		columns->want = 8;
	for (size_t i = 0; i < answer->walk.count; i++) {
		char safe[8192], want[64];
		int label =
			width_of(printable(label_of(&answer->walk.steps[i]), safe, sizeof(safe)));
		int words = width_of(describe_want(&answer->walk.steps[i], want, sizeof(want)));

		columns->label = label > columns->label ? label : columns->label;
		columns->want = words > columns->want ? words : columns->want;
	}
	if (columns->label > 60)
		columns->label = 60;
}

static void put_row(FILE *out, const struct columns *columns, const char *label, const char *want,
		    const char *verdict, const char *rest)
{
	char safe[8192];

	printable(label, safe, sizeof(safe));
	fprintf(out, "  %s%*s %-*s ", safe,
		columns->label > width_of(safe) ? columns->label - width_of(safe) : 0, "",
		columns->want, want);
	fprintf(out, *rest ? "%-9s %s\n" : "%s\n", verdict, printable(rest, safe, sizeof(safe)));
}

/* Rows without a verdict: "to allow". */
static void put_note(FILE *out, const struct columns *columns, const char *label, const char *text)
{
	char safe[8192];

	fprintf(out, "  %-*s %s\n", columns->label, label, printable(text, safe, sizeof(safe)));
}

static const char *verdict_text(enum access_result result)
{
	return result == RESULT_ALLOWED ? "allowed" : result == RESULT_DENIED ? "DENIED" : "SKIP";
}

/* --------------------------------------------------------------------------------- raw facts -- */

static void put_facts(FILE *out, const struct columns *columns, const struct object *object)
{
	char line[4096], name[300], entry[300];
	int used = snprintf(line, sizeof(line), "stat %04o ", object->mode & 07777);

	used += snprintf(line + used, sizeof(line) - (size_t)used,
			 "%s:", user_name(object->uid, name, sizeof(name)) ? name : "?");
	used += snprintf(
		line + used, sizeof(line) - (size_t)used, "%s (%u:%u), inode %llu of %u:%u",
		group_name(object->gid, name, sizeof(name)) ? name : "?", object->uid, object->gid,
		(unsigned long long)object->ino, major(object->dev), minor(object->dev));
	snprintf(line + used, sizeof(line) - (size_t)used, "%s%s%s",
		 object->immutable ? ", immutable" : "", object->append_only ? ", append-only" : "",
		 object->unmapped ? ", unmapped" : "");
	put_note(out, columns, "", line);
	if (object->acl) {
		line[0] = '\0';
		for (size_t i = 0; i < object->acl->count; i++) {
			size_t at = strlen(line);

			snprintf(line + at, sizeof(line) - at, "%s%s", i ? "," : "acl ",
				 describe_entry(&object->acl->entries[i], entry, sizeof(entry)));
		}
		put_note(out, columns, "", line);
	} else if (object->acl_error < 0) {
		snprintf(line, sizeof(line), "acl: %s", reason_of(object->acl_error));
		put_note(out, columns, "", line);
	}
	if (object_label(object, entry, sizeof(entry))) {
		snprintf(line, sizeof(line), "label %s", entry);
		put_note(out, columns, "", line);
	}
	if (object->mount_line) {
		snprintf(line, sizeof(line), "mount %s", object->mount_line);
		put_note(out, columns, "", line);
	}
}

static void put_subject(FILE *out, const struct columns *columns,
			const struct access_subject *subject)
{
	char line[4096], capabilities[2048];
	const struct imp_identity *identity = &subject->identity.view;
	int used = snprintf(line, sizeof(line), "uid %u, gid %u, groups", identity->uid,
			    identity->gid);

	for (size_t i = 0; i < identity->n_groups && (size_t)used + 16 < sizeof(line); i++)
		used += snprintf(line + used, sizeof(line) - (size_t)used, "%s%u", i ? "," : " ",
				 identity->groups[i]);
	if (identity->n_groups == 0)
		snprintf(line + used, sizeof(line) - (size_t)used, " none");
	put_note(out, columns, "identity", line);
	snprintf(line, sizeof(line), "capabilities %s%s%s%s",
		 capability_text(subject->capabilities, capabilities, sizeof(capabilities)),
		 subject->other_user_namespace ? " in a user namespace of its own" : "",
		 subject->label[0] ? ", label " : "", subject->label);
	put_note(out, columns, "", line);
}

/* ------------------------------------------------------------------------------------ an answer --
 */

const char *who_text(const struct named_subject *who, enum imp_level level, char *buffer,
		     size_t size)
{
	char user[300], safe[300];
	uid_t uid = who->subject.identity.view.uid;

	describe_user(uid, user, sizeof(user));
	if (level < IMP_LEVEL_IMPERSONATION)
		snprintf(buffer, size, "%s (as %s, at %s)",
			 printable(who->text, safe, sizeof(safe)), user, imp_level_name(level));
	else if (who->is_thread)
		snprintf(buffer, size, "%s (%s)", who->text, user);
	else
		snprintf(buffer, size, "%s", user);
	return buffer;
}

static void put_headline(FILE *out, const struct answer *answer)
{
	char want[64], who[700], path[8192];

	who_text(answer->who, answer->level, who, sizeof(who));
	describe_question(answer->want, want, sizeof(want));
	printable(answer->path, path, sizeof(path));
	if (answer->result == RESULT_UNKNOWN)
		fprintf(out, "not known: whether %s may %s %s\n", who, want, path);
	else
		fprintf(out, "%s: %s %s %s %s\n",
			answer->result == RESULT_ALLOWED ? "allowed" : "denied", who,
			answer->result == RESULT_ALLOWED ? "may" : "may not", want, path);
}

/* The kernel can be asked whether a file may be used, and not all that may be done to it. */
struct aim {
	const char *want; /* NULL: what was asked */
	const char *about;
};

static struct aim aim_of(const struct answer *answer)
{
	switch (answer->walk.steps[answer->walk.count - 1].check) {
	case CHECK_CREATE:
	case CHECK_DELETE:
		return (struct aim){"write", " about the directory"};
	case CHECK_CHMOD:
	case CHECK_CHOWN:
	case CHECK_LINK:
		return (struct aim){"search", " about the way there"};
	default:
		return (struct aim){NULL, ""};
	}
}

static void put_kernel(FILE *out, const struct columns *columns, const struct answer *answer)
{
	const struct witness *kernel = &answer->kernel;
	struct aim aim = aim_of(answer);
	char question[64], text[300];
	const char *want =
		aim.want ? aim.want : describe_question(answer->want, question, sizeof(question));

	if (!kernel->asked) {
		snprintf(text, sizeof(text), "not asked: %s", kernel->why_not);
		put_row(out, columns, "kernel", want, "SKIP", text);
		return;
	}
	snprintf(text, sizeof(text), "%s%s%s%s", kernel->allowed ? "" : error_name(kernel->error),
		 answer->compared && !kernel->allowed ? ", " : "",
		 !answer->compared ? ""
		 : answer->agrees  ? "agrees"
				   : "DIFFERS: its word counts",
		 answer->compared ? aim.about : "");
	put_row(out, columns, "kernel", want, kernel->allowed ? "allowed" : "DENIED", text);
}

static void put_advice(FILE *out, const struct columns *columns, const struct advice *advice)
{
	char names[2048] = "lets in too: ";

	if (!advice->command && advice->reason)
		put_note(out, columns, "to allow", advice->reason);
	if (!advice->command)
		return;
	put_note(out, columns, "to allow", advice->command);
	for (char **name = advice->also_lets_in; name && *name; name++) {
		size_t used = strlen(names);

		snprintf(names + used, sizeof(names) - used, "%s%s",
			 name == advice->also_lets_in ? "" : ", ", *name);
	}
	if (advice->also_lets_in)
		put_note(out, columns, "", names);
	if (advice->note)
		put_note(out, columns, "", advice->note);
}

static void put_suspects(FILE *out, const struct columns *columns, const struct answer *answer)
{
	struct suspect suspects[SUSPECTS_MAXIMUM];
	size_t count = suspects_of(answer, suspects);

	if (answer->compared && !answer->agrees && count == 0)
		put_note(out, columns, "suspect",
			 "a security module that does not show itself, or a change meanwhile");
	for (size_t i = 0; i < count; i++)
		put_note(out, columns, suspects[i].proven ? "cause" : "suspect", suspects[i].text);
}

void print_answer(FILE *out, struct answer *answer, bool verbose)
{
	struct columns columns;
	const struct object *before = NULL;

	measure(answer, &columns);
	put_headline(out, answer);
	for (size_t i = 0; i < answer->walk.count; i++) {
		const struct walk_step *step = &answer->walk.steps[i];
		char want[64], rule[4096];

		describe_want(step, want, sizeof(want));
		describe_rule(step, &answer->verdicts[i], rule, sizeof(rule));
		put_row(out, &columns, label_of(step), want,
			verdict_text(answer->verdicts[i].result), rule);
		if (verbose && step->object && step->object != before) {
			object_read_mount(step->object);
			put_facts(out, &columns, step->object);
		}
		before = step->object;
	}
	put_kernel(out, &columns, answer);
	put_advice(out, &columns, &answer->advice);
	if (verbose)
		put_subject(out, &columns, &answer->who->subject);
	if (verbose || (answer->compared && !answer->agrees))
		put_suspects(out, &columns, answer);
}
