/* SPDX-License-Identifier: MIT */
/* Becoming somebody for good: all ids, groups and sets, nothing else, and no way back. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/check.h"

static struct state seen;

static const gid_t groups[] = {2101, 7, 2100, 7};

static void set_out(void)
{
	if (geteuid() != 0)
		SKIP("needs root");
}

/* Inheritable and ambient capabilities to lose. */
static void gather(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	SYSTEM(syscall(SYS_capget, &header, data));
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	SYSTEM(syscall(SYS_capset, &header, data));
	SYSTEM(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0));
	SYSTEM(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	state_read(0, &seen);
	SAME(seen.ambient, 1u << CAP_SETUID | 1u << CAP_CHOWN);
}

static void is_become(const struct imp_become *become, unsigned long long bounding)
{
	static struct state expected;

	expected = (struct state){
		.who = {.uid = become->uid, .gid = become->gid},
		.real_uid = become->uid,
		.saved_uid = become->uid,
		.filesystem_uid = become->uid,
		.real_gid = become->gid,
		.saved_gid = become->gid,
		.filesystem_gid = become->gid,
		.permitted = become->capabilities,
		.effective = become->effective ? become->capabilities : 0,
		.bounding = bounding,
	};
	if (become->n_groups) {
		expected.who.n_groups = 3;
		memcpy(expected.who.groups, (gid_t[]){7, 2100, 2101}, 3 * sizeof(gid_t));
	}
	STATE_IS(0, &expected);
}

static void no_way_back(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{.effective = 1, .permitted = 1}};

	REFUSED(setresuid((uid_t)-1, 0, (uid_t)-1), EPERM);
	REFUSED(setuid(0), EPERM);
	REFUSED(setresgid((gid_t)-1, 0, (gid_t)-1), EPERM);
	REFUSED((int)syscall(SYS_setgroups, 0, NULL), EPERM);
	REFUSED((int)syscall(SYS_capset, &header, data), EPERM);
	syscall(SYS_setfsuid, 0);
	SAME(syscall(SYS_setfsuid, -1), seen.filesystem_uid);
}

static void for_good(const char *kind)
{
	struct imp_become become = {
		.uid = 2001, .gid = 2001, .n_groups = 4, .groups = groups, .limit_bounding = true};
	const char *step = NULL;

	(void)kind;
	set_out();
	gather();
	MUST(imp_become(&become, &step));
	is_become(&become, 0);
	state_read(0, &seen);
	no_way_back();
	is_become(&become, 0);
	SAME(prctl(PR_GET_SECUREBITS), 0);
	SAME(prctl(PR_GET_KEEPCAPS), 0);
}

/* The bounding set stays where nothing else was asked for. */
static void keeps(const char *kind)
{
	struct imp_become become = {
		.uid = 2001,
		.gid = 2002,
		.n_groups = 4,
		.groups = groups,
		.capabilities = 1u << CAP_SETUID | 1u << CAP_SETGID,
	};

	(void)kind;
	set_out();
	gather();
	MUST(imp_become(&become, NULL));
	is_become(&become, seen.bounding);
	SAME(prctl(PR_GET_SECUREBITS), 0);
	SAME(prctl(PR_GET_KEEPCAPS), 0);

	/* From there on to less, for good. */
	become.uid = 2003;
	become.n_groups = 0;
	become.capabilities = 0;
	MUST(imp_become(&become, NULL));
	is_become(&become, seen.bounding);
	state_read(0, &seen);
	no_way_back();
}

static void effective(const char *kind)
{
	struct imp_become become = {
		.uid = 2001,
		.gid = 2001,
		.capabilities = 1u << CAP_NET_BIND_SERVICE,
		.effective = true,
		.limit_bounding = true,
	};

	(void)kind;
	set_out();
	gather();
	MUST(imp_become(&become, NULL));
	is_become(&become, 1u << CAP_NET_BIND_SERVICE);
	state_read(0, &seen);
	no_way_back();
}

/* Securebits are what they were, whichever they were. */
static void securebits(const char *kind)
{
	static const unsigned long bits[] = {0, SECBIT_NO_SETUID_FIXUP,
					     SECBIT_NOROOT | SECBIT_NO_SETUID_FIXUP_LOCKED,
					     SECBIT_NO_SETUID_FIXUP | SECBIT_NOROOT};

	(void)kind;
	set_out();
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		pid_t child = (pid_t)SYSTEM(fork());

		if (child == 0) {
			struct imp_become become = {
				.uid = 2001,
				.gid = 2001,
				.capabilities = 1u << CAP_SETUID | 1u << CAP_SETGID,
			};

			SYSTEM(prctl(PR_SET_SECUREBITS, bits[i]));
			gather();
			MUST(imp_become(&become, NULL));
			is_become(&become, seen.bounding);
			SAME(prctl(PR_GET_SECUREBITS), (long)bits[i]);
			_exit(PASSED);
		}
		wait_for(child);
	}
}

/* What the securebits are once they are locked; root has nothing by being root. */
static void sealed(const char *kind)
{
	const int locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
			   SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
			   SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
	struct imp_become become = {
		.uid = 2001,
		.gid = 2001,
		.capabilities = 1u << CAP_SETUID,
		.limit_bounding = true,
		.sealed = true,
	};
	pid_t child;

	(void)kind;
	set_out();
	child = (pid_t)SYSTEM(fork());
	if (child == 0) {
		MUST(imp_become(&become, NULL)); /* and cannot be locked, to keep a capability */
		is_become(&become, 1u << CAP_SETUID);
		SAME(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
		SAME(prctl(PR_GET_SECUREBITS), 0);
		_exit(PASSED);
	}
	wait_for(child);
	become.capabilities = 0;
	gather();
	MUST(imp_become(&become, NULL));
	is_become(&become, 0);
	SAME(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	SAME(prctl(PR_GET_SECUREBITS), locked);
	state_read(0, &seen);
	no_way_back();
	/* Once more, with nothing to lock anything with. */
	MUST(imp_become(&become, NULL));
	SAME(prctl(PR_GET_SECUREBITS), locked);
}

static void no_id(const char *kind)
{
	struct imp_become become = {.uid = IMP_NO_UID, .gid = 2001};
	const char *step = NULL;

	(void)kind;
	set_out();
	state_read(0, &seen);
	SAME(imp_become(&become, &step), -EINVAL);
	SAME(step != NULL, 1);
	become.uid = 2001;
	become.gid = IMP_NO_GID;
	SAME(imp_become(&become, NULL), -EINVAL);
	STATE_IS(0, &seen);
}

static void without_privilege(const char *kind)
{
	struct imp_become become = {.uid = 2001, .gid = 2001};
	const char *step = NULL;

	(void)kind;
	set_out();
	MUST(imp_become(&become, NULL));
	state_read(0, &seen);
	MUST(imp_become(&become, NULL)); /* what one is already, anyone may become */
	STATE_IS(0, &seen);
	become.n_groups = 1;
	become.groups = groups;
	SAME(imp_become(&become, &step), -EPERM);
	SAME_TEXT(step, "cannot set 1 supplementary group (needs CAP_SETGID)");
	become.n_groups = 0;
	become.gid = 2002;
	SAME(imp_become(&become, &step), -EPERM);
	SAME_TEXT(step, "cannot set the gid (needs CAP_SETGID)");
	become.gid = 2001;
	become.uid = 0;
	SAME(imp_become(&become, &step), -EPERM);
	SAME_TEXT(step, "cannot set the uid (needs CAP_SETUID)");
	STATE_IS(0, &seen);
}

static void busy(const char *kind)
{
	struct imp_become become = {.uid = 2001, .gid = 2001};
	const char *step = NULL;

	(void)kind;
	set_out();
	state_read(0, &seen);
	MUST(imp_prepare());
	SAME(imp_become(&become, &step), -EBUSY);
	SAME(step != NULL, 1);
	STATE_IS(0, &seen);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"for-good", for_good},
		{"keeps", keeps},
		{"effective", effective},
		{"securebits", securebits},
		{"sealed", sealed},
		{"no-id", no_id},
		{"without-privilege", without_privilege},
		{"busy", busy},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
