/* SPDX-License-Identifier: MIT */
/* A disagreement, told so that nothing else is needed to understand it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "access/describe.h"
#include "core/log.h"
#include "differential.h"

static void print_mode(mode_t mode)
{
	static const char types[] = "?pc?d?b?-?l?s???";

	printf("%c%04o", types[(mode & S_IFMT) >> 12], mode & 07777);
}

static void print_object(const struct object *object)
{
	char text[256];

	print_mode(object->mode);
	printf(" %u:%u", object->uid, object->gid);
	printf("%s%s%s%s%s%s%s%s", object->unmapped ? " unmapped" : "",
	       object->immutable ? " immutable" : "", object->append_only ? " append-only" : "",
	       object->mount_flags & ST_RDONLY ? " ro" : "",
	       object->filesystem_read_only ? " (whole file system)" : "",
	       object->mount_flags & ST_NOEXEC ? " noexec" : "",
	       object->mount_flags & ST_NODEV ? " nodev" : "",
	       object->mount_flags & 8192 ? " nosymfollow" : "");
	for (size_t i = 0; object->acl && i < object->acl->count; i++)
		printf("%s%s", i ? "," : " ",
		       describe_entry(&object->acl->entries[i], text, sizeof(text)));
}

static void print_walk(const struct walk *walk, const struct access_subject *subject)
{
	static const char *const checks[] = {"search", "follow", "use",	  "open", "create",
					     "delete", "chmod",	 "chown", "end"};
	static const char *const results[] = {"allowed", "DENIED", "UNKNOWN"};
	struct access_verdict *verdicts = calloc(walk->count, sizeof(*verdicts));
	struct access_answer answer;
	char rule[512];

	if (!verdicts)
		broken("no memory");
	judge_walk(walk, subject, verdicts, &answer);
	for (size_t i = 0; i < walk->count; i++) {
		const struct walk_step *step = &walk->steps[i];

		printf("  %-24s %s%s%s%s  ", step->path, checks[step->check],
		       step->want & 4 ? " r" : "", step->want & 2 ? " w" : "",
		       step->want & 1 ? " x" : "");
		if (step->object)
			print_object(step->object);
		if (step->target)
			printf(" -> %s", step->target);
		printf("\n    %s %s: %s\n", results[verdicts[i].result],
		       verdicts[i].error ? error_name(verdicts[i].error) : "",
		       describe_rule(step, &verdicts[i], rule, sizeof(rule)));
	}
	printf("  predicted: %s %s, by access(2) %s %s\n", results[answer.result],
	       answer.error ? error_name(answer.error) : "", results[answer.permitted],
	       answer.permitted_error ? error_name(answer.permitted_error) : "");
	free(verdicts);
}

static void print_person(const struct person *person)
{
	printf("  identity: uid %u gid %u groups", person->uid, person->gid);
	for (int i = 0; i < person->n_groups; i++)
		printf(" %u", person->groups[i]);
	printf(" capabilities %#llx\n", (unsigned long long)person->capabilities);
}

void report(const struct tree *tree, const struct person *person, const struct question *question,
	    const struct reply *reply, const char *what)
{
	printf("DISAGREEMENT %s: %s(", what, operation_name(question->operation));
	if (question->want & ACCESS_RWX)
		printf("%s%s%s ", question->want & 4 ? "r" : "", question->want & 2 ? "w" : "",
		       question->want & 1 ? "x" : "");
	printf("\"%s\")\n  on %s%s%s, from %s\n", question->path, tree->on->kind,
	       tree->read_only ? " ro" : "", tree->without_lists ? " noacl" : "",
	       tree->nodes[tree->current].path);
	for (int i = 0; i < tree->n_mounts; i++)
		printf("  mounted over %s: %s\n", tree->mounts[i], tree->mount_facts[i]);
	print_person(person);
	print_walk(&question->walk, &person->subject);
	if (question->sibling[0])
		print_walk(&question->sibling_walk, &person->subject);
	for (int i = 0; i < reply->count; i++)
		printf("  kernel: %s: %s\n", reply->what[i],
		       reply->errors[i] ? error_name(reply->errors[i]) : "allowed");
	if (question->operation == OPERATION_OPEN)
		printf("  kernel: faccessat2: %s\n",
		       reply->access ? error_name(reply->access) : "allowed");
}
