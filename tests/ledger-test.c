/* SPDX-License-Identifier: MIT */
/* The ledger as services write it: what it says at each level, and while it is being written. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ledger.h"
#include "lib/check.h"
#include "token.h"

static struct who alice, bob, carol, nobody;

static void meet(void)
{
	become_service("root");
	who_is("alice", &alice);
	who_is("bob", &bob);
	who_is("carol", &carol);
	who_is("nobody", &nobody);
	nobody.n_groups = 0;
}

static struct imp_ledger_entry entry_of(pid_t tid)
{
	struct imp_ledger_entry entry;
	struct imp_ledger *ledger = NULL;

	MUST(imp_ledger_open(getpid(), &ledger));
	MUST(imp_ledger_read(ledger, tid, &entry));
	imp_ledger_close(ledger);
	SAME(entry.settled, true);
	SAME(entry.tid, tid);
	return entry;
}

/* FNV-1a, as idn-ledger(5) has it. */
static uint64_t hash_of(const struct who *who)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < who->n_groups; i++)
		for (int byte = 0; byte < 4; byte++)
			hash = (hash ^ (who->groups[i] >> 8 * byte & 0xff)) * 1099511628211u;
	return hash;
}

/* -------------------------------------------------------------------------------- contents -- */

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void levels(const char *kind)
{
	struct imp_token *tokens[4], *files;

	meet();
	for (int level = 0; level < 4; level++)
		tokens[level] = token_at(&alice, imp_level_name((enum imp_level)level), NULL);
	MUST(imp_token_scoped(tokens[2], IMP_SCOPE_FILES, &files));
	become_service(kind);

	/* Downwards: what a higher level has left behind must be gone. */
	for (int level = 3; level >= 0; level--) {
		const struct who *access = level >= 2 ? &alice : &nobody;
		int64_t before = now_ns(CLOCK_REALTIME_COARSE);

		MUST(imp_impersonate(tokens[level]));
		struct imp_ledger_entry entry = entry_of(gettid());

		SAME(entry.impersonating, true);
		SAME(entry.level, level);
		SAME(entry.decided_by, IMP_DECIDED_BY_ADDRESS);
		SAME(entry.scope, IMP_SCOPE_ALL);
		SAME(entry.transport, IMP_TRANSPORT_UNIX);
		SAME(entry.client_uid, level > 0 ? alice.uid : IMP_NO_UID);
		SAME(entry.client_gid, level > 0 ? alice.gid : IMP_NO_GID);
		SAME(entry.client_pid, imp_token_client_pid(tokens[level]));
		SAME(entry.client_pid == 0, level == 0);
		SAME(entry.access_uid, access->uid);
		SAME(entry.access_gid, access->gid);
		SAME(entry.access_groups_hash, hash_of(access));
		SAME(entry.since_ns >= before, 1);
		SAME(entry.since_ns <= now_ns(CLOCK_REALTIME), 1);
		SAME(entry.impersonations, 4 - level);
		SAME(entry.flows + entry.flows_refused + entry.mismatches, 0);
	}
	MUST(imp_impersonate(files));
	SAME(entry_of(gettid()).scope, IMP_SCOPE_FILES);
	imp_revert();
	SAME(entry_of(gettid()).impersonating, false);
}

/* At anonymous there is no byte of the client in the slot, whoever was there before. */
static void anonymous(const char *kind)
{
	static struct who shy;
	struct ledger_slot slot;
	char bytes[sizeof(slot)];
	uint32_t secret = 0x5e1f5e1f;

	become_service("root");
	who_with_groups(secret, 0, &shy);
	shy.gid = secret;
	struct imp_token *known = token_at(&shy, "impersonation", NULL);
	struct imp_token *unknown = token_at(&shy, "anonymous", NULL);

	become_service(kind);
	for (int i = 0; i < 2; i++) {
		MUST(imp_impersonate(i == 0 ? known : unknown));
		int fd = (int)SYSTEM(open(ledger_path(getpid()), O_RDONLY | O_CLOEXEC));

		SAME(pread(fd, bytes, sizeof(bytes), LEDGER_SLOTS_OFFSET), sizeof(bytes));
		close(fd);
		SAME(memmem(bytes, sizeof(bytes), &secret, sizeof(secret)) != NULL, i == 0);
	}
}

static struct imp_token *network_token(const char *principal, const char *account,
				       enum imp_delegated delegated)
{
	const struct network_client client = {
		.principal = principal,
		.account = account,
		.delegated = delegated,
	};
	struct imp_token *token;

	MUST(token_of_network_client(&client, NULL, &token));
	return token;
}

/* What the slot has room for of a principal that does not fit, and no half of a character. */
static void fits(size_t length, const char *character, size_t expected)
{
	char long_one[300];
	size_t size = strlen(character);

	for (size_t i = 0; i < sizeof(long_one); i++)
		long_one[i] = i < length ? 'a' : character[(i - length) % size];
	long_one[sizeof(long_one) - 1] = '\0';

	struct imp_token *token = network_token(long_one, "alice", IMP_DELEGATED_NONE);

	MUST(imp_impersonate(token));
	struct imp_ledger_entry entry = entry_of(gettid());

	SAME(strlen(entry.principal), expected);
	SAME(memcmp(entry.principal, long_one, expected), 0);
	imp_token_unref(token);
}

static void principals(const char *kind)
{
	meet();
	struct imp_token *kerberos =
		network_token("alice@IDN.TEST", "alice", IMP_DELEGATED_FORWARDED);
	struct imp_token *speaks_for =
		network_token("b@IDN.TEST", "bob", IMP_DELEGATED_CONSTRAINED);
	struct imp_token *local = token_at(&carol, NULL, NULL);

	become_service(kind);
	MUST(imp_impersonate(kerberos));
	struct imp_ledger_entry entry = entry_of(gettid());

	SAME_TEXT(entry.principal, "alice@IDN.TEST");
	SAME(entry.delegated, IMP_DELEGATED_FORWARDED);
	SAME(entry.transport, IMP_TRANSPORT_TCP);
	SAME(entry.client_uid, alice.uid);
	MUST(imp_impersonate(speaks_for));
	entry = entry_of(gettid());
	SAME_TEXT(entry.principal, "b@IDN.TEST");
	SAME(entry.delegated, IMP_DELEGATED_CONSTRAINED);
	MUST(imp_impersonate(local));
	entry = entry_of(gettid());
	SAME_TEXT(entry.principal, "");
	SAME(entry.delegated, IMP_DELEGATED_NONE);

	fits(50, "a", 103);
	fits(103, "\xc3\xa9", 103);
	fits(102, "\xc3\xa9", 102);
	fits(101, "\xe2\x82\xac", 101);
	fits(100, "\xf0\x9f\x94\x91", 100);
	fits(99, "\xf0\x9f\x94\x91", 103);
	fits(80, "\xa9", 103); /* not of UTF-8: as much as there is room for */
}

static bool slot_contains(const char *text)
{
	char bytes[sizeof(struct ledger_slot)];
	int fd = (int)SYSTEM(open(ledger_path(getpid()), O_RDONLY | O_CLOEXEC));

	SAME(pread(fd, bytes, sizeof(bytes), LEDGER_SLOTS_OFFSET), sizeof(bytes));
	close(fd);
	return memmem(bytes, sizeof(bytes), text, strlen(text)) != NULL;
}

/* Nor is anything of a longer principal left behind a shorter one, or behind none. */
static void no_remains(const char *kind)
{
	meet();
	struct imp_token *longer =
		network_token("a-long-name/secret@IDN.TEST", "alice", IMP_DELEGATED_FORWARDED);
	struct imp_token *shorter = network_token("bob@X", "bob", IMP_DELEGATED_NONE);
	struct imp_token *anonymous, *known, *local = token_at(&carol, NULL, NULL);

	MUST(imp_token_at_request(longer, IMP_LEVEL_ANONYMOUS, &anonymous));
	MUST(imp_token_at_request(longer, IMP_LEVEL_IDENTIFICATION, &known));
	become_service(kind);

	struct imp_token *next[] = {shorter, anonymous, local};

	for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
		MUST(imp_impersonate(i == 1 ? known : longer));
		SAME(slot_contains("secret@IDN"), true);
		MUST(imp_impersonate(next[i]));
		SAME(slot_contains("secret"), false);
		SAME(slot_contains("TEST"), false);
	}
	SAME(slot_contains("bob@X"), false);
	MUST(imp_impersonate(anonymous));
	SAME(entry_of(gettid()).delegated, IMP_DELEGATED_NONE);
	SAME_TEXT(entry_of(gettid()).principal, "");
}

static void counters(const char *kind)
{
	meet();
	struct imp_token *tokens[] = {token_at(&alice, NULL, NULL), token_at(&bob, NULL, NULL)};

	become_service(kind);
	for (unsigned i = 1; i <= 10; i++) {
		MUST(imp_impersonate(tokens[i % 2]));
		int64_t since = entry_of(gettid()).since_ns;

		MUST(imp_impersonate(tokens[i % 2])); /* no further one */
		SAME(entry_of(gettid()).impersonations, i);
		SAME(entry_of(gettid()).since_ns, since);
		if (i % 3 == 0) {
			imp_revert();
			imp_revert();
			SAME(entry_of(gettid()).impersonations, i);
		}
	}
	SAME(imp_impersonate_connection(-1, NULL), -EBADF);
	SAME(entry_of(gettid()).impersonations, 10);
}

static void *impersonate_once(void *token)
{
	MUST(imp_impersonate(token));
	SAME(imp_assert(NULL), -ESTALE);
	return NULL;
}

/* Each takes the slot that the one before has given back. */
static void totals(const char *kind)
{
	struct ledger_counters seen;
	struct imp_token *token;

	meet();
	token = token_at(&alice, NULL, NULL);
	become_service(kind);
	SAME(ledger_own_counters(&seen), false);
	MUST(imp_impersonate(token));
	for (unsigned i = 1; i <= 10; i++) {
		pthread_t thread;

		imp_revert();
		SAME(pthread_create(&thread, NULL, impersonate_once, token), 0);
		SAME(pthread_join(thread, NULL), 0);
		MUST(imp_impersonate(token));
		SAME(ledger_own_counters(&seen), true);
		SAME(seen.impersonations, 1 + 2 * i);
		SAME(seen.mismatches, i);
		SAME(seen.flows, 0);
		SAME(entry_of(gettid()).impersonations, 1 + i);
	}
}

static void file_mode(const char *kind)
{
	struct stat status;

	meet();
	rmdir("/run/impersonate");
	umask(0777);
	become_service(kind);
	MUST(imp_prepare());
	SYSTEM(lstat("/run/impersonate", &status));
	SAME(status.st_mode, S_IFDIR | 01777);
	SAME(status.st_uid, 0);
	SYSTEM(lstat(ledger_path(getpid()), &status));
	SAME(status.st_mode, S_IFREG | 0644);
	SAME(status.st_uid, geteuid());
}

/* --------------------------------------------------------------------------------- seqlock -- */

static void do_some_work(void)
{
	char bytes[512];

	for (int i = 0; i < 6; i++) {
		int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && read(fd, bytes, sizeof(bytes)) < 0)
			FAIL("/proc/self/stat: %s", strerror(errno));
		close(fd);
	}
}

static _Noreturn void write_for_ever(struct imp_token **tokens, const char *kind, int ready)
{
	SYSTEM(prctl(PR_SET_PDEATHSIG, SIGKILL));
	become_service(kind);
	for (unsigned i = 0;; i++) {
		if (i % 4 == 3)
			imp_revert();
		else
			MUST(imp_impersonate(tokens[i % 4]));
		SYSTEM(prctl(PR_SET_PDEATHSIG, SIGKILL)); /* a change of ids has cleared it */
		if (i == 4)
			SAME(write(ready, "x", 1), 1);
		do_some_work();
	}
}

/* Everything in the entry is of one client. */
static int belongs_together(const struct imp_ledger_entry *entry, struct imp_token **tokens)
{
	static const struct who *accesses[3];
	int i = entry->client_uid == alice.uid ? 0 : entry->client_uid == bob.uid ? 1 : 2;

	accesses[0] = &alice;
	accesses[1] = &bob;
	accesses[2] = &nobody;
	if (i == 2)
		SAME(entry->client_uid, IMP_NO_UID);
	SAME(entry->client_gid, i == 0 ? alice.gid : i == 1 ? bob.gid : IMP_NO_GID);
	SAME(entry->client_pid, imp_token_client_pid(tokens[i]));
	SAME(entry->level, imp_token_level(tokens[i]));
	SAME(entry->decided_by, imp_token_level_decided_by(tokens[i]));
	SAME(entry->access_uid, accesses[i]->uid);
	SAME(entry->access_gid, accesses[i]->gid);
	SAME(entry->access_groups_hash, hash_of(accesses[i]));
	return i;
}

/* The effective uid of a process's main thread, as the kernel has it now. */
static uid_t uid_in_kernel(pid_t pid)
{
	char name[64], line[256];
	uid_t uid = IMP_NO_UID;

	snprintf(name, sizeof(name), "/proc/%d/status", (int)pid);
	FILE *file = fopen(name, "re");

	while (file && fgets(line, sizeof(line), file) && sscanf(line, "Uid: %*u %u", &uid) != 1)
		;
	if (!file || uid == IMP_NO_UID)
		FAIL("%s: expected a uid, saw none", name);
	fclose(file);
	return uid;
}

/*
 * What is settled before the kernel is asked, and the same and settled afterwards, was so in
 * between: no switch began there without the ledger's saying so first.
 */
static void agrees_with_kernel(struct imp_ledger *ledger, pid_t writer, uid_t service,
			       const struct imp_ledger_entry *before)
{
	uid_t uid = uid_in_kernel(writer);
	struct imp_ledger_entry after;

	MUST(imp_ledger_read(ledger, writer, &after));
	if (after.settled && after.impersonating == before->impersonating &&
	    after.impersonations == before->impersonations)
		SAME(uid, after.impersonating ? after.access_uid : service);
}

static void no_mixture(const char *kind)
{
	enum { READS = 20000, SWITCHES = 2000, UNSETTLED = 4 };
	struct imp_token *tokens[3];
	struct imp_ledger *ledger;
	uint64_t first = 0, last = 0;
	int seen[5] = {0}, ready[2];
	char byte;

	meet();
	tokens[0] = token_at(&alice, NULL, NULL);
	tokens[1] = token_at(&bob, "delegation", NULL);
	tokens[2] = token_at(&carol, "anonymous", NULL);
	SYSTEM(pipe2(ready, O_CLOEXEC));

	pid_t writer = (pid_t)SYSTEM(fork());

	if (writer == 0)
		write_for_ever(tokens, kind, ready[1]);
	close(ready[1]);
	SAME(read(ready[0], &byte, 1), 1);
	MUST(imp_ledger_open(writer, &ledger));

	/* As often as that, and until enough was switched meanwhile and each of it was met. */
	for (int i = 0;
	     i < READS || last - first < SWITCHES || !seen[0] || !seen[1] || !seen[2] || !seen[3];
	     i++) {
		struct imp_ledger_entry entry;

		MUST(imp_ledger_read(ledger, writer, &entry));
		if (!entry.settled) {
			seen[UNSETTLED]++;
			continue;
		}
		SAME(entry.impersonations >= last, 1);
		last = entry.impersonations;
		first = first ? first : last;
		seen[entry.impersonating ? belongs_together(&entry, tokens) : 3]++;
		agrees_with_kernel(ledger, writer, strcmp(kind, "root") == 0 ? 0 : SERVICE_ID,
				   &entry);
	}
	SYSTEM(kill(writer, SIGKILL));
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"levels", levels},	    {"anonymous", anonymous},	{"counters", counters},
		{"file-mode", file_mode},   {"no-remains", no_remains}, {"principals", principals},
		{"no-mixture", no_mixture}, {"totals", totals},		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
