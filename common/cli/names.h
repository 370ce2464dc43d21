/* SPDX-License-Identifier: MIT */
/* Ids, capabilities and times as people read them. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include "impersonate.h"

/* The account's name, printable; NULL when it has none. */
const char *user_name(uid_t uid, char *buffer, size_t size);
const char *group_name(gid_t gid, char *buffer, size_t size);

/* "none", "all", "cap_setgid,cap_setuid", or, where most are in, "all but cap_sys_resource". */
const char *capability_text(uint64_t set, char *buffer, size_t size);

/* "2026-01-31T12:00:00.123Z": RFC 3339, UTC, milliseconds. */
const char *time_text(int64_t realtime_ns, char *buffer, size_t size);

/* "Impersonation" */
const char *level_title(enum imp_level level, char *buffer, size_t size);

#endif
