/* SPDX-License-Identifier: MIT */
/* Stands in for winbind's libwbclient: knows a domain's SID for one uid. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

struct wbcDomainSid {
	uint8_t sid_rev_num;
	uint8_t num_auths;
	uint8_t id_auth[6];
	uint32_t sub_auths[15];
};

int wbcUidToSid(uid_t uid, struct wbcDomainSid *sid);
int wbcSidToString(const struct wbcDomainSid *sid, char **text);
void wbcFreeMemory(void *memory);

int wbcUidToSid(uid_t uid, struct wbcDomainSid *sid)
{
	memset(sid, 0, sizeof(*sid));
	sid->sid_rev_num = 1;
	sid->num_auths = 1;
	sid->sub_auths[0] = 1000 + uid;
	return uid == 2003 ? 0 : 1;
}

int wbcSidToString(const struct wbcDomainSid *sid, char **text)
{
	return asprintf(text, "S-1-5-21-7-8-9-%u", sid->sub_auths[0]) < 0;
}

void wbcFreeMemory(void *memory)
{
	free(memory);
}
