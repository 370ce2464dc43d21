/* SPDX-License-Identifier: MIT */
/* The only file that writes JSON. */
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/message.h"
#include "cli/names.h"
#include "cli/sid.h"
#include "core/capability.h"

/* Nothing that is half an answer goes out. */
static json_t *whole(json_t *value)
{
	if (!value)
		abort();
	return value;
}

void json_put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, whole(value)) < 0)
		abort();
}

void json_append(json_t *list, json_t *value)
{
	if (json_array_append_new(list, whole(value)) < 0)
		abort();
}

json_t *json_text(const char *text)
{
	if (!text)
		return whole(json_null());
	if (is_utf8(text))
		return whole(json_string(text));

	size_t length = strlen(text);
	char *base64 = malloc(BASE64_ENCODE_RAW_LENGTH(length) + 1);

	if (!base64)
		abort();
	base64_encode_raw(base64, length, (const uint8_t *)text);
	base64[BASE64_ENCODE_RAW_LENGTH(length)] = '\0';

	json_t *object = whole(json_pack("{s:s}", "bytes", base64));

	free(base64);
	return object;
}

json_t *json_group(gid_t gid, const char *name)
{
	json_t *group = whole(json_object());

	json_put(group, "gid", json_integer(gid));
	json_put(group, "name", json_text(name));
	return group;
}

json_t *json_identity(uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups, bool groups_known,
		      const char *principal)
{
	json_t *list = groups_known && uid != IMP_NO_UID ? whole(json_array()) : NULL;
	char buffer[256];

	for (size_t i = 0; list && i < n_groups; i++)
		json_append(list,
			    json_group(groups[i], group_name(groups[i], buffer, sizeof(buffer))));
	return json_identity_named(
		uid, uid == IMP_NO_UID ? NULL : user_name(uid, buffer, sizeof(buffer)), gid, list,
		principal);
}

json_t *json_identity_named(uid_t uid, const char *name, gid_t gid, json_t *groups,
			    const char *principal)
{
	json_t *object = whole(json_object());
	char buffer[256];

	if (uid == IMP_NO_UID) {
		json_put(object, "uid", json_null());
		json_put(object, "name", json_string("Anonymous"));
		json_put(object, "sid", json_string("S-1-5-7"));
		json_put(object, "gid", json_null());
		json_put(object, "groups", json_array());
		json_put(object, "principal", json_null());
		return object;
	}
	json_put(object, "uid", json_integer(uid));
	json_put(object, "name", json_text(name));
	json_put(object, "sid", json_string(sid_of(uid, buffer, sizeof(buffer))));
	json_put(object, "gid", json_integer(gid));
	json_put(object, "groups", groups ? groups : json_null());
	json_put(object, "principal", json_text(principal));
	return object;
}

json_t *json_ids(const uint32_t ids[N_IDS])
{
	return whole(json_pack("{s:I, s:I, s:I, s:I}", "real", (json_int_t)ids[ID_REAL],
			       "effective", (json_int_t)ids[ID_EFFECTIVE], "saved",
			       (json_int_t)ids[ID_SAVED], "filesystem",
			       (json_int_t)ids[ID_FILESYSTEM]));
}

json_t *json_ids_there(const uint32_t ids[N_IDS])
{
	static const char *const names[N_IDS] = {
		[ID_REAL] = "real",
		[ID_EFFECTIVE] = "effective",
		[ID_SAVED] = "saved",
		[ID_FILESYSTEM] = "filesystem",
	};
	json_t *object = whole(json_object());

	for (int i = 0; i < N_IDS; i++)
		json_put(object, names[i],
			 ids[i] == UINT32_MAX ? json_null() : json_integer(ids[i]));
	return object;
}

json_t *json_capabilities(uint64_t set)
{
	json_t *list = whole(json_array());

	for (; set; set &= set - 1) {
		char name[64];

		json_append(list, json_string(capability_name(capability_lowest(set), name,
							      sizeof(name))));
	}
	return list;
}

json_t *json_capability_sets(const uint64_t sets[N_SETS])
{
	json_t *object = whole(json_object());

	json_put(object, "effective", json_capabilities(sets[SET_EFFECTIVE]));
	json_put(object, "permitted", json_capabilities(sets[SET_PERMITTED]));
	json_put(object, "inheritable", json_capabilities(sets[SET_INHERITABLE]));
	json_put(object, "ambient", json_capabilities(sets[SET_AMBIENT]));
	json_put(object, "bounding", json_capabilities(sets[SET_BOUNDING]));
	return object;
}

char *json_line(json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);

	if (!text)
		abort();
	json_decref(value);
	return text;
}

void json_write(json_t *value, FILE *file)
{
	char *line = json_line(value);

	fprintf(file, "%s\n", line);
	free(line);
}

json_t *json_counters(const struct ledger_counters *counters)
{
	json_t *object = json_object();

	json_put(object, "impersonations", json_integer((json_int_t)counters->impersonations));
	json_put(object, "flows", json_integer((json_int_t)counters->flows));
	json_put(object, "flows_refused", json_integer((json_int_t)counters->flows_refused));
	json_put(object, "mismatches", json_integer((json_int_t)counters->mismatches));
	json_put(object, "channel_mismatches",
		 json_integer((json_int_t)counters->channel_mismatches));
	return object;
}

json_t *json_entry_counters(const struct imp_ledger_entry *entry)
{
	const struct ledger_counters counters = {
		.impersonations = entry->impersonations,
		.flows = entry->flows,
		.flows_refused = entry->flows_refused,
		.mismatches = entry->mismatches,
		.channel_mismatches = entry->channel_mismatches,
	};

	return json_counters(&counters);
}
