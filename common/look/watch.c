/* SPDX-License-Identifier: MIT */
/* Threads looked at again and again: what is wrong with them, each once, and only what is sure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/identity.h"
#include "look/watch.h"

/* What makes a finding another one.  Compared as bytes: no padding that is not zero. */
struct key {
	pid_t pid;
	pid_t tid;
	uint64_t start; /* of the thread: not of a later one with its number */
	uint32_t kind, state;
	uid_t expected_uid, actual_uid;
	gid_t expected_gid, actual_gid;
	uint64_t actual_groups; /* their hash */
};

struct known {
	struct key key;
	int64_t first_ns;  /* CLOCK_MONOTONIC */
	uint64_t occasion; /* of a channel: how often */
	unsigned look;	   /* at which it was seen last */
	bool told;
};

struct look_watch {
	const struct look_item *items;
	size_t n_items;
	bool notes;
	unsigned look;
	struct known *known; /* the first N_SORTED in order */
	size_t n_known, n_sorted, room;
	size_t next_pruning; /* when there are so many */
};

struct look_watch *look_watch_new(const struct look_item *items, size_t count, bool notes)
{
	struct look_watch *watch = calloc(1, sizeof(*watch));

	if (watch)
		*watch = (struct look_watch){
			.items = items, .n_items = count, .notes = notes, .next_pruning = 1024};
	return watch;
}

void look_watch_free(struct look_watch *watch)
{
	if (!watch)
		return;
	free(watch->known);
	free(watch);
}

/* --------------------------------------------------------------------------- what is known -- */

static int by_key(const void *a, const void *b)
{
	return memcmp(&((const struct known *)a)->key, &((const struct known *)b)->key,
		      sizeof(struct key));
}

static struct known *find(const struct look_watch *watch, const struct known *wanted)
{
	return watch->n_sorted ? bsearch(wanted, watch->known, watch->n_sorted,
					 sizeof(*watch->known), by_key)
			       : NULL;
}

static int add(struct look_watch *watch, const struct known *new)
{
	if (watch->n_known == watch->room) {
		size_t room = watch->room ? watch->room * 2 : 64;
		struct known *larger = reallocarray(watch->known, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		watch->known = larger;
		watch->room = room;
	}
	watch->known[watch->n_known++] = *new;
	return 0;
}

static bool is_there(const struct key *key)
{
	uint64_t start;
	bool worker;

	return procfs_thread_start(key->pid, key->tid, &start, &worker) == 0 && start == key->start;
}

/* Forgets what was not seen again, and from time to time those that are gone. */
static void tidy(struct look_watch *watch)
{
	bool prune = watch->n_known >= watch->next_pruning;
	size_t kept = 0;

	for (size_t i = 0; i < watch->n_known; i++) {
		const struct known *known = &watch->known[i];

		if (known->told ? !prune || is_there(&known->key) : known->look == watch->look)
			watch->known[kept++] = *known;
	}
	watch->n_known = watch->n_sorted = kept;
	if (prune)
		watch->next_pruning = kept < 512 ? 1024 : kept * 2;
	if (kept)
		qsort(watch->known, kept, sizeof(*watch->known), by_key);
}

/* -------------------------------------------------------------------------------- findings -- */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Does one look tell? */
static bool is_sure(const struct look_finding *finding)
{
	return finding->kind != LOOK_FOUND_LEDGER && finding->thread->recorded;
}

static struct known known_of(const struct look_finding *finding)
{
	const struct procfs_thread *kernel = &finding->thread->kernel;
	bool channel = finding->kind == LOOK_FOUND_CHANNEL;
	struct known known;

	memset(&known, 0, sizeof(known));
	known.key.pid = kernel->pid;
	known.key.tid = kernel->tid;
	known.key.kind = finding->kind;
	known.occasion = channel ? finding->thread->entry.channel_mismatches : 0;
	if (finding->kind == LOOK_FOUND_LEDGER)
		known.key.tid = kernel->pid;
	if (channel || finding->kind == LOOK_FOUND_LEDGER)
		return known;
	known.key.state = finding->state;
	known.key.expected_uid = finding->expected_uid;
	known.key.expected_gid = finding->expected_gid;
	known.key.actual_uid = finding->actual_uid;
	known.key.actual_gid = finding->actual_gid;
	known.key.actual_groups = groups_hash(kernel->groups, kernel->n_groups);
	return known;
}

struct telling {
	struct look_watch *watch;
	look_tell_fn *tell;
	void *data;
	int64_t now_ns;
	int error;
};

static void find_one(struct telling *telling, const struct look_finding *finding)
{
	struct look_watch *watch = telling->watch;
	struct known new = known_of(finding);
	bool worker;

	if (procfs_thread_start(new.key.pid, new.key.tid, &new.key.start, &worker) < 0)
		return; /* it has ended */

	struct known *known = find(watch, &new);

	if (!known) {
		new.first_ns = telling->now_ns;
		new.look = watch->look;
		new.told = is_sure(finding);
		if (new.told)
			telling->tell(finding, telling->data);
		if (telling->error == 0)
			telling->error = add(watch, &new);
		return;
	}
	bool again = new.occasion > known->occasion ||
		     (!known->told && telling->now_ns - known->first_ns >= LOOK_AGAIN_NS);

	known->look = watch->look;
	known->occasion = new.occasion;
	if (again) {
		known->told = true;
		telling->tell(finding, telling->data);
	}
}

static void find_thread(struct telling *telling, const struct look_thread *thread)
{
	bool note = thread->state == LOOK_UNRECORDED;
	struct look_finding finding = {
		.kind = note ? LOOK_FOUND_NOTE : LOOK_FOUND_THREAD,
		.state = thread->state,
		.thread = thread,
		.expected_uid = thread->service_uid,
		.expected_gid = thread->service_gid,
		.actual_uid = thread->access_uid,
		.actual_gid = thread->access_gid,
	};

	if (thread->state == LOOK_CONSISTENT || !thread->certain)
		return;
	if (note && (!telling->watch->notes || !thread->impersonating || thread->worker))
		return;
	if (thread->state == LOOK_LOST || thread->state == LOOK_MISMATCHED) {
		finding.expected_uid = thread->entry.access_uid;
		finding.expected_gid = thread->entry.access_gid;
		finding.since_ns = thread->entry.since_ns;
	}
	find_one(telling, &finding);
}

static void find_channel(struct telling *telling, const struct look_thread *thread)
{
	const struct imp_ledger_entry *entry = &thread->entry;
	const struct look_finding finding = {
		.kind = LOOK_FOUND_CHANNEL,
		.state = LOOK_MISMATCHED,
		.thread = thread,
		.expected_uid = entry->channel_expected_uid,
		.expected_gid = IMP_NO_GID,
		.actual_uid = entry->channel_actual_uid,
		.actual_gid = IMP_NO_GID,
		.since_ns = entry->channel_ns,
	};

	if (thread->recorded && entry->settled && entry->channel_mismatches > 0)
		find_one(telling, &finding);
}

static void find_disbelief(struct telling *telling, const struct look_thread *thread)
{
	const struct look_finding finding = {
		.kind = LOOK_FOUND_LEDGER,
		.state = LOOK_UNRECORDED,
		.thread = thread,
	};

	if (look_disbelieves(thread->ledger_error))
		find_one(telling, &finding);
}

static int find_all(struct look_watch *watch, const struct look_list *list, look_tell_fn *tell,
		    void *data)
{
	struct telling telling = {watch, tell, data, now_ns(), 0};
	pid_t pid = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct look_thread *thread = &list->threads[i];

		if (thread->kernel.pid != pid)
			find_disbelief(&telling, thread);
		pid = thread->kernel.pid;
		find_thread(&telling, thread);
		find_channel(&telling, thread);
	}
	tidy(watch);
	return telling.error;
}

/* ---------------------------------------------------------------------------------- looking -- */

int look_watch_sample(struct look_watch *watch, look_tell_fn *tell, void *data, size_t *looked_at)
{
	struct look_list list;
	int error = watch->items
			    ? look_scan_items(LOOK_DOUBTFUL, watch->items, watch->n_items, &list)
			    : look_scan(LOOK_DOUBTFUL, &list);

	if (error < 0)
		return error;
	watch->look++;
	error = find_all(watch, &list, tell, data);
	if (looked_at)
		*looked_at = list.looked_at;
	look_list_clear(&list);
	return error;
}

bool look_watch_is_waiting(const struct look_watch *watch)
{
	for (size_t i = 0; i < watch->n_known; i++)
		if (!watch->known[i].told)
			return true;
	return false;
}

int look_watch_again(struct look_watch *watch, look_tell_fn *tell, void *data)
{
	struct look_item *items = reallocarray(NULL, watch->n_known + 1, sizeof(*items));
	struct look_list list;
	size_t count = 0;

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < watch->n_known; i++) {
		const struct key *key = &watch->known[i].key;

		/* One thread may have more than one thing that is wrong with it. */
		if (!watch->known[i].told && (count == 0 || items[count - 1].pid != key->pid ||
					      items[count - 1].tid != key->tid))
			items[count++] = (struct look_item){key->pid, key->tid};
	}
	int error = look_scan_items(LOOK_DOUBTFUL, items, count, &list);

	free(items);
	if (error < 0)
		return error;
	watch->look++;
	error = find_all(watch, &list, tell, data);
	look_list_clear(&list);
	return error;
}
