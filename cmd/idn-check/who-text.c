/* SPDX-License-Identifier: MIT */
/* idn-check who: its answers as text. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "access/describe.h"
#include "cli/message.h"
#include "core/capability.h"
#include "who.h"

#define ANYBODY "any uid without an account"

/* ----------------------------------------------------------------------------------- words -- */

/* Names that are at hand are not asked for again: each question may read a whole file. */
static const char *user_of(const struct who *who, uid_t uid, char *buffer, size_t size)
{
	const struct accounts *lists[] = {who->accounts, &who->named};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		for (size_t j = 0; j < lists[i]->count; j++)
			if (lists[i]->list[j].uid == uid && lists[i]->list[j].name)
				return printable(lists[i]->list[j].name, buffer, size);
	snprintf(buffer, size, "%u", uid);
	return buffer;
}

static const char *group_of(const struct who *who, gid_t gid, char *buffer, size_t size)
{
	const char *name = accounts_group_name(who->accounts, gid);
	char found[256];

	if (!name)
		name = identity_group_name(gid, found, sizeof(found));
	if (name)
		return printable(name, buffer, size);
	snprintf(buffer, size, "%u", gid);
	return buffer;
}

static void add(char *buffer, size_t size, const char *format, ...) IMP_PRINTF(3, 4);
static void add(char *buffer, size_t size, const char *format, ...)
{
	size_t used = strlen(buffer);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buffer + used, size - used, format, arguments);
	va_end(arguments);
}

static void put_entry(const struct who *who, const struct access_verdict *verdict, gid_t owning,
		      char *buffer, size_t size)
{
	const struct acl_entry *entry = verdict->entry;
	char name[512] = "", bits[4], mask[4];

	if (entry->tag == ACL_TAG_USER)
		user_of(who, entry->id, name, sizeof(name));
	else if (entry->tag == ACL_TAG_GROUP)
		group_of(who, entry->id, name, sizeof(name));
	snprintf(buffer, size, "acl %s:%s:%s", entry->tag == ACL_TAG_USER ? "user" : "group", name,
		 describe_bits(entry->bits, bits));
	if (entry->tag == ACL_TAG_OWNING_GROUP)
		add(buffer, size, " (%s)", group_of(who, owning, name, sizeof(name)));
	/* What is wanted is there; the rest need not be, and the line should not claim it. */
	if (entry->bits & ~verdict->mask)
		add(buffer, size, " limited by mask %s", describe_bits(verdict->mask, mask));
}

static void put_capability(int capability, char *buffer, size_t size)
{
	char name[64];

	capability_name(capability, name, sizeof(name));
	for (char *c = name; *c; c++)
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
	snprintf(buffer, size, "%s", name);
}

static void put_rule_text(const struct who_answer *answer, const struct who_rule *rule,
			  char *buffer, size_t size)
{
	const struct walk_step *step = &answer->walk.steps[rule->step];
	const struct access_verdict *verdict = &rule->verdict;
	char name[512], bits[4];

	describe_bits(verdict->bits, bits);
	if (verdict->capability >= 0) {
		put_capability(verdict->capability, buffer, size);
		return;
	}
	switch (verdict->rule) {
	case RULE_OWNER:
		snprintf(buffer, size, "owner %s", bits);
		break;
	case RULE_GROUP:
		snprintf(buffer, size, "group %s %s",
			 group_of(&answer->who, step->object->gid, name, sizeof(name)), bits);
		break;
	case RULE_OTHER:
	case RULE_ACL_OTHER:
		snprintf(buffer, size, "other %s", bits);
		break;
	case RULE_ACL_USER:
	case RULE_ACL_GROUP:
		put_entry(&answer->who, verdict, step->object->gid, buffer, size);
		break;
	default:
		describe_rule(step, verdict, buffer, size);
		break;
	}
}

const char *who_rule_text(const struct who_answer *answer, const struct who_rule *rule,
			  char *buffer, size_t size)
{
	const struct walk *walk = &answer->walk;
	const char *path = walk->steps[rule->step].path;
	char name[4096];

	put_rule_text(answer, rule, buffer, size);
	/* A capability was needed on the way; or a directory decides who makes and removes. */
	if (strcmp(path, walk->steps[walk->count - 1].path) != 0)
		add(buffer, size, " at %s", printable(path, name, sizeof(name)));
	return buffer;
}

const char *who_name_text(const struct who_answer *answer, uint32_t index, bool number,
			  char *buffer, size_t size)
{
	enum who_kind kind;
	const struct listed_account *account = who_identity(&answer->who, index, &kind);
	char name[512];

	switch (kind) {
	case WHO_ACCOUNT:
		printable(account->name, name, sizeof(name));
		if (number)
			snprintf(buffer, size, "%s (%u)", name, account->uid);
		else
			snprintf(buffer, size, "%s", name);
		break;
	case WHO_UID:
		snprintf(buffer, size, "uid %u (no account)", account->uid);
		break;
	case WHO_GROUP:
		snprintf(buffer, size, "group %s (%s)",
			 group_of(&answer->who, account->gid, name, sizeof(name)),
			 answer->enumerated ? "no members" : "no member listed");
		break;
	}
	return buffer;
}

const char *who_want_text(unsigned want, char *buffer, size_t size)
{
	char words[128];

	describe_question(want, words, sizeof(words));
	buffer[0] = '\0';
	for (char *rest = words, *word; (word = strsep(&rest, ","));)
		add(buffer, size, "%s%s", buffer[0] ? " and " : "", word);
	return buffer;
}

/* ------------------------------------------------------------------------------- in columns -- */

enum { INDENT = 2, GAP = 2, LEAST_RULE = 20, MOST_RULE = 44 };

static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

struct columns {
	FILE *out;
	size_t names, width; /* where names begin, and lines end */
	size_t at;
	bool verbose; /* one name a line */
};

static void fill_to(struct columns *columns, size_t column)
{
	fprintf(columns->out, "%*s", (int)(column > columns->at ? column - columns->at : 0), "");
	columns->at = column;
}

static void put_rule(struct columns *columns, const char *text)
{
	fprintf(columns->out, "%*s%s", INDENT, "", text);
	columns->at = INDENT + width_of(text);
	if (columns->at + GAP > columns->names) {
		fputc('\n', columns->out);
		columns->at = 0;
	}
	fill_to(columns, columns->names);
}

static void put_name(struct columns *columns, const char *text, bool first)
{
	size_t width = width_of(text);

	if (!first && !columns->verbose)
		fputc(',', columns->out);
	if (!first && (columns->verbose || columns->at + width + 3 > columns->width)) {
		fputc('\n', columns->out);
		columns->at = 0;
		fill_to(columns, columns->names);
	} else if (!first) {
		fputc(' ', columns->out);
		columns->at += 2;
	}
	fputs(text, columns->out);
	columns->at += width;
}

static size_t width_of_output(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

static void measure(FILE *out, const struct who_answer *answer, bool verbose,
		    struct columns *columns)
{
	size_t widest = LEAST_RULE;
	char text[1024];

	for (size_t i = 0; i < answer->who.n_rules; i++) {
		size_t width =
			width_of(who_rule_text(answer, &answer->who.rules[i], text, sizeof(text)));

		if (width > widest && width <= MOST_RULE)
			widest = width;
	}
	*columns = (struct columns){
		.out = out,
		.names = INDENT + widest + GAP,
		.width = width_of_output(out),
		.verbose = verbose,
	};
}

static void print_rule(struct columns *columns, const struct who_answer *answer, size_t number)
{
	const struct who_rule *rule = &answer->who.rules[number];
	bool anybody = answer->who.anybody && answer->who.rule_of_anybody == number;
	char text[1024];

	put_rule(columns, who_rule_text(answer, rule, text, sizeof(text)));
	for (size_t i = 0; i < rule->count; i++)
		put_name(columns,
			 who_name_text(answer, rule->identities[i], columns->verbose, text,
				       sizeof(text)),
			 i == 0);
	if (anybody)
		put_name(columns, ANYBODY, rule->count == 0);
	fputc('\n', columns->out);
}

static void print_kernel(struct columns *columns, const struct who_asked *asked)
{
	put_rule(columns, "kernel");
	if (asked->count == 0 && asked->refused == 0)
		fprintf(columns->out, "not asked: there is nobody to ask about\n");
	else if (asked->count == 0)
		fprintf(columns->out, "not asked: %s\n", asked->why_not);
	else if (asked->n_differences)
		fprintf(columns->out, "asked about %zu, DIFFERS for %zu\n", asked->count,
			asked->n_differences);
	else
		fprintf(columns->out, "asked about %zu, agrees\n", asked->count);
	if (asked->count && asked->refused) {
		columns->at = 0;
		fill_to(columns, columns->names);
		fprintf(columns->out, "not about %zu: %s\n", asked->refused, asked->why_not);
	}
}

void who_print(FILE *out, const struct who_answer *answer, bool verbose)
{
	const struct who *who = &answer->who;
	struct columns columns;
	char want[128], path[4096];
	size_t others = 0;

	measure(out, answer, verbose, &columns);
	fprintf(out, "who may %s %s\n", who_want_text(answer->want, want, sizeof(want)),
		printable(answer->path, path, sizeof(path)));
	for (size_t i = 0; i < who->n_rules; i++)
		print_rule(&columns, answer, i);
	print_kernel(&columns, &answer->asked);
	for (size_t i = 0; i < who->n_rules; i++)
		others += who->rules[i].count;
	if (who->unknown)
		fprintf(out, "not known for %zu\n", who->unknown);
	if (who->denied == 0 && who->unknown == 0)
		fprintf(out, "everybody of %zu account%s\n", who->n_accounts,
			who->n_accounts == 1 ? "" : "s");
	else
		fprintf(out, "nobody%s of %zu account%s\n", others || who->unknown ? " else" : "",
			who->n_accounts, who->n_accounts == 1 ? "" : "s");
}

/* -------------------------------------------------------------------------- for other tools -- */

void who_print_others(FILE *out, const struct who_answer *answer)
{
	char want[128], path[4096], name[1024], rule[1024];

	who_want_text(answer->want, want, sizeof(want));
	printable(answer->path, path, sizeof(path));
	for (size_t i = 0; i < answer->n_others; i++)
		fprintf(out, "%s may %s %s: %s\n",
			who_name_text(answer, answer->others[i], false, name, sizeof(name)), want,
			path,
			who_rule_text(answer, who_rule_of(&answer->who, answer->others[i]), rule,
				      sizeof(rule)));
	if (answer->anybody_else)
		fprintf(out, ANYBODY " may %s %s: %s\n", want, path,
			who_rule_text(answer, &answer->who.rules[answer->who.rule_of_anybody], rule,
				      sizeof(rule)));
}

static void print_name(FILE *out, const struct who_answer *answer, uint32_t index)
{
	enum who_kind kind;
	const struct listed_account *account = who_identity(&answer->who, index, &kind);

	if (kind == WHO_ACCOUNT)
		fputs(account->name, out);
	else if (kind == WHO_UID)
		fprintf(out, "%u", account->uid);
	else if (account->name)
		fprintf(out, "@%s", account->name);
	else
		fprintf(out, "@%u", account->gid);
	fputc('\0', out);
}

void who_print_names(FILE *out, const struct who_answer *answer)
{
	if (answer->limited) {
		for (size_t i = 0; i < answer->n_others; i++)
			print_name(out, answer, answer->others[i]);
		return;
	}
	for (size_t i = 0; i < answer->who.n_rules; i++)
		for (size_t j = 0; j < answer->who.rules[i].count; j++)
			print_name(out, answer, answer->who.rules[i].identities[j]);
}
