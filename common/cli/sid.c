/* SPDX-License-Identifier: MIT */
/*
 * Security identifiers.  SSSD and winbind know the domain's; their client libraries are loaded
 * where they are installed, and nothing is missing where they are not.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/sid.h"

#ifdef WITH_DOMAIN_SIDS

/* sss_nss_idmap.h: 0, or an errno; the string is freed with free(3). */
typedef int sssd_fn(uint32_t uid, char **sid, int *type);

/* wbclient.h: 0 is success; the string is freed with wbcFreeMemory. */
struct winbind_sid {
	uint8_t revision;
	uint8_t count;
	uint8_t authority[6];
	uint32_t sub_authorities[15];
};
typedef int winbind_uid_fn(uid_t uid, struct winbind_sid *sid);
typedef int winbind_text_fn(const struct winbind_sid *sid, char **text);
typedef void winbind_free_fn(void *memory);

static struct {
	sssd_fn *sssd;
	winbind_uid_fn *winbind_uid;
	winbind_text_fn *winbind_text;
	winbind_free_fn *winbind_free;
} libraries;

/* A function of that name is of that type: POSIX has dlsym(3) give any by way of void *. */
static void find(void *library, const char *name, void *function)
{
	void *found = dlsym(library, name);

	memcpy(function, &found, sizeof(found));
}

static void load(void)
{
	void *sssd = dlopen("libsss_nss_idmap.so.0", RTLD_NOW | RTLD_LOCAL);
	void *winbind = dlopen("libwbclient.so.0", RTLD_NOW | RTLD_LOCAL);

	if (sssd) {
		find(sssd, "sss_nss_getsidbyuid", &libraries.sssd);
		if (!libraries.sssd) /* before SSSD 1.16 */
			find(sssd, "sss_nss_getsidbyid", &libraries.sssd);
	}
	if (winbind) {
		find(winbind, "wbcUidToSid", &libraries.winbind_uid);
		find(winbind, "wbcSidToString", &libraries.winbind_text);
		find(winbind, "wbcFreeMemory", &libraries.winbind_free);
	}
}

static bool ask_sssd(uid_t uid, char *buffer, size_t size)
{
	char *text = NULL;
	int type;

	if (!libraries.sssd || libraries.sssd(uid, &text, &type) != 0 || !text)
		return false;
	snprintf(buffer, size, "%s", text);
	free(text);
	return true;
}

static bool ask_winbind(uid_t uid, char *buffer, size_t size)
{
	struct winbind_sid sid;
	char *text = NULL;

	if (!libraries.winbind_uid || !libraries.winbind_text || !libraries.winbind_free ||
	    libraries.winbind_uid(uid, &sid) != 0 || libraries.winbind_text(&sid, &text) != 0)
		return false;
	snprintf(buffer, size, "%s", text);
	libraries.winbind_free(text);
	return true;
}

/* From outside: it is printed as it is, so it is to look like one. */
static bool is_sid(const char *text)
{
	return strncmp(text, "S-1-", 4) == 0 && strlen(text) < 184 &&
	       text[4 + strspn(text + 4, "0123456789-")] == '\0';
}

static bool domain_sid(uid_t uid, char *buffer, size_t size)
{
	/* The last one is remembered: threads of one user come in rows. */
	static _Thread_local uid_t last = IMP_NO_UID;
	static _Thread_local char remembered[184];
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load);
	if (uid != last) {
		last = uid;
		if ((!ask_sssd(uid, remembered, sizeof(remembered)) || !is_sid(remembered)) &&
		    (!ask_winbind(uid, remembered, sizeof(remembered)) || !is_sid(remembered)))
			remembered[0] = '\0';
	}
	snprintf(buffer, size, "%s", remembered);
	return remembered[0] != '\0';
}

#else

static bool domain_sid(uid_t uid, char *buffer, size_t size)
{
	(void)uid;
	(void)buffer;
	(void)size;
	return false;
}

#endif

const char *sid_of(uid_t uid, char *buffer, size_t size)
{
	if (uid == IMP_NO_UID)
		snprintf(buffer, size, "S-1-5-7");
	else if (!domain_sid(uid, buffer, size))
		snprintf(buffer, size, "S-1-22-1-%u", uid);
	return buffer;
}
