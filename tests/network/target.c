/* SPDX-License-Identifier: MIT */
/* Targets: who and where another service is, known before anything is sent to it. */
#include <errno.h>
#include <string.h>

#include "stage.h"

static void fails_with(const char *host, const char *port, const char *principal, int expected)
{
	struct imp_target *target = NULL;
	const char *problem = NULL;
	int error = imp_target_new(host, port, principal, &target, &problem);

	if (error != expected)
		FAIL("%s:%s %s: expected %s, saw %s", host, port, principal, strerror(-expected),
		     error < 0 ? strerror(-error) : "success");
	if (!problem || !problem[0] || strchr(problem, '\n'))
		FAIL("problem: expected a line, saw %s", problem ? problem : "none");
	SAME(imp_target_new(host, port, principal, &target, NULL), expected);
}

static void no_principal(const char *kind)
{
	static const char *const principals[] = {
		"",
		"b.test",
		"HTTP/",
		"/b.test",
		"HTTP@b.test",
		"HTTP/b.test@",
		"HTTP/b.test@A@B",

		"@IDN.TEST",
	};

	set_out(kind);
	for (size_t i = 0; i < sizeof(principals) / sizeof(principals[0]); i++)
		fails_with("127.0.0.1", "80", principals[i], -EINVAL);
}

static void no_address(const char *kind)
{
	static const char *const ports[] = {"", "65536", "-1", "no-such-service", "80 ", "0x50"};
	static const char *const hosts[] = {"", "a b", "[::1"};

	set_out(kind);
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		fails_with("127.0.0.1", ports[i], "HTTP/b.test", -EHOSTUNREACH);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		fails_with(hosts[i], "80", "HTTP/b.test", -EHOSTUNREACH);
}

static void busy(const char *kind)
{
	struct imp_token *token;
	struct imp_target *target;

	set_out(kind);
	MUST(imp_token_from_user("alice", IMP_LEVEL_IMPERSONATION, NULL, &token));
	MUST(imp_impersonate(token));
	fails_with("127.0.0.1", "80", "HTTP/b.test", -EBUSY);
	imp_revert();
	MUST(imp_target_new("127.0.0.1", "80", "HTTP/b.test", &target, NULL));
	SAME(imp_target_ref(target) == target, true);
	imp_target_unref(target);
	imp_target_unref(target);
	imp_target_unref(NULL);
}

const struct check_case target_cases[] = {
	{"target-principal", no_principal},
	{"target-address", no_address},
	{"target-busy", busy},
	{NULL, NULL},
};
