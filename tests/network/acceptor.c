/* SPDX-License-Identifier: MIT */
/* Acceptors: what a service needs to have before it can know anybody, and what it is told if not.
 */
#include <errno.h>
#include <string.h>

#include "stage.h"

/* What comes of it; PROBLEM is one line, and says that. */
static void fails_with(const struct imp_acceptor_options *options, int expected, const char *part)
{
	struct imp_acceptor *acceptor = NULL;
	const char *problem = NULL;
	int error = imp_acceptor_new(options, &acceptor, &problem);

	if (error != expected)
		FAIL("%s: expected %s, saw %s: %s", part, strerror(-expected), strerror(-error),
		     problem ? problem : "no word");
	SAME(acceptor == NULL, true);
	if (!problem)
		FAIL("problem: expected a line, saw none");
	CONTAINS(problem, part);
	SAME(strchr(problem, '\n') == NULL, true);
	/* It need not be asked for. */
	SAME(imp_acceptor_new(options, &acceptor, NULL), expected);
}

static void missing(const char *kind)
{
	set_out(kind);
	fails_with(&(struct imp_acceptor_options){.keytab = in_realm("no-such.keytab")}, -ENOENT,
		   "no-such.keytab");
}

/* Whatever root may read, an ordinary service may not. */
static void unreadable(const char *kind)
{
	const char *keytab = strdup(in_realm("root.keytab"));

	(void)kind;
	set_out("ordinary");
	fails_with(&(struct imp_acceptor_options){.keytab = keytab}, -EACCES, "root.keytab");
}

static void no_key(const char *kind)
{
	set_out(kind);
	fails_with(&(struct imp_acceptor_options){.keytab = in_realm("a.keytab"),
						  .principal = "HTTP/b.test"},
		   -ENOKEY, "HTTP/b.test");
	fails_with(&(struct imp_acceptor_options){.keytab = in_realm("a.keytab"),
						  .principal = "HTTP/a.test@OTHER.TEST"},
		   -ENOKEY, "HTTP/a.test@OTHER.TEST");
}

static void garbage(const char *kind)
{
	set_out(kind);
	fails_with(&(struct imp_acceptor_options){.keytab = in_realm("garbage.keytab")}, -EINVAL,
		   "garbage.keytab");
	fails_with(&(struct imp_acceptor_options){.keytab = in_realm("caches")}, -EINVAL, "caches");
	fails_with(&(struct imp_acceptor_options){.keytab = "NOKIND:x"}, -EINVAL, "NOKIND");
	fails_with(&(struct imp_acceptor_options){.keytab = in_realm("a.keytab"),
						  .principal = "HTTP/a.test@IDN.TEST@X"},
		   -EINVAL, "HTTP/a.test@IDN.TEST@X");
	fails_with(&(struct imp_acceptor_options){.keytab = in_realm("a.keytab"), .principal = ""},
		   -EINVAL, "");
}

/* One that has no key is no better than none. */
static void empty(const char *kind)
{
	struct imp_acceptor_options options = {.keytab = in_realm("empty.keytab")};
	struct imp_acceptor *acceptor;
	const char *problem = NULL;
	int error;

	set_out(kind);
	error = imp_acceptor_new(&options, &acceptor, &problem);
	SAME(error == -ENOKEY || error == -EINVAL, true);
	CONTAINS(problem ? problem : "", "empty.keytab");
}

/* Under a client, the keytab would be opened as that client. */
static void busy(const char *kind)
{
	const struct imp_acceptor_options options = {.keytab = in_realm("a.keytab")};
	struct imp_token *token;
	struct imp_acceptor *acceptor;

	set_out(kind);
	MUST(imp_token_from_user("alice", IMP_LEVEL_IMPERSONATION, NULL, &token));
	MUST(imp_impersonate(token));
	fails_with(&options, -EBUSY, "");
	imp_revert();
	MUST(imp_acceptor_new(&options, &acceptor, NULL));
	imp_acceptor_unref(acceptor);
}

/* The same principal named by any of its names, and the default keytab, which libkrb5 names. */
static void good_ones(const char *kind)
{
	static const char *const names[] = {NULL, "HTTP/a.test", "HTTP/a.test@IDN.TEST"};
	struct imp_acceptor *acceptor;
	const char *problem = "";

	set_out(kind);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct imp_acceptor_options options = {.keytab = in_realm("a.keytab"),
							     .principal = names[i]};

		if (imp_acceptor_new(&options, &acceptor, &problem) < 0)
			FAIL("%s: expected an acceptor, saw: %s", names[i] ? names[i] : "any",
			     problem);
		SAME(imp_acceptor_ref(acceptor) == acceptor, true);
		imp_acceptor_unref(acceptor);
		imp_acceptor_unref(acceptor);
	}
	imp_acceptor_unref(NULL);
	MUST(imp_acceptor_new(NULL, &acceptor, &problem)); /* KRB5_KTNAME */
	imp_token_unref(token_of_alice(acceptor, 0));
	imp_acceptor_unref(acceptor);
}

const struct check_case acceptor_cases[] = {
	{"keytab-missing", missing},  {"keytab-unreadable", unreadable},
	{"no-key", no_key},	      {"keytab-garbage", garbage},
	{"keytab-empty", empty},      {"acceptor-busy", busy},
	{"acceptor-good", good_ones}, {NULL, NULL},
};
