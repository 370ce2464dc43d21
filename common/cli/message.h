/* SPDX-License-Identifier: MIT */
/* How the tools speak to people: one line to stderr, "idn-show: subject: reason". */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include <popt.h>

#include "impersonate.h"

/* The name that messages begin with; QUIET: warnings are left out. */
void message_init(const char *program);
void message_be_quiet(void);
bool message_is_quiet(void);

/*
 * Has messages go to TO instead of stderr, as they are, warnings too if the tool is to be quiet.
 * PRIORITY is one of syslog(3); LAST: the tool ends with it.
 */
typedef void message_sink(int priority, bool last, const char *line);
void message_divert(message_sink *to);

/* Something failed, and the tool goes on: said even if it is to be quiet. */
void complain_of(const char *format, ...) IMP_PRINTF(1, 2);
void warn_of(const char *format, ...) IMP_PRINTF(1, 2);
/* As a warning, of what is as it should be, or may be. */
void tell_of(const char *format, ...) IMP_PRINTF(1, 2);
_Noreturn void die(int status, const char *format, ...) IMP_PRINTF(2, 3);

/* What a negative errno means: "Permission denied". */
const char *reason_of(int error);

/* Control characters and backslashes as \n, \\ or \033, so that no terminal obeys them. */
const char *printable(const char *text, char *buffer, size_t size);

/* Is this text UTF-8 (and without NUL, being a string)? */
bool is_utf8(const char *text);

/* --help, --version, --quiet and --verbose, the same in every tool. */
enum { OPTION_HELP = 1000, OPTION_VERSION };
#define COMMON_OPTIONS                                                                             \
	{"help", 'h', POPT_ARG_NONE, NULL, OPTION_HELP, "show this help", NULL},                   \
	{                                                                                          \
		"version", 'V', POPT_ARG_NONE, NULL, OPTION_VERSION, "show the version", NULL      \
	}

/* Prints the answer to --help or --version and exits 0; any other value, and nothing happens. */
void answer_common_option(poptContext context, int option);

/* OPTION is what poptGetNextOpt(3) ended with: ends the tool, with STATUS, on one it does not know.
 */
void end_options(poptContext context, int option, int status);

/* "idn-show (idn-tools) 0.1.0", and exits 0. */
_Noreturn void print_version(void);

/* Ends the tool if what it has printed did not reach its place (a full disk, a closed pipe). */
_Noreturn void finish_output(int status);

#endif
