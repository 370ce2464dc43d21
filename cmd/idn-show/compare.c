/* SPDX-License-Identifier: MIT */
/* idn-show: two threads side by side, a line for each fact. */
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "show.h"

/* A fact is a label and a value, as print_thread prints them: what is the same is said the same. */
struct fact {
	char label[40];
	char *value;
};

enum { FACTS_MAXIMUM = 64 };

struct facts {
	char *text; /* values point into it */
	struct fact facts[FACTS_MAXIMUM];
	size_t count;
};

/* "Label: value"; a line that begins with a blank goes on under the label of the one before. */
static void add_fact(struct facts *facts, char *line, char *group, size_t size)
{
	struct fact *fact = &facts->facts[facts->count];
	char *colon = line[0] == ' ' ? NULL : strchr(line, ':');
	char *value = colon ? colon + 1 : line;

	if (facts->count == FACTS_MAXIMUM)
		return;
	if (colon)
		snprintf(group, size, "%.*s", (int)(colon - line), line);
	value += strspn(value, " ");
	snprintf(fact->label, sizeof(fact->label), "%s", group);
	if (strcmp(group, "Capabilities") == 0) {
		size_t word = strcspn(value, " ");

		snprintf(fact->label, sizeof(fact->label), "Capabilities %.*s", (int)word, value);
		value += word + strspn(value + word, " ");
	}
	fact->value = value;
	facts->count++;
}

static void collect(const struct look_thread *thread, struct facts *facts)
{
	size_t size;
	FILE *out = open_memstream(&facts->text, &size);
	char group[40] = "";

	if (!out)
		die(EXIT_NO_SUCH_THREAD, "out of memory");
	print_thread(out, thread, false);
	if (fclose(out) != 0)
		die(EXIT_NO_SUCH_THREAD, "out of memory");
	facts->count = 0;
	for (char *line = facts->text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		add_fact(facts, line, group, sizeof(group));
	}
}

static const char *value_of(const struct facts *facts, const char *label)
{
	for (size_t i = 0; i < facts->count; i++)
		if (strcmp(facts->facts[i].label, label) == 0)
			return facts->facts[i].value;
	return NULL;
}

static void print_pair(const char *label, const char *a, const char *b, int width)
{
	bool same = a && b && strcmp(a, b) == 0;

	printf("%-2s  %-24s  %-*s  %s\n", same ? "=" : "!=", label, width, a ? a : "-",
	       b ? b : "-");
}

static void print_facts(const struct facts *a, const struct facts *b, const char *first,
			const char *second)
{
	size_t width = strlen(first);

	for (size_t i = 0; i < a->count; i++)
		if (strlen(a->facts[i].value) > width)
			width = strlen(a->facts[i].value);
	if (width > 48)
		width = 48;
	printf("%-2s  %-24s  %-*s  %s\n", "", "", (int)width, first, second);
	for (size_t i = 0; i < a->count; i++) {
		const char *label = a->facts[i].label;

		print_pair(label, a->facts[i].value, value_of(b, label), (int)width);
	}
	for (size_t i = 0; i < b->count; i++)
		if (!value_of(a, b->facts[i].label))
			print_pair(b->facts[i].label, NULL, b->facts[i].value, (int)width);
}

static void print_objects(const struct look_thread *a, const struct look_thread *b)
{
	json_t *object = json_object(), *different = json_array();
	json_t *left = thread_object(a), *right = thread_object(b);
	const char *key;
	json_t *value;

	json_object_foreach(left, key, value) if (!json_equal(value, json_object_get(right, key)))
		json_append(different, json_string(key));
	json_put(object, "a", left);
	json_put(object, "b", right);
	json_put(object, "different", different);
	json_write(object, stdout);
}

int compare_threads(const struct subject *a, const struct subject *b, bool json)
{
	struct look_thread left, right;
	int error = look_at_thread(a->pid, a->tid, &left);

	if (error < 0)
		return complain(a, error);
	error = look_at_thread(b->pid, b->tid, &right);
	if (error < 0) {
		look_clear(&left);
		return complain(b, error);
	}
	if (json) {
		print_objects(&left, &right);
	} else {
		struct facts first, second;

		collect(&left, &first);
		collect(&right, &second);
		print_facts(&first, &second, a->text, b->text);
		free(first.text);
		free(second.text);
	}
	look_clear(&left);
	look_clear(&right);
	return EXIT_SHOWN;
}
