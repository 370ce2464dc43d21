/* SPDX-License-Identifier: MIT */
/*
 * What idn-serve-demo does as its client, without the server:
 *
 *   put-test put KIND USER ROOT PATH      the body from standard input
 *   put-test delete KIND USER ROOT PATH
 *   put-test race KIND USER ROOT PATH     eight threads put to one name, and one reads
 *   put-test key KIND USER DESCRIPTION
 *   put-test possessed KIND USER SERIAL   the key is read by a service that has prepared nothing
 *
 * KIND is that of the service: root or ordinary.  Prints the reply's status and its text.
 *
 * The work is done in a thread of its own, which makes a hundred calls of each kind that change
 * nothing first: to strace(1), "when=100+N" is the N-th call of the work.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "idn-serve-demo/serve.h"
#include "lib/check.h"

enum { BODY_MOST = 1 << 20, RACERS = 8, ROUNDS = 50, RACE_SIZE = 65536 };

/* Of stream.c, which needs connections: nothing here has one. */
void stream_release(struct stream *stream)
{
	(void)stream;
	FAIL("expected a reply that is no stream, saw one");
}

static struct imp_token *client;
static int root_fd;

/* --------------------------------------------------------------------------------- the client --
 */

/* As the service does: the root while it is root, the keys before there are threads. */
static void set_out(const char *kind, const char *user, const char *root)
{
	static struct who who;
	struct imp_policy *policy;

	log_to_stderr();
	become_service("root");
	who_is(user, &who);
	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "impersonation", "privileged_clients", "allow"));
	client = token_at(&who, NULL, policy);
	if (root)
		root_fd = (int)SYSTEM(open(root, O_PATH | O_DIRECTORY | O_CLOEXEC));
	become_service(kind);
	MUST(imp_prepare());
	/* Over a connection root has no capability. */
	if (who.uid == 0) {
		imp_token_unref(client);
		MUST(imp_token_from_user("0", IMP_LEVEL_IMPERSONATION, policy, &client));
	}
}

struct work {
	void (*function)(const struct work *, struct reply *);
	const char *path;
	char *body;
	size_t size;
};

static void put(const struct work *work, struct reply *reply)
{
	put_file(root_fd, work->path, work->body, work->size, reply);
}

static void remove_file(const struct work *work, struct reply *reply)
{
	delete_file(root_fd, work->path, reply);
}

static void key(const struct work *work, struct reply *reply)
{
	get_key(work->path, reply);
}

static void possessed(const struct work *work, struct reply *reply)
{
	char payload[64];
	long size = syscall(SYS_keyctl, KEYCTL_READ, atol(work->path), payload, sizeof(payload));

	reply_text(reply, size < 0 ? 403 : 200, "%.*s", (int)(size < 0 ? 0 : size), payload);
}

struct job {
	const struct work *work;
	struct reply *reply;
};

static int do_job(void *argument)
{
	struct job *job = argument;

	job->work->function(job->work, job->reply);
	return 0;
}

static void do_as_client(const struct work *work, struct reply *reply)
{
	struct job job = {.work = work, .reply = reply};

	MUST(imp_run(client, do_job, &job, NULL));
	/* A reply is whole, whatever came of it. */
	SAME(reply->status >= 200 && reply->status < 600, 1);
	SAME(reply->body != NULL && reply->type[0] != 0 && reply->fd < 0, 1);
}

/* ----------------------------------------------------------------------------------- the work --
 */

static void make_a_hundred_file_calls(void)
{
	char text[1];

	for (int i = 0; i < 100; i++) {
		syscall(SYS_openat2, -1, "", NULL, 0);
		syscall(SYS_openat, -1, "", 0, 0);
		syscall(SYS_statx, -1, "", 0, 0, NULL);
		syscall(SYS_write, -1, text, 0);
		syscall(SYS_fsync, -1);
		syscall(SYS_linkat, -1, "", -1, "", 0);
		syscall(SYS_renameat2, -1, "", -1, "", 0);
		syscall(SYS_unlinkat, -1, "", 0);
		syscall(SYS_fchmod, -1, 0);
		syscall(SYS_fchown, -1, -1, -1);
		syscall(SYS_fgetxattr, -1, "", NULL, 0);
		syscall(SYS_fsetxattr, -1, "", NULL, 0, 0);
		syscall(SYS_fremovexattr, -1, "");
		syscall(SYS_getrandom, text, 0, 0);
		syscall(SYS_close, -1);
#ifdef SYS_renameat
		syscall(SYS_renameat, -1, "", -1, "");
#endif
#ifdef SYS_fstat
		syscall(SYS_fstat, -1, NULL);
#endif
#ifdef SYS_newfstatat
		syscall(SYS_newfstatat, -1, "", NULL, 0);
#endif
	}
}

static void *work_in_thread(void *argument)
{
	struct reply reply = {.fd = -1};

	make_a_hundred_file_calls();
	do_as_client(argument, &reply);
	printf("%u ", reply.status);
	fwrite(reply.body, 1, reply.size, stdout);
	reply_clear(&reply);
	return NULL;
}

static void do_work(struct work *work)
{
	pthread_t thread;

	SAME(pthread_create(&thread, NULL, work_in_thread, work), 0);
	SAME(pthread_join(thread, NULL), 0);
}

static void read_body(struct work *work)
{
	work->body = malloc(BODY_MOST);
	if (!work->body)
		FAIL("expected memory, saw none");
	work->size = fread(work->body, 1, BODY_MOST, stdin);
}

/* ----------------------------------------------------------------------------------- the race --
 */

static const char *raced;
static atomic_int racing = RACERS, created;

static void *race(void *argument)
{
	char letter = *(const char *)argument;
	struct work work = {.function = put, .path = raced, .size = RACE_SIZE};

	work.body = malloc(RACE_SIZE);
	if (!work.body)
		FAIL("expected memory, saw none");
	memset(work.body, letter, RACE_SIZE);
	for (int i = 0; i < ROUNDS; i++) {
		struct reply reply = {.fd = -1};

		do_as_client(&work, &reply);
		if (reply.status == MHD_HTTP_CREATED)
			atomic_fetch_add(&created, 1);
		else if (reply.status != MHD_HTTP_NO_CONTENT)
			FAIL("expected 201 or 204, saw %u %s", reply.status, reply.body);
		reply_clear(&reply);
	}
	free(work.body);
	atomic_fetch_sub(&racing, 1);
	return NULL;
}

/* All of it by one of them. */
static bool read_whole_content(void)
{
	static char content[RACE_SIZE + 1];
	int fd = openat(root_fd, raced, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return false;
	SYSTEM(fd);
	SAME(read(fd, content, sizeof(content)), RACE_SIZE);
	close(fd);
	for (size_t i = 1; i < RACE_SIZE; i++)
		if (content[i] != content[0])
			FAIL("byte %zu: expected '%c', saw '%c'", i, content[0], content[i]);
	return true;
}

static void race_for(const char *path)
{
	static const char letters[] = "abcdefgh";
	pthread_t threads[RACERS];

	raced = path;
	for (int i = 0; i < RACERS; i++)
		SAME(pthread_create(&threads[i], NULL, race, (void *)(uintptr_t)&letters[i]), 0);
	while (atomic_load(&racing) > 0)
		read_whole_content();
	for (int i = 0; i < RACERS; i++)
		SAME(pthread_join(threads[i], NULL), 0);
	SAME(read_whole_content(), 1);
	printf("created %d times\n", atomic_load(&created));
}

/* --------------------------------------------------------------------------------------- main --
 */

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*function)(const struct work *, struct reply *);
		bool of_key;
	} actions[] = {{"put", put, false},
		       {"delete", remove_file, false},
		       {"race", NULL, false},
		       {"key", key, true},
		       {"possessed", possessed, true}};
	struct work work = {.path = argv[argc - 1]};
	size_t i = 0, count = sizeof(actions) / sizeof(actions[0]);

	while (i < count && (argc < 2 || strcmp(argv[1], actions[i].name) != 0))
		i++;
	if (i == count || argc != (actions[i].of_key ? 5 : 6))
		FAIL("expected put|delete|race KIND USER ROOT PATH, or key KIND USER DESCRIPTION");
	signal(SIGXFSZ, SIG_IGN);
	if (actions[i].function == key)
		keys_prepare();
	set_out(argv[2], argv[3], actions[i].of_key ? NULL : argv[4]);
	if (!actions[i].function) {
		race_for(work.path);
		return PASSED;
	}
	work.function = actions[i].function;
	if (work.function == put)
		read_body(&work);
	do_work(&work);
	free(work.body);
	return PASSED;
}
