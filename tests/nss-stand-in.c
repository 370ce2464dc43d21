/* SPDX-License-Identifier: MIT */
/* A name service that answers, and enumerates nothing, as SSSD: dora (2500) of remote (2600). */
#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define NAME "dora"
#define GROUP "remote"
enum { UID = 2500, GID = 2600 };

typedef enum nss_status status;
status _nss_quiet_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
			     int *error);
status _nss_quiet_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size,
			     int *error);
status _nss_quiet_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size,
			     int *error);
status _nss_quiet_getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t size, int *error);
status _nss_quiet_initgroups_dyn(const char *user, gid_t skip, long *start, long *size,
				 gid_t **groups, long limit, int *error);

static status fill_user(struct passwd *entry)
{
	*entry = (struct passwd){(char *)NAME, (char *)"*",	 UID, UID, (char *)"",
				 (char *)"/",  (char *)"/bin/sh"};
	return NSS_STATUS_SUCCESS;
}

status _nss_quiet_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
			     int *error)
{
	(void)buffer, (void)size, (void)error;
	return strcmp(name, NAME) == 0 ? fill_user(entry) : NSS_STATUS_NOTFOUND;
}

status _nss_quiet_getpwuid_r(uid_t uid, struct passwd *entry, char *buffer, size_t size, int *error)
{
	(void)buffer, (void)size, (void)error;
	return uid == UID ? fill_user(entry) : NSS_STATUS_NOTFOUND;
}

static status fill_group(struct group *entry)
{
	static char *members[] = {(char *)NAME, NULL};

	*entry = (struct group){(char *)GROUP, (char *)"*", GID, members};
	return NSS_STATUS_SUCCESS;
}

status _nss_quiet_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size,
			     int *error)
{
	(void)buffer, (void)size, (void)error;
	return strcmp(name, GROUP) == 0 ? fill_group(entry) : NSS_STATUS_NOTFOUND;
}

status _nss_quiet_getgrgid_r(gid_t gid, struct group *entry, char *buffer, size_t size, int *error)
{
	(void)buffer, (void)size, (void)error;
	return gid == GID ? fill_group(entry) : NSS_STATUS_NOTFOUND;
}

status _nss_quiet_initgroups_dyn(const char *user, gid_t skip, long *start, long *size,
				 gid_t **groups, long limit, int *error)
{
	(void)skip, (void)limit;
	if (strcmp(user, NAME) != 0)
		return NSS_STATUS_NOTFOUND;
	if (*start == *size) {
		gid_t *larger = realloc(*groups, (size_t)(*size + 8) * sizeof(**groups));

		if (!larger) {
			*error = ENOMEM;
			return NSS_STATUS_TRYAGAIN;
		}
		*groups = larger;
		*size += 8;
	}
	(*groups)[(*start)++] = GID;
	return NSS_STATUS_SUCCESS;
}
