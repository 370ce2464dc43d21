/* SPDX-License-Identifier: MIT */
/* An answer as JSON, as idn-check.schema.json says. */
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "access/describe.h"
#include "check.h"
#include "cli/names.h"
#include "core/log.h"

json_t *result_value(enum access_result result)
{
	return result == RESULT_UNKNOWN ? json_null() : json_boolean(result == RESULT_ALLOWED);
}

static json_t *errno_value(int error)
{
	return error ? json_string(error_name(error)) : json_null();
}

json_t *subject_object(const struct access_subject *subject)
{
	const struct imp_identity *identity = &subject->identity.view;
	json_t *object = json_identity(identity->uid, identity->gid, identity->groups,
				       identity->n_groups, true, identity->principal);

	json_put(object, "capabilities", json_capabilities(subject->capabilities));
	return object;
}

/* What a step was judged by, for who wants to judge it again. */
static json_t *facts_object(const struct object *object)
{
	json_t *facts = json_object(), *acl = json_array();
	char text[300];

	snprintf(text, sizeof(text), "%04o", object->mode & 07777);
	json_put(facts, "mode", json_string(text));
	json_put(facts, "uid", json_integer(object->uid));
	json_put(facts, "gid", json_integer(object->gid));
	json_put(facts, "inode", json_integer((json_int_t)object->ino));
	snprintf(text, sizeof(text), "%u:%u", major(object->dev), minor(object->dev));
	json_put(facts, "device", json_string(text));
	json_put(facts, "immutable", json_boolean(object->immutable));
	json_put(facts, "append_only", json_boolean(object->append_only));
	for (size_t i = 0; object->acl && i < object->acl->count; i++)
		json_append(acl, json_text(describe_entry(&object->acl->entries[i], text,
							  sizeof(text))));
	json_put(facts, "acl", acl);
	json_put(facts, "label", json_text(object_label(object, text, sizeof(text)) ? text : NULL));
	json_put(facts, "mount", json_text(object->mount_line));
	return facts;
}

static json_t *evaluated_object(struct answer *answer, bool verbose)
{
	json_t *object = json_object(), *steps = json_array();

	json_put(object, "allowed", result_value(answer->evaluated.result));
	json_put(object, "errno", errno_value(answer->evaluated.error));
	for (size_t i = 0; i < answer->walk.count; i++) {
		struct walk_step *step = &answer->walk.steps[i];
		json_t *one = json_object();
		char want[64], rule[4096];

		json_put(one, "path", json_text(step->path));
		json_put(one, "want", json_string(describe_want(step, want, sizeof(want))));
		json_put(one, "allowed", result_value(answer->verdicts[i].result));
		json_put(one, "rule",
			 json_text(describe_rule(step, &answer->verdicts[i], rule, sizeof(rule))));
		if (verbose && step->object) {
			object_read_mount(step->object);
			json_put(one, "facts", facts_object(step->object));
		}
		json_append(steps, one);
	}
	json_put(object, "steps", steps);
	return object;
}

static json_t *kernel_object(const struct answer *answer)
{
	const struct witness *kernel = &answer->kernel;
	json_t *object = json_object();

	json_put(object, "asked", json_boolean(kernel->asked));
	json_put(object, "question", json_text(kernel->asked ? kernel->question : NULL));
	json_put(object, "allowed", kernel->asked ? json_boolean(kernel->allowed) : json_null());
	json_put(object, "errno",
		 kernel->asked && !kernel->allowed ? errno_value(kernel->error) : json_null());
	json_put(object, "agrees", answer->compared ? json_boolean(answer->agrees) : json_null());
	json_put(object, "not_asked_because", json_text(kernel->asked ? NULL : kernel->why_not));
	return object;
}

static json_t *advice_object(const struct advice *advice)
{
	json_t *object, *names = json_array();

	if (!advice->command) {
		json_decref(names);
		return json_null();
	}
	object = json_object();
	json_put(object, "command", json_text(advice->command));
	for (char **name = advice->also_lets_in; name && *name; name++)
		json_append(names, json_text(*name));
	json_put(object, "also_lets_in", names);
	json_put(object, "note", json_text(advice->note));
	return object;
}

static json_t *suspects_array(const struct answer *answer)
{
	struct suspect suspects[SUSPECTS_MAXIMUM];
	size_t count = suspects_of(answer, suspects);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *one = json_object();

		json_put(one, "proven", json_boolean(suspects[i].proven));
		json_put(one, "text", json_text(suspects[i].text));
		json_append(list, one);
	}
	return list;
}

json_t *answer_object(struct answer *answer, bool verbose)
{
	json_t *object = json_object();

	json_put(object, "path", json_text(answer->path));
	json_put(object, "want", json_string(want_text(answer->want)));
	json_put(object, "identity", subject_object(&answer->who->subject));
	json_put(object, "level", json_string(imp_level_name(answer->level)));
	json_put(object, "allowed",
		 is_no_path(answer) ? json_null() : result_value(answer->result));
	json_put(object, "errno", errno_value(answer->error));
	json_put(object, "evaluated", evaluated_object(answer, verbose));
	json_put(object, "kernel", kernel_object(answer));
	json_put(object, "to_allow", advice_object(&answer->advice));
	json_put(object, "no_advice_because",
		 json_text(answer->advice.command ? NULL : answer->advice.reason));
	json_put(object, "suspects", suspects_array(answer));
	return object;
}
