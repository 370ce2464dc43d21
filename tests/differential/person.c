/* SPDX-License-Identifier: MIT */
/* Random identities: what the evaluator is told, and what the oracle becomes. */
#include <linux/capability.h>

#include "core/capability.h"
#include "differential.h"

static uint64_t bounding(void)
{
	static uint64_t all;

	if (!all && capability_permitted(&all) < 0)
		broken("capget");
	return all;
}

static uint64_t random_capabilities(void)
{
	static const int of_files[] = {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
				       CAP_CHOWN,	 CAP_LINUX_IMMUTABLE, CAP_FSETID,
				       CAP_MKNOD};
	uint64_t set = 0;

	for (unsigned i = 0; i < sizeof(of_files) / sizeof(of_files[0]); i++)
		if (one_in(3))
			set |= CAPABILITY(of_files[i]);
	return set & bounding();
}

void person_make(struct person *person)
{
	struct groups *groups;

	*person = (struct person){.uid = random_uid(), .gid = random_gid()};
	if (one_in(10))
		person->uid = 0;
	person->n_groups = (int)random_below(6);
	for (int i = 0; i < person->n_groups; i++)
		person->groups[i] = random_gid();
	if (person->uid == 0 && !one_in(2))
		person->capabilities = bounding();
	else if (one_in(person->uid == 0 ? 2 : 4))
		person->capabilities = random_capabilities();

	if (groups_new(person->groups, (size_t)person->n_groups, &groups) < 0)
		broken("groups_new");
	identity_init(&person->subject.identity, person->uid, person->gid, groups);
	person->subject.capabilities = person->capabilities;
	for (int i = 0; i < N_IDS; i++) {
		person->subject.uids[i] = person->uid;
		person->subject.gids[i] = person->gid;
	}
}

void person_clear(struct person *person)
{
	subject_clear(&person->subject);
}
