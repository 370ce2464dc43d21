/* SPDX-License-Identifier: MIT */
/*
 * One user: reads and writes its own files, tries those of others, and knows for each answer what
 * it may be.  Every content begins with its owner's uid, and goes on so to its end.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "soak.h"

/* -------------------------------------------------------------------------------- contents -- */

static size_t content_size(uid_t uid, int sequence)
{
	return 20 + (uid * 131u + (unsigned int)sequence * 7919u) % (CONTENT_MAXIMUM - 20);
}

/* "5003 of uid 5003: 17\n", over and over. */
static size_t make_content(uid_t uid, int sequence, char content[CONTENT_MAXIMUM])
{
	size_t size = content_size(uid, sequence), used = 0;
	char line[64];
	int length = snprintf(line, sizeof(line), "of uid %u: %d\n", uid, sequence);

	for (; used < size; used++)
		content[used] = line[used % (size_t)length];
	return size;
}

static bool is_content(const struct soak_user *user, int sequence)
{
	char content[CONTENT_MAXIMUM];

	return sequence > 0 && user->answer_size == content_size(user->uid, sequence) &&
	       make_content(user->uid, sequence, content) == user->answer_size &&
	       memcmp(content, user->answer, user->answer_size) == 0;
}

/* ----------------------------------------------------------------------------------- files -- */

static void path_of(const struct soak_user *user, const struct soak_file *file, char *path,
		    size_t size)
{
	if (file->shared)
		snprintf(path, size, "/files%s/all/%s", user->options->directory, file->name);
	else
		snprintf(path, size, "/files%s/%u/%s", user->options->directory, user->uid,
			 file->name);
}

static void settle(struct soak_file *file, int sequence)
{
	file->sequence = sequence;
	file->pending = -1;
}

/* Nobody said whether it was done; it may be being done even now. */
static void doubt(struct soak_file *file, int sequence)
{
	file->pending = sequence;
	file->since = time(NULL);
}

/* What was there before is still there: whatever was in doubt has not been done, if it is long ago.
 */
static void settle_former(struct soak_file *file)
{
	enum { LONG_AGO = 5 }; /* seconds */

	if (file->pending < 0 || time(NULL) - file->since > LONG_AGO)
		settle(file, file->sequence);
}

/* Whoever looks at the file finds that it is this user's. */
static void check_owner(const struct soak_user *user, const char *path)
{
	struct stat status;

	if (stat(path + strlen("/files"), &status) < 0)
		soak_wrong(user, "%s: %s", path, strerror(errno));
	if (status.st_uid != user->uid || status.st_gid != user->uid)
		soak_wrong(user, "%s: belongs to %u:%u", path, status.st_uid, status.st_gid);
}

static void read_own(struct soak_user *user)
{
	struct soak_file *file = &user->files[soak_random(user, FILES_OF_ONE)];
	char path[256];

	path_of(user, file, path, sizeof(path));

	struct soak_answer answer = soak_request(user, "GET", path, NULL, NULL, 0);

	if (answer.status == 200 && is_content(user, file->pending))
		settle(file, file->pending);
	else if (answer.status == 404 && file->pending == 0)
		settle(file, 0);
	else if (answer.status == 200 ? is_content(user, file->sequence)
				      : answer.status == 404 && file->sequence == 0)
		settle_former(file);
	else if (answer.status != 0 && answer.status < 500)
		soak_wrong(user, "GET %s: status %ld, where %d or %d is expected: %.60s", path,
			   answer.status, file->sequence, file->pending, user->answer);
}

static void write_own(struct soak_user *user)
{
	struct soak_file *file = &user->files[soak_random(user, FILES_OF_ONE)];
	char content[CONTENT_MAXIMUM], path[256];
	int sequence = ++user->sequence;
	size_t size = make_content(user->uid, sequence, content);

	if (file->pending >= 0)
		return; /* not before it is known what is in it */
	path_of(user, file, path, sizeof(path));

	struct soak_answer answer = soak_request(user, "PUT", path, NULL, content, size);

	/* Where another attempt at the same was answered, and the answer lost, it is there. */
	if (answer.status == 201 || answer.status == 204) {
		if (!user->options->hostile && (answer.status == 201) != (file->sequence == 0))
			soak_wrong(user, "PUT %s: status %ld", path, answer.status);
		settle(file, sequence);
		check_owner(user, path);
	} else if (answer.status == 0 || (answer.status >= 500 && answer.status != 507)) {
		doubt(file, sequence);
	} else if (answer.status != 507) {
		soak_wrong(user, "PUT %s: status %ld: %.60s", path, answer.status, user->answer);
	}
}

static void delete_own(struct soak_user *user)
{
	struct soak_file *file = &user->files[soak_random(user, FILES_OF_ONE)];
	char path[256];

	if (file->pending >= 0)
		return;
	path_of(user, file, path, sizeof(path));

	struct soak_answer answer = soak_request(user, "DELETE", path, NULL, NULL, 0);

	/* curl asks again, by itself, where a connection that it kept has ended without an answer.
	 */
	if (answer.status == 404 && user->options->hostile)
		settle(file, 0);
	else if (answer.status == 204 && file->sequence != 0)
		settle(file, 0);
	else if (answer.status == 0 || answer.status >= 500)
		doubt(file, 0);
	else if (answer.status != 404 || file->sequence != 0)
		soak_wrong(user, "DELETE %s: status %ld: %.60s", path, answer.status, user->answer);
}

/* ---------------------------------------------------------------------------------- others -- */

static uid_t somebody_else(struct soak_user *user)
{
	const struct soak_options *options = user->options;
	uid_t first = (uid_t)options->first_uid;
	unsigned int own = user->uid - first;
	unsigned int step = 1 + soak_random(user, (unsigned int)options->users - 1);

	return first + (own + step) % (unsigned int)options->users;
}

static void must_be_refused(struct soak_user *user, const char *method, const char *path,
			    const char *level, const char *content)
{
	struct soak_answer answer =
		soak_request(user, method, path, level, content, content ? strlen(content) : 0);

	/* Another host than the first one may not know who asks, and say so. */
	if (answer.status == 401 && user->options->url)
		return;
	if (answer.status != 403 && answer.status != 0 && answer.status < 500)
		soak_wrong(user, "%s %s: status %ld, where it must be 403: %.60s", method, path,
			   answer.status, user->answer);
}

static void try_other(struct soak_user *user)
{
	static const char *const methods[] = {"GET", "PUT", "DELETE"};
	const char *method = methods[soak_random(user, 3)];
	char path[256];

	snprintf(path, sizeof(path), "/files%s/%u/0", user->options->directory,
		 somebody_else(user));
	must_be_refused(user, method, path, NULL, strcmp(method, "PUT") == 0 ? "not yours" : NULL);
}

static void try_own_below(struct soak_user *user)
{
	char path[256];

	snprintf(path, sizeof(path), "/files%s/%u/0", user->options->directory, user->uid);
	must_be_refused(user, "GET", path, soak_random(user, 2) ? "identification" : "anonymous",
			NULL);
}

/* With the ring engine the thread is the service, and the kernel has a number for the client. */
static bool is_served(struct soak_user *user, bool direct)
{
	const char *number = strstr(user->answer, "\"token\":");
	char fsuid[64];
	long is;

	snprintf(fsuid, sizeof(fsuid), "\"filesystem\":%u}", user->uid);
	if (!user->options->ring)
		return strstr(user->answer, fsuid);
	is = number ? atol(number + strlen("\"token\":")) : 0;
	if (direct && is > user->tally->number)
		user->tally->number = is;
	return is > 0 && strstr(user->answer, "\"engine\":\"ring\"") &&
	       !strstr(user->answer, fsuid);
}

static void ask_who(struct soak_user *user)
{
	char uid[32], access[64];
	struct soak_answer answer = soak_request(user, "GET", "/whoami", NULL, NULL, 0);

	snprintf(uid, sizeof(uid), "\"identity\":{\"uid\":%u,", user->uid);
	snprintf(access, sizeof(access), "\"access_as\":{\"uid\":%u,", user->uid);
	if (answer.status == 200 ? !strstr(user->answer, uid) || !strstr(user->answer, access) ||
					   !is_served(user, answer.direct)
				 : answer.status != 0 && answer.status < 500)
		soak_wrong(user, "GET /whoami: status %ld: %s", answer.status, user->answer);
}

static void list_own(struct soak_user *user)
{
	char path[256];

	snprintf(path, sizeof(path), "/list%s/%u", user->options->directory, user->uid);

	struct soak_answer answer = soak_request(user, "GET", path, NULL, NULL, 0);

	if (answer.status == 200 && !user->options->hostile && strstr(user->answer, "\"name\":\"."))
		soak_wrong(user, "GET %s: something temporary: %s", path, user->answer);
	if (answer.status != 200 && answer.status != 0 && answer.status < 500)
		soak_wrong(user, "GET %s: status %ld: %s", path, answer.status, user->answer);
}

/* --------------------------------------------------------------------------------- one user -- */

static void request_something(struct soak_user *user)
{
	switch (soak_random(user, 10)) {
	case 0:
	case 1:
	case 2:
		read_own(user);
		break;
	case 3:
	case 4:
		write_own(user);
		break;
	case 5:
		delete_own(user);
		break;
	case 6:
		try_other(user);
		break;
	case 7:
		try_own_below(user);
		break;
	case 8:
		ask_who(user);
		break;
	default:
		list_own(user);
	}
}

static void become(const struct soak_user *user)
{
	if (setgroups(0, NULL) < 0 || setresgid(user->uid, user->uid, user->uid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		soak_wrong(user, "cannot be it: %s", strerror(errno));
}

static void begin_with_nothing(const struct soak_user *user)
{
	for (int i = 0; i < FILES_OF_ONE; i++) {
		char path[256];

		path_of(user, &user->files[i], path, sizeof(path));
		if (unlink(path + strlen("/files")) < 0 && errno != ENOENT)
			soak_wrong(user, "%s: %s", path, strerror(errno));
	}
}

/* At the end nothing may be left in doubt: what is there is read once more. */
static void check_all(struct soak_user *user)
{
	for (int i = 0; i < FILES_OF_ONE; i++) {
		char path[256];

		path_of(user, &user->files[i], path, sizeof(path));
		if (user->files[i].sequence > 0 && user->files[i].pending < 0)
			check_owner(user, path);
	}
}

void soak_user_run(const struct soak_options *options, struct soak_tally *tally, uid_t uid,
		   long count)
{
	static struct soak_user user;

	user.options = options;
	user.tally = tally;
	user.uid = uid;
	user.random = (unsigned int)options->seed * 7919u + uid;
	for (int i = 0; i < FILES_OF_ONE; i++) {
		struct soak_file *file = &user.files[i];

		file->shared = i >= FILES_OF_ONE / 2;
		file->pending = -1;
		snprintf(file->name, sizeof(file->name), file->shared ? "%d-%u" : "%d", i, uid);
	}
	become(&user);
	begin_with_nothing(&user);
	soak_connect(&user);
	for (long i = 0; i < count; i++) {
		for (int j = 0; j < options->comers; j++)
			soak_come_and_go(&user);
		request_something(&user);
	}
	check_all(&user);
	curl_easy_cleanup(user.curl);
	tally->done = true;
}
