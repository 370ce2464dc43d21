/* SPDX-License-Identifier: MIT */
/*
 * The only file that changes credentials, and it does so by raw system calls: glibc's functions of
 * these names change every thread of the process (nptl(7)), these change the caller alone.
 */
#include <errno.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capability.h"
#include "credentials.h"

/* Where an architecture has two kinds, the plain ones know 16-bit ids alone. */
#ifdef SYS_setresuid32
enum {
	SYSTEM_SETRESUID = SYS_setresuid32,
	SYSTEM_SETRESGID = SYS_setresgid32,
	SYSTEM_SETFSUID = SYS_setfsuid32,
	SYSTEM_SETFSGID = SYS_setfsgid32,
	SYSTEM_SETGROUPS = SYS_setgroups32,
};
#else
enum {
	SYSTEM_SETRESUID = SYS_setresuid,
	SYSTEM_SETRESGID = SYS_setresgid,
	SYSTEM_SETFSUID = SYS_setfsuid,
	SYSTEM_SETFSGID = SYS_setfsgid,
	SYSTEM_SETGROUPS = SYS_setgroups,
};
#endif

/* ------------------------------------------------------------------------------- reading -- */

static int read_capabilities(struct credentials *credentials)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	credentials->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	credentials->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	credentials->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

static int read_groups(struct groups **groups)
{
	gid_t few[64];
	int count = getgroups(64, few);

	if (count >= 0)
		return groups_new(few, (size_t)count, groups);
	if (errno != EINVAL)
		return -errno;
	count = getgroups(0, NULL);
	if (count < 0)
		return -errno;

	gid_t *gids = malloc((size_t)count * sizeof(gid_t));

	if (!gids)
		return -ENOMEM;
	count = getgroups(count, gids);

	int error = count < 0 ? -errno : groups_new(gids, (size_t)count, groups);

	free(gids);
	return error;
}

/* All but the groups. */
static inline int read_parts(struct credentials *credentials, unsigned parts)
{
	if ((parts & CREDENTIALS_UIDS) &&
	    getresuid(&credentials->real_uid, &credentials->effective_uid,
		      &credentials->saved_uid) < 0)
		return -errno;
	if ((parts & CREDENTIALS_GIDS) &&
	    getresgid(&credentials->real_gid, &credentials->effective_gid,
		      &credentials->saved_gid) < 0)
		return -errno;
	if (parts & CREDENTIALS_FILESYSTEM) {
		credentials->filesystem_uid = credentials_set_filesystem_uid(IMP_NO_UID);
		credentials->filesystem_gid = credentials_set_filesystem_gid(IMP_NO_GID);
	}
	return parts & CREDENTIALS_CAPABILITIES ? read_capabilities(credentials) : 0;
}

int credentials_read(struct credentials *credentials)
{
	int error = read_parts(credentials, CREDENTIALS_ALL);

	return error < 0 ? error : read_groups(&credentials->groups);
}

static const char *difference_but_groups(const struct credentials *a, const struct credentials *b)
{
	if (a->effective_uid != b->effective_uid)
		return "effective uid";
	if (a->effective_gid != b->effective_gid)
		return "effective gid";
	if (a->filesystem_uid != b->filesystem_uid)
		return "filesystem uid";
	if (a->filesystem_gid != b->filesystem_gid)
		return "filesystem gid";
	if (a->effective != b->effective)
		return "effective capabilities";
	if (a->real_uid != b->real_uid || a->saved_uid != b->saved_uid)
		return "real or saved uid";
	if (a->real_gid != b->real_gid || a->saved_gid != b->saved_gid)
		return "real or saved gid";
	if (a->permitted != b->permitted)
		return "permitted capabilities";
	return NULL;
}

const char *credentials_difference(const struct credentials *a, const struct credentials *b)
{
	return groups_equal(a->groups, b->groups) ? difference_but_groups(a, b)
						  : "supplementary groups";
}

/* Whether the kernel has just these; ROOM has place for them. */
static bool groups_match(const struct groups *groups, gid_t *room)
{
	/* Given no room it says how many there are. */
	int count = getgroups((int)groups->count, room);

	if (count < 0 || (size_t)count != groups->count)
		return false;
	if (memcmp(room, groups->gids, groups->count * sizeof(gid_t)) == 0)
		return true;
	/* It keeps them in ascending order, as we do, but by its own numbers. */
	for (int i = 0; i < count; i++)
		if ((i > 0 && room[i] == room[i - 1]) || !groups_contain(groups, room[i]))
			return false;
	return true;
}

int credentials_compare(const struct credentials *want, gid_t *room, struct credentials *now,
			const char **differs)
{
	int error = read_parts(now, CREDENTIALS_ALL);

	if (error < 0)
		return error;
	now->groups = NULL;
	*differs = groups_match(want->groups, room) ? difference_but_groups(now, want)
						    : "supplementary groups";
	return 0;
}

bool credentials_match(const struct credentials *credentials, unsigned parts)
{
	struct credentials now = *credentials; /* what is not read is taken for equal */
	gid_t few[64];

	return read_parts(&now, parts) == 0 && !difference_but_groups(&now, credentials) &&
	       (!(parts & CREDENTIALS_GROUPS) ||
		(credentials->groups->count <= 64 && groups_match(credentials->groups, few)));
}

/* ------------------------------------------------------------------------------ changing -- */

int credentials_set_groups(const struct groups *groups)
{
	return syscall(SYSTEM_SETGROUPS, groups->count, groups->gids) < 0 ? -errno : 0;
}

int credentials_set_uids(uid_t real, uid_t effective, uid_t saved)
{
	return syscall(SYSTEM_SETRESUID, real, effective, saved) < 0 ? -errno : 0;
}

int credentials_set_gids(gid_t real, gid_t effective, gid_t saved)
{
	return syscall(SYSTEM_SETRESGID, real, effective, saved) < 0 ? -errno : 0;
}

/* These two report no error: what there is afterwards is the answer (BUGS in their man pages). */

uid_t credentials_set_filesystem_uid(uid_t uid)
{
	if (uid != IMP_NO_UID)
		syscall(SYSTEM_SETFSUID, uid);
	return (uid_t)syscall(SYSTEM_SETFSUID, IMP_NO_UID);
}

gid_t credentials_set_filesystem_gid(gid_t gid)
{
	if (gid != IMP_NO_GID)
		syscall(SYSTEM_SETFSGID, gid);
	return (gid_t)syscall(SYSTEM_SETFSGID, IMP_NO_GID);
}

int credentials_set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
		 (uint32_t)(inheritable >> 32)},
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

int credentials_set_keep_capabilities(bool keep)
{
	return prctl(PR_SET_KEEPCAPS, (unsigned long)keep) < 0 ? -errno : 0;
}

int credentials_get_keep_capabilities(void)
{
	int kept = prctl(PR_GET_KEEPCAPS);

	return kept < 0 ? -errno : kept;
}

uint64_t credentials_get_ambient(void)
{
	uint64_t ambient = 0;

	for (unsigned long number = 0; number < 64; number++) {
		int is_set = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, number, 0UL, 0UL);

		if (is_set < 0) /* beyond the last that this kernel has */
			break;
		if (is_set)
			ambient |= CAPABILITY(number);
	}
	return ambient;
}

int credentials_set_ambient(uint64_t ambient)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL) < 0)
		return -errno;
	for (unsigned long number = 0; number < 64; number++)
		if ((ambient & CAPABILITY(number)) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0UL, 0UL) < 0)
			return -errno;
	return 0;
}

int credentials_limit_bounding(uint64_t bounding)
{
	for (unsigned long number = 0; number < 64; number++)
		if (!(bounding & CAPABILITY(number)) && prctl(PR_CAPBSET_READ, number) == 1 &&
		    prctl(PR_CAPBSET_DROP, number) < 0)
			return -errno;
	return 0;
}

int credentials_get_securebits(void)
{
	int bits = prctl(PR_GET_SECUREBITS);

	return bits < 0 ? -errno : bits;
}

int credentials_lock_securebits(void)
{
	const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
				   SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
				   SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;

	return prctl(PR_SET_SECUREBITS, bits) < 0 ? -errno : 0;
}

int credentials_set_no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 ? -errno : 0;
}

int credentials_get_no_new_privs(void)
{
	int set = prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL);

	return set < 0 ? -errno : set;
}

int credentials_leave_keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0)
		return 0;
	/* No keys in this kernel, or a filter that keeps all of us from them, a command as well. */
	return errno == ENOSYS || errno == EPERM ? 0 : -errno;
}

int credentials_make_undumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 0UL) < 0 ? -errno : 0;
}
