/* SPDX-License-Identifier: MIT */
/*
 * A local client's own credentials.  The file is opened, and read, as the client: the kernel says
 * whether it is the client's to use.  All else is done as the service, with a copy in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <profile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/impersonate-thread.h"
#include "net/memory-cache.h"
#include "net/own-cache.h"

enum { MOST_BYTES = 1 << 22 };

struct own_cache {
	char *name; /* of the client's */
	int bytes;  /* a file in memory: what is in the client's */
	struct memory_cache copy;
	const struct imp_identity *client;
};

gss_cred_id_t own_cache_credential(const struct own_cache *cache)
{
	return cache->copy.credential;
}

void own_cache_free(struct own_cache *cache)
{
	if (!cache)
		return;
	memory_cache_clear(&cache->copy);
	if (cache->bytes >= 0)
		close(cache->bytes);
	free(cache->name);
	free(cache);
}

/* ------------------------------------------------------------------------------- its name -- */

/*
 * default_ccache_name, krb5.conf(5), of the client: libkrb5 itself would put in the real uid, which
 * is the service's.  The environment's KRB5CCNAME is the service's, too.
 */
static int expand(const char *pattern, uid_t uid, char **name)
{
	static const char *const ids[] = {"%{uid}", "%{euid}", "%{USERID}"};
	char *text = NULL, number[16];
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool known = true;

	if (!out)
		return -ENOMEM;
	snprintf(number, sizeof(number), "%u", uid);
	while (*pattern && known) {
		const char *token = NULL;

		if (strncmp(pattern, "%{", 2) != 0) {
			fputc(*pattern++, out);
			continue;
		}
		for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]) && !token; i++)
			if (strncmp(pattern, ids[i], strlen(ids[i])) == 0)
				token = ids[i];
		if (token) {
			fputs(number, out);
			pattern += strlen(token);
		} else if (strncmp(pattern, "%{null}", 7) == 0) {
			pattern += 7;
		} else if (strncmp(pattern, "%{TEMP}", 7) == 0) {
			fputs("/tmp", out);
			pattern += 7;
		} else {
			known = false;
		}
	}
	if (fclose(out) != 0 || !text || !known) {
		free(text);
		return known ? -ENOMEM : -ENOKEY;
	}
	*name = text;
	return 0;
}

/*
 * Files alone, since the file is all that is the client's: whoever opens a keyring possesses it,
 * and so would the thread, whoever it is next; for what a daemon says the service would wait.
 */
static const char *path_of(const char *name)
{
	const char *path = strncmp(name, "FILE:", 5) == 0 ? name + 5 : name;

	return path[0] == '/' ? path : NULL;
}

static int find_name(struct own_cache *cache)
{
	char *pattern = NULL;
	profile_t profile;
	int error;

	if (krb5_get_profile(cache->copy.context, &profile))
		return -ENOMEM;
	if (profile_get_string(profile, "libdefaults", "default_ccache_name", NULL,
			       "FILE:/tmp/krb5cc_%{uid}", &pattern))
		pattern = NULL;
	error = pattern ? expand(pattern, cache->client->uid, &cache->name) : -ENOMEM;
	if (error == -ENOKEY)
		kerberos_refuse(error, "default_ccache_name: %s: not known for another user",
				pattern);
	else if (error == 0 && !path_of(cache->name))
		error = kerberos_refuse(-ENOKEY, "default_ccache_name: %s: no file", cache->name);
	profile_release_string(pattern);
	profile_release(profile);
	return error;
}

/* As the service: configuration is nothing to read as a client. */
static int prepare(void *data)
{
	struct own_cache *cache = data;

	if (memory_cache_init(&cache->copy))
		return kerberos_refuse(-EPROTO, "a credential cache in memory cannot be made");
	cache->bytes = memfd_create("credentials", MFD_CLOEXEC);
	return cache->bytes < 0 ? -errno : find_name(cache);
}

/* ------------------------------------------------------------------------------- its bytes -- */

/*
 * libkrb5 would wait for whoever writes to a FIFO, or holds a lock, as long as a client likes, and
 * take as much memory as the file says: so it gets a copy, as it was the moment it was read.
 */
static int open_file(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0)
		error = -errno;
	else if (!S_ISREG(status.st_mode))
		error = -EINVAL;
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

/* By the kernel: nothing of it is left in this process's memory. */
static int copy_bytes(int from, int to)
{
	size_t total = 0;
	ssize_t n;

	while ((n = sendfile(to, from, NULL, MOST_BYTES)) > 0) {
		total += (size_t)n;
		if (total > MOST_BYTES)
			return -EFBIG;
	}
	return n < 0 ? -errno : 0;
}

static int no_cache(const struct own_cache *cache, krb5_error_code code)
{
	char reason[KERBEROS_REASON];

	if (code == ENOMEM)
		return -ENOMEM;
	return kerberos_refuse(-ENOKEY, "uid %u: its credential cache %s: %s", cache->client->uid,
			       cache->name,
			       kerberos_library_reason(cache->copy.context, code, reason));
}

/* As the client. */
static int take_bytes(struct own_cache *cache)
{
	int fd = open_file(path_of(cache->name)), error = fd;

	if (fd >= 0) {
		error = copy_bytes(fd, cache->bytes);
		close(fd);
	}
	return error < 0 ? no_cache(cache, -error) : 0;
}

/* ------------------------------------------------------------------------------- the copy -- */

static krb5_error_code copy_from(struct memory_cache *copy, krb5_ccache own)
{
	krb5_principal principal;
	krb5_error_code code = krb5_cc_get_principal(copy->context, own, &principal);

	if (code)
		return code;
	code = krb5_cc_initialize(copy->context, copy->cache, principal);
	if (!code)
		code = krb5_cc_copy_creds(copy->context, own, copy->cache);
	krb5_free_principal(copy->context, principal);
	return code;
}

static int copy(struct own_cache *cache)
{
	char name[64];
	krb5_ccache own;
	krb5_error_code code;

	snprintf(name, sizeof(name), "FILE:/proc/self/fd/%d", cache->bytes);
	code = krb5_cc_resolve(cache->copy.context, name, &own);
	if (!code) {
		code = copy_from(&cache->copy, own);
		krb5_cc_close(cache->copy.context, own);
	}
	return code ? no_cache(cache, code) : 0;
}

/* ----------------------------------------------------------------------------- whose it is -- */

/* A cache is whose principal it has: another's, put there for the client to be taken for, is not
 * its. */
static int check_principal(const struct own_cache *cache)
{
	krb5_context context = cache->copy.context;
	krb5_principal principal;
	char account[256];
	struct identity identity;
	bool same = false;
	krb5_error_code code = krb5_cc_get_principal(context, cache->copy.cache, &principal);

	if (code)
		return no_cache(cache, code);
	if (krb5_aname_to_localname(context, principal, sizeof(account), account) == 0 &&
	    identity_of_account(account, &identity) == 0) {
		same = identity.view.uid == cache->client->uid;
		identity_clear(&identity);
	}
	krb5_free_principal(context, principal);
	return same ? 0
		    : kerberos_refuse(-ENOKEY,
				      "uid %u: its credential cache %s has somebody else's",
				      cache->client->uid, cache->name);
}

/* As the service. */
static int conclude(void *data)
{
	struct own_cache *cache = data;
	OM_uint32 major, minor;
	char reason[KERBEROS_REASON];
	int error = copy(cache);

	if (error == 0)
		error = check_principal(cache);
	if (error < 0)
		return error;
	major = memory_cache_acquire(&cache->copy, &minor);
	if (!GSS_ERROR(major))
		return 0;
	return kerberos_refuse(kerberos_error(major, minor), "uid %u: its credential cache %s: %s",
			       cache->client->uid, cache->name,
			       kerberos_reason(major, minor, reason));
}

static int as_service(int (*work)(void *data), struct own_cache *cache)
{
	int result = 0, error = imp_run(NULL, work, cache, &result);

	return error < 0 ? error : result;
}

int own_cache_open(const struct imp_token *token, struct own_cache **cache)
{
	struct own_cache *new = calloc(1, sizeof(*new));
	int error;

	if (!new)
		return -ENOMEM;
	new->client = imp_token_identity(token);
	new->bytes = -1;
	error = as_service(prepare, new);
	if (error == 0)
		error = take_bytes(new);
	if (error == 0)
		error = as_service(conclude, new);
	if (error < 0)
		own_cache_free(new);
	else
		*cache = new;
	return error;
}
