/* SPDX-License-Identifier: MIT */
/* How GSSAPI and libkrb5 say what went wrong: RFC 2744, 3.9 and 5.11; krb5's com_err tables. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/impersonate-thread.h"
#include "core/log.h"
#include "net/kerberos.h"

/* 1.3.6.1.5.5.2, and 1.2.840.113554.1.2.2 */
#define SPNEGO                                                                                     \
	{                                                                                          \
		6, (void *)"\x2b\x06\x01\x05\x05\x02"                                              \
	}
#define KRB5                                                                                       \
	{                                                                                          \
		9, (void *)"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"                                  \
	}

gss_OID_desc kerberos_spnego = SPNEGO;
/* Both that are spoken: bare Kerberos, and what negotiates it. */
static gss_OID_desc mechanisms[] = {SPNEGO, KRB5};
static const gss_OID_set_desc both = {2, mechanisms};
const gss_OID_set_desc kerberos_negotiable = {1, &mechanisms[1]};

/* -------------------------------------------------------------------------------- reasons -- */

static void make_line(const char *from, size_t size, char text[KERBEROS_REASON])
{
	size_t i;

	for (i = 0; i < size && from[i] && i + 1 < KERBEROS_REASON; i++)
		text[i] = from[i];
	text[i] = '\0';
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
}

static bool display(OM_uint32 status, int kind, char text[KERBEROS_REASON])
{
	OM_uint32 minor, more = 0;
	gss_buffer_desc line = GSS_C_EMPTY_BUFFER;
	const bool fine = gss_display_status(&minor, status, kind, &mechanisms[1], &more, &line) ==
			  GSS_S_COMPLETE;

	if (fine)
		make_line(line.value, line.length, text);
	gss_release_buffer(&minor, &line);
	return fine && text[0];
}

const char *kerberos_reason(OM_uint32 major, OM_uint32 minor, char text[KERBEROS_REASON])
{
	/* The mechanism knows more, where it says anything. */
	if (minor == 0 || !display(minor, GSS_C_MECH_CODE, text) ||
	    strcmp(text, "Unknown error") == 0)
		if (!display(major, GSS_C_GSS_CODE, text))
			make_line("unknown error", SIZE_MAX, text);
	return text;
}

const char *kerberos_library_reason(krb5_context context, krb5_error_code code,
				    char text[KERBEROS_REASON])
{
	const char *message = krb5_get_error_message(context, code);

	make_line(message, SIZE_MAX, text);
	krb5_free_error_message(context, message);
	return text;
}

/* --------------------------------------------------------------------------------- errors -- */

int kerberos_library_error(krb5_error_code code)
{
	switch (code) {
	case 0:
		return 0;
	case ENOMEM:
	case EACCES:
	case ENOENT:
		return -(int)code;
	case KRB5_KT_NOTFOUND:
	case KRB5_CC_NOTFOUND:
	case KRB5_FCC_NOFILE:
	case KRB5_CC_FORMAT:
	case KRB5_FCC_PERM:
	case KRB5_KT_KVNONOTFOUND:
		return -ENOKEY;
	case EISDIR:
	case KRB5_KEYTAB_BADVNO:
	case KRB5_KT_FORMAT:
	case KRB5_KT_UNKNOWN_TYPE:
	case KRB5_KT_NAME_TOOLONG:
	case KRB5_PARSE_MALFORMED:
		return -EINVAL;
	case KRB5KRB_AP_ERR_TKT_EXPIRED:
	case KRB5KDC_ERR_NAME_EXP:
		return -EKEYEXPIRED;
	case KRB5_MUTUAL_FAILED:
	case KRB5KRB_AP_ERR_BAD_INTEGRITY:
	case KRB5KRB_AP_ERR_MODIFIED:
	case KRB5KRB_AP_ERR_MUT_FAIL:
	case KRB5KRB_AP_ERR_NOKEY:
	case KRB5KRB_AP_ERR_NOT_US:
	case KRB5KRB_AP_WRONG_PRINC:
		return -EBADMSG;
	case KRB5_KDC_UNREACH:
	case KRB5_REALM_UNKNOWN:
		return -EHOSTUNREACH;
	default:
		return -EPROTO;
	}
}

int kerberos_error(OM_uint32 major, OM_uint32 minor)
{
	const int error = kerberos_library_error((krb5_error_code)minor);

	switch (GSS_ROUTINE_ERROR(major)) {
	case GSS_S_CREDENTIALS_EXPIRED:
	case GSS_S_CONTEXT_EXPIRED:
		return -EKEYEXPIRED;
	case GSS_S_NO_CRED:
		return error == -EKEYEXPIRED || error == -ENOMEM ? error : -ENOKEY;
	case GSS_S_BAD_SIG:
		return -EBADMSG;
	default:
		return error < 0 ? error : -EPROTO;
	}
}

/* -------------------------------------------------------------------------------- telling -- */

void kerberos_problem(const char **problem, const char *format, ...)
{
	static _Thread_local char line[KERBEROS_REASON];
	char text[2 * KERBEROS_REASON];
	va_list arguments;

	if (!problem)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	make_line(text, sizeof(text), line);
	*problem = line;
}

int kerberos_begin(const char **problem)
{
	kerberos_problem(problem, "out of memory");
	if (!thread_token())
		return 0;
	kerberos_problem(problem, "the thread impersonates");
	return -EBUSY;
}

int kerberos_refuse(int error, const char *format, ...)
{
	const struct imp_log_record facts = {
		.priority = LOG_WARNING,
		.event = IMP_EVENT_NOT_AUTHENTICATED,
		.expected_uid = IMP_NO_UID,
		.actual_uid = IMP_NO_UID,
		.error = error,
	};
	char text[2 * KERBEROS_REASON];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_event(&facts, "%s", text);
	return error;
}

/* ------------------------------------------------------------ messages and credentials -- */

int kerberos_give(const gss_buffer_desc *from, void **message, size_t *size)
{
	*message = NULL;
	*size = 0;
	if (from->length == 0)
		return 0;
	*message = malloc(from->length);
	if (!*message)
		return -ENOMEM;
	memcpy(*message, from->value, from->length);
	*size = from->length;
	return 0;
}

OM_uint32 kerberos_acquire(OM_uint32 *minor, gss_name_t name, gss_cred_usage_t usage,
			   const gss_key_value_set_desc *store, gss_cred_id_t *credential)
{
	OM_uint32 major = gss_acquire_cred_from(minor, name, GSS_C_INDEFINITE, (gss_OID_set)&both,
						usage, store, credential, NULL, NULL);

	if (!GSS_ERROR(major))
		major = gss_set_neg_mechs(minor, *credential, (gss_OID_set)&kerberos_negotiable);
	return major;
}
