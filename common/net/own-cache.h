/* SPDX-License-Identifier: MIT */
/* A local client's own credentials. */
#ifndef NET_OWN_CACHE_H
#define NET_OWN_CACHE_H

#include "net/kerberos.h"

/* A copy, in memory, of a client's own credential cache. */
struct own_cache;

/*
 * Opens, as the calling thread, which impersonates the client, the client's default credential
 * cache, copies it, and has a credential made of the copy, of which nothing reaches the client's.
 * -ENOKEY where there is none, or where it is another's than the client's; -ENOMEM; told to the
 * log.  The thread is what it was afterwards.
 */
int own_cache_open(const struct imp_token *token, struct own_cache **cache) IMP_MUST_CHECK;
gss_cred_id_t own_cache_credential(const struct own_cache *cache);
void own_cache_free(struct own_cache *cache); /* NULL is allowed */

#endif
