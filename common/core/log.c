/* SPDX-License-Identifier: MIT */
/* The log callback. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static imp_log_fn *callback;
static void *callback_data;

void imp_set_log(imp_log_fn *log, void *data)
{
	callback_data = data;
	callback = log;
}

const char *imp_event_name(enum imp_event event)
{
	static const char *const names[] = {
		[IMP_EVENT_NOTE] = "note",
		[IMP_EVENT_FLOW_REFUSED] = "flow_refused",
		[IMP_EVENT_MISMATCH] = "mismatch",
		[IMP_EVENT_SWITCH_FAILED] = "switch_failed",
		[IMP_EVENT_ABORT] = "abort",
		[IMP_EVENT_NOT_AUTHENTICATED] = "not_authenticated",
	};

	return (size_t)event < sizeof(names) / sizeof(names[0]) ? names[event] : NULL;
}

static void hand_over(const struct imp_log_record *facts, const char *format, va_list arguments)
	IMP_PRINTF(2, 0);

static void hand_over(const struct imp_log_record *facts, const char *format, va_list arguments)
{
	int saved = errno;
	char line[512];
	struct imp_log_record record = *facts;

	vsnprintf(line, sizeof(line), format, arguments);
	record.message = line;
	if (record.tid == 0)
		record.tid = gettid();
	callback(&record, callback_data);
	errno = saved;
}

void log_event(const struct imp_log_record *facts, const char *format, ...)
{
	va_list arguments;

	if (!callback)
		return;
	va_start(arguments, format);
	hand_over(facts, format, arguments);
	va_end(arguments);
}

void log_line(int priority, const char *format, ...)
{
	const struct imp_log_record facts = {
		.priority = priority,
		.event = IMP_EVENT_NOTE,
		.expected_uid = IMP_NO_UID,
		.actual_uid = IMP_NO_UID,
	};
	va_list arguments;

	if (!callback)
		return;
	va_start(arguments, format);
	hand_over(&facts, format, arguments);
	va_end(arguments);
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

/* Those that files, credentials and connections have; strerrorname_np(3) is the GNU library's
 * alone. */
#define ERROR(name)                                                                                \
	{                                                                                          \
		name, #name                                                                        \
	}
static const struct {
	int error;
	const char *name;
} errors[] = {
	ERROR(EACCES),	     ERROR(EAGAIN),	  ERROR(EBADMSG),    ERROR(EBUSY),
	ERROR(ECANCELED),    ERROR(ECONNREFUSED), ERROR(ECONNRESET), ERROR(EEXIST),
	ERROR(EHOSTUNREACH), ERROR(EINVAL),	  ERROR(EIO),	     ERROR(EISDIR),
	ERROR(EKEYEXPIRED),  ERROR(EKEYREJECTED), ERROR(ELOOP),	     ERROR(EMFILE),
	ERROR(ENAMETOOLONG), ERROR(ENFILE),	  ERROR(ENODEV),     ERROR(ENOENT),
	ERROR(ENOKEY),	     ERROR(ENOMEM),	  ERROR(ENOSYS),     ERROR(ENOTDIR),
	ERROR(ENOTEMPTY),    ERROR(ENXIO),	  ERROR(EOPNOTSUPP), ERROR(EOVERFLOW),
	ERROR(EPERM),	     ERROR(EPROTO),	  ERROR(EREMOTEIO),  ERROR(EROFS),
	ERROR(ESRCH),	     ERROR(ESTALE),	  ERROR(ETIMEDOUT),  ERROR(ETXTBSY),
	ERROR(EXDEV),
};

const char *error_name(int error)
{
	static _Thread_local char number[16];

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].error == error)
			return errors[i].name;
	snprintf(number, sizeof(number), "E%d", error); /* as strace(1) */
	return number;
}

void log_die(const char *action, const char *reason, int error)
{
	const struct imp_log_record facts = {
		.priority = LOG_CRIT,
		.event = IMP_EVENT_ABORT,
		.expected_uid = IMP_NO_UID,
		.actual_uid = IMP_NO_UID,
		.error = error,
	};

	log_event(&facts, "%s: %s%s%s: the process cannot go on", action, reason,
		  error < 0 ? ": " : "", error < 0 ? log_error_text(-error) : "");
	abort();
}
