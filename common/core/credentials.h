/* SPDX-License-Identifier: MIT */
/*
 * A thread's credentials: reading all, changing each.  All of these concern the calling thread
 * alone, and return 0 or the negative errno of the system call of that name, unless said otherwise.
 */
#ifndef CORE_CREDENTIALS_H
#define CORE_CREDENTIALS_H

#include "identity.h"

/* What the kernel holds for one thread (credentials(7), capabilities(7)). */
struct credentials {
	uid_t real_uid, effective_uid, saved_uid, filesystem_uid;
	gid_t real_gid, effective_gid, saved_gid, filesystem_gid;
	uint64_t effective, permitted, inheritable;
	struct groups *groups; /* a reference */
};

/* Reads all of it; the reference to the groups is the caller's. */
int credentials_read(struct credentials *credentials) IMP_MUST_CHECK;

/* What is read by one system call, or by the two that go together. */
enum credentials_part {
	CREDENTIALS_UIDS = 1, /* real, effective and saved */
	CREDENTIALS_GIDS = 2,
	CREDENTIALS_FILESYSTEM = 4, /* both ids, which follow every change of an effective one */
	CREDENTIALS_CAPABILITIES = 8,
	CREDENTIALS_GROUPS = 16,
	CREDENTIALS_ALL = 31
};

/*
 * Whether these PARTS of the calling thread's are what CREDENTIALS says, inheritable capabilities
 * aside: without an allocation, and the answer no may be wrong: read then.
 */
bool credentials_match(const struct credentials *credentials, unsigned parts);

/*
 * Reads all but the groups into *NOW, and holds it, and the kernel's groups, against WANT: without
 * an allocation, ROOM having place for as many groups as WANT has.  *DIFFERS as below.
 */
int credentials_compare(const struct credentials *want, gid_t *room, struct credentials *now,
			const char **differs) IMP_MUST_CHECK;

/* The name of the first thing that differs, static, or NULL. */
const char *credentials_difference(const struct credentials *a, const struct credentials *b);

int credentials_set_groups(const struct groups *groups) IMP_MUST_CHECK;
/* IMP_NO_UID and IMP_NO_GID leave an id as it is.  The filesystem id follows the effective one. */
int credentials_set_uids(uid_t real, uid_t effective, uid_t saved) IMP_MUST_CHECK;
int credentials_set_gids(gid_t real, gid_t effective, gid_t saved) IMP_MUST_CHECK;
/* Return the id that the thread has afterwards; given IMP_NO_UID or IMP_NO_GID they change nothing.
 */
uid_t credentials_set_filesystem_uid(uid_t uid) IMP_MUST_CHECK;
gid_t credentials_set_filesystem_gid(gid_t gid) IMP_MUST_CHECK;
int credentials_set_capabilities(uint64_t effective, uint64_t permitted,
				 uint64_t inheritable) IMP_MUST_CHECK;
int credentials_set_keep_capabilities(bool keep) IMP_MUST_CHECK;
/* 1 or 0, or a negative errno. */
int credentials_get_keep_capabilities(void) IMP_MUST_CHECK;
uint64_t credentials_get_ambient(void);
int credentials_set_ambient(uint64_t ambient) IMP_MUST_CHECK;
/* Takes all but these out of the bounding set. */
int credentials_limit_bounding(uint64_t bounding) IMP_MUST_CHECK;
/* The SECBIT_ flags, or a negative errno. */
int credentials_get_securebits(void) IMP_MUST_CHECK;
/*
 * Locks them so that neither uid 0 nor the ambient set has a program get capabilities, and that
 * none are kept over a change of uid.  -EPERM without CAP_SETPCAP in the effective set.
 */
int credentials_lock_securebits(void) IMP_MUST_CHECK;
/* No program that is run from now on gives privilege (PR_SET_NO_NEW_PRIVS).  For good. */
int credentials_set_no_new_privs(void) IMP_MUST_CHECK;
/* 1 or 0, or a negative errno. */
int credentials_get_no_new_privs(void) IMP_MUST_CHECK;
/*
 * Leaves the session keyring for a new one, and with it what is possessed through the old one.
 * Nothing to leave is no error.
 */
int credentials_leave_keyring(void) IMP_MUST_CHECK;
/* For the whole process (PR_SET_DUMPABLE). */
int credentials_make_undumpable(void) IMP_MUST_CHECK;

#endif
