/* SPDX-License-Identifier: MIT */
/* What tokens are worth to who has taken over the service, and until when. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "takeover/cases.h"

static uid_t uid_named(const char *user)
{
	static struct who who;

	who_is(user, &who);
	return who.uid;
}

/* ------------------------------------------------------------------------------------ files -- */

void case_files(const char *kind)
{
	const uid_t alice_uid = uid_named("alice"), bob_uid = uid_named("bob");
	struct player alice = player_new("alice");
	char *hers = strdup(scratch_file("hers", alice_uid, alice_uid, 0600));
	char *his = strdup(scratch_file("his", bob_uid, bob_uid, 0600));
	char *roots = strdup(scratch_file("roots", 0, 0, 0600));

	stage_set(&(struct setting){.kind = kind});
	uint32_t number = number_of(stage_connection(&alice, NULL));

	close((int)SYSTEM(open_by(number, hers, O_RDONLY)));
	SAME(open_by(number, his, O_RDONLY), -EACCES);
	SAME(open_by(number, roots, O_RDONLY), -EACCES);
	SAME(open_by(number, "/etc/shadow", O_RDONLY), -EACCES);
	SAME(uid_of(number), alice_uid);
	REFUSED(open(hers, O_RDONLY | O_CLOEXEC), EACCES);
	/* Nor by any other number: there are two, hers and the anonymous identity's. */
	for (uint32_t other = 1; other <= UINT16_MAX; other++) {
		int fd = other == number ? -EACCES : open_by(other, his, O_RDONLY);

		if (fd != -EACCES && fd != -EKEYREVOKED)
			FAIL("number %u: expected no access, saw %d", other, fd);
	}
}

/* ------------------------------------------------------------------------------------ levels -- */

static void check_level(struct player *player, const char *stated, enum imp_level level)
{
	struct message_answer answer;
	int connection = stage_connection(player, stated);

	SAME(hand_over(&connection, 1, &answer), 0);
	SAME(answer.error, 0);
	SAME(answer.level, level);
	if (level < IMP_LEVEL_IMPERSONATION)
		SAME(answer.number, 0);
	else if (answer.number == 0)
		FAIL("%s: expected a number, saw none", stated);
	SAME(player_do(player, hang_up, NULL, 0), 0);
	close(connection);
}

void case_levels(const char *kind)
{
	struct player alice = player_new("alice"), root = player_new(NULL);

	stage_set(&(struct setting){.kind = kind});
	check_level(&alice, "anonymous", IMP_LEVEL_ANONYMOUS);
	check_level(&alice, "identification", IMP_LEVEL_IDENTIFICATION);
	check_level(&alice, "impersonation", IMP_LEVEL_IMPERSONATION);
	check_level(&alice, "delegation", IMP_LEVEL_DELEGATION);
	check_level(&root, NULL, IMP_LEVEL_IDENTIFICATION);
	check_level(&root, "delegation", IMP_LEVEL_IDENTIFICATION);
}

void case_policy(const char *kind)
{
	struct player alice = player_new("alice");
	struct imp_policy *policy, *more;

	MUST(imp_policy_new(&policy));
	MUST(imp_policy_set(policy, "impersonation", "max_level", "identification"));
	stage_set(&(struct setting){.kind = kind, .policy = policy});
	/* What the service takes for its policy later is of no interest to the broker. */
	MUST(imp_policy_new(&more));
	imp_policy_install(more);
	check_level(&alice, "delegation", IMP_LEVEL_IDENTIFICATION);
	check_level(&alice, NULL, IMP_LEVEL_IDENTIFICATION);
}

/* ------------------------------------------------------------------------------------- ends -- */

/* Holds the connection open, by two descriptors more, when the client leaves. */
void case_left(const char *kind)
{
	struct player alice = player_new("alice"), bob = player_new("bob");
	struct io_uring_sqe entry = {.opcode = IORING_OP_NOP};
	int copies[2];

	stage_set(&(struct setting){.kind = kind});
	int connection = stage_connection(&alice, NULL);
	uint32_t number = number_of(connection), bobs = number_of(stage_connection(&bob, NULL));

	copies[0] = (int)SYSTEM(dup(connection));
	copies[1] = (int)SYSTEM(dup(connection));
	entry.personality = (uint16_t)number;
	SAME(give(1, &entry), 0);
	player_end(&alice);
	wait_revoked(number);
	SAME(open_by(number, "/", O_RDONLY), -EKEYREVOKED);
	SAME(give(1, &entry), -EINVAL);
	close((int)SYSTEM(open_by(bobs, "/", O_RDONLY)));
	/* Nor is the connection one of hers any more. */
	for (int i = 0; i < 2; i++) {
		struct message_answer answer;

		SAME(hand_over(&copies[i], 1, &answer), 0);
		if (answer.error == 0)
			wait_revoked(answer.number);
	}
}

/* Comes and goes while the broker looks: no token is left of it. */
void case_hurry(const char *kind)
{
	struct player alice = player_new("alice");

	stage_set(&(struct setting){.kind = kind});
	for (int i = 0; i < 200; i++) {
		const struct message_request request = {MESSAGE_MAGIC, MESSAGE_ADMIT, 5, 0};
		struct message_answer answer;
		int connection = stage_connection(&alice, NULL);

		if (i % 2) {
			SAME(player_do(&alice, hang_up, NULL, 0), 0);
			SAME(tell(&request, sizeof(request), &connection, 1), 0);
		} else {
			SAME(tell(&request, sizeof(request), &connection, 1), 0);
			SAME(player_do(&alice, hang_up, NULL, 0), 0);
		}
		SAME(hear(&answer), 0);
		if (answer.error == 0) {
			wait_revoked(answer.number);
			let_go_of(answer.holding);
		}
		close(connection);
	}
	check_serves(&alice);
}

/* ----------------------------------------------------------------------------------- numbers -- */

static atomic_uint watched;
static atomic_uint seen;
static atomic_bool over;

/* Names a number whose client has left, at the moment when others come and go around it. */
static void *name_it(void *unused)
{
	(void)unused;
	while (!atomic_load(&over)) {
		uint32_t number = atomic_load(&watched);

		if (number && ring_run(number, prepare_nothing, NULL) == 0) {
			char name[32];
			struct stat status;

			snprintf(name, sizeof(name), "late.%u", atomic_fetch_add(&seen, 1));
			int fd = open_by(number, scratch(name), O_WRONLY | O_CREAT);

			if (fd >= 0 && fstat(fd, &status) == 0 &&
			    status.st_uid != uid_named("nobody"))
				FAIL("number %u: expected nobody, saw uid %u", number,
				     status.st_uid);
			if (fd >= 0)
				close(fd);
		} else if (!number) {
			usleep(1000);
		}
	}
	return NULL;
}

static bool is_among(uint32_t number, const uint32_t *numbers, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

/* Clients that have left; then more come and go than there are numbers. */
static void reuse(unsigned int n_ended)
{
	struct player alice = player_new("alice"), bob = player_new("bob");
	uint32_t ended[128];
	pthread_t thread;
	int full = 0;

	stage_set(&(struct setting){.kind = "root"});
	int connection = stage_connection(&alice, NULL);

	for (unsigned int i = 0; i < n_ended; i++)
		ended[i] = number_of(connection);
	player_end(&alice);
	for (unsigned int i = 0; i < n_ended; i++)
		wait_revoked(ended[i]);
	SAME(pthread_create(&thread, NULL, name_it, NULL), 0);
	connection = stage_connection(&bob, NULL);
	for (unsigned int i = 0; i < 65600; i++) {
		struct message_answer answer;

		if (hand_over(&connection, 1, &answer) < 0)
			FAIL("admission %u: expected an answer, saw the end", i);
		if (answer.error < 0) {
			SAME(answer.error, -ENOSPC);
			full++;
			continue;
		}
		if (is_among(answer.number, ended, n_ended))
			FAIL("number %u: expected it to stay unused, saw it given to bob",
			     answer.number);
		atomic_store(&watched, answer.number > 65000 || answer.number < 10 ? ended[0] : 0);
		let_go_of(answer.holding);
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	for (unsigned int i = 0; i < n_ended; i++)
		SAME(ring_run(ended[i], prepare_nothing, NULL), -EKEYREVOKED);
	/* All in a row are too many for one admission; the next one goes on from there. */
	SAME(full, n_ended > 64 ? 1 : 0);
	/* Once the service has let go of them they are as good as any. */
	for (unsigned int i = 0; i < n_ended; i++)
		let_go(ended[i]);
	SAME(uid_of(number_of(connection)), uid_named("bob"));
}

void case_reuse(const char *kind)
{
	(void)kind;
	reuse(1);
}

/* A service that lies about what it has let go of has the clients that are there, as before. */
void case_lies(const char *kind)
{
	struct player alice = player_new("alice"), bob = player_new("bob"),
		      carol = player_new("carol");
	uint32_t anonymous;

	stage_set(&(struct setting){.kind = kind});
	anonymous = engine->anonymous;
	uint32_t number = number_of(stage_connection(&alice, NULL));

	for (uint32_t unknown = 2; unknown < 100; unknown++)
		let_go_of(unknown);
	let_go_of(UINT16_MAX);
	check_serves(&bob);
	SAME(ring_run(anonymous, prepare_nothing, NULL), 0);
	SAME(uid_of(anonymous), uid_named("nobody"));
	let_go_of(1);
	let_go_of(1);
	check_serves(&bob);
	SAME(ring_run(number, prepare_nothing, NULL), -EKEYREVOKED);
	/* Her connection was let go of as well: that it ends later is nobody's end. */
	uint32_t bobs = number_of(stage_connection(&bob, NULL));

	player_end(&alice);
	check_serves(&carol);
	SAME(ring_run(bobs, prepare_nothing, NULL), 0);
}
