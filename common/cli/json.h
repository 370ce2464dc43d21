/* SPDX-License-Identifier: MIT */
/* JSON, by jansson.  The only file that writes it is json.c; others put objects together. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "core/ledger.h"
#include "core/procfs.h"
#include "impersonate.h"

/* A string; {"bytes": BASE64} for one that is not UTF-8; null for NULL. */
json_t *json_text(const char *text);

/*
 * {"uid", "name", "sid", "gid", "groups", "principal"}; uid IMP_NO_UID is Anonymous; PRINCIPAL may
 * be NULL.
 */
json_t *json_identity(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups, bool groups_known,
		      const char *principal);

/* The same where the names are known; takes over GROUPS, an array of json_group(), or NULL. */
json_t *json_identity_named(uid_t uid, const char *name, gid_t gid, json_t *groups,
			    const char *principal);
/* {"gid", "name"}; NAME may be NULL. */
json_t *json_group(gid_t gid, const char *name);

/* {"real", "effective", "saved", "filesystem"} */
json_t *json_ids(const uint32_t ids[N_IDS]);

/* The same, in another user namespace; null for one that is not mapped there. */
json_t *json_ids_there(const uint32_t ids[N_IDS]);

/* ["cap_setgid", ...] */
json_t *json_capabilities(uint64_t set);

/* {"effective", "permitted", "inheritable", "ambient", "bounding"} */
json_t *json_capability_sets(const uint64_t sets[N_SETS]);

/* Puts VALUE, whose reference it takes, into OBJECT; out of memory is the end of the process. */
void json_put(json_t *object, const char *key, json_t *value);

/* The same behind a list's last. */
void json_append(json_t *list, json_t *value);

/* {"impersonations", "flows", "flows_refused", "mismatches", "channel_mismatches"} */
json_t *json_counters(const struct ledger_counters *counters);
/* The same of one thread. */
json_t *json_entry_counters(const struct imp_ledger_entry *entry);

/* Writes VALUE on one line, and drops its reference. */
void json_write(json_t *value, FILE *file);

/* The same as a string that the caller frees. */
char *json_line(json_t *value);

#endif
