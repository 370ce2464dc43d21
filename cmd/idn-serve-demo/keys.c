/* SPDX-License-Identifier: MIT */
/*
 * Kernel keys, keyrings(7), read as the client.  The kernel holds a key's permissions against the
 * thread's filesystem ids, but what the thread possesses it may read whoever it is: the keys that
 * its session, process and thread keyrings lead to.  So there must be none.
 */
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/message.h"
#include "serve.h"

struct candidate {
	int32_t serial;
	enum { OF_CLIENT, OF_ROOT, OF_OTHERS } owner;
};

static int prepared = -EPERM; /* until keys_prepare() */

/* --------------------------------------------------------------------------------- possession --
 */

/* A keyring of this process that nothing is expected in, and that is not made by looking. */
static int empty_keyring(key_serial_t which)
{
	if (keyctl_get_keyring_ID(which, 0) < 0)
		return errno == ENOKEY ? 0 : -errno;
	return keyctl_clear(which) < 0 ? -errno : 0;
}

/*
 * The session keyring is the one that the service was started with, or, without one, that of the
 * service's real uid: a new one, of this process alone, takes its place.  The two others end with
 * every exec, but a library may have made them since.  Threads have what their creator has.
 */
void keys_prepare(void)
{
	prepared = keyctl_join_session_keyring(NULL) < 0 ? -errno : 0;
	if (prepared == 0)
		prepared = empty_keyring(KEY_SPEC_PROCESS_KEYRING);
	if (prepared == 0)
		prepared = empty_keyring(KEY_SPEC_THREAD_KEYRING);
	if (prepared < 0)
		warn_of("kernel keys are not served: %s", reason_of(prepared));
}

/* ------------------------------------------------------------------------------- the candidates --
 */

/*
 * What /proc/keys says may be made up by whoever describes a key in two lines: the kernel is asked
 * about the key itself.
 */
static bool is_the_one(int32_t serial, const char *description, struct candidate *candidate)
{
	char *text;
	int uid, end = 0;

	if (keyctl_describe_alloc(serial, &text) < 0)
		return false;
	bool same = sscanf(text, "%*[^;];%d;%*d;%*x;%n", &uid, &end) == 1 && end > 0 &&
		    (strncmp(text, "user;", 5) == 0 || strncmp(text, "logon;", 6) == 0) &&
		    strcmp(text + end, description) == 0;

	if (same) {
		candidate->serial = serial;
		candidate->owner = (uid_t)uid == geteuid() ? OF_CLIENT
				   : uid == 0		   ? OF_ROOT
							   : OF_OTHERS;
	}
	free(text);
	return same;
}

static int compare(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	if (left->owner != right->owner)
		return left->owner < right->owner ? -1 : 1;
	return (left->serial > right->serial) - (left->serial < right->serial);
}

/* The client's own come first; owned by the caller. */
static int find_candidates(const char *description, struct candidate **candidates, size_t *count)
{
	int32_t *serials;
	size_t found;
	int error = procfs_find_keys(description, &serials, &found);

	if (error < 0)
		return error;
	*candidates = calloc(found + 1, sizeof(**candidates));
	*count = 0;
	if (!*candidates)
		error = -ENOMEM;
	for (size_t i = 0; error == 0 && i < found; i++)
		*count += is_the_one(serials[i], description, &(*candidates)[*count]);
	free(serials);
	if (error == 0 && *count > 0)
		qsort(*candidates, *count, sizeof(**candidates), compare);
	return error;
}

/* ------------------------------------------------------------------------------------- reading --
 */

static int read_key(int32_t serial, struct reply *reply)
{
	void *payload;
	int size = keyctl_read_alloc(serial, &payload);

	if (size < 0)
		return -errno;
	reply_clear(reply);
	reply->status = MHD_HTTP_OK;
	reply_type(reply, "application/octet-stream");
	reply->body = payload;
	reply->size = (size_t)size;
	return 0;
}

/* Where the client has such a key, or root, nobody else's is taken for it. */
static int read_first(const struct candidate *candidates, size_t count, struct reply *reply)
{
	int error = -ENOKEY;

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && candidates[i].owner != candidates[i - 1].owner && error != -ENOKEY)
			break;
		int result = read_key(candidates[i].serial, reply);

		if (result == 0)
			return 0;
		/* One that was revoked a moment ago is not there. */
		if (result != -EKEYREVOKED && result != -EKEYEXPIRED && result != -ENOENT)
			error = result;
	}
	return error;
}

void get_key(const char *description, struct reply *reply)
{
	struct candidate *candidates = NULL;
	size_t count;

	if (!thread_is_client()) {
		reply_text(reply, MHD_HTTP_NOT_IMPLEMENTED,
			   "kernel keys are not served by the ring engine: with --engine thread "
			   "they are\n");
		return;
	}
	if (prepared < 0) {
		reply_text(reply, MHD_HTTP_SERVICE_UNAVAILABLE, "keys are not served: %s\n",
			   reason_of(prepared));
		return;
	}

	int error = find_candidates(description, &candidates, &count);

	if (error == 0)
		error = read_first(candidates, count, reply);
	if (error < 0)
		reply_reason(reply, "key ", description, -error);
	free(candidates);
}
