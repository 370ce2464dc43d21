/* SPDX-License-Identifier: MIT */
/* A client's credentials, in memory, as long as somebody holds them. */
#ifndef NET_MEMORY_CACHE_H
#define NET_MEMORY_CACHE_H

#include "net/kerberos.h"

/*
 * A credential cache in memory: such are shared by all threads of a process, by a name that libkrb5
 * makes; this one is gone with its holder.
 */
struct memory_cache {
	krb5_context context;
	krb5_ccache cache;
	char *name;
	gss_cred_id_t credential; /* once made */
};

/* Makes an empty one; a code of libkrb5.  To be cleared in any case. */
krb5_error_code memory_cache_init(struct memory_cache *cache) IMP_MUST_CHECK;

/* Makes the credential to authenticate with, negotiated or not, of what is in the cache. */
OM_uint32 memory_cache_acquire(struct memory_cache *cache, OM_uint32 *minor) IMP_MUST_CHECK;

void memory_cache_clear(struct memory_cache *cache);

/*
 * What PRINCIPAL has lent, of what it has forwarded; CREDENTIAL stays the caller's.  -EACCES where
 * it is somebody else's, or cannot be used; -ENOMEM.
 */
int memory_cache_lend(gss_cred_id_t credential, const char *principal,
		      struct lent **lent) IMP_MUST_CHECK;

/* A credential of it, which the caller releases while LENT still lives. */
OM_uint32 memory_cache_borrow(const struct lent *lent, gss_cred_id_t *credential,
			      OM_uint32 *minor) IMP_MUST_CHECK;

#endif
