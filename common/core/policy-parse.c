/* SPDX-License-Identifier: MIT */
/*
 * The text of a policy file, by inih.  What inih passes over in silence is an error here: it is
 * told of each line before, and of each key after, by the reader below, which knows the line's
 * number.
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "policy-file.h"

static const char blanks[] = " \t\v\f\r";
static const char comments[] = ";#";

struct parser {
	const struct policy_listener *listener;
	struct imp_policy *policy;
	struct policy_lines *lines;
	const char *next, *end; /* of the text */
	const char *line;	/* that inih has now, without its end */
	size_t length;
	unsigned int number;
	bool awaits_key;   /* inih is to find a key in it, or it is neither key nor section */
	bool in_section;   /* some section has begun */
	bool knows;	   /* and it is one that there is */
	bool refused;	   /* this line began a section that inih does not get to see */
	bool key_before;   /* of this section: a line that begins with a blank goes on with it */
	bool list_goes_on; /* and that is possible */
	bool stopped;
	int error; /* the first */
};

static char *give_line(char *buffer, int size, void *data);
static int take_key(void *data, const char *section, const char *name, const char *value);
static bool is_text(struct parser *parser);
static void finish_line(struct parser *parser);
static void tell(struct parser *parser, int error, const char *about, size_t offset,
		 const char *format, ...) IMP_PRINTF(5, 6);

int policy_file_parse(const struct policy_file *file, struct imp_policy *policy,
		      struct policy_lines *lines, const struct policy_listener *listener)
{
	struct parser parser = {
		.listener = listener,
		.policy = policy,
		.lines = lines,
		.next = file->text,
		.end = file->text + file->size,
	};

	*lines = (struct policy_lines){.line = {0}};
	if (is_text(&parser)) {
		/* What it finds wrong was found here before. */
		int error = ini_parse_stream(give_line, &parser, take_key, &parser);

		if (!parser.stopped)
			finish_line(&parser);
		if (error < 0 && parser.error == 0)
			parser.error = -ENOMEM;
		else if (error > 0 && parser.error == 0)
			parser.error = -EPROTO;
	}
	return parser.error;
}

/* --------------------------------------------------------------------------------- telling -- */

/* OFFSET: into the line; the column is that of the byte there.  SIZE_MAX: the whole line. */
static void tell(struct parser *parser, int error, const char *about, size_t offset,
		 const char *format, ...)
{
	struct policy_problem problem = {
		.error = error,
		.about = about,
		.at = {.line = parser->number,
		       .column = offset == SIZE_MAX ? 0 : (unsigned int)offset + 1},
	};
	va_list arguments;

	if (parser->error == 0)
		parser->error = error;
	if (parser->stopped)
		return;
	va_start(arguments, format);
	vsnprintf(problem.at.text, sizeof(problem.at.text), format, arguments);
	va_end(arguments);
	parser->stopped = !parser->listener->tell(&problem, parser->listener->data);
}

/* As much of it as a message has room for, without what a terminal obeys. */
static const char *shown(const char *text, size_t length, char buffer[64])
{
	size_t i;

	for (i = 0; i < length && i < 60; i++)
		buffer[i] = text[i];
	for (size_t j = 0; j < i; j++)
		if (buffer[j] < ' ' || buffer[j] > '~')
			buffer[j] = '?';
	strcpy(buffer + i, length > i ? "..." : "");
	return buffer;
}

/* ----------------------------------------------------------------------------------- lines -- */

/* Byte order marks: some editors write them, and one of UTF-16 means that nothing here is a line.
 */
static bool is_text(struct parser *parser)
{
	const size_t size = (size_t)(parser->end - parser->next);

	parser->number = 1;
	if (size >= 2 && (memcmp(parser->next, "\xff\xfe", 2) == 0 ||
			  memcmp(parser->next, "\xfe\xff", 2) == 0)) {
		tell(parser, -EPROTO, "line", 0, "UTF-16, where plain text is expected");
		return false;
	}
	if (size >= 3 && memcmp(parser->next, "\xef\xbb\xbf", 3) == 0) {
		tell(parser, -EPROTO, "line", 0, "a byte order mark: save the file without it");
		parser->next += 3;
	}
	parser->number = 0;
	return !parser->stopped;
}

static size_t skip_blanks(const struct parser *parser, size_t offset)
{
	while (offset < parser->length && strchr(blanks, parser->line[offset]))
		offset++;
	return offset;
}

static void take_line(struct parser *parser)
{
	const size_t rest = (size_t)(parser->end - parser->next);
	const char *newline = memchr(parser->next, '\n', rest);

	parser->number++;
	parser->line = parser->next;
	parser->length = newline ? (size_t)(newline - parser->line) : rest;
	parser->next += parser->length + (newline != NULL);
	parser->awaits_key = false;
	parser->refused = false;
}

/* Whatever becomes of it: what follows is none of the section before. */
static void leave_section(struct parser *parser)
{
	parser->in_section = true;
	parser->knows = false;
	parser->key_before = false;
	parser->list_goes_on = false;
}

/* "[name]", with nothing behind it but a comment: inih would pass over that, and cut long names. */
static bool is_section(struct parser *parser, size_t begin)
{
	const char *name = parser->line + begin + 1;
	const char *close = memchr(name, ']', parser->length - begin - 1);
	char section[32] = "", buffer[64];
	size_t after;

	if (!close) {
		tell(parser, -EPROTO, "line", begin, "'[' without ']'");
		return false;
	}
	after = skip_blanks(parser, (size_t)(close + 1 - parser->line));
	if (after < parser->length && !strchr(comments, parser->line[after])) {
		tell(parser, -EPROTO, "line", after, "text behind ']'");
		return false;
	}
	if ((size_t)(close - name) < sizeof(section))
		memcpy(section, name, (size_t)(close - name));
	if (policy_has_section(section))
		return true;
	tell(parser, -EINVAL, "section", begin, "[%s]: no such section",
	     shown(name, (size_t)(close - name), buffer));
	return false;
}

/* May inih have this line?  Where not, it says nothing, or that was told. */
static bool is_line(struct parser *parser, size_t room)
{
	const char *nul = memchr(parser->line, '\0', parser->length);
	const size_t begin = skip_blanks(parser, 0);
	bool section = false;

	if (begin < parser->length && parser->line[begin] == '[')
		section = begin == 0 || !parser->key_before;
	if (section)
		leave_section(parser);
	parser->refused = section;
	if (nul) {
		tell(parser, -EPROTO, "line", (size_t)(nul - parser->line), "a NUL byte");
		return false;
	}
	if (begin == parser->length || strchr(comments, parser->line[begin]))
		return false;
	if (section && !is_section(parser, begin))
		return false;
	if (parser->length > room) {
		tell(parser, -EPROTO, "line", room, "longer than %zu bytes", room);
		return false;
	}
	parser->knows = parser->knows || section;
	parser->refused = false;
	parser->awaits_key = !section;
	return true;
}

/* inih's reader: SIZE is all of its buffer, with the end of the line and the NUL. */
static char *give_line(char *buffer, int size, void *data)
{
	struct parser *parser = data;

	finish_line(parser);
	if (parser->stopped || parser->next == parser->end)
		return NULL;
	take_line(parser);
	if (size >= 3 && is_line(parser, (size_t)size - 3)) {
		memcpy(buffer, parser->line, parser->length);
		memcpy(buffer + parser->length, "\n", 2);
	} else {
		/* It must leave its section, too: or it takes an indented line for more of its last
		 * key. */
		strcpy(buffer, parser->refused && size >= 4 ? "[]\n" : "\n");
	}
	return buffer;
}

/* inih found no key in the line that it has had. */
static void finish_line(struct parser *parser)
{
	if (parser->awaits_key)
		tell(parser, -EPROTO, "line", skip_blanks(parser, 0),
		     "neither [section] nor key = value");
	parser->awaits_key = false;
}

/* ------------------------------------------------------------------------------------ keys -- */

static void tell_of_key(struct parser *parser, const char *section, const char *name, size_t begin)
{
	enum policy_key other;
	char buffer[64];

	shown(name, strlen(name), buffer);
	if (policy_find_key(NULL, name, &other) == 0)
		tell(parser, -EINVAL, "key", begin, "%s: belongs to [%s], not to [%s]", buffer,
		     policy_key_section(other), section);
	else
		tell(parser, -EINVAL, "key", begin, "%s: no such key in [%s]", buffer, section);
}

static void tell_of_value(struct parser *parser, enum policy_key key, const char *value,
			  size_t offset, int error)
{
	char buffer[64];

	shown(value, strlen(value), buffer);
	if (error == -ESRCH)
		tell(parser, error, policy_key_name(key), offset, "%s: '%s': no such account",
		     policy_key_name(key), buffer);
	else if (error == -EINVAL || error == -ERANGE)
		tell(parser, -EINVAL, policy_key_name(key), offset, "%s: '%s': not %s",
		     policy_key_name(key), buffer, policy_key_expects(key));
	else
		tell(parser, error, policy_key_name(key), offset, "%s: '%s': %s",
		     policy_key_name(key), buffer, log_error_text(-error));
}

static void set_key(struct parser *parser, enum policy_key key, const char *value, size_t begin)
{
	const size_t delimiter = begin + strcspn(parser->line + begin, "=:");
	const size_t offset = skip_blanks(parser, delimiter + 1);
	int error;

	if (parser->lines->line[key]) {
		tell(parser, -EINVAL, policy_key_name(key), begin, "%s: said already in line %u",
		     policy_key_name(key), parser->lines->line[key]);
		return;
	}
	parser->lines->line[key] = parser->number;
	parser->lines->column[key] = (unsigned int)offset + 1;
	parser->list_goes_on = key == POLICY_ALLOW;
	error = policy_set_key(parser->policy, key, value);
	parser->lines->bad[key] = error < 0;
	if (error < 0)
		tell_of_value(parser, key, value, offset, error);
}

/* Only a list may go on: of another key it would be a second value, or the next key indented. */
static void go_on(struct parser *parser, const char *value, size_t begin)
{
	int error;

	if (!parser->list_goes_on) {
		tell(parser, -EPROTO, "line", begin,
		     "a line that begins with a blank goes on with the key before, which has one "
		     "value");
		return;
	}
	error = policy_allow_more(parser->policy, value);
	if (error == 0)
		return;
	parser->lines->bad[POLICY_ALLOW] = true;
	tell_of_value(parser, POLICY_ALLOW, value, begin, error);
}

/* inih's handler.  What is wrong has been told of: none of it is for inih to report. */
static int take_key(void *data, const char *section, const char *name, const char *value)
{
	struct parser *parser = data;
	const size_t begin = skip_blanks(parser, 0);
	const bool goes_on = begin > 0 && parser->key_before;
	enum policy_key key;

	if (!value)
		return 1; /* no equal sign: told by finish_line */
	parser->awaits_key = false;
	if (goes_on) {
		if (parser->knows)
			go_on(parser, value, begin);
		return 1;
	}
	parser->key_before = name[0] != '\0';
	parser->list_goes_on = false;
	if (!parser->in_section)
		tell(parser, -EPROTO, "line", begin, "a key before any [section]");
	else if (!parser->knows)
		return 1; /* told with the section */
	else if (policy_find_key(section, name, &key) < 0)
		tell_of_key(parser, section, name, begin);
	else
		set_key(parser, key, value, begin);
	return 1;
}
