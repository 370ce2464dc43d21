/* SPDX-License-Identifier: MIT */
/* What the kernel has for the calling thread, held against what it should: of switches, the proof.
 */
#include <errno.h>

#include "log.h"
#include "switch-state.h"

bool switch_agrees(const struct identity *access, enum imp_scope scope, uint64_t capabilities)
{
	const struct credentials want = switch_wanted(access, scope, capabilities);
	struct credentials kernel;

	if (credentials_match(&want, CREDENTIALS_ALL))
		return true;
	if (credentials_read(&kernel) < 0)
		return false;

	bool same = !credentials_difference(&kernel, &want);

	groups_unref(kernel.groups);
	return same;
}

bool switch_agrees_on_files(const struct identity *access, enum imp_scope scope,
			    uint64_t capabilities)
{
	const struct credentials want = switch_wanted(access, scope, capabilities);

	return credentials_match(&want, CREDENTIALS_FILESYSTEM | CREDENTIALS_GROUPS);
}

bool switch_confirms(const struct identity *access, enum imp_scope scope, uint64_t capabilities)
{
	const struct credentials want = switch_wanted(access, scope, capabilities);
	unsigned parts = 0;

	if (!(switch_thread.set & CREDENTIALS_UIDS))
		parts |= CREDENTIALS_UIDS | CREDENTIALS_FILESYSTEM | CREDENTIALS_CAPABILITIES;
	if (!(switch_thread.set & CREDENTIALS_GIDS))
		parts |= CREDENTIALS_GIDS | CREDENTIALS_FILESYSTEM;
	if (!(switch_thread.set & CREDENTIALS_GROUPS))
		parts |= CREDENTIALS_GROUPS;
	return credentials_match(&want, parts);
}

bool switch_is_undisturbed(void)
{
	return switch_thread.known &&
	       credentials_match(&switch_thread.now,
				 CREDENTIALS_UIDS | CREDENTIALS_GIDS | CREDENTIALS_CAPABILITIES);
}

bool switch_can_be(const struct credentials *have, const struct identity *access,
		   enum imp_scope scope, uint64_t capabilities)
{
	const struct credentials want = switch_wanted(access, scope, capabilities);

	return !switch_ids_differ(have, &want) && !(want.effective & ~have->effective);
}

int switch_verify(const struct identity *access, enum imp_scope scope, uint64_t capabilities)
{
	struct credentials kernel;
	int error = switch_record_primary();

	if (error == 0)
		error = credentials_read(&kernel);
	if (error < 0)
		return error;

	struct credentials want = switch_wanted(access, scope, capabilities);
	const char *differs = credentials_difference(&kernel, &want);

	/* What was remembered of this thread is wrong: the way back begins with looking. */
	if (switch_thread.known && credentials_difference(&kernel, &switch_thread.now))
		switch_forget_thread();
	if (differs) {
		const struct imp_log_record facts = {
			.priority = LOG_ERR,
			.event = IMP_EVENT_MISMATCH,
			.expected_uid = want.filesystem_uid,
			.actual_uid = kernel.filesystem_uid,
			.error = -ESTALE,
		};

		log_event(&facts,
			  "the thread is not who it should be: %s differ "
			  "(filesystem uid %u, expected %u)",
			  differs, kernel.filesystem_uid, want.filesystem_uid);
	}
	groups_unref(kernel.groups);
	return differs ? -ESTALE : 0;
}
