/* SPDX-License-Identifier: MIT */
/*
 * The switch: from any identity to any other, in an order in which every step is allowed, and back.
 *
 * What a thread has is remembered, so that what is equal is skipped and what the kernel does to
 * capabilities by itself (capabilities(7), "Effect of user ID changes on capabilities"; the
 * kernel's cap_emulate_setxuid) is known without asking.  It is proven by reading back at each
 * thread's first switch; imp_assert proves it whenever it is called.
 */
#include <errno.h>
#include <linux/securebits.h>
#include <string.h>

#include "capability.h"
#include "log.h"
#include "switch-state.h"

_Thread_local struct switch_thread switch_thread;

/* --------------------------------------------------------------------------------- thread -- */

static void read_securebits(int securebits)
{
	switch_thread.fixup = !(securebits & SECBIT_NO_SETUID_FIXUP);
	switch_thread.keepcaps_locked =
		(securebits & SECBIT_KEEP_CAPS_LOCKED) && !(securebits & SECBIT_KEEP_CAPS);
}

/*
 * The first time in a thread: it must be at the primary identity.  One that was started by a thread
 * that impersonated is not, and has no way to tell what else it inherited.
 */
static int know_thread(const char **step)
{
	struct credentials now;
	int securebits;
	int error;

	if (switch_thread.known)
		return 0;
	*step = "cannot read the thread's credentials";
	error = switch_record_primary();
	if (error == 0)
		error = credentials_read(&now);
	if (error < 0)
		return error;

	const char *differs = credentials_difference(&now, &switch_primary_credentials);

	if (differs) {
		const struct imp_log_record facts = {
			.priority = LOG_ERR,
			.event = IMP_EVENT_MISMATCH,
			.expected_uid = switch_primary_credentials.filesystem_uid,
			.actual_uid = now.filesystem_uid,
			.error = -ESTALE,
		};

		log_event(&facts, "the thread is not at the primary identity: %s differ", differs);
		*step = "the thread is not at the primary identity";
		groups_unref(now.groups);
		return -ESTALE;
	}
	securebits = credentials_get_securebits();
	if (securebits < 0) {
		groups_unref(now.groups);
		return securebits;
	}
	read_securebits(securebits);
	switch_thread.now = now;
	switch_thread.known = true;
	return 0;
}

void switch_forget_thread(void)
{
	groups_unref(switch_thread.now.groups);
	memset(&switch_thread, 0, sizeof(switch_thread));
}

/* --------------------------------------------------------------------------------- steps -- */

/*
 * Each does nothing where nothing is to be done, and remembers what it did.
 *
 * Inlined into the switch and into the way back: a kernel that guards its returns against
 * speculation leaves the processor's return predictor empty, so that every return between two
 * system calls is mispredicted (some 1.5% of a switch).
 */
#define INLINED inline __attribute__((always_inline))

static int set_effective(uint64_t effective)
{
	int error = credentials_set_capabilities(effective, switch_thread.now.permitted,
						 switch_thread.now.inheritable);

	if (error == 0)
		switch_thread.now.effective = effective;
	return error;
}

/* Both, whatever the identity: one that takes only one of them today takes the other tomorrow. */
static int check_privilege(const char **step)
{
	uint64_t missing = CAPABILITIES_TO_SWITCH & ~switch_thread.now.permitted;

	if (!missing)
		return 0;
	*step = missing & CAPABILITY(CAP_SETUID)
			? "needs CAP_SETUID, which is not in the permitted set"
			: "needs CAP_SETGID, which is not in the permitted set";
	return -EPERM;
}

/* What impersonation takes is in the effective set only while something is switched. */
static int raise_privilege(const char **step)
{
	int error;

	if ((switch_thread.now.effective & CAPABILITIES_TO_SWITCH) == CAPABILITIES_TO_SWITCH)
		return 0;
	error = check_privilege(step);
	if (error < 0)
		return error;
	*step = "cannot raise CAP_SETUID and CAP_SETGID";
	return set_effective(switch_thread.now.effective | CAPABILITIES_TO_SWITCH);
}

static INLINED int step_groups(const struct credentials *want, const char **step)
{
	int error;

	if (groups_equal(switch_thread.now.groups, want->groups))
		return 0;
	error = raise_privilege(step);
	if (error < 0)
		return error;
	*step = "cannot set the supplementary groups";
	error = credentials_set_groups(want->groups);
	if (error < 0)
		return error;
	groups_unref(switch_thread.now.groups);
	switch_thread.now.groups = groups_ref(want->groups);
	switch_thread.set |= CREDENTIALS_GROUPS;
	return 0;
}

/* An id that the thread has among its real, effective and saved ones is anyone's to take. */

static INLINED int raise_for_gid(gid_t gid, const char **step)
{
	const struct credentials *now = &switch_thread.now;

	if (gid == now->real_gid || gid == now->effective_gid || gid == now->saved_gid)
		return 0;
	return raise_privilege(step);
}

static INLINED int raise_for_uid(uid_t uid, const char **step)
{
	const struct credentials *now = &switch_thread.now;

	if (uid == now->real_uid || uid == now->effective_uid || uid == now->saved_uid)
		return 0;
	return raise_privilege(step);
}

static INLINED int step_gid(const struct credentials *want, const char **step)
{
	struct credentials *now = &switch_thread.now;
	int error;

	if (now->effective_gid != want->effective_gid) {
		error = raise_for_gid(want->effective_gid, step);
		if (error < 0)
			return error;
		*step = "cannot set the effective gid";
		error = credentials_set_gids(IMP_NO_GID, want->effective_gid, IMP_NO_GID);
		if (error < 0)
			return error;
		now->effective_gid = now->filesystem_gid = want->effective_gid;
		switch_thread.set |= CREDENTIALS_GIDS;
	}
	if (now->filesystem_gid != want->filesystem_gid) {
		error = raise_for_gid(want->filesystem_gid, step);
		if (error < 0)
			return error;
		*step = "cannot set the filesystem gid";
		now->filesystem_gid = credentials_set_filesystem_gid(want->filesystem_gid);
		if (now->filesystem_gid != want->filesystem_gid)
			return -EPERM;
	}
	return 0;
}

/*
 * setresuid, where real and saved uid are not 0 and the effective one is about to cease to be: the
 * kernel would empty the permitted set, which the way on needs, unless KEEPCAPS is on; and the
 * ambient set in any case.  Met by a service that is not root, and whose client is.
 */
static int set_effective_uid_leaving_root(uid_t uid, const char **step)
{
	uint64_t ambient = credentials_get_ambient();
	int kept = credentials_get_keep_capabilities();
	int error = kept < 0 ? kept : kept ? 0 : credentials_set_keep_capabilities(true);

	*step = "cannot keep the permitted capabilities";
	if (error < 0)
		return error;
	error = credentials_set_uids(IMP_NO_UID, uid, IMP_NO_UID);
	if (error < 0)
		*step = "cannot set the effective uid";

	int restored = kept ? 0 : credentials_set_keep_capabilities(false);

	if (error == 0)
		error = restored;
	if (error == 0 && ambient)
		error = credentials_set_ambient(ambient);
	return error;
}

static INLINED int step_effective_uid(const struct credentials *want, const char **step)
{
	struct credentials *now = &switch_thread.now;
	bool leaves_root = now->effective_uid == 0 && want->effective_uid != 0;
	bool enters_root = now->effective_uid != 0 && want->effective_uid == 0;

	if (switch_thread.fixup && switch_thread.keepcaps_locked && enters_root &&
	    now->real_uid != 0 && now->saved_uid != 0) {
		*step = "cannot come back from root: KEEPCAPS is locked (securebits)";
		return -EPERM;
	}
	if (switch_thread.fixup && leaves_root && now->real_uid != 0 && now->saved_uid != 0) {
		int error = set_effective_uid_leaving_root(want->effective_uid, step);

		if (error < 0)
			return error;
	} else {
		*step = "cannot set the effective uid";
		int error = credentials_set_uids(IMP_NO_UID, want->effective_uid, IMP_NO_UID);

		if (error < 0)
			return error;
	}
	now->effective_uid = now->filesystem_uid = want->effective_uid;
	switch_thread.set |= CREDENTIALS_UIDS;
	if (switch_thread.fixup && leaves_root)
		now->effective = 0;
	if (switch_thread.fixup && enters_root)
		now->effective = now->permitted;
	return 0;
}

static INLINED int step_filesystem_uid(const struct credentials *want, const char **step)
{
	struct credentials *now = &switch_thread.now;
	uid_t before = now->filesystem_uid;

	*step = "cannot set the filesystem uid";
	now->filesystem_uid = credentials_set_filesystem_uid(want->filesystem_uid);
	if (now->filesystem_uid != want->filesystem_uid)
		return -EPERM;
	if (switch_thread.fixup && before == 0 && now->filesystem_uid != 0)
		now->effective &= ~CAPABILITIES_OF_FILES;
	if (switch_thread.fixup && before != 0 && now->filesystem_uid == 0)
		now->effective |= now->permitted & CAPABILITIES_OF_FILES;
	return 0;
}

static INLINED int step_uid(const struct credentials *want, const char **step)
{
	int error = 0;

	if (switch_thread.now.effective_uid != want->effective_uid) {
		error = raise_for_uid(want->effective_uid, step);
		if (error == 0)
			error = step_effective_uid(want, step);
	}
	if (error == 0 && switch_thread.now.filesystem_uid != want->filesystem_uid) {
		error = raise_for_uid(want->filesystem_uid, step);
		if (error == 0)
			error = step_filesystem_uid(want, step);
	}
	return error;
}

static INLINED int step_capabilities(const struct credentials *want, const char **step)
{
	if (switch_thread.now.effective == want->effective)
		return 0;
	*step = "cannot set the effective capabilities";
	return set_effective(want->effective);
}

/* ---------------------------------------------------------------------------- the switch -- */

enum direction { TO_CLIENT, TO_PRIMARY };

static INLINED int change(const struct credentials *want, enum direction direction,
			  const char **step)
{
	int error;

	/* Forget what we know before we change it: a failure must leave "unknown". */
	switch_thread.known = false;
	if (direction == TO_CLIENT) {
		/* Groups first, uid last: a uid that is the client's is nobody who may set groups.
		 */
		error = step_groups(want, step);
		if (error == 0)
			error = step_gid(want, step);
		if (error == 0)
			error = step_uid(want, step);
	} else {
		error = step_uid(want, step);
		if (error == 0)
			error = step_gid(want, step);
		if (error == 0)
			error = step_groups(want, step);
	}
	if (error == 0)
		error = step_capabilities(want, step);
	if (error == 0)
		switch_thread.known = true;
	return error;
}

/*
 * Holds what the kernel has against EXPECTED.  -ESTALE and what differs, static, in *DIFFERS; or
 * the error of reading, with *DIFFERS saying that.
 */
static int prove(const struct credentials *expected, const char **differs)
{
	struct credentials kernel;
	int error = credentials_read(&kernel);

	*differs = "cannot read back what was set";
	if (error < 0)
		return error;
	*differs = credentials_difference(&kernel, expected);
	groups_unref(kernel.groups);
	return *differs ? -ESTALE : 0;
}

/* A failure half-way: what was done is undone, and proven to be, or the process ends. */
static void undo(const struct credentials *before, enum direction direction)
{
	const char *step = "cannot undo";
	int error = change(before, direction, &step);

	if (error < 0)
		log_die("undoing a failed impersonation", step, error);

	error = prove(&switch_thread.now, &step);
	if (error < 0)
		log_die("undoing a failed impersonation left another identity", step, error);
}

/* The kernel drops the flag at the first change of an id, to what fs.suid_dumpable says: never
 * back. */
static int become_undumpable(const char **step)
{
	static bool done;

	if (__atomic_load_n(&done, __ATOMIC_RELAXED))
		return 0;
	*step = "cannot make the process not dumpable";

	int error = credentials_make_undumpable();

	if (error == 0)
		__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	return error;
}

int switch_to(const struct identity *access, enum imp_scope scope, uint64_t capabilities,
	      const char **step)
{
	int error = know_thread(step);

	if (error < 0)
		return error;

	struct credentials want = switch_wanted(access, scope, capabilities);

	if (want.effective & ~switch_thread.now.permitted) {
		*step = "needs capabilities that the service has not";
		return -EPERM;
	}
	/* An identity equal to the service's own takes no privilege; any other both capabilities.
	 */
	if (switch_ids_differ(&want, &switch_primary_credentials)) {
		error = check_privilege(step);
		if (error == 0)
			error = become_undumpable(step);
		if (error < 0)
			return error;
	}

	struct credentials before = switch_thread.now;

	groups_ref(before.groups);
	error = change(&want, TO_CLIENT, step);
	if (error == 0 && !switch_thread.proven) {
		error = prove(&switch_thread.now, step);
		switch_thread.proven = error == 0;
	}
	if (error < 0)
		undo(&before, switch_ids_differ(&before, &switch_primary_credentials) ? TO_CLIENT
										      : TO_PRIMARY);
	groups_unref(before.groups);
	return error;
}

void switch_back(void)
{
	const char *step = "cannot read the thread's credentials";

	if (!switch_has_primary())
		return; /* nobody in this process has switched yet */

	/*
	 * A thread that was never looked at is nearly always at the primary identity; one that was
	 * started by a thread that impersonated is not, and is brought there for the first time.
	 */
	if (!switch_thread.known) {
		int error = credentials_read(&switch_thread.now);
		int securebits = credentials_get_securebits();

		if (error < 0 || securebits < 0)
			log_die("reverting to the primary identity", step,
				error < 0 ? error : securebits);
		read_securebits(securebits);
	} else if (!switch_ids_differ(&switch_thread.now, &switch_primary_credentials) &&
		   switch_thread.now.effective == switch_primary_credentials.effective) {
		return;
	}

	int error = change(&switch_primary_credentials, TO_PRIMARY, &step);

	if (error < 0)
		log_die("reverting to the primary identity", step, error);
	if (!switch_thread.proven) {
		error = prove(&switch_primary_credentials, &step);
		if (error < 0)
			log_die("reverting led to another identity", step, error);
	}
}

void switch_doubt(void)
{
	switch_thread.set = 0;
}

bool switch_knows_thread(void)
{
	return switch_thread.known;
}
