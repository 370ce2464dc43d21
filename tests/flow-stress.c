/* SPDX-License-Identifier: MIT */
/*
 * All of flow at once: threads that are different clients hand work to two pools, which hand on and
 * go astray, while policies change, ledgers are read, threads are made and pools ended.  Each piece
 * of work is done as whoever handed it over or as nobody, and each is done or given up, once.  Made
 * for ThreadSanitizer, and short without it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/stage.h"

enum { SUBMITTERS = 4, WORKERS = 3, DEPTH = 3 };

static struct imp_pool *pools[2];
static unsigned rounds = 300;
static atomic_uint submitted, done, given_up, refused;
static atomic_bool ending;
static atomic_int tids[64]; /* of threads that did work, for who reads the ledger */

struct piece {
	enum person person;
	unsigned depth, number;
};

static struct piece *new_piece(enum person person, unsigned depth, unsigned number)
{
	struct piece *piece = malloc(sizeof(*piece));

	if (!piece)
		FAIL("no memory");
	*piece = (struct piece){person, depth, number};
	return piece;
}

/* ------------------------------------------------------------------------------------ work -- */

static void do_work(void *piece);
static void note(void *piece, int error);

static bool hand_in(struct imp_pool *pool, struct piece *piece)
{
	atomic_fetch_add(&submitted, 1);

	int error = imp_pool_submit(pool, do_work, note, piece);

	if (error == 0)
		return true;
	SAME(error, -ECANCELED);
	atomic_fetch_add(&refused, 1);
	free(piece);
	return false;
}

static void go_astray(unsigned number)
{
	switch (number % 5) {
	case 0:
		impersonate((enum person)(number % N_PERSONS));
		break;
	case 1:
		imp_revert();
		break;
	case 2:
		imp_flow_suppress();
		break;
	default:
		break;
	}
}

static enum person whoami(void)
{
	uid_t uid = geteuid();

	for (enum person person = SERVICE; person < N_PERSONS; person++)
		if (persons[person].uid == uid) {
			I_AM(person);
			return person;
		}
	FAIL("expected one of the persons, saw uid %u", uid);
}

static void do_work(void *data)
{
	struct piece *piece = data;
	enum person person = whoami();

	/* Under legacy_impersonation_policy, which comes and goes, it is nobody's. */
	if (person != SERVICE)
		SAME(person, piece->person);
	SAME(imp_flow_is_suppressed(), 0);
	atomic_store(&tids[(unsigned)gettid() % 64], gettid());
	if (piece->depth < DEPTH)
		hand_in(pools[piece->depth % 2],
			new_piece(person, piece->depth + 1, piece->number));
	go_astray(piece->number);
	free(piece);
	atomic_fetch_add(&done, 1);
}

static void note(void *piece, int error)
{
	SAME(error, -ECANCELED);
	SAME(whoami(), SERVICE);
	free(piece);
	atomic_fetch_add(&given_up, 1);
}

static int do_exactly(void *person)
{
	SAME(whoami(), *(const enum person *)person);
	return 0;
}

static void *do_in_thread(void *piece)
{
	do_work(piece);
	return NULL;
}

/* ----------------------------------------------------------------------------------- threads -- */

static void run_context(enum person person)
{
	struct imp_context *context;

	MUST(imp_context_capture(&context));
	if (imp_context_flow(context) != IMP_FLOW_IDENTITY)
		person = SERVICE;
	imp_revert();
	MUST(imp_context_run(context, do_exactly, &person, NULL));
	imp_context_unref(context);
}

static void make_thread(struct piece *piece)
{
	pthread_t thread;

	atomic_fetch_add(&submitted, 1);
	MUST(imp_thread_create(&thread, NULL, do_in_thread, piece));
	SAME(pthread_join(thread, NULL), 0);
}

/* A pool of its own that ends with work left. */
static void short_lived(enum person person, unsigned number)
{
	struct imp_pool *pool;

	MUST(imp_pool_create(2, &pool));
	for (unsigned i = 0; i < 8; i++)
		hand_in(pool, new_piece(person, DEPTH, number + i));
	imp_pool_destroy(pool);
}

static void *submit_all(void *data)
{
	unsigned number = *(unsigned *)data;

	for (unsigned i = 0; i < rounds; i++, number++) {
		enum person person = (enum person)(number % N_PERSONS);

		impersonate(person);

		bool before = imp_flow_is_suppressed();

		if (number % 7 == 0)
			before = imp_flow_suppress();
		hand_in(pools[number % 2], new_piece(person, 0, number));
		imp_flow_restore(before);
		I_AM(person);
		if (number % 16 == 3)
			make_thread(new_piece(person, DEPTH, number));
		if (number % 16 == 5)
			short_lived(person, number);
		if (number % 4 == 1)
			run_context(person);
	}
	imp_revert();
	return NULL;
}

static void *change_policies(void *unused)
{
	for (unsigned i = 0; !atomic_load(&ending); i++) {
		set_policy(i % 4 == 3, i % 2);
		usleep(500);
	}
	return unused;
}

static void *read_ledger(void *unused)
{
	while (!atomic_load(&ending)) {
		struct imp_ledger *ledger;

		MUST(imp_ledger_open(getpid(), &ledger));
		for (unsigned i = 0; i < 64; i++) {
			struct imp_ledger_entry entry;
			int tid = atomic_load(&tids[i]);
			int error = tid ? imp_ledger_read(ledger, tid, &entry) : -ENOENT;

			if (error != -ENOENT)
				MUST(error);
			if (error == 0 && entry.settled)
				SAME(entry.mismatches, 0);
		}
		imp_ledger_close(ledger);
	}
	return unused;
}

static void stress(const char *kind)
{
	pthread_t submitters[SUBMITTERS], others[2];
	unsigned numbers[SUBMITTERS];

	if (getenv("STRESS_ROUNDS"))
		rounds = (unsigned)strtoul(getenv("STRESS_ROUNDS"), NULL, 10);
	set_out(kind);
	imp_set_log(NULL, NULL); /* refusals are told, and there are thousands */
	for (int i = 0; i < 2; i++)
		MUST(imp_pool_create(WORKERS, &pools[i]));
	SAME(pthread_create(&others[0], NULL, change_policies, NULL), 0);
	SAME(pthread_create(&others[1], NULL, read_ledger, NULL), 0);
	for (unsigned i = 0; i < SUBMITTERS; i++) {
		numbers[i] = i * 1000003;
		SAME(pthread_create(&submitters[i], NULL, submit_all, &numbers[i]), 0);
	}
	for (int i = 0; i < SUBMITTERS; i++)
		SAME(pthread_join(submitters[i], NULL), 0);

	/* What is handed on may go to and fro: until both have nothing left. */
	while (atomic_load(&submitted) !=
	       atomic_load(&done) + atomic_load(&given_up) + atomic_load(&refused))
		for (int i = 0; i < 2; i++)
			MUST(imp_pool_drain(pools[i]));
	atomic_store(&ending, true);
	for (int i = 0; i < 2; i++)
		SAME(pthread_join(others[i], NULL), 0);
	SAME(atomic_load(&refused), 0);
	for (int i = 0; i < 2; i++)
		imp_pool_destroy(pools[i]);
	STATE_IS(0, &acting[SERVICE]);
}

int main(int argc, char **argv)
{
	static const struct check_case cases[] = {{"stress", stress}, {NULL, NULL}};

	return check_main(argc, argv, cases);
}
