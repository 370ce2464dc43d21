/* SPDX-License-Identifier: MIT */
/* How the tools speak to people. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/message.h"
#include "core/log.h"

static const char *program = "idn-tools";
static bool quiet;
static message_sink *sink;

void message_init(const char *name)
{
	program = name;
}

void message_be_quiet(void)
{
	quiet = true;
}

bool message_is_quiet(void)
{
	return quiet;
}

void message_divert(message_sink *to)
{
	sink = to;
}

/* In one write, so that lines of several threads do not mix. */
static void say(int priority, bool last, const char *format, va_list arguments) IMP_PRINTF(3, 0);

static void say(int priority, bool last, const char *format, va_list arguments)
{
	char line[1024], safe[4096];

	vsnprintf(line, sizeof(line), format, arguments);
	if (sink)
		sink(priority, last, line);
	else
		fprintf(stderr, "%s: %s\n", program, printable(line, safe, sizeof(safe)));
}

void warn_of(const char *format, ...)
{
	va_list arguments;

	if (quiet && !sink)
		return;
	va_start(arguments, format);
	say(LOG_WARNING, false, format, arguments);
	va_end(arguments);
}

void tell_of(const char *format, ...)
{
	va_list arguments;

	if (quiet && !sink)
		return;
	va_start(arguments, format);
	say(LOG_NOTICE, false, format, arguments);
	va_end(arguments);
}

void complain_of(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(LOG_ERR, false, format, arguments);
	va_end(arguments);
}

void die(int status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(LOG_ERR, true, format, arguments);
	va_end(arguments);
	exit(status);
}

const char *reason_of(int error)
{
	return log_error_text(-error);
}

const char *printable(const char *text, char *buffer, size_t size)
{
	size_t used = 0;

	for (; *text && used + 5 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '\n') {
			buffer[used++] = '\\';
			buffer[used++] = 'n';
		} else if (c == '\\') {
			buffer[used++] = '\\';
			buffer[used++] = '\\';
		} else if (c < 0x20 || c == 0x7f) {
			used += (size_t)snprintf(buffer + used, size - used, "\\%03o", c);
		} else {
			buffer[used++] = (char)c;
		}
	}
	buffer[used] = '\0';

	/* C1 controls hide in UTF-8, and mean as much to a terminal; so does what is no UTF-8. */
	bool plain = is_utf8(buffer);

	for (const char *c = buffer; plain && (c = strchr(c, '\xc2')); c++)
		plain = (unsigned char)c[1] >= 0xa0;
	for (char *c = buffer; *c && !plain; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return buffer;
}

bool is_utf8(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	while (*c) {
		uint32_t code = *c;
		int more = code < 0x80	     ? 0
			   : code >> 5 == 6  ? 1
			   : code >> 4 == 14 ? 2
			   : code >> 3 == 30 ? 3
					     : -1;
		static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

		if (more < 0)
			return false;
		if (more > 0)
			code &= 0x3fu >> more;
		c++;
		for (int i = 0; i < more; i++, c++) {
			if ((*c & 0xc0) != 0x80)
				return false;
			code = code << 6 | (*c & 0x3f);
		}
		if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return false;
	}
	return true;
}

void answer_common_option(poptContext context, int option)
{
	if (option == OPTION_HELP) {
		poptPrintHelp(context, stdout, 0);
		finish_output(0);
	}
	if (option == OPTION_VERSION)
		print_version();
}

void end_options(poptContext context, int option, int status)
{
	if (option < -1)
		die(status, "%s: %s", poptBadOption(context, POPT_BADOPTION_NOALIAS),
		    poptStrerror(option));
}

void print_version(void)
{
	printf("%s (%s) %s\n", program, PACKAGE_NAME, PACKAGE_VERSION);
	finish_output(0);
}

void finish_output(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		die(status ? status : EXIT_FAILURE, "standard output: %s", strerror(errno));
	exit(status);
}
