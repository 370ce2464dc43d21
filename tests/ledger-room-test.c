/* SPDX-License-Identifier: MIT */
/*
 * The ledger's room: for how many threads there is some, what becomes of services that find none,
 * and of what was in their place before.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger.h"
#include "lib/check.h"

static struct who alice;

static void meet(void)
{
	become_service("root");
	who_is("alice", &alice);
}

/* ----------------------------------------------------------------------------- many threads -- */

enum { MANY = 1100 };

static struct {
	pthread_barrier_t all_are, all_may_end;
	struct imp_token *token;
	pid_t tids[MANY];
} many;

static void *be_one_of_many(void *tid)
{
	MUST(imp_impersonate(many.token));
	*(pid_t *)tid = gettid();
	pthread_barrier_wait(&many.all_are);
	pthread_barrier_wait(&many.all_may_end);
	return NULL; /* as the client: it is the thread's end that releases the slot */
}

static void start_many(pthread_t *threads)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 512 * 1024);
	pthread_barrier_init(&many.all_are, NULL, MANY + 1);
	pthread_barrier_init(&many.all_may_end, NULL, MANY + 1);
	for (int i = 0; i < MANY; i++)
		SAME(pthread_create(&threads[i], &attributes, be_one_of_many, &many.tids[i]), 0);
	pthread_barrier_wait(&many.all_are);
}

static void end_many(pthread_t *threads)
{
	pthread_barrier_wait(&many.all_may_end);
	for (int i = 0; i < MANY; i++)
		SAME(pthread_join(threads[i], NULL), 0);
}

static const struct ledger_header *own_header(void)
{
	static struct ledger_header header;
	int fd = (int)SYSTEM(open(ledger_path(getpid()), O_RDONLY | O_CLOEXEC));

	SAME(pread(fd, &header, sizeof(header), 0), sizeof(header));
	close(fd);
	return &header;
}

static void many_threads(const char *kind)
{
	static pthread_t threads[MANY];
	struct imp_ledger *ledger;
	struct imp_ledger_entry entry;

	meet();
	many.token = token_at(&alice, NULL, NULL);
	become_service(kind);
	for (int round = 0; round < 3; round++) {
		start_many(threads);
		MUST(imp_ledger_open(getpid(), &ledger));
		for (int i = 0; i < MANY; i++) {
			MUST(imp_ledger_read(ledger, many.tids[i], &entry));
			SAME(entry.client_uid, alice.uid);
			SAME(entry.impersonating, true);
			SAME(entry.impersonations, 1);
		}
		end_many(threads);
		for (int i = 0; i < MANY; i++)
			SAME(imp_ledger_read(ledger, many.tids[i], &entry), -ENOENT);
		imp_ledger_close(ledger);

		/* Slots are used again: the second and third round take no more room. */
		SAME(own_header()->n_slots, 2 * LEDGER_SLOTS_AT_ONCE);
		SAME(own_header()->overflow, 0);
	}
}

/* A reader that opened the ledger before it grew finds the threads that came later. */
static void grown(const char *kind)
{
	static pthread_t threads[MANY];
	struct imp_ledger *ledger;
	struct imp_ledger_entry entry;

	meet();
	many.token = token_at(&alice, NULL, NULL);
	become_service(kind);
	MUST(imp_prepare());
	MUST(imp_ledger_open(getpid(), &ledger));
	start_many(threads);
	for (int i = 0; i < MANY; i++)
		MUST(imp_ledger_read(ledger, many.tids[i], &entry));
	end_many(threads);
}

/* ----------------------------------------------------------------------- without a ledger -- */

static int times_logged(const char *text)
{
	int times = 0;

	for (const char *at = logged(); (at = strstr(at, text)); at++)
		times++;
	return times;
}

static void *impersonate_and_revert(void *token)
{
	MUST(imp_impersonate(token));
	SAME(geteuid(), imp_token_access(token)->uid);
	imp_revert();
	return NULL;
}

/* Works all the same, and says so once. */
static void works_without(struct imp_token *token)
{
	struct imp_ledger *ledger;
	pthread_t thread;

	MUST(imp_prepare());
	for (int i = 0; i < 3; i++) {
		impersonate_and_revert(token);
		SAME(pthread_create(&thread, NULL, impersonate_and_revert, token), 0);
		SAME(pthread_join(thread, NULL), 0);
	}
	SAME(imp_ledger_open(getpid(), &ledger), -ENOENT);
	SAME(times_logged("no ledger"), 1);
	CONTAINS(logged(), "<4>no ledger");
}

/* A directory for the ledgers of this process alone, in a mount namespace of its own. */
static void mount_runtime_directory(const char *options, unsigned long flags)
{
	const char *directory = scratch("runtime");

	SYSTEM(unshare(CLONE_NEWNS));
	SYSTEM(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	SYSTEM(mkdir(directory, 0755));
	SYSTEM(mount("tmpfs", directory, "tmpfs", flags, options));
	SYSTEM(setenv("IMPERSONATION_RUNTIME_DIR", directory, 1));
}

static void read_only(const char *kind)
{
	meet();
	struct imp_token *token = token_at(&alice, NULL, NULL);

	mount_runtime_directory("mode=1777", MS_RDONLY);
	become_service(kind);
	works_without(token);
}

static void full(const char *kind)
{
	meet();
	struct imp_token *token = token_at(&alice, NULL, NULL);

	mount_runtime_directory("mode=1777,size=8k", 0);
	become_service(kind);
	works_without(token);
	REFUSED(access(ledger_path(getpid()), F_OK), ENOENT);
}

/* Room for the first slots and no further ones: whoever comes late goes without. */
static void filling_up(const char *kind)
{
	static pthread_t threads[MANY];
	struct imp_ledger *ledger;
	struct imp_ledger_entry entry;
	int found = 0;

	meet();
	many.token = token_at(&alice, NULL, NULL);
	mount_runtime_directory("mode=1777,size=268k", 0);
	become_service(kind);
	start_many(threads);
	MUST(imp_ledger_open(getpid(), &ledger));
	for (int i = 0; i < MANY; i++)
		found += imp_ledger_read(ledger, many.tids[i], &entry) == 0;
	SAME(found, LEDGER_SLOTS_AT_ONCE);
	SAME(own_header()->n_slots, LEDGER_SLOTS_AT_ONCE);
	SAME(own_header()->overflow, MANY - LEDGER_SLOTS_AT_ONCE);
	SAME(times_logged("no room in the ledger"), 1);
	end_many(threads);
	impersonate_and_revert(many.token);
}

/* A directory in which others could put their file in the place of ours. */
static void open_to_all(const char *kind)
{
	meet();
	struct imp_token *token = token_at(&alice, NULL, NULL);

	mount_runtime_directory("mode=0777", 0);
	become_service(kind);
	works_without(token);
}

static void others_directory(const char *kind)
{
	meet();
	struct imp_token *token = token_at(&alice, NULL, NULL);

	mount_runtime_directory("mode=0755,uid=2002,gid=2002", 0);
	become_service(kind);
	works_without(token);
}

static void no_directory(const char *kind)
{
	meet();
	struct imp_token *token = token_at(&alice, NULL, NULL);

	SYSTEM(setenv("IMPERSONATION_RUNTIME_DIR", scratch("none/none"), 1));
	who_is("alice", &alice);
	if (strcmp(kind, "ordinary") == 0) {
		struct imp_become become = {
			.uid = SERVICE_ID, .gid = SERVICE_ID, .capabilities = 1u << 6 | 1u << 7};

		MUST(imp_become(&become, NULL));
	}
	works_without(token);
}

/* --------------------------------------------------------------------- what was there before -- */

static void squatter(const char *kind)
{
	struct imp_ledger *ledger;
	struct stat status;
	char path[256], victim[256];

	meet();
	snprintf(path, sizeof(path), "%s", ledger_path(getpid()));
	snprintf(victim, sizeof(victim), "%s", scratch_file("victim", 0, 0, 0644));
	SYSTEM(symlink(victim, path));
	(void)kind; /* only root may take another's link away; to others see squatter-refused */
	MUST(imp_prepare());
	SYSTEM(lstat(path, &status));
	SAME(status.st_mode, S_IFREG | 0644);
	SYSTEM(stat(victim, &status));
	SAME(status.st_size, 1);
	MUST(imp_ledger_open(getpid(), &ledger));
}

static void squatter_refused(const char *kind)
{
	struct stat status;
	char victim[256];

	(void)kind;
	meet();
	struct imp_token *token = token_at(&alice, NULL, NULL);

	snprintf(victim, sizeof(victim), "%s", scratch_file("victim", SERVICE_ID, 0, 0666));
	SYSTEM(symlink(victim, ledger_path(getpid())));
	become_service("ordinary");
	MUST(imp_prepare());
	impersonate_and_revert(token);
	SAME(times_logged("no ledger"), 1);
	SYSTEM(stat(victim, &status));
	SAME(status.st_size, 1);
}

static void stale(const char *kind)
{
	static const struct {
		const char *name;
		bool stays;
	} files[] = {
		{"1-1", false},		 /* pid 1 did not start then */
		{"999999999-77", false}, /* no such process */
		{"notes", true},	 {"1-", true},	    {"-1-1", true},
		{"1-1-1", true},	 {"1-1.old", true}, {"0-1", true},
	};

	meet();
	mount_runtime_directory("mode=1777", 0);
	SYSTEM(chdir(getenv("IMPERSONATION_RUNTIME_DIR")));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		SYSTEM(open(files[i].name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	(void)kind;
	MUST(imp_prepare());
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if ((access(files[i].name, F_OK) == 0) != files[i].stays)
			FAIL("%s: expected it to %s", files[i].name,
			     files[i].stays ? "stay" : "be removed");
	SYSTEM(access(ledger_path(getpid()), F_OK));
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {
		{"many-threads", many_threads},
		{"grown", grown},
		{"read-only", read_only},
		{"full", full},
		{"filling-up", filling_up},
		{"open-to-all", open_to_all},
		{"others-directory", others_directory},
		{"no-directory", no_directory},
		{"squatter", squatter},
		{"squatter-refused", squatter_refused},
		{"stale", stale},
		{NULL, NULL},
	};

	return check_main(argc, argv, cases);
}
