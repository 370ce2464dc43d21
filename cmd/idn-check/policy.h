/* SPDX-License-Identifier: MIT */
/* idn-check policy: what its parts share. */
#ifndef CHECK_POLICY_H
#define CHECK_POLICY_H

#include "core/policy-file.h"
#include "report.h"

/* ---------------------------------------------------------------------------- policy-place.c -- */

/* Who can exchange it, where it is the policy of a service that runs as USER. */
void report_place(const char *path, uid_t user, bool verbose, struct report *report);

/* -------------------------------------------------------------------------- policy-meaning.c -- */

/* What each key comes to, and what is dangerous about that. */
void report_meaning(const struct imp_policy *policy, const struct policy_lines *lines, uid_t user,
		    struct report *report);

/* The two switches in words; ALWAYS is to be told where LEGACY is on, too. */
const char *legacy_words(bool legacy);
const char *always_words(bool legacy, bool always);

/* ------------------------------------------------------------------------------ policy-xml.c -- */

enum { ASPNET_LEGACY, ASPNET_ALWAYS, ASPNET_SETTINGS };

/* What a configuration file of the .NET Framework says of the two. */
struct aspnet_setting {
	bool said; /* where it counts, and so that it can be understood */
	bool value;
	unsigned int line, column;
};

struct aspnet {
	struct aspnet_setting settings[ASPNET_SETTINGS];
};

/* "legacyImpersonationPolicy" */
const char *aspnet_element(int setting);

/* Begins as XML does, in UTF-8 or UTF-16? */
bool is_xml(const char *text, size_t size);

/*
 * Reads it, and reports what is said wrongly.  -EPROTO for what is no XML, or more than it may be:
 * *PROBLEM tells; -ENOTSUP for a build without expat; -ENOMEM.
 */
int aspnet_read(const char *text, size_t size, struct aspnet *aspnet, struct report *report,
		struct imp_policy_problem *problem) IMP_MUST_CHECK;

/* --------------------------------------------------------------------------- policy-aspnet.c -- */

/* What that comes to; returns the policy that is the same, which the caller frees. */
char *report_aspnet(const char *path, const struct aspnet *aspnet, struct report *report);

#endif
