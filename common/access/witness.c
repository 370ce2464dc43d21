/* SPDX-License-Identifier: MIT */
/* The kernel as witness. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "access/witness-ask.h"
#include "core/capability.h"
#include "core/log.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

/* ----------------------------------------------------------------------------------- become -- */

int witness_become(const struct access_subject *subject, const char **step)
{
	static _Thread_local char missing[96];
	const struct imp_identity *identity = &subject->identity.view;
	struct imp_become become = {
		.uid = identity->uid,
		.gid = identity->gid,
		.n_groups = identity->n_groups,
		.groups = identity->groups,
		.capabilities = subject->capabilities,
		.effective = true,
	};
	uint64_t permitted;
	char name[64];

	*step = "cannot read the caller's capabilities";
	int error = capability_permitted(&permitted);

	if (error < 0)
		return error;
	*step = "its capabilities are those of another user namespace";
	if (subject->other_user_namespace && subject->capabilities)
		return -EPERM;
	if (subject->capabilities & ~permitted) {
		snprintf(missing, sizeof(missing), "it has %s, which the caller has not",
			 capability_name(capability_lowest(subject->capabilities & ~permitted),
					 name, sizeof(name)));
		*step = missing;
		return -EPERM;
	}
	return imp_become(&become, step);
}

/* ------------------------------------------------------------------------------ the questions --
 */

static int faccess(int fd, const char *path, int bits, int flags)
{
	return syscall(SYS_faccessat2, fd, path, bits, flags | AT_EACCESS) < 0 ? errno : 0;
}

static void put_question(struct witness *witness, int bits, const char *of)
{
	snprintf(witness->question, sizeof(witness->question), "faccessat2(%s%s%s%s)%s",
		 bits == 0 ? "F_OK" : "", bits & R_OK ? "R_OK" : "",
		 bits & W_OK ? (bits & R_OK ? "|W_OK" : "W_OK") : "",
		 bits & X_OK ? (bits & (R_OK | W_OK) ? "|X_OK" : "X_OK") : "", of);
}

/* Where a name is made or removed: the way there, then the directory. */
static int ask_directory(const struct ask *ask, const struct object *directory)
{
	int error = faccess(AT_FDCWD, ask->path, F_OK,
			    ask->want & ACCESS_RWX ? 0 : AT_SYMLINK_NOFOLLOW);

	put_question(ask->witness, W_OK | X_OK, " of the directory");
	if (error && error != ENOENT)
		return error;
	return faccess(directory->fd, "", W_OK | X_OK, AT_EMPTY_PATH);
}

static int ask_kernel(const struct ask *ask)
{
	const struct walk_step *last = &ask->walk->steps[ask->walk->count - 1];
	bool no_follow = ask->want == ACCESS_CREATE || ask->want == ACCESS_DELETE ||
			 ask->want == ACCESS_LINK;
	int bits = (int)(ask->want & ACCESS_RWX);

	if (ask->want == ACCESS_LIST)
		bits = R_OK;
	if (last->check == CHECK_CREATE)
		return ask_directory(ask, last->object);
	if (last->check == CHECK_DELETE)
		return ask_directory(ask, last->directory);
	if (last->check == CHECK_END)
		bits = F_OK;
	put_question(ask->witness, bits, bits == F_OK ? " of the way" : "");
	return faccess(AT_FDCWD, ask->path, bits, no_follow ? AT_SYMLINK_NOFOLLOW : 0);
}

/* ------------------------------------------------------------------------------- the witness -- */

void witness_not_asked(struct witness *witness, const char *why, int error)
{
	witness->asked = false;
	witness->question[0] = '\0';
	if (error < 0)
		snprintf(witness->why_not, sizeof(witness->why_not), "%s: %s", why,
			 log_error_text(-error));
	else
		snprintf(witness->why_not, sizeof(witness->why_not), "%s", why);
}

/* The root, the mounts and the directory that the walk began from, for this thread alone. */
int witness_stand_at(const struct walk_base *base)
{
	int result = 0;

	if (!base || (base->root < 0 && base->current < 0))
		return 0;
	if (unshare(CLONE_FS) < 0)
		return -errno;
	if (base->mounts_of) {
		int namespace = procfs_open_place(base->mounts_of, 0, "ns/mnt");

		if (namespace < 0)
			return namespace;
		result = setns(namespace, CLONE_NEWNS) < 0 ? -errno : 0;
		close(namespace);
	}
	if (result == 0 && base->root >= 0 && (fchdir(base->root) < 0 || chroot(".") < 0))
		result = -errno;
	if (result == 0 && base->current >= 0 && fchdir(base->current) < 0)
		result = -errno;
	return result;
}

void witness_testify(const struct ask *ask)
{
	int error = ask_kernel(ask);

	if (error == ENOSYS) {
		witness_not_asked(ask->witness, "no faccessat2", -error);
		return;
	}
	ask->witness->asked = true;
	ask->witness->allowed = error == 0;
	ask->witness->error = error;
}

static void *become_and_testify(void *argument)
{
	struct ask *ask = argument;
	const char *step = "cannot stand where it stands";
	int error = witness_stand_at(ask->base);

	if (error == 0)
		error = witness_become(ask->subject, &step);
	if (error < 0)
		witness_not_asked(ask->witness, step, error);
	else
		witness_testify(ask);
	return NULL;
}

/* A thread's real and saved ids, which the witness takes to be those it accesses files with. */
static bool only_it_knows(const struct access_subject *subject, const struct walk *walk)
{
	bool same = true, fuse = false;

	for (int i = 0; i < ID_FILESYSTEM; i++)
		same = same && subject->uids[i] == subject->identity.view.uid &&
		       subject->gids[i] == subject->identity.view.gid;
	for (size_t i = 0; i < walk->n_objects; i++)
		fuse = fuse || walk->objects[i]->filesystem == FILESYSTEM_FUSE;
	return fuse && !same;
}

int witness_ask(const struct access_subject *subject, const struct walk_base *base,
		const char *path, unsigned want, const struct walk *walk, struct witness *witness)
{
	struct ask ask = {subject, base, path, want, walk, witness};
	pthread_t thread;

	*witness = (struct witness){.asked = false};
	if (walk->count == 0) {
		witness_not_asked(witness, "there is no way to ask about", 0);
		return 0;
	}
	if (only_it_knows(subject, walk)) {
		witness_not_asked(witness, "FUSE looks at its real ids, too", 0);
		return 0;
	}
	if (subject->other_user_namespace && subject->capabilities)
		return witness_ask_there(&ask);

	int error = pthread_create(&thread, NULL, become_and_testify, &ask);

	if (error)
		return -error;
	pthread_join(thread, NULL);
	return 0;
}
