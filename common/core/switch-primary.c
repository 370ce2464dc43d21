/* SPDX-License-Identifier: MIT */
/* The primary identity, and what a thread is to have that leaves it for another. */
#include <errno.h>
#include <pthread.h>

#include "capability.h"
#include "switch-state.h"

static bool recorded;
static struct identity identity;
struct credentials switch_primary_credentials;

int switch_record_primary(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct credentials *now = &switch_primary_credentials;

	if (switch_has_primary())
		return 0;

	pthread_mutex_lock(&lock);
	int error = recorded ? 0 : credentials_read(now);

	if (!recorded && error == 0) {
		if (now->effective_uid != now->filesystem_uid ||
		    now->effective_gid != now->filesystem_gid) {
			groups_unref(now->groups);
			error = -ESTALE;
		} else {
			identity_init(&identity, now->effective_uid, now->effective_gid,
				      groups_ref(now->groups));
			__atomic_store_n(&recorded, true, __ATOMIC_RELEASE);
		}
	}
	pthread_mutex_unlock(&lock);
	return error;
}

bool switch_has_primary(void)
{
	return __atomic_load_n(&recorded, __ATOMIC_ACQUIRE);
}

const struct identity *switch_primary(void)
{
	return &identity;
}

bool switch_ids_differ(const struct credentials *a, const struct credentials *b)
{
	return a->effective_uid != b->effective_uid || a->effective_gid != b->effective_gid ||
	       a->filesystem_uid != b->filesystem_uid || a->filesystem_gid != b->filesystem_gid ||
	       !groups_equal(a->groups, b->groups);
}

struct credentials switch_wanted(const struct identity *access, enum imp_scope scope,
				 uint64_t capabilities)
{
	struct credentials want = switch_primary_credentials;

	if (!access)
		return want;
	want.groups = access->groups;
	want.filesystem_uid = access->view.uid;
	want.filesystem_gid = access->view.gid;
	want.effective = capabilities;
	if (scope == IMP_SCOPE_ALL) {
		want.effective_uid = access->view.uid;
		want.effective_gid = access->view.gid;
	} else {
		want.effective = (switch_primary_credentials.effective & ~CAPABILITIES_OF_FILES) |
				 (capabilities & CAPABILITIES_OF_FILES);
	}
	return want;
}
