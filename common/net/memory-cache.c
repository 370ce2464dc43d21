/* SPDX-License-Identifier: MIT */
/*
 * A client's credentials, in memory.  What was forwarded arrives as a credential that negotiation
 * can do nothing with: it is taken over into a cache, of which one that can is made.
 */
#include <errno.h>
#include <stdlib.h>

#include "net/memory-cache.h"

krb5_error_code memory_cache_init(struct memory_cache *cache)
{
	krb5_error_code code;

	*cache = (struct memory_cache){.credential = GSS_C_NO_CREDENTIAL};
	code = krb5_init_context(&cache->context);
	if (code)
		cache->context = NULL;
	else
		code = krb5_cc_new_unique(cache->context, "MEMORY", NULL, &cache->cache);
	if (!code)
		code = krb5_cc_get_full_name(cache->context, cache->cache, &cache->name);
	return code;
}

static OM_uint32 acquire(const struct memory_cache *cache, gss_cred_id_t *credential,
			 OM_uint32 *minor)
{
	gss_key_value_element_desc element = {"ccache", cache->name};
	const gss_key_value_set_desc store = {1, &element};

	return kerberos_acquire(minor, GSS_C_NO_NAME, GSS_C_INITIATE, &store, credential);
}

OM_uint32 memory_cache_acquire(struct memory_cache *cache, OM_uint32 *minor)
{
	return acquire(cache, &cache->credential, minor);
}

void memory_cache_clear(struct memory_cache *cache)
{
	OM_uint32 minor;

	gss_release_cred(&minor, &cache->credential);
	if (cache->name)
		krb5_free_string(cache->context, cache->name);
	if (cache->cache)
		krb5_cc_destroy(cache->context, cache->cache);
	if (cache->context)
		krb5_free_context(cache->context);
	*cache = (struct memory_cache){.credential = GSS_C_NO_CREDENTIAL};
}

/* ---------------------------------------------------------------------------------- lent -- */

struct kept {
	struct lent lent;
	struct memory_cache cache;
};

/* Whoever the thread is: there is no credential of GSSAPI's, to end which would read its files. */
static void destroy(struct lent *lent)
{
	struct kept *kept = (struct kept *)lent;

	memory_cache_clear(&kept->cache);
	free(kept);
}

/* That a credential can be made of it is tried out; each who uses it has one of its own. */
static bool keep(struct memory_cache *cache, gss_cred_id_t credential)
{
	gss_key_value_element_desc element = {"ccache", NULL};
	const gss_key_value_set_desc store = {1, &element};
	gss_cred_id_t tried = GSS_C_NO_CREDENTIAL;
	OM_uint32 minor, unused;
	bool fine;

	if (memory_cache_init(cache))
		return false;
	element.value = cache->name;
	fine = !GSS_ERROR(gss_store_cred_into(&minor, credential, GSS_C_INITIATE,
					      &kerberos_negotiable.elements[0], 1, 0, &store, NULL,
					      NULL)) &&
	       !GSS_ERROR(acquire(cache, &tried, &minor));
	gss_release_cred(&unused, &tried);
	return fine;
}

/* Any ticket can be forwarded that the client has, whosever it is. */
static bool is_of(const struct memory_cache *cache, const char *principal)
{
	krb5_principal named, owner = NULL;
	bool same;

	if (krb5_parse_name(cache->context, principal, &named))
		return false;
	same = krb5_cc_get_principal(cache->context, cache->cache, &owner) == 0 &&
	       krb5_principal_compare(cache->context, named, owner);
	krb5_free_principal(cache->context, owner);
	krb5_free_principal(cache->context, named);
	return same;
}

int memory_cache_lend(gss_cred_id_t credential, const char *principal, struct lent **lent)
{
	struct kept *new = malloc(sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->lent.destroy = destroy;
	if (keep(&new->cache, credential) && is_of(&new->cache, principal)) {
		*lent = &new->lent;
		return 0;
	}
	destroy(&new->lent);
	return -EACCES;
}

OM_uint32 memory_cache_borrow(const struct lent *lent, gss_cred_id_t *credential, OM_uint32 *minor)
{
	return acquire(&((const struct kept *)lent)->cache, credential, minor);
}
