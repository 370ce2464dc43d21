/* SPDX-License-Identifier: MIT */
/*
 * The acceptor: a service's keys in memory, so that no file of theirs is ever opened again, which
 * would be as whoever the thread is by then.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/acceptor.h"
#include "net/memory-cache.h"

struct imp_acceptor {
	atomic_uint references;
	const struct remote *remote; /* who has the keys; NULL: this has them */
	krb5_context context; /* of the next two; used where there is one thread: at both ends */
	krb5_keytab keys;     /* in memory */
	char *keys_name;
	struct memory_cache cache; /* for tickets of the service's own, where it is to have such */
	gss_cred_id_t credential;
};

gss_cred_id_t acceptor_credential(const struct imp_acceptor *acceptor)
{
	return acceptor->credential;
}

const struct remote *acceptor_remote(const struct imp_acceptor *acceptor)
{
	return acceptor->remote;
}

/* --------------------------------------------------------------------------------- keytab -- */

static krb5_error_code copy_keys(krb5_context context, krb5_keytab from, krb5_keytab to,
				 size_t *count)
{
	krb5_kt_cursor cursor;
	krb5_keytab_entry entry;
	krb5_error_code code = krb5_kt_start_seq_get(context, from, &cursor);

	*count = 0;
	if (code)
		return code;
	while ((code = krb5_kt_next_entry(context, from, &entry, &cursor)) == 0) {
		code = krb5_kt_add_entry(context, to, &entry);
		krb5_free_keytab_entry_contents(context, &entry);
		if (code)
			break;
		++*count;
	}
	krb5_kt_end_seq_get(context, from, &cursor);
	return code == KRB5_KT_END ? 0 : code;
}

static int tell_library(struct imp_acceptor *acceptor, krb5_error_code code, const char *what,
			const char **problem)
{
	char reason[KERBEROS_REASON];

	kerberos_problem(problem, "%s: %s", what,
			 kerberos_library_reason(acceptor->context, code, reason));
	return kerberos_library_error(code);
}

/* A name of its own in this process: memory keytabs are shared by name. */
static int make_keys(struct imp_acceptor *acceptor)
{
	if (asprintf(&acceptor->keys_name, "MEMORY:impersonate-%p", (void *)acceptor) < 0) {
		acceptor->keys_name = NULL;
		return -ENOMEM;
	}
	return kerberos_library_error(
		krb5_kt_resolve(acceptor->context, acceptor->keys_name, &acceptor->keys));
}

static int load_keys(struct imp_acceptor *acceptor, const char *keytab, const char **problem)
{
	const char *what = keytab ? keytab : "the default keytab";
	krb5_keytab file;
	size_t count;
	krb5_error_code code = keytab ? krb5_kt_resolve(acceptor->context, keytab, &file)
				      : krb5_kt_default(acceptor->context, &file);
	int error;

	if (code)
		return tell_library(acceptor, code, what, problem);
	error = make_keys(acceptor);
	if (error == 0) {
		code = copy_keys(acceptor->context, file, acceptor->keys, &count);
		if (code)
			error = tell_library(acceptor, code, what, problem);
		else if (count == 0)
			error = -ENOKEY;
	}
	krb5_kt_close(acceptor->context, file);
	if (error == -ENOKEY && !code)
		kerberos_problem(problem, "%s: no key is in it", what);
	return error;
}

/* ----------------------------------------------------------------------------- credential -- */

static OM_uint32 import_principal(const char *principal, OM_uint32 *minor, gss_name_t *name)
{
	gss_buffer_desc text = {strlen(principal), (void *)principal};

	return gss_import_name(minor, &text, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, name);
}

/* Of Kerberos alone first: where that fails it says why, which negotiation does not. */
static OM_uint32 acquire(struct imp_acceptor *acceptor, const struct imp_acceptor_options *options,
			 OM_uint32 *minor, gss_name_t name)
{
	const gss_cred_usage_t usage = options->constrained ? GSS_C_BOTH : GSS_C_ACCEPT;
	gss_key_value_element_desc elements[] = {
		{"keytab", acceptor->keys_name},
		{"rcache", options->replay_cache ? options->replay_cache : "dfl:"},
		{"client_keytab", acceptor->keys_name},
		{"ccache", acceptor->cache.name},
	};
	const gss_key_value_set_desc store = {options->constrained ? 4 : 2, elements};
	OM_uint32 major = gss_acquire_cred_from(minor, name, GSS_C_INDEFINITE,
						(gss_OID_set)&kerberos_negotiable, usage, &store,
						&acceptor->credential, NULL, NULL);

	if (GSS_ERROR(major))
		return major;
	gss_release_cred(minor, &acceptor->credential);
	return kerberos_acquire(minor, name, usage, &store, &acceptor->credential);
}

static int make_credential(struct imp_acceptor *acceptor,
			   const struct imp_acceptor_options *options, const char **problem)
{
	const char *principal = options->principal;
	gss_name_t name = GSS_C_NO_NAME;
	OM_uint32 major = GSS_S_COMPLETE, minor = 0, unused;
	char reason[KERBEROS_REASON];

	if (principal)
		major = import_principal(principal, &minor, &name);
	if (!GSS_ERROR(major))
		major = acquire(acceptor, options, &minor, name);
	gss_release_name(&unused, &name);
	if (!GSS_ERROR(major))
		return 0;
	kerberos_problem(problem, "%s: %s", principal ? principal : "keytab",
			 kerberos_reason(major, minor, reason));
	return GSS_ROUTINE_ERROR(major) == GSS_S_BAD_NAME ? -EINVAL : kerberos_error(major, minor);
}

/*
 * A handshake that comes to nothing, and a name that is looked for: what is loaded for them is
 * loaded now.
 */
static void try_out(struct imp_acceptor *acceptor)
{
	static char nonsense[] = "\x60\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
	gss_buffer_desc token = {sizeof(nonsense) - 1, nonsense}, reply = GSS_C_EMPTY_BUFFER;
	gss_ctx_id_t context = GSS_C_NO_CONTEXT;
	gss_name_t name = GSS_C_NO_NAME;
	OM_uint32 minor;

	gss_accept_sec_context(&minor, &context, acceptor->credential, &token,
			       GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, &reply, NULL, NULL, NULL);
	gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
	gss_release_buffer(&minor, &reply);
	if (!GSS_ERROR(import_principal("nobody", &minor, &name)) &&
	    !GSS_ERROR(gss_localname(&minor, name, GSS_C_NO_OID, &reply)))
		gss_release_buffer(&minor, &reply);
	gss_release_name(&minor, &name);
}

/* -------------------------------------------------------------------------- begin and end -- */

static void destroy(struct imp_acceptor *acceptor)
{
	OM_uint32 minor;

	gss_release_cred(&minor, &acceptor->credential);
	memory_cache_clear(&acceptor->cache);
	if (acceptor->keys)
		krb5_kt_close(acceptor->context, acceptor->keys);
	if (acceptor->context)
		krb5_free_context(acceptor->context);
	free(acceptor->keys_name);
	free(acceptor);
}

static int fill(struct imp_acceptor *acceptor, const struct imp_acceptor_options *options,
		const char **problem)
{
	krb5_error_code code = krb5_init_context(&acceptor->context);
	int error;

	if (code) {
		kerberos_problem(problem, "krb5.conf: %s", strerror(EINVAL));
		return code == ENOMEM ? -ENOMEM : -EPROTO;
	}
	error = load_keys(acceptor, options->keytab, problem);
	if (error == 0 && options->constrained)
		error = kerberos_library_error(memory_cache_init(&acceptor->cache));
	if (error == 0)
		error = make_credential(acceptor, options, problem);
	if (error == 0)
		try_out(acceptor);
	return error;
}

static struct imp_acceptor *allocate(void)
{
	struct imp_acceptor *new = calloc(1, sizeof(*new));

	if (new) {
		atomic_init(&new->references, 1);
		new->credential = GSS_C_NO_CREDENTIAL;
	}
	return new;
}

int acceptor_of_remote(const struct remote *remote, struct imp_acceptor **acceptor)
{
	struct imp_acceptor *new = allocate();

	if (!new)
		return -ENOMEM;
	new->remote = remote;
	*acceptor = new;
	return 0;
}

int imp_acceptor_new(const struct imp_acceptor_options *options, struct imp_acceptor **acceptor,
		     const char **problem)
{
	static const struct imp_acceptor_options defaults = {.keytab = NULL};
	struct imp_acceptor *new;
	int error;

	error = kerberos_begin(problem);
	if (error < 0)
		return error;
	new = allocate();
	if (!new)
		return -ENOMEM;
	error = fill(new, options ? options : &defaults, problem);
	if (error < 0)
		destroy(new);
	else
		*acceptor = new;
	return error;
}

struct imp_acceptor *imp_acceptor_ref(struct imp_acceptor *acceptor)
{
	atomic_fetch_add_explicit(&acceptor->references, 1, memory_order_relaxed);
	return acceptor;
}

void imp_acceptor_unref(struct imp_acceptor *acceptor)
{
	if (acceptor &&
	    atomic_fetch_sub_explicit(&acceptor->references, 1, memory_order_acq_rel) == 1)
		destroy(acceptor);
}
