/* SPDX-License-Identifier: MIT */
/* --dry-run: the identity that would be taken, as idn-show shows that of a process. */
#include <stdio.h>
#include <unistd.h>

#include "cli/facts.h"
#include "cli/message.h"
#include "core/procfs.h"
#include "run-as.h"

static void put_sets(const struct target *target, uint64_t bounding)
{
	bool root = target->account.identity.view.uid == 0;
	uint64_t kept = target->all_capabilities ? bounding : target->capabilities;
	uint64_t ambient = target->all_capabilities ? 0 : target->capabilities;
	const uint64_t sets[N_SETS] = {
		[SET_EFFECTIVE] = kept,
		[SET_PERMITTED] = kept,
		[SET_INHERITABLE] = ambient,
		[SET_AMBIENT] = ambient,
		[SET_BOUNDING] = root && !target->all_capabilities ? kept : bounding,
	};

	put_capabilities(stdout, sets);
}

void print_target(const struct options *options, const struct target *target)
{
	uid_t uid = target->account.identity.view.uid;
	gid_t gid = target->gid;
	struct procfs_thread own;
	char text[600];
	int error = procfs_read_thread(getpid(), 0, &own);

	if (error < 0)
		die(EXIT_FAILED, "cannot read the own bounding set: %s", reason_of(error));

	put_user(stdout, uid);
	printf("Impersonating: no\n");
	put_fact(stdout, "Access As:", "%s", describe_identity(uid, gid, text, sizeof(text)));
	put_groups(stdout, "Groups:", target->groups->gids, target->groups->count);
	put_fact(stdout, "Level:", "%s%s%s", imp_level_name(options->level),
		 target->client ? " of " : "",
		 target->client ? printable(target->client, text, sizeof(text)) : "");
	put_ids(stdout, "UIDs:", (const uint32_t[N_IDS]){uid, uid, uid, uid});
	put_ids(stdout, "GIDs:", (const uint32_t[N_IDS]){gid, gid, gid, gid});
	put_sets(target, own.capabilities[SET_BOUNDING]);
	put_fact(stdout, "No New Privs:", "%s",
		 target->no_new_privs || own.no_new_privs ? "yes" : "no");
	procfs_clear_thread(&own);
}
