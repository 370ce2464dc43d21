/* SPDX-License-Identifier: MIT */
/* The policy file: whose it may be, what may stand in it, and what comes of it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/check.h"
#include "policy-file.h"

static struct who alice, bob, carol;

static void meet(void)
{
	who_is("alice", &alice);
	who_is("bob", &bob);
	who_is("carol", &carol);
}

static const char *file_with(const char *name, const char *text, size_t size)
{
	const char *path = scratch_file(name, 0, 0, 0644);
	int fd = (int)SYSTEM(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC));

	SAME(write(fd, text, size), size);
	close(fd);
	return path;
}

/* What the case's name is followed by is a file. */
static void load(const char *path)
{
	struct imp_policy *policy;

	MUST(imp_policy_load(path, &policy, NULL));
	imp_policy_unref(policy);
}

static void fails(const char *path, int error, unsigned int line, unsigned int column,
		  const char *part)
{
	struct imp_policy *const before = (struct imp_policy *)&alice;
	struct imp_policy *policy = before;
	struct imp_policy_problem problem;

	memset(&problem, '!', sizeof(problem));
	SAME(imp_policy_load(path, &policy, &problem), error);
	SAME(policy == before, 1);
	SAME(problem.line, line);
	SAME(problem.column, column);
	CONTAINS(problem.text, part);
	SAME(imp_policy_load(path, &policy, NULL), error);
}

/* ------------------------------------------------------------------------------ what it says -- */

static void every_key(const char *kind)
{
	static const char text[] = "# A comment.\r\n"
				   "[runtime]\r\n"
				   "legacy_impersonation_policy = TRUE ; and another\n"
				   "always_flow_impersonation_policy=yes\n"
				   "channel_mismatch =\twarn  \n"
				   "\n"
				   "[impersonation] ; here as well\n"
				   "anonymous_user = daemon\n"
				   "max_level = impersonate\n"
				   "  ; not a line that goes on\n"
				   "default_level_local = identification\n"
				   "default_level_network = anonymous\n"
				   "privileged_clients = allow\n"
				   "[delegation]\n"
				   "allow = HTTP/a.example.com@EXAMPLE.COM, nfs/b\n"
				   "\tldap/c.example.com ,cifs/d\n"
				   "require_ok_as_delegate = 0\n"
				   "one_hop = No";
	static const char *const allowed[] = {"HTTP/a.example.com@EXAMPLE.COM", "nfs/b",
					      "ldap/c.example.com", "cifs/d"};
	struct imp_policy *policy;

	(void)kind;
	MUST(imp_policy_load(file_with("policy", text, strlen(text)), &policy, NULL));
	SAME(policy->switches.legacy_impersonation_policy, 1);
	SAME(policy->switches.always_flow_impersonation_policy, 1);
	SAME(policy->switches.channel_mismatch_warns, 1);
	SAME(policy->anonymous.view.uid, 1);
	SAME(policy->max_level, IMP_LEVEL_IMPERSONATION);
	SAME(policy->default_level_local, IMP_LEVEL_IDENTIFICATION);
	SAME(policy->default_level_network, IMP_LEVEL_ANONYMOUS);
	SAME(policy->privileged_clients_allowed, 1);
	SAME(policy->delegation.limited, 1);
	SAME(policy->delegation.n_allowed, 4);
	for (size_t i = 0; i < 4; i++)
		SAME_TEXT(policy->delegation.allowed[i], allowed[i]);
	SAME(policy->delegation.require_ok_as_delegate, 0);
	SAME(policy->delegation.one_hop, 0);
	imp_policy_unref(policy);
}

static void are_defaults(const struct imp_policy *policy)
{
	SAME(policy->switches.legacy_impersonation_policy, 0);
	SAME(policy->switches.always_flow_impersonation_policy, 0);
	SAME(policy->switches.channel_mismatch_warns, 0);
	SAME(policy->anonymous.view.uid, 65534);
	SAME(policy->max_level, IMP_LEVEL_DELEGATION);
	SAME(policy->default_level_local, IMP_LEVEL_IMPERSONATION);
	SAME(policy->default_level_network, IMP_LEVEL_IDENTIFICATION);
	SAME(policy->privileged_clients_allowed, 0);
	SAME(policy->delegation.limited, 0);
	SAME(policy->delegation.n_allowed, 0);
	SAME(policy->delegation.require_ok_as_delegate, 1);
	SAME(policy->delegation.one_hop, 1);
}

static void defaults(const char *kind)
{
	static const char *const texts[] = {"", "\n\n", "; nothing",
					    "[runtime]\n[delegation]\n[runtime]\n",
					    "[impersonation]\nanonymous_user = nobody\n"};
	struct imp_policy *policy;
	char name[16];

	(void)kind;
	MUST(imp_policy_new(&policy));
	are_defaults(policy);
	imp_policy_unref(policy);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(name, sizeof(name), "policy%zu", i);
		MUST(imp_policy_load(file_with(name, texts[i], strlen(texts[i])), &policy, NULL));
		are_defaults(policy);
		imp_policy_unref(policy);
	}
}

/* A list with nothing in it allows nothing; one that is not there does not limit. */
static void allowed_list(const char *kind)
{
	static const char *const wrong[] = {"HTTP",	"HTTP/",      "/a",	    "HTTP@a",
					    "HTTP/a,b", "HTTP/a@",    "HTTP/a@B@C", "HTTP/@A",
					    "a@B/c",	"\"HTTP/a\"", "HTTP/\x80"};
	struct imp_policy *policy;

	(void)kind;
	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "delegation", "allow", "HTTP/a HTTP/b"));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		SAME(imp_policy_set(policy, "delegation", "allow", wrong[i]), -EINVAL);
	/* What was refused has changed nothing. */
	SAME(policy->delegation.n_allowed, 2);
	SAME_TEXT(policy->delegation.allowed[1], "HTTP/b");
	MUST(imp_policy_set(policy, "delegation", "allow", ""));
	SAME(policy->delegation.limited, 1);
	SAME(policy->delegation.n_allowed, 0);
	imp_policy_unref(policy);
}

static void switches(const char *kind)
{
	static const char *const on[] = {"on", "true", "yes", "1", "On", "TRUE"};
	static const char *const off[] = {"off", "false", "no", "0", "OFF", "False"};
	static const char *const neither[] = {"", "2", "enabled", "o", "onn", "y", "00", "-1"};
	static const char *const keys[][2] = {{"runtime", "legacy_impersonation_policy"},
					      {"runtime", "always_flow_impersonation_policy"},
					      {"delegation", "require_ok_as_delegate"},
					      {"delegation", "one_hop"}};
	struct imp_policy *policy;

	(void)kind;
	MUST(imp_policy_new(&policy));
	const bool *values[] = {&policy->switches.legacy_impersonation_policy,
				&policy->switches.always_flow_impersonation_policy,
				&policy->delegation.require_ok_as_delegate,
				&policy->delegation.one_hop};

	for (size_t k = 0; k < 4; k++) {
		for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++) {
			MUST(imp_policy_set(policy, keys[k][0], keys[k][1], off[i]));
			SAME(*values[k], false);
			MUST(imp_policy_set(policy, keys[k][0], keys[k][1], on[i]));
			SAME(*values[k], true);
		}
		for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++)
			SAME(imp_policy_set(policy, keys[k][0], keys[k][1], neither[i]), -EINVAL);
		SAME(*values[k], true);
	}
	imp_policy_unref(policy);
}

/* -------------------------------------------------------------------------------- whose it is --
 */

static void owner(const char *kind)
{
	struct imp_policy *policy;
	const char *roots, *alices, *bobs;

	(void)kind;
	meet();
	roots = file_with("roots", "", 0);
	alices = file_with("alices", "", 0);
	bobs = file_with("bobs", "", 0);
	SYSTEM(chown(alices, alice.uid, alice.gid));
	SYSTEM(chown(bobs, bob.uid, bob.gid));
	MUST(imp_policy_load(roots, &policy, NULL));
	imp_policy_unref(policy);
	fails(alices, -EPERM, 0, 0, "belongs to alice, neither to root nor to the service's user");

	turn_into(&alice);
	MUST(imp_policy_load(roots, &policy, NULL));
	imp_policy_unref(policy);
	MUST(imp_policy_load(alices, &policy, NULL));
	imp_policy_unref(policy);
	fails(bobs, -EPERM, 0, 0, "belongs to bob");
}

static void mode(const char *kind)
{
	static const unsigned int good[] = {0644, 0600, 0400, 0755, 0444, 04644};
	static const unsigned int bad[] = {0664, 0646, 0666, 0620, 0602, 0777};
	const char *path = file_with("policy", "", 0);
	struct imp_policy *policy;

	(void)kind;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		SYSTEM(chmod(path, good[i]));
		MUST(imp_policy_load(path, &policy, NULL));
		imp_policy_unref(policy);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		SYSTEM(chmod(path, bad[i]));
		fails(path, -EPERM, 0, 0, bad[i] & 2 ? "everybody may write it" : "its group");
	}
}

static void no_file(const char *kind)
{
	static char large[POLICY_FILE_MAXIMUM + 1];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct imp_policy *policy;
	int fd = (int)SYSTEM(socket(AF_UNIX, SOCK_STREAM, 0));

	(void)kind;
	meet();
	fails(scratch("missing"), -ENOENT, 0, 0, "No such file");
	SYSTEM(symlink("loop", scratch("loop")));
	fails(scratch("loop"), -ELOOP, 0, 0, "symbolic links");
	/* None of these may be waited for. */
	SYSTEM(mkfifo(scratch("pipe"), 0600));
	fails(scratch("pipe"), -EPERM, 0, 0, "not a regular file");
	fails(scratch(""), -EPERM, 0, 0, "not a regular file");
	fails("/dev/null", -EPERM, 0, 0, "not a regular file");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", scratch("socket"));
	SYSTEM(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	fails(address.sun_path, -ENXIO, 0, 0, "No such device or address");

	memset(large, '\n', sizeof(large));
	fails(file_with("large", large, sizeof(large)), -EFBIG, 0, 0, "too large");
	MUST(imp_policy_load(file_with("full", large, sizeof(large) - 1), &policy, NULL));
	imp_policy_unref(policy);

	/* A link is followed: what counts is what it leads to. */
	SYSTEM(symlink("full", scratch("link")));
	MUST(imp_policy_load(scratch("link"), &policy, NULL));
	imp_policy_unref(policy);
	SYSTEM(chown(scratch("full"), bob.uid, bob.gid));
	fails(scratch("link"), -EPERM, 0, 0, "belongs to bob");

	SYSTEM(chown(scratch("full"), 0, 0));
	SYSTEM(chmod(scratch("full"), 0600));
	turn_into(&alice);
	fails(scratch("full"), -EACCES, 0, 0, "Permission denied");
}

/* ------------------------------------------------------------------------------ what is wrong --
 */

#define LONG "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define TEXT(text) text, sizeof(text) - 1

static const struct wrong {
	const char *text;
	size_t size;
	int error;
	unsigned int line, column;
	const char *part;
} wrong[] = {
	/* lines that make no sense */
	{TEXT("max_level = anonymous\n"), -EPROTO, 1, 1, "before any [section]"},
	{TEXT("[runtime]\nlegacy_impersonation_policy\n"), -EPROTO, 2, 1, "neither"},
	{TEXT("[runtime]\n\n  on\n"), -EPROTO, 3, 3, "neither"},
	{TEXT("[runtime]\nlegacy_impersonation_policy ; = on"), -EPROTO, 2, 1, "neither"},
	{TEXT("[runtime\n"), -EPROTO, 1, 1, "'[' without ']'"},
	{TEXT("\n [runtime] legacy_impersonation_policy = on\n"), -EPROTO, 2, 12,
	 "text behind ']'"},
	{TEXT("[runtime]\nchannel_mis\0match = fail\n"), -EPROTO, 2, 12, "a NUL byte"},
	{TEXT("[runtime]\n# \0\n"), -EPROTO, 2, 3, "a NUL byte"},
	{TEXT("\xef\xbb\xbf[runtime]\n"), -EPROTO, 1, 1, "byte order mark"},
	{TEXT("\xff\xfe[\0r\0u\0n\0"), -EPROTO, 1, 1, "UTF-16"},
	{TEXT("[impersonation]\nmax_level = anonymous ;" LONG LONG LONG LONG "\n"), -EPROTO, 2, 198,
	 "longer than 197 bytes"},
	{TEXT("[runtime];" LONG LONG LONG LONG "\n"), -EPROTO, 1, 198, "longer than 197 bytes"},
	{TEXT("[runtime]\nchannel_mismatch = fail\n warn\n"), -EPROTO, 3, 2, "goes on"},
	{TEXT("[runtime]\nchannel_mismatch = fail\n  legacy_impersonation_policy = on\n"), -EPROTO,
	 3, 3, "goes on"},
	{TEXT("[runtime]\nchannel_mismatch = fail\n  [impersonation]\n"), -EPROTO, 3, 3, "goes on"},
	/* sections and keys that there are not, or not there */
	{TEXT("[runtime]\n[Runtime]\n"), -EINVAL, 2, 1, "[Runtime]: no such section"},
	{TEXT("[ runtime ]\n"), -EINVAL, 1, 1, "no such section"},
	{TEXT("[]\n"), -EINVAL, 1, 1, "[]: no such section"},
	{TEXT("[" LONG LONG "]\n"), -EINVAL, 1, 1, "...]: no such section"},
	{TEXT("[runtime]\nflow = on\n"), -EINVAL, 2, 1, "flow: no such key in [runtime]"},
	{TEXT("[runtime]\n= on\n"), -EINVAL, 2, 1, "no such key"},
	{TEXT("[runtime]\n\x1b[31mred = on\n"), -EINVAL, 2, 1, "?[31mred: no such key"},
	{TEXT("[runtime]\nmax_level = anonymous\n"), -EINVAL, 2, 1,
	 "max_level: belongs to [impersonation], not to [runtime]"},
	{TEXT("[runtime]\nchannel_mismatch = fail\n[delegation]\n[runtime]\n\nchannel_mismatch = "
	      "fail\n"),
	 -EINVAL, 6, 1, "said already in line 2"},
	/* values that they cannot take */
	{TEXT("[runtime]\nchannel_mismatch = log\n"), -EINVAL, 2, 20, "'log': not fail or warn"},
	{TEXT("[runtime]\nchannel_mismatch = fail # so\n"), -EINVAL, 2, 20, "'fail # so'"},
	{TEXT("[runtime]\nlegacy_impersonation_policy =\n"), -EINVAL, 2, 30, "'': not on or off"},
	{TEXT("[impersonation]\nmax_level : high\n"), -EINVAL, 2, 13,
	 "'high': not anonymous, ident"},
	{TEXT("[impersonation]\nanonymous_user = root\n"), -EINVAL, 2, 18, "not root"},
	{TEXT("[impersonation]\nanonymous_user = 4294967295\n"), -EINVAL, 2, 18, "not an account"},
	{TEXT("[impersonation]\nanonymous_user = no-such\n"), -ESRCH, 2, 18, "no such account"},
	{TEXT("[delegation]\nallow = HTTP/a\n one_hop = off\n"), -EINVAL, 3, 2,
	 "service principals"},
	{TEXT("[delegation]\nallow = " LONG LONG "\n"), -EINVAL, 2, 9,
	 "...': not service principals"},
};

static void malformed(const char *kind)
{
	char name[32];

	(void)kind;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(name, sizeof(name), "wrong-%zu", i);
		fprintf(stderr, "%s\n", name); /* shown where it fails */
		fails(file_with(name, wrong[i].text, wrong[i].size), wrong[i].error, wrong[i].line,
		      wrong[i].column, wrong[i].part);
	}
}

struct told {
	char text[4096];
	size_t used;
};

static bool note(const struct policy_problem *problem, void *data)
{
	struct told *told = data;

	told->used += (size_t)snprintf(told->text + told->used, sizeof(told->text) - told->used,
				       "%u:%u %s\n", problem->at.line, problem->at.column,
				       problem->about);
	return true;
}

/* All there is, in the order of lines, and what is right is taken nevertheless. */
static void all_problems(const char *kind)
{
	static const char text[] = "key = value\n"
				   "[runtime]\n"
				   "legacy_impersonation_policy = maybe\n"
				   "always_flow_impersonation_policy = on\n"
				   "nonsense\n"
				   "[nowhere]\n"
				   "anything = goes\n"
				   "[impersonation]\n"
				   "one_hop = on\n"
				   "max_level = identification\n"
				   "max_level = anonymous\n"
				   "nonsense";
	struct policy_file file = {.size = strlen(text), .text = (char *)(uintptr_t)text};
	struct told told = {.used = 0};
	const struct policy_listener listener = {.tell = note, .data = &told};
	struct policy_lines lines;
	struct imp_policy *policy;

	(void)kind;
	MUST(imp_policy_new(&policy));
	SAME(policy_file_parse(&file, policy, &lines, &listener), -EPROTO);
	SAME_TEXT(told.text, "1:1 line\n3:31 legacy_impersonation_policy\n5:1 line\n6:1 section\n"
			     "9:1 key\n11:1 max_level\n12:1 line\n");
	SAME(policy->switches.always_flow_impersonation_policy, 1);
	SAME(policy->max_level, IMP_LEVEL_IDENTIFICATION);
	SAME(lines.line[POLICY_LEGACY], 3);
	SAME(lines.bad[POLICY_LEGACY], 1);
	SAME(lines.line[POLICY_MAX_LEVEL], 10);
	SAME(lines.column[POLICY_MAX_LEVEL], 13);
	SAME(lines.bad[POLICY_MAX_LEVEL], 0);
	SAME(lines.line[POLICY_ONE_HOP], 0);
	imp_policy_unref(policy);
}

static void service_path(const char *kind)
{
	static const char *const names[] = {"", ".", "..", "a/b", "/a", ".hidden"};
	char path[64];

	(void)kind;
	MUST(policy_file_path("idn-serve-demo@1", path, sizeof(path)));
	SAME_TEXT(path, "/etc/impersonate/idn-serve-demo@1.conf");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		SAME(policy_file_path(names[i], path, sizeof(path)), -EINVAL);
	SAME(policy_file_path(LONG, path, sizeof(path)), -ENAMETOOLONG);
}

/* --------------------------------------------------------------------------------- in force -- */

enum { RELOADS = 2000, READERS = 3 };

static atomic_bool over;
static atomic_uint seen[2];

/* Tokens are made by the one or the other, never by some of each. */
static void *use_policy(void *unused)
{
	struct imp_token *token;
	int ends[2];

	SYSTEM(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	while (!atomic_load(&over)) {
		MUST(imp_token_from_connection(ends[0], NULL, &token));
		const bool first = imp_token_level(token) == IMP_LEVEL_IDENTIFICATION;

		SAME(imp_token_level(token),
		     first ? IMP_LEVEL_IDENTIFICATION : IMP_LEVEL_ANONYMOUS);
		SAME(imp_token_access(token)->uid, first ? carol.uid : bob.uid);
		atomic_fetch_add(&seen[first], 1);
		imp_token_unref(token);
	}
	close(ends[0]);
	close(ends[1]);
	return unused;
}

static void install(const char *path)
{
	struct imp_policy *policy;

	MUST(imp_policy_load(path, &policy, NULL));
	imp_policy_install(policy);
	imp_policy_unref(policy);
}

static void reload(const char *kind)
{
	static const char first[] = "[impersonation]\nmax_level = identification\n"
				    "anonymous_user = carol\n[delegation]\nallow = HTTP/a\n";
	static const char second[] = "[impersonation]\nmax_level = anonymous\n"
				     "anonymous_user = bob\n[delegation]\nallow = HTTP/b\n";
	const char *paths[] = {file_with("first", first, strlen(first)),
			       file_with("second", second, strlen(second))};
	const char *bad = file_with("bad", "[nowhere]\n", 10);
	struct imp_policy *policy = NULL;
	pthread_t readers[READERS];

	(void)kind;
	meet();
	install(paths[0]);
	for (int i = 0; i < READERS; i++)
		SAME(pthread_create(&readers[i], NULL, use_policy, NULL), 0);
	for (int i = 0; i < RELOADS || !atomic_load(&seen[0]) || !atomic_load(&seen[1]); i++) {
		install(paths[i % 2]);
		SAME(imp_policy_load(bad, &policy, NULL), -EINVAL);
	}
	atomic_store(&over, true);
	for (int i = 0; i < READERS; i++)
		SAME(pthread_join(readers[i], NULL), 0);

	/* And the switches come and go with it. */
	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "runtime", "legacy_impersonation_policy", "on"));
	MUST(imp_policy_set(policy, "runtime", "channel_mismatch", "warn"));
	imp_policy_install(policy);
	SAME(policy_switches().legacy_impersonation_policy, 1);
	SAME(policy_switches().always_flow_impersonation_policy, 0);
	SAME(policy_switches().channel_mismatch_warns, 1);
	imp_policy_install(NULL);
	SAME(policy_switches().legacy_impersonation_policy, 0);
	SAME(policy_switches().channel_mismatch_warns, 0);
	imp_policy_unref(policy);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"load", load},
		{"every-key", every_key},
		{"defaults", defaults},
		{"allowed-list", allowed_list},
		{"switches", switches},
		{"owner", owner},
		{"mode", mode},
		{"no-file", no_file},
		{"malformed", malformed},
		{"all-problems", all_problems},
		{"service-path", service_path},
		{"reload", reload},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
