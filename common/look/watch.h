/* SPDX-License-Identifier: MIT */
/* Threads looked at again and again: what is wrong with them, each once, and only what is sure. */
#ifndef LOOK_WATCH_H
#define LOOK_WATCH_H

#include "look/scan.h"

enum look_kind {
	LOOK_FOUND_THREAD,  /* it is not who it should be */
	LOOK_FOUND_CHANNEL, /* a channel of its had another identity than the call */
	LOOK_FOUND_LEDGER,  /* its process has a ledger that is not believed */
	LOOK_FOUND_NOTE	    /* it acts as another, and nothing says whether it should */
};

/* Valid while it is told. */
struct look_finding {
	enum look_kind kind;
	enum look_state state; /* LOOK_MISMATCHED for a channel */
	const struct look_thread *thread;
	uid_t expected_uid;
	gid_t expected_gid; /* IMP_NO_GID: of a channel that is not known */
	uid_t actual_uid;
	gid_t actual_gid;
	int64_t since_ns; /* CLOCK_REALTIME, where the ledger tells; else 0 */
};

typedef void look_tell_fn(const struct look_finding *finding, void *data);

struct look_watch;

/*
 * ITEMS, which the caller keeps, or for NULL every thread of the machine; NOTES: those are told as
 * well.  NULL: out of memory.
 */
struct look_watch *look_watch_new(const struct look_item *items, size_t count, bool notes);
void look_watch_free(struct look_watch *watch); /* NULL is allowed */

/*
 * Looks, and has TELL called for what is found for the first time: the same thread, state and
 * identities are told once, a channel again when it happened again.
 *
 * Not at once where a single look cannot tell: without an entry in a ledger a thread may be about
 * to end, or its process to become somebody else, which takes a thread at a time; and a ledger may
 * be about to be written.  That is told when it is seen again LOOK_AGAIN_NS later, and at every
 * look in between.  Errors as look_scan; *LOOKED_AT, when not NULL, gets how many threads there
 * were.
 */
enum { LOOK_AGAIN_NS = 100000000 };
int look_watch_sample(struct look_watch *watch, look_tell_fn *tell, void *data,
		      size_t *looked_at) IMP_MUST_CHECK;

/* Is there anything that is to be seen again? */
bool look_watch_is_waiting(const struct look_watch *watch);
/* Looks at that alone. */
int look_watch_again(struct look_watch *watch, look_tell_fn *tell, void *data) IMP_MUST_CHECK;

#endif
