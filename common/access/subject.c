/* SPDX-License-Identifier: MIT */
/* Who asks: from an account, from numbers, from a thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/subject.h"
#include "core/policy.h"

void subject_fill_ids(struct access_subject *subject)
{
	for (int i = 0; i < N_IDS; i++) {
		subject->uids[i] = subject->identity.view.uid;
		subject->gids[i] = subject->identity.view.gid;
	}
}

/* What root gets when it runs a program here: what is left of the bounding set. */
int subject_capabilities_of_root(uint64_t *capabilities)
{
	struct procfs_thread self;
	int error = procfs_read_thread(getpid(), 0, &self);

	if (error < 0)
		return error;
	*capabilities = self.capabilities[SET_BOUNDING];
	procfs_clear_thread(&self);
	return 0;
}

static int become_anonymous(struct access_subject *subject)
{
	subject_clear(subject);

	int error = identity_of_user(POLICY_ANONYMOUS_USER, &subject->identity);
	struct groups *none;

	if (error == 0)
		error = groups_new(NULL, 0, &none);
	if (error < 0) {
		subject_clear(subject);
		return error;
	}
	groups_unref(subject->identity.groups);
	identity_init(&subject->identity, subject->identity.view.uid, subject->identity.view.gid,
		      none);
	subject_fill_ids(subject);
	return 0;
}

/* Below impersonation it is not the client whose access counts. */
static int at_level(enum imp_level level, struct access_subject *subject)
{
	return level < IMP_LEVEL_IMPERSONATION ? become_anonymous(subject) : 0;
}

int subject_of_user(const char *user, enum imp_level level, struct access_subject *subject)
{
	*subject = (struct access_subject){.pid = 0};

	int error = identity_of_user(user, &subject->identity);

	if (error < 0)
		return error;
	subject_fill_ids(subject);
	if (subject->identity.view.uid == 0)
		error = subject_capabilities_of_root(&subject->capabilities);
	if (error < 0) {
		subject_clear(subject);
		return error;
	}
	return at_level(level, subject);
}

/* "GID[,GID...]", the first of which is the primary one. */
static int parse_gids(char *text, gid_t *gids, size_t room, size_t *count)
{
	for (*count = 0; text; (*count)++) {
		if (*count == room)
			return -E2BIG;

		int error = identity_parse_id(strsep(&text, ","), &gids[*count]);

		if (error < 0)
			return error;
	}
	return 0;
}

int subject_of_ids(const char *text, enum imp_level level, struct access_subject *subject)
{
	size_t room = strlen(text) / 2 + 1, count = 0;
	gid_t *gids = reallocarray(NULL, room, sizeof(*gids));
	char *copy = strdup(text), *rest = copy;
	struct groups *groups;
	uid_t uid;
	int error = copy && gids ? 0 : -ENOMEM;

	*subject = (struct access_subject){.pid = 0};
	if (error == 0)
		error = identity_parse_id(strsep(&rest, ":"), &uid);
	if (error == 0)
		error = rest ? parse_gids(rest, gids, room, &count) : -EINVAL;
	if (error == 0)
		error = groups_new(gids + 1, count - 1, &groups);
	if (error == 0) {
		identity_init(&subject->identity, uid, gids[0], groups);
		subject_fill_ids(subject);
		if (uid == 0)
			error = subject_capabilities_of_root(&subject->capabilities);
		if (error == 0)
			error = at_level(level, subject);
		if (error < 0)
			subject_clear(subject);
	}
	free(copy);
	free(gids);
	return error;
}

/* In which user namespace its capabilities count, and for what. */
static int read_namespace(struct access_subject *subject)
{
	uint64_t ours, its;

	if (procfs_user_namespace(getpid(), getpid(), &ours) < 0)
		return 0;
	/* Where that is hidden, the same mapping is nearly always the same namespace. */
	if (procfs_user_namespace(subject->pid, subject->tid, &its) < 0
		    ? procfs_same_id_map(getpid(), subject->pid)
		    : ours == its)
		return 0;
	subject->other_user_namespace = true;

	int error = procfs_read_id_ranges(subject->pid, "uid_map", &subject->uid_ranges,
					  &subject->n_uid_ranges);

	if (error == 0)
		error = procfs_read_id_ranges(subject->pid, "gid_map", &subject->gid_ranges,
					      &subject->n_gid_ranges);
	return error;
}

int subject_of_thread(pid_t pid, pid_t tid, enum imp_level level, struct access_subject *subject)
{
	struct procfs_thread thread;
	struct groups *groups;

	*subject = (struct access_subject){.pid = pid, .tid = tid ? tid : pid};

	int error = procfs_read_thread(pid, tid, &thread);

	if (error < 0)
		return error;
	error = groups_new(thread.groups, thread.n_groups, &groups);
	if (error == 0) {
		identity_init(&subject->identity, thread.uids[ID_FILESYSTEM],
			      thread.gids[ID_FILESYSTEM], groups);
		memcpy(subject->uids, thread.uids, sizeof(subject->uids));
		memcpy(subject->gids, thread.gids, sizeof(subject->gids));
		subject->capabilities = thread.capabilities[SET_EFFECTIVE];
		subject->no_new_privs = thread.no_new_privs;
		error = read_namespace(subject);
	}
	procfs_clear_thread(&thread);
	if (error < 0) {
		subject_clear(subject);
		return error;
	}
	if (procfs_label(pid, subject->tid, subject->label, sizeof(subject->label)) < 0)
		subject->label[0] = '\0';
	return at_level(level, subject);
}

int subject_of_caller(enum imp_level level, struct access_subject *subject)
{
	int error = subject_of_thread(getpid(), gettid(), level, subject);

	/* It is asked about as whoever starts it, not as this thread of this process. */
	subject->pid = subject->tid = 0;
	return error;
}

void subject_clear(struct access_subject *subject)
{
	identity_clear(&subject->identity);
	free(subject->uid_ranges);
	free(subject->gid_ranges);
	*subject = (struct access_subject){.pid = 0};
}

bool subject_in_group(const struct access_subject *subject, gid_t gid)
{
	const struct imp_identity *identity = &subject->identity.view;
	size_t low = 0, high = identity->n_groups;

	if (gid == identity->gid)
		return true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (identity->groups[middle] == gid)
			return true;
		if (identity->groups[middle] < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}
