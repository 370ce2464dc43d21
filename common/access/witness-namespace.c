/* SPDX-License-Identifier: MIT */
/*
 * The witness for a thread of another user namespace, whose capabilities count there alone: only a
 * process of one thread can go there (setns(2)), so it is a child that does.
 */
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access/witness-ask.h"
#include "core/credentials.h"

/* Who it is there; what /proc tells of it is read before there is another root. */
struct there {
	int namespace;
	uid_t uid;
	gid_t gid;
};

static int find_there(const struct access_subject *subject, struct there *there, const char **step)
{
	int error = procfs_translate_ids(subject->pid, "uid_map", &subject->identity.view.uid,
					 &there->uid, 1);

	*step = "its ids in its user namespace cannot be read";
	if (error == 0)
		error = procfs_translate_ids(subject->pid, "gid_map", &subject->identity.view.gid,
					     &there->gid, 1);
	if (error < 0)
		return error;
	*step = "its ids have no number in its user namespace";
	if (there->uid == IMP_NO_UID || there->gid == IMP_NO_GID)
		return -EINVAL;
	*step = "its user namespace cannot be opened";
	there->namespace = procfs_open_place(subject->pid, subject->tid, "ns/user");
	return there->namespace < 0 ? there->namespace : 0;
}

/* Here, where the groups have the numbers that we know; there they may not be set at all. */
static int take_groups(const struct access_subject *subject)
{
	struct credentials now;
	int error = credentials_set_groups(subject->identity.groups);

	if (error == 0)
		error = credentials_read(&now);
	if (error < 0)
		return error;
	if (!groups_equal(now.groups, subject->identity.groups))
		error = -ESTALE;
	groups_unref(now.groups);
	return error;
}

static int take_ids(const struct access_subject *subject, const struct there *there)
{
	uint64_t capabilities = subject->capabilities;
	struct credentials now;
	int error = credentials_set_keep_capabilities(true);

	if (error == 0)
		error = credentials_set_gids(there->gid, there->gid, there->gid);
	if (error == 0)
		error = credentials_set_uids(there->uid, there->uid, there->uid);
	if (error == 0)
		error = credentials_set_capabilities(capabilities, capabilities, 0);
	if (error == 0)
		error = credentials_read(&now);
	if (error < 0)
		return error;
	if (now.filesystem_uid != there->uid || now.filesystem_gid != there->gid ||
	    now.effective != capabilities)
		error = -ESTALE;
	groups_unref(now.groups);
	return error;
}

static int go_there(const struct ask *ask, const char **step)
{
	struct there there = {.namespace = -1};
	int error = find_there(ask->subject, &there, step);

	if (error < 0)
		return error;
	*step = "cannot stand where it stands";
	error = witness_stand_at(ask->base);
	if (error == 0) {
		*step = "cannot set its groups";
		error = take_groups(ask->subject);
	}
	if (error == 0) {
		*step = "cannot enter its user namespace";
		error = setns(there.namespace, CLONE_NEWUSER) < 0 ? -errno : 0;
	}
	if (error == 0) {
		*step = "cannot be it in its user namespace";
		error = take_ids(ask->subject, &there);
	}
	close(there.namespace);
	return error;
}

int witness_ask_there(const struct ask *ask)
{
	struct witness *said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;

	if (said == MAP_FAILED)
		return -errno;

	pid_t child = fork();

	if (child == 0) {
		struct ask there = *ask;
		const char *step = "";

		there.witness = said;
		int error = go_there(&there, &step);

		if (error < 0)
			witness_not_asked(said, step, error);
		else
			witness_testify(&there);
		_exit(0);
	}
	int error = child < 0 ? -errno : 0;

	while (error == 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			error = -errno;
	if (error == 0 && status == 0)
		*ask->witness = *said;
	else if (error == 0)
		witness_not_asked(ask->witness, "its stand-in has ended", 0);
	munmap(said, sizeof(*said));
	return error;
}
