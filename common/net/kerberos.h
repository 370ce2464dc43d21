/* SPDX-License-Identifier: MIT */
/* What the parts of this room share: how GSSAPI and libkrb5 say what went wrong, and their words.
 */
#ifndef NET_KERBEROS_H
#define NET_KERBEROS_H

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#include "core/token.h"

/* The only one that is negotiated. */
extern const gss_OID_set_desc kerberos_negotiable;
/* The one to begin with. */
extern gss_OID_desc kerberos_spnego;

enum { KERBEROS_REASON = 256 };

/* "Clock skew too great": one line, printable. */
const char *kerberos_reason(OM_uint32 major, OM_uint32 minor, char text[KERBEROS_REASON]);
const char *kerberos_library_reason(krb5_context context, krb5_error_code code,
				    char text[KERBEROS_REASON]);

/* A negative errno for either. */
int kerberos_error(OM_uint32 major, OM_uint32 minor);
int kerberos_library_error(krb5_error_code code);

/* Keeps a line for the caller of a function that has a PROBLEM; the thread's, until the next one.
 */
void kerberos_problem(const char **problem, const char *format, ...) IMP_PRINTF(2, 3);

/*
 * Begins what may not be done as a client: -EBUSY, with the PROBLEM, while the thread impersonates.
 * Until there is a better one, the PROBLEM is that there is no memory.
 */
int kerberos_begin(const char **problem) IMP_MUST_CHECK;

/* A credential for both mechanisms, of which but the one is negotiated. */
OM_uint32 kerberos_acquire(OM_uint32 *minor, gss_name_t name, gss_cred_usage_t usage,
			   const gss_key_value_set_desc *store,
			   gss_cred_id_t *credential) IMP_MUST_CHECK;

/* A copy for the caller to free, or NULL and 0 of a message that is empty.  -ENOMEM. */
int kerberos_give(const gss_buffer_desc *from, void **message, size_t *size) IMP_MUST_CHECK;

/* Somebody was not authenticated; ERROR is a negative errno, and returned. */
int kerberos_refuse(int error, const char *format, ...) IMP_PRINTF(2, 3);

#endif
