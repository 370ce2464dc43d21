/* SPDX-License-Identifier: MIT */
/* The log callback. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static imp_log_fn *callback;
static void *callback_data;

void imp_set_log(imp_log_fn *log, void *data)
{
	callback_data = data;
	callback = log;
}

void log_line(int priority, const char *format, ...)
{
	if (!callback)
		return;

	int saved = errno;
	char line[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	callback(priority, line, callback_data);
	errno = saved;
}

const char *log_error_text(int error)
{
	if (error == ESTALE) /* said of file handles elsewhere */
		return "another identity than expected";
#ifdef HAVE_STRERRORDESC_NP
	const char *text = strerrordesc_np(error);

	return text ? text : "unknown error";
#else
	return strerror(error); /* musl's is safe in threads */
#endif
}

void log_die(const char *action, const char *reason, int error)
{
	log_line(LOG_CRIT, "%s: %s%s%s: the process cannot go on", action, reason,
		 error < 0 ? ": " : "", error < 0 ? log_error_text(-error) : "");
	abort();
}
